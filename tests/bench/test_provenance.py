"""What a record must share with a run so that the run need not be done again."""

import sys
import types

import msgspec
import pytest

from neurojoule import provenance
from neurojoule.record import Machine
from neurojoule.registry import get_model, get_task
from records import record


def module(name, path, text, **names):
    path.write_text(text)
    made = types.ModuleType(name)
    made.__file__ = str(path)
    vars(made).update(names)
    return made


def test_the_fingerprint_covers_what_a_model_uses_and_nothing_else(tmp_path, monkeypatch):
    def build(shape, width):
        raise AssertionError((shape, width))

    def helper():
        raise AssertionError

    helper.__module__ = "mine.parts"
    build.__module__ = "mine.model"
    parts = module("mine.parts", tmp_path / "parts.py", "a = 1", helper=helper)
    model = module("mine.model", tmp_path / "model.py", "b = 1", helper=helper)
    other = module("mine.other", tmp_path / "other.py", "c = 1")
    for made in (parts, model, other):
        monkeypatch.setitem(sys.modules, made.__name__, made)
    import dataclasses

    entry = dataclasses.replace(get_model("mlp"), build=build)
    task = get_task("xor")
    before = provenance.fingerprint(entry, task)
    (tmp_path / "other.py").write_text("c = 2")
    assert provenance.fingerprint(entry, task) == before
    (tmp_path / "parts.py").write_text("a = 2")
    assert provenance.fingerprint(entry, task) != before


def test_what_a_task_imports_only_when_it_is_called_counts_too():
    lif = {file.name for file in provenance.sources(get_model("glm"), get_task("neuron_lif"))}
    xor = {file.name for file in provenance.sources(get_model("mlp"), get_task("xor"))}
    assert {"layer5.py", "kernel.py", "shards.py", "tracker.py", "glm.py"} <= lif
    assert {"protocol.py", "tracker.py", "point.py"} <= xor
    assert not {"layer5.py", "gru_loops.py", "cli.py", "runner.py", "test_provenance.py"} & xor
    gru = {file.name for file in provenance.sources(get_model("gru"), get_task("neuron_lif"))}
    assert "gru_loops.py" in gru


def test_imports_are_found_wherever_they_stand(tmp_path, monkeypatch):
    text = (
        "from typing import TYPE_CHECKING\n"
        "from . import beside\n"
        "if TYPE_CHECKING:\n    from own.typed import T\n"
        "def load():\n    from own.late import data\n    return data\n"
    )
    for name in ("__init__", "beside", "typed", "late"):
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.setitem(sys.modules, "own", module("own", tmp_path / "__init__.py", ""))
    task = module("own.task", tmp_path / "task.py", text)
    monkeypatch.setitem(sys.modules, "own.task", task)

    def load(split):
        raise AssertionError(split)

    load.__module__ = "own.task"
    import dataclasses

    found = provenance.sources(get_model("mlp"), dataclasses.replace(get_task("xor"), load=load))
    own = {file.name for file in found if file.parent == tmp_path}
    assert own == {"__init__.py", "task.py", "beside.py", "late.py"}


def test_two_tasks_of_the_same_model_have_their_own_fingerprints():
    mlp = get_model("mlp")
    assert provenance.fingerprint(mlp, get_task("xor")) != provenance.fingerprint(
        mlp, get_task("digits")
    )


@pytest.mark.parametrize(
    ("fact", "matters"),
    [
        ({"cpu_model": "another"}, True),
        ({"version_torch": "9"}, True),
        ({"meter_cpu": "RAPL"}, True),
        ({"ram_bytes": 7}, False),
        ({"os": "a newer kernel"}, False),
    ],
)
def test_only_facts_that_change_speed_or_joules_make_a_run_new(fact, matters):
    one = record()
    machine = Machine(name=one.machine.name, facts=one.machine.facts | fact)
    same = provenance.resume_key(one.spec, "f", one.machine)
    assert (provenance.resume_key(one.spec, "f", machine) != same) is matters


def test_another_spec_another_source_another_machine_is_another_key():
    one = record()
    keys = {
        provenance.resume_key(one.spec, "f", one.machine),
        provenance.resume_key(one.spec, "g", one.machine),
        provenance.resume_key(msgspec.structs.replace(one.spec, seed=1), "f", one.machine),
        provenance.resume_key(one.spec, "f", msgspec.structs.replace(one.machine, name="there")),
    }
    assert len(keys) == 4
