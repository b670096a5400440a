"""Spiking layers: plain equations, published surrogates, branches that share out the input."""

import math

import pytest
import torch

from neurojoule import registry, sizing, views, work
from neurojoule.errors import UserError
from neurojoule.models.spiking import DHSNN, LIF, dealt, fast_sigmoid, multi_gaussian
from neurojoule.registry import Shape
from neurojoule.spec import Recipe
from neurojoule.train import gradient_learner

SERIES = Shape((5, 20), 3, (5, 20))


def test_parameters_follow_the_formulas():
    c, H, D, C = 5, 7, 2, 3
    assert sizing.parameters(LIF(SERIES, H)) == (c + 1) * H + (H + 1) * C
    dh = DHSNN(SERIES, H, branches=D)
    assert sizing.parameters(dh) == c * H + 2 * D * H + H + (H + 1) * C
    assert LIF(SERIES, H).units() == {"spiking": H}
    assert dh.units() == {"spiking": H, "dendrite": H * D}


def test_a_lif_layer_equals_its_equations():
    torch.manual_seed(0)
    net = LIF(SERIES, 4)
    x = 4 * torch.rand(3, 5, 20)
    a, k = math.exp(-1 / 5), math.exp(-1 / 10)
    current = voltage = fired = torch.zeros(3, 4)
    expected = []
    for t in range(20):
        current = a * current + net.synapses(x[:, :, t])
        voltage = k * voltage + (1 - k) * current - fired
        fired = (voltage > 1).float()
        expected.append(fired)
    expected = torch.stack(expected)
    assert torch.equal(net.spikes(x), expected)
    assert 0.01 < expected.mean() < 0.9
    torch.testing.assert_close(net(x), net.readout(expected.mean(0)))


def test_a_dh_layer_equals_its_equations():
    torch.manual_seed(0)
    net = DHSNN(SERIES, 4, branches=2)
    x = 20 * torch.rand(3, 5, 20)
    beta, alpha = torch.sigmoid(net.branch_leak), torch.sigmoid(net.leak)
    d, v, fired = torch.zeros(3, 4, 2), torch.zeros(3, 4), torch.zeros(3, 4)
    expected = []
    for t in range(20):
        drive = net.synapses(x[:, :, t]).view(3, 4, 2)
        d = beta * d + (1 - beta) * drive
        v = alpha * v + (1 - alpha) * d.sum(2) - fired
        fired = (v > 1).float()
        expected.append(fired)
    expected = torch.stack(expected)
    assert torch.equal(net.spikes(x), expected)
    assert 0.01 < expected.mean() < 0.9


def test_time_constants_start_in_the_published_ranges():
    net = DHSNN(SERIES, 200, branches=4)
    assert 2 < net.branch_leak.min() < 2.1
    assert 5.9 < net.branch_leak.max() < 6
    assert 0 < net.leak.min() < 0.1
    assert 3.9 < net.leak.max() < 4


def test_the_branches_of_a_neuron_share_the_channels_out():
    index = dealt(7, units=50, branches=3).view(50, 3, 3)
    for unit in index.tolist():
        assert sorted(c for branch in unit for c in branch) == [-1, -1, 0, 1, 2, 3, 4, 5, 6]
        assert [sum(c >= 0 for c in branch) for branch in unit] == [3, 2, 2]
    assert len({tuple(unit.flatten().tolist()) for unit in index}) > 40


def test_surrogates_are_the_published_ones():
    assert fast_sigmoid(torch.tensor([0.0, 0.1, -0.1])).tolist() == pytest.approx([1, 0.25, 0.25])

    # The published code: ((1 + h) N(0, l) - h N(l, s l) - h N(-l, s l)) g, h .15, s 6, l g .5.
    def normal(u, mu, sigma):
        return math.exp(-((u - mu) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi) / sigma

    for u in (-2.0, -0.3, 0.0, 0.7):
        expected = 1.15 * normal(u, 0, 0.5) - 0.15 * (normal(u, 0.5, 3) + normal(u, -0.5, 3))
        assert multi_gaussian(torch.tensor(u)).item() == pytest.approx(expected * 0.5, rel=1e-5)


def test_operations_by_hand():
    c, H, C, T, D = 5, 4, 3, 20, 2
    lif = work.count(LIF(SERIES, H), torch.rand(2, c, T))
    macs = T * c * H + H * C
    # Leak 2 a step but the first; scaling; voltage: leak, drive, reset 4 a step but the first;
    # above threshold: difference and comparison; mean over time.
    steps = 2 * (T - 1) * H + T * H + 4 * (T - 1) * H + 2 * T * H + T * H
    assert lif.forward_flops == 2 * macs + steps
    dh = work.count(DHSNN(SERIES, H, branches=D), torch.rand(2, c, T))
    # Scaled drive, leaks, sum over branches; scaling, voltage, threshold, mean as above; and
    # sigma(t), 1 - beta, sigma(u), 1 - alpha once for the batch of 2.
    branches = T * H * D + 2 * (T - 1) * H * D + T * H * D
    somata = T * H + 4 * (T - 1) * H + 2 * T * H + T * H
    assert dh.forward_flops == 2 * macs + branches + somata + 2 * (H * D + H) / 2


@pytest.mark.parametrize("name", ["lif_snn", "dh_snn"])
def test_they_fit_a_hundred_digits(name):
    model, task = registry.get_model(name), registry.get_task("digits")
    x, y = (part[:100] for part in task.load("train"))
    x = views.arrange(x, task, model.takes)
    module = sizing.build(model, views.shape(model, task), model.default_width, {}, seed=0)
    learn = gradient_learner(module, task.loss, Recipe(250, 100, learning_rate=2e-2))
    for _ in range(250):
        learn(x, y)
    assert (module(x).argmax(1) == y).float().mean() >= 0.9


def test_a_neuron_without_branches_is_refused():
    with pytest.raises(UserError, match="at least one branch"):
        DHSNN(SERIES, 4, branches=0)
