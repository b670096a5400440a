"""The simulation as a model: what it answers, what it counts, what it costs."""

import math

import numpy as np
import pytest
import torch

from neurojoule import prepare, registry, sizing, suite, views, work
from neurojoule.cells import get_cell, inputs, judge, simulate
from neurojoule.errors import UserError
from neurojoule.kernels.streaming import stream
from neurojoule.metrics import PRIOR_LOGIT
from neurojoule.models import biophysical
from neurojoule.models.biophysical import EXPECTED, EXPECTED_MS, place, since_spike
from neurojoule.registry import Shape
from neurojoule.spec import Recipe, Spec

MS, ASKED = 60, 40

needs_neuron = pytest.mark.skipif(judge.why_not() is not None, reason=judge.why_not() or "")


def build(cell, name="simulation", **options):
    shape = Shape((320, MS), 2, (320, MS), ASKED, f"neuron_{cell}")
    return sizing.build(registry.get_model(name), shape, 1, options, seed=0)


def windows(cell, count=2):
    """Packed windows that have been running for a while, and the same as x."""
    bits = np.stack([inputs(get_cell(cell), 300 + MS, seed=5, index=k) for k in range(count)])
    bits = bits[:, -MS:]
    x = torch.from_numpy(np.unpackbits(bits, axis=2, count=320).transpose(0, 2, 1).copy()).bool()
    return bits, x


@pytest.mark.parametrize("cell", ["lif", "l5_ampa"])
def test_the_voltage_is_the_simulated_one_in_the_units_of_the_task(cell):
    bits, x = windows(cell)
    answer = build(cell)(x)
    expected = simulate(get_cell(cell), bits).soma_mv[:, -ASKED:]
    assert answer.shape == (2, 2, ASKED)
    got_mv = answer[:, 1].double().numpy() * 10 - 67.7
    np.testing.assert_allclose(got_mv, np.minimum(expected, -55), atol=1e-4)


def test_numbers_and_bits_are_the_same_input():
    _, x = windows("lif")
    net = build("lif")
    assert torch.equal(net(x), net(x.float()))


def test_no_answer_depends_on_what_comes_later():
    _, x = windows("lif", 4)
    net, cut = build("lif"), x.clone()
    cut[:, :, -10:] = ~cut[:, :, -10:]
    assert torch.equal(net(cut)[:, :, :-10], net(x)[:, :, :-10])
    assert not torch.equal(net(cut), net(x))


def test_time_since_the_last_spike_is_counted_from_zero():
    spikes = np.array([[False, True, False, False, True, True, False]])
    assert since_spike(spikes).tolist() == [[64, 0, 1, 2, 0, 0, 1]]


def test_a_spike_is_expected_as_often_as_it_was_counted():
    net = build("lif")
    # 480 ms of which 60 had a spike, where the last simulated one is 3 ms old and v is -60 mV.
    here = int(place(np.array([3]), np.array([-60.0]))[0])
    net.counted_ms.view(-1)[here], net.counted_spikes.view(-1)[here] = 480, 60
    logits = net.logits().flatten() + PRIOR_LOGIT
    p = (60 + 20 / 64) / 500
    assert float(logits[here]) == pytest.approx(math.log(p / (1 - p)))
    # Elsewhere nothing was counted yet.
    elsewhere = int(place(np.array([0]), np.array([-60.0]))[0])
    assert float(logits[elsewhere]) == pytest.approx(math.log(1 / 3))
    assert (EXPECTED_MS, EXPECTED[2]) == (20, 1 / 64)


def test_learning_is_counting_every_asked_ms_once():
    bits, x = windows("lif", 3)
    spikes = torch.from_numpy(simulate(get_cell("lif"), bits).spikes[:, -ASKED:])
    y = torch.stack([spikes.float(), torch.zeros(3, ASKED)], 1)
    net = build("lif")
    before, after = net.learn(x, y), net.learn(x, y)
    assert int(net.counted_ms.sum()) == 2 * 3 * ASKED
    assert int(net.counted_spikes.sum()) == 2 * int(spikes.sum())
    assert 0 < float(after) < float(before)


@pytest.mark.parametrize("cell", ["lif", "l5_nmda"])
def test_ms_by_ms_it_answers_as_it_does_at_once(cell):
    _, x = windows(cell)
    net = build(cell)
    net.counted_ms[:] = 1000
    one = stream(net, samples=2)
    for _ in range(2):
        steps = torch.stack([one.step(x[:, :, t]) for t in range(MS)], 2)
        torch.testing.assert_close(steps[:, :, -ASKED:], net(x), rtol=0, atol=1e-6)
        one.reset()


def test_its_operations_are_those_of_the_solver_and_none_is_free():
    _, x = windows("l5_nmda")
    counted = work.count(build("l5_nmda"), x.float())
    # 18.5 kFLOP a step by an independent count (NEURON.md), 20 steps a ms.
    assert counted.forward_flops == pytest.approx(18_500 * 20 * MS, rel=0.05)
    assert counted.effective_macs == counted.forward_flops / 2
    assert counted.effective_acs == 0
    coarse = work.count(build("l5_nmda", dt_ms=0.1), x.float())
    assert coarse.forward_flops == counted.forward_flops / 2


def test_a_task_that_is_no_simulated_cell_is_refused():
    simulation, neuron = map(registry.get_model, ("simulation", "neuron_simulator"))
    for task in ("digits", "neuron_io", "adding-50"):
        if task in registry.tasks():
            assert task in views.why_not(simulation, registry.get_task(task))
    for task in ("neuron_lif", "neuron_lif_long", "neuron_l5_nmda-no_nmda_matched"):
        assert views.why_not(simulation, registry.get_task(task)) is None
    assert "point neuron" in views.why_not(neuron, registry.get_task("neuron_lif"))
    with pytest.raises(UserError, match="task of a cell"):
        sizing.build(simulation, Shape((320, MS), 2, (320, MS), ASKED), 1, {}, 0)


def test_it_is_given_as_many_samples_as_it_has_time_for(monkeypatch):
    task = registry.get_task("neuron_lif")
    x = torch.arange(1000).bool()[:, None, None].repeat(1, 2, 700)
    made = {"load": lambda _: (x, torch.arange(1000.0)[:, None, None].repeat(1, 2, 500))}
    patched = type(task)(**{**vars(task), **made, "inputs": (2, 700)})
    monkeypatch.setattr(prepare, "get_task", lambda _: patched)
    spec = Spec(suite="s", task="neuron_lif", model="simulation", seed=0, recipe=Recipe(0, 1))
    got = prepare.load(spec, "test").y[:, 0, 0]
    assert len(got) == registry.get_model("simulation").samples == 128
    assert (float(got[0]), float(got[-1])) == (0, 999)
    assert float(got.diff().min()) >= 7  # evenly


def test_a_machine_without_neuron_leaves_its_row_out_and_says_why(monkeypatch):
    registry.models()
    entry = registry.get_model("neuron_simulator")
    without = type(entry)(**{**vars(entry), "needs": lambda: "NEURON is not installed."})
    monkeypatch.setitem(registry._models, "neuron_simulator", without)
    rows = [suite.Row("neuron_l5_nmda", name, Recipe(0, 1)) for name in ("simulation", entry.name)]
    here, missing = suite.available(rows)
    assert [row.model for row in here] == ["simulation"]
    assert missing == ["neuron_simulator: NEURON is not installed."]


@needs_neuron
def test_neuron_answers_what_the_solver_answers(pytestconfig, tmp_path_factory, monkeypatch):
    kept = getattr(pytestconfig, "cache", None)
    folder = tmp_path_factory.mktemp("nmodl") if kept is None else kept.mkdir("nmodl")
    monkeypatch.setattr(biophysical.cache, "folder", lambda: folder)
    _, x = windows("l5_ampa", 1)
    ours, theirs = build("l5_ampa"), build("l5_ampa", "neuron_simulator")
    torch.testing.assert_close(theirs(x), ours(x), rtol=0, atol=1e-3)
    assert work.count(theirs, x.float()).forward_flops == work.count(ours, x.float()).forward_flops
