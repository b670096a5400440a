"""Active dendrites: gates, winners, half of the weights."""

import pytest
import torch

from neurojoule import sizing, work
from neurojoule.errors import UserError
from neurojoule.models.active_dendrites import ActiveDendrites, HalfLinear
from neurojoule.registry import Shape


def test_parameters_follow_the_formula_and_no_masked_weight_is_one():
    n, H, D, C = 64, 20, 3, 10
    net = ActiveDendrites(Shape((n,), C, (8, 8)), H, segments=D)
    expected = (n // 2 + 1) * H + (H // 2 + 1) * H + 2 * n * D * H + (H + 1) * C
    assert sizing.parameters(net) == expected
    assert net.units() == {"soma": 2 * H, "dendrite": 2 * H * D}


def dense(feed):
    W = torch.zeros(len(feed.weight), feed.in_features)
    for unit, inputs in enumerate(feed.index.tolist()):
        for k, i in enumerate(inputs):
            W[unit, i] = feed.weight[unit, k]
    return W


def test_a_layer_equals_its_equation_unit_by_unit():
    torch.manual_seed(0)
    net = ActiveDendrites(Shape((7,), 2, (7,)), 6, segments=3, winners=0.4)
    x = torch.randn(4, 7)
    layer = net.layers[0].requires_grad_(requires_grad=False)
    W, segments = dense(layer.feed), layer.segments.weight.view(6, 3, 7)
    expected = torch.zeros(4, 6)
    for i in range(4):
        h = []
        for j in range(6):
            activities = [float(u @ x[i]) for u in segments[j]]
            strongest = max(activities, key=abs)  # its sign is kept
            gate = 1 / (1 + torch.exp(torch.tensor(-strongest)))
            h.append(float((W[j] @ x[i] + layer.feed.bias[j]) * gate))
        for j in sorted(range(6), key=lambda j: -h[j])[:2]:  # round(0.4 x 6) winners
            expected[i, j] = h[j]
    torch.testing.assert_close(layer(x, x), expected)


def test_five_per_cent_of_128_units_pass():
    net = ActiveDendrites(Shape((64,), 10, (8, 8)), 128)
    x = torch.rand(8, 64)
    passed = net.layers[0](x, x) != 0
    assert (passed.sum(1) == 6).all()


def test_half_of_the_weights_exist_and_every_input_is_read():
    feed = HalfLinear(64, 128, 0.5)
    assert feed.weight.shape == (128, 32)
    assert set(feed.index.flatten().tolist()) == set(range(64))


def test_a_masked_multiplication_is_executed_but_not_effective():
    n, H, D, C = 64, 20, 10, 10
    counted = work.count(ActiveDendrites(Shape((n,), C, (8, 8)), H), torch.rand(2, n) + 0.1)
    feeds = n * H + H * H
    macs = feeds + 2 * n * H * D + H * C
    # |u c| and its largest: H D each; sigmoid, gate, comparison, selection: H each.
    assert counted.forward_flops == 2 * macs + 2 * (2 * H * D + 4 * H)
    first = counted.layers[1]
    assert (first.macs, first.effective) == (2 * n * H, 2 * n * H // 2)


@pytest.mark.parametrize("options", [{"segments": 0}, {"winners": 0.0}, {"winners": 1.5}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError, match="at least one segment"):
        ActiveDendrites(Shape((6,), 2, (6,)), 4, **options)
