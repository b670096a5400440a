"""Runs survive what models do to them, are not done twice, and wait for no other benchmark."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

import foreign
from neurojoule import machine, runner
from neurojoule.errors import UserError
from neurojoule.meter import MeterError
from neurojoule.prepare import load
from neurojoule.spec import Recipe, Setup, Spec
from neurojoule.storage import encode, read, write
from records import WINDOW, record

RECIPE = Recipe(steps=20, batch_size=4, evaluate_every=10)


def spec(**changes):
    base = Spec(suite="t", task="xor", model="mlp", seed=0, recipe=RECIPE, scale="smoke")
    return msgspec.structs.replace(base, **changes)


def neurojoule(env, folder, *arguments, **how):
    command = [sys.executable, "-m", "neurojoule", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **how,
    )


def records(folder):
    found = read([folder])
    assert found.set_aside == ()
    return {record.spec.model: record for record in found.records}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two seeds of a run, done for real."""
    folder = tmp_path_factory.mktemp("runs")
    specs = [spec(seed=0), spec(seed=1)]
    return runner.run(specs, runner.Session(folder)), folder, specs


def test_a_run_leaves_a_whole_record_of_what_it_cost(finished):
    done, folder, specs = finished
    assert [record.spec for record in done] == specs
    assert read([folder]).records == tuple(sorted(done, key=lambda r: r.run_id))
    record = done[0]
    assert record.status == "ok"
    assert record.train.window.time_s >= 0.5  # the smoke window, filled with replays
    assert record.train.replays == len(record.train.repeats_time_s) - 1 > 0
    assert record.train.replays_identical
    assert 0 < record.train.time_s < record.train.window.time_s
    assert set(record.train.energy_j) >= {"cpu", "ram"}
    assert record.train.energy_j["cpu"] > 0
    assert [point.step for point in record.curve] == [0, 10, 20]
    assert record.curve[0].loss is None
    assert record.curve[1].flops * 2 == record.curve[2].flops == record.work.training_flops
    assert len(record.idle) == 2  # before and after
    assert record.machine.facts["grade_cpu"] in {"measured", "modelled", "guessed", "user"}
    assert record.work.peak_memory_bytes is not None or sys.platform != "linux"
    assert record.work.training_samples == len(load(record.spec, "train"))
    assert record.work.sample_steps is None  # two bits have no time


def test_a_record_says_how_many_steps_of_time_a_sample_had(tmp_path):
    temporal = spec(task="spiking_xor", model="gru")
    (record,) = runner.run([temporal], runner.Session(tmp_path))
    assert record.work.sample_steps == load(temporal, "test").x.shape[2]


def test_energy_of_one_execution_is_the_windows_apportioned_by_the_clock(finished):
    phase = finished[0][0].train
    window_j = phase.window.energy_j("cpu")
    share = sum(phase.repeats_time_s) / phase.window.time_s
    assert phase.energy_j["cpu"] == pytest.approx(window_j * share / (phase.replays + 1))
    assert share < 1  # validations and restoring are in the window, and not in the result


def test_a_second_call_measures_nothing_and_a_changed_spec_does(finished):
    done, folder, specs = finished
    told = []
    again = runner.run(specs, runner.Session(folder), told.append)
    assert again == done
    assert [step.reused for step in told] == [True, True]


def test_a_failed_run_is_tried_again_and_changed_code_measured_anew(finished, monkeypatch):
    done, folder, specs = finished
    write(msgspec.structs.replace(done[0], status="failed"), folder)
    told = []
    runner.run(specs[:1], runner.Session(folder), told.append)
    assert [step.reused for step in told] == [False]
    monkeypatch.setattr("neurojoule.provenance.fingerprint", lambda *_: "changed")
    told.clear()
    runner.run(specs[:1], runner.Session(folder), told.append)
    assert [step.reused for step in told] == [False]
    assert len(list(folder.glob("*.json"))) == 3


def test_the_same_seed_learns_the_same_bit_by_bit(finished, tmp_path):
    done, _, specs = finished
    (again,) = runner.run(specs[:1], runner.Session(tmp_path))
    first = done[0]
    assert again.quality == first.quality
    learned = [
        [(p.step, p.loss, p.validation, p.flops) for p in record.curve] for record in (first, again)
    ]
    assert learned[0] == learned[1]
    assert again.started_utc != first.started_utc


def test_misbehaving_models_become_rows_with_a_status(tmp_path):
    env = foreign.install(
        tmp_path / "site", "dies", "raises", "diverges", "uncounted", "<b>bold</b>"
    )
    process = neurojoule(env, tmp_path, "run", "foreign", "--scale", "smoke")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "4 did not end well" in out
    found = records(tmp_path / "runs")
    assert {name: record.status for name, record in found.items()} == {
        "dies": "failed",
        "raises": "failed",
        "diverges": "diverged",
        "uncounted": "failed",
        "<b>bold</b>": "ok",
    }
    assert "signal 9" in found["dies"].error
    assert "the unit broke" in found["raises"].error
    assert "aten::mm" in found["uncounted"].error
    assert found["diverges"].train is not None
    assert found["diverges"].quality is not None  # of the weights before it diverged
    assert not any(found[name].energy_valid for name in ("dies", "raises", "uncounted"))


def test_killing_a_benchmark_loses_at_most_the_run_in_progress(tmp_path):
    env = foreign.install(tmp_path / "site", "sleeps", steps=20)
    arguments = ("run", "foreign", "--scale", "smoke", "--seeds", "3")
    process = neurojoule(env, tmp_path, *arguments)
    runs = tmp_path / "runs"
    until = time.monotonic() + 60
    while not list(runs.glob("*.json")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)  # well into the second run
    process.kill()  # the benchmark alone: the process of its run must notice
    process.communicate()
    done = read([runs])
    time.sleep(2)
    assert read([runs]) == done  # no orphan went on
    assert done.set_aside == ()
    assert 1 <= len(done.records) < 3
    assert all(record.status == "ok" for record in done.records)
    again = neurojoule(env, tmp_path, *arguments)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    kept = {record.run_id: record.started_utc for record in read([runs]).records}
    assert len(kept) == 3
    assert all(kept[record.run_id] == record.started_utc for record in done.records)


def test_a_second_benchmark_on_the_machine_is_refused_and_told_who_holds_it(tmp_path):
    with machine.exclusive():
        holder = f"process {os.getpid()}"
        with pytest.raises(UserError, match=holder):
            runner.run([spec()], runner.Session(tmp_path))


def test_a_stale_lock_of_a_killed_benchmark_holds_nobody_up():
    code = "import time\nfrom neurojoule import machine\nwith machine.exclusive():\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "    print('held', flush=True)\n    time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate()
    with machine.exclusive():
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "mlpp"}, "'mlp'"),
        ({"task": "xorr"}, "'xor'"),
        ({"setup": Setup(threads=4096)}, "4096 threads"),
        ({"options": (("layerz", 1),)}, "layers"),
        ({"task": "digits", "model": "mcp"}, "cannot learn"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(tmp_path, change, said):
    folder = tmp_path / "runs"
    with pytest.raises(UserError, match=said):
        runner.run([spec(), spec(**change)], runner.Session(folder))
    assert not folder.exists()


def test_a_gpu_that_is_not_there_is_refused(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UserError, match="CUDA"):
        runner.run([spec(setup=Setup("cuda"))], runner.Session(tmp_path))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        runner.run([spec()], runner.Session(blocked / "runs"))


def test_a_half_written_record_in_the_way_is_measured_again(finished, tmp_path):
    done, _, specs = finished
    half = encode(done[0])[:100]
    (tmp_path / f"{done[0].run_id}.json").write_bytes(half)
    (record,) = runner.run(specs[:1], runner.Session(tmp_path))
    assert record.status == "ok"
    assert read([tmp_path]).set_aside == ()


def test_a_run_starts_within_half_a_second_of_being_asked_for(finished):
    # `start` is the clean process, measured by the run itself; noise of a busy machine is allowed
    # for by taking the faster of two.
    assert min(record.seconds["start"] for record in finished[0]) < 0.5


def test_folders_given_as_text_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (record,) = runner.run([spec()], runner.Session(Path("here")))
    assert (tmp_path / "here" / f"{record.run_id}.json").is_file()


def test_another_dtype_and_a_compiled_model_learn_too(tmp_path):
    setups = [Setup(dtype="bfloat16"), Setup(dtype="float64")]
    if shutil.which("g++") or shutil.which("c++"):
        setups.append(Setup(compile=True))
    done = runner.run([spec(setup=setup) for setup in setups], runner.Session(tmp_path))
    assert [(str(r.spec.setup), r.status, r.error) for r in done] == [
        (str(setup), "ok", None) for setup in setups
    ]
    by_dtype = {r.spec.setup.dtype: r.work.state_bytes for r in done}
    assert by_dtype["float64"] == 4 * by_dtype["bfloat16"]


def test_discarded_attempts_are_booked_as_footprint(monkeypatch, tmp_path):
    dirty = record(energy_valid=False, energy_invalid_reasons=("contaminated",), footprint_j=1.0)
    clean = record(attempts=2, footprint_j=1.0)
    attempts = iter([dirty, clean])
    monkeypatch.setattr("neurojoule.workers.run_one", lambda _job, _processes: next(attempts))
    monkeypatch.setattr("neurojoule.runner._idle", lambda *_: WINDOW)
    monkeypatch.setattr("neurojoule.runner._Machinery.find_ceilings", lambda *_: None)
    (kept,) = runner.run([spec(scale="quick")], runner.Session(tmp_path))
    assert kept.attempts == 2
    assert kept.energy_valid
    # its own, and both windows of the discarded attempt: cpu 8 J and ram 40 J each
    assert kept.footprint_j == pytest.approx(1.0 + 2 * 48.0)


def kept(monkeypatch, folder, *attempts, scale="quick"):
    """What stays of such attempts at one run, and how many were made."""
    todo = iter(attempts)
    monkeypatch.setattr("neurojoule.workers.run_one", lambda _job, _processes: next(todo))
    monkeypatch.setattr("neurojoule.runner._idle", lambda *_: WINDOW)
    monkeypatch.setattr("neurojoule.runner._Machinery.find_ceilings", lambda *_: None)
    (found,) = runner.run([spec(scale=scale)], runner.Session(folder))
    return found, len(attempts) - len(list(todo))


DIRTY = {"energy_valid": False, "energy_invalid_reasons": ("contaminated",)}


def test_a_repeat_that_does_not_end_well_leaves_the_record_that_was_there(monkeypatch, tmp_path):
    dirty = record(**DIRTY)
    late = record(status="timeout", quality=None, train=None, inference=None, **DIRTY)
    found, tried = kept(monkeypatch, tmp_path, dirty, late)
    assert (found.status, found.quality, tried, found.attempts) == ("ok", dirty.quality, 2, 2)
    assert found.footprint_j is None  # nobody knows what the other took
    assert [r.status for r in read([tmp_path]).records] == ["ok"]


def test_without_a_meter_nothing_is_repeated(monkeypatch, tmp_path):
    def no_meter(*_):
        raise MeterError("no meter")

    monkeypatch.setattr("neurojoule.workers.ask", no_meter)
    _, tried = kept(monkeypatch, tmp_path, record(**DIRTY), record(**DIRTY))
    assert tried == 1
