"""The cells' tasks: windows are what the data set holds, and no split shares a simulation."""

import math

import numpy as np
import pytest
import torch

import published
from neurojoule import cache, views
from neurojoule.cells import dataset
from neurojoule.errors import UserError
from neurojoule.registry import get_model, get_task
from neurojoule.tasks import neuron


@pytest.fixture
def few(monkeypatch):
    """Two simulations of the point neuron a split: seconds of work instead of minutes."""
    monkeypatch.setattr(neuron, "SIMULATIONS", {"train": 2, "validation": 1, "test": 1})


@pytest.mark.usefixtures("few")
def test_a_window_is_a_stretch_of_its_simulation():
    x, y = get_task("neuron_lif").load("train")
    data = dataset("lif", simulations=2, seconds=6, seed=0, cache_folder=cache.folder())
    assert x.shape == (10, 320, 1600)
    assert x.dtype == torch.bool
    assert y.shape == (10, 2, 1100)
    # The 8th window is the third of the second simulation: asked from 2,700 ms on.
    seen = data.unpacked(data.input_bits(slice(1, 2), slice(2200, 3800)))[0].T
    assert np.array_equal(x[7].numpy(), seen.astype(bool))
    assert np.array_equal(y[7, 0].numpy(), data.spikes(slice(1, 2), slice(2700, 3800))[0])
    voltage_mv = y[7, 1].numpy() * 10 - 67.7
    expected = data.soma_mv(slice(1, 2), slice(2700, 3800))[0]
    assert np.allclose(voltage_mv, expected, atol=1e-4)


@pytest.mark.usefixtures("few")
def test_windows_cover_every_ms_after_the_first_half_second_once():
    _, y = get_task("neuron_lif").load("validation")
    data = dataset("lif", simulations=1, seconds=6, seed=1, cache_folder=cache.folder())
    joined = y[:, 0].reshape(-1).numpy()
    assert np.array_equal(joined, data.spikes(slice(0, 1), slice(500, 6000))[0])


@pytest.mark.usefixtures("few")
def test_splits_are_different_simulations():
    parts = [get_task("neuron_lif").load(split)[0] for split in ("train", "validation", "test")]
    assert not torch.equal(parts[0][:5], parts[1])
    assert not torch.equal(parts[1], parts[2])


@pytest.mark.usefixtures("few")
def test_the_long_task_begins_with_the_same_simulations():
    short, _ = get_task("neuron_lif").load("train")
    long, _ = get_task("neuron_lif_long").load("train")
    assert len(long) == 4 * len(short)
    assert torch.equal(long[: len(short)], short)


@pytest.mark.usefixtures("few")
def test_making_ready_leaves_nothing_to_simulate(monkeypatch):
    task = get_task("neuron_lif")
    task.make_ready()

    def refuse(*_):
        raise AssertionError("simulated again")

    monkeypatch.setattr("neurojoule.cells.data._simulated", refuse)
    assert len(task.load("test")[0]) == 5


def test_chance_is_the_entropy_of_a_spike():
    # 2 Hz: one ms of 500 has a spike.
    p = 1 / 500
    assert neuron.chance(2.0) == pytest.approx(-p * math.log(p) - (1 - p) * math.log(1 - p))


def test_a_model_that_sees_the_future_is_refused():
    reason = views.why_not(get_model("mlp"), get_task("neuron_lif"))
    assert reason is not None
    assert "from what came before it" in reason
    assert views.why_not(get_model("tcn_surrogate"), get_task("neuron_lif")) is None


@pytest.mark.parametrize("name", ["tcn_surrogate", "gru", "lstm", "elm", "glm", "tcn"])
def test_no_answer_depends_on_what_comes_after_it(name):
    task = get_task("neuron_lif")
    model = get_model(name)
    torch.manual_seed(0)
    module = model.build(views.shape(model, task), 4).eval()
    x = (torch.rand(1, 320, 1600) < 0.02).float()
    changed = x.clone()
    changed[:, :, 800:] = 1 - changed[:, :, 800:]  # from the 301st answer on
    with torch.no_grad():
        before, after = module(x), module(changed)
    assert torch.allclose(before[:, :, :300], after[:, :, :300], atol=1e-5)
    assert not torch.allclose(before[:, :, 300:], after[:, :, 300:], atol=1e-5)


def test_published_files_are_windowed_like_the_cells_here(monkeypatch, tmp_path):
    for seed, split in enumerate(("train", "validation", "test")):
        (tmp_path / split).mkdir()
        raw = published.python2(published.content(2, seed, seconds=3))
        (tmp_path / split / "a.p").write_bytes(raw)
    monkeypatch.setenv("NEUROJOULE_NEURON_IO", str(tmp_path))
    task = get_task("neuron_io")
    assert task.needs() is None
    x, y = task.load("test")
    # Two windows in each of two simulations of 3 s; both kinds of synapse on 11 segments.
    assert x.shape == (4, 2 * published.SEGMENTS, 1600)
    assert y.shape == (4, 2, 1100)
    first = published.content(2, 2, seconds=3)["Results"]["listOfSingleSimulationDicts"][0]
    asked = slice(500, 500 + 1100)
    voltage_mv = np.minimum(first["somaVoltageLowRes"][asked], -55)
    assert np.allclose(y[0, 1].numpy() * 10 - 67.7, voltage_mv, atol=0.07)
    spikes_ms = np.array(first["exInputSpikeTimes"][4])
    here = spikes_ms[spikes_ms < 1600]
    assert np.flatnonzero(x[0, 4].numpy()).tolist() == here.tolist()


def test_without_published_files_it_says_where_they_go(monkeypatch, tmp_path):
    monkeypatch.delenv("NEUROJOULE_NEURON_IO", raising=False)
    task = get_task("neuron_io")
    assert "NEUROJOULE_NEURON_IO" in (task.needs() or "")
    monkeypatch.setenv("NEUROJOULE_NEURON_IO", str(tmp_path))
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.p").touch()
    assert "validation, test" in (task.needs() or "")
    with pytest.raises(UserError, match="validation, test"):
        task.load("train")
