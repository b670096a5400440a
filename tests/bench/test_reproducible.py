"""The same seed, machine and setup: the same learning to the last bit, whichever way in.

That the same way in gives it twice is `test_the_same_seed_learns_the_same_bit_by_bit` in
test_runner.py: a session costs its five seconds.
"""

import subprocess
import sys

import pytest

import foreign
from neurojoule.storage import read

MODELS = ("dann", "gru")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """What two models learned on digits: asked by the command and through pytest."""
    base = tmp_path_factory.mktemp("reproducible")
    env = foreign.install(base / "site", *MODELS, task="digits")
    suite = str(base / "site" / "bench_foreign.py")
    ways = {
        "command": ["neurojoule", "run", "foreign", "--scale", "smoke", "--runs", "command"],
        "pytest": ["pytest", "--benchmark", suite, "--nj-scale", "smoke", "--nj-runs", "pytest",
                   "-p", "no:cacheprovider"],
    }  # fmt: skip
    found = {}
    for name, command in ways.items():
        done = subprocess.run(
            [sys.executable, "-m", *command],
            check=False,
            cwd=base,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        folder = read([base / name])
        assert folder.set_aside == ()
        found[name] = {record.spec.model: record for record in folder.records}
    return found


@pytest.mark.parametrize("model", MODELS)
def test_quality_and_curve_are_the_same_bit_by_bit(learned, model):
    one, other = learned["command"][model], learned["pytest"][model]
    assert one.run_id == other.run_id  # the same work, by its own measure
    assert one.spec == other.spec
    assert one.started_utc != other.started_utc  # yet done anew
    assert one.quality == other.quality
    points = [
        [(p.step, p.loss, p.validation, p.flops) for p in record.curve] for record in (one, other)
    ]
    assert points[0] == points[1]
    assert [step for step, *_ in points[0]] == [0, 10, 20]
    assert all(loss > 0 for _, loss, *_ in points[0][1:])


@pytest.mark.parametrize("model", MODELS)
def test_what_was_replayed_to_fill_the_window_learned_the_same(learned, model):
    for way in learned.values():
        assert way[model].train.replays > 0
        assert way[model].train.replays_identical


def test_two_models_do_not_learn_the_same(learned):
    one, other = (learned["command"][model] for model in MODELS)
    assert one.curve[-1].loss != other.curve[-1].loss
