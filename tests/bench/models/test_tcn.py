"""The temporal convolutional network: counts, causality, receptive field, equation."""

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing
from neurojoule.errors import UserError
from neurojoule.models.tcn import TCN, covering_levels, receptive_field
from neurojoule.registry import Shape


def parameters(c, H, k, L, C):
    first = (c * k + 2) * H + (H * k + 2) * H + ((c + 1) * H if c != H else 0)
    return first + (L - 1) * 2 * (H * k + 2) * H + (H + 1) * C


@pytest.mark.parametrize(("c", "H", "k", "L"), [(1, 24, 5, 3), (3, 3, 2, 1), (2, 5, 7, 4)])
def test_parameters_follow_the_formula(c, H, k, L):
    net = TCN(Shape((c, 40), 10, (c, 40)), H, kernel=k, levels=L)
    assert sizing.parameters(net) == parameters(c, H, k, L, 10)
    assert net.units() == {"channel": 2 * L * H}


def test_the_network_for_sequential_mnist_has_about_the_published_70_thousand():
    # 8 levels, 25 channels, kernel 7: Bai et al. state a model size of 70 k.
    net = TCN(Shape((1, 784), 10, (784,)), 25, kernel=7, levels=8)
    assert sizing.parameters(net) == pytest.approx(70_000, rel=0.05)


def slow(x, net):
    """(channels, time) -> (H, time), by the sums."""

    def causal(x, conv, dilation):
        taps = conv.weight.shape[2]
        y = conv.bias[:, None].repeat(1, x.shape[1])
        for t in range(x.shape[1]):
            for j in range(taps):
                past = t - (taps - 1 - j) * dilation
                if past >= 0:
                    y[:, t] = y[:, t] + conv.weight[:, :, j] @ x[:, past]
        return y

    for i, block in enumerate(net.levels):
        h = causal(x, block.conv1, 2**i).clamp(min=0)
        h = causal(h, block.conv2, 2**i).clamp(min=0)
        x = F.relu(h + block.skip(x[None])[0])
    return x


def test_a_tcn_equals_its_sums():
    net = TCN(Shape((2, 11), 3, (2, 11)), 4, kernel=3, levels=2)
    x = torch.randn(2, 11)
    with torch.no_grad():
        torch.testing.assert_close(net(x[None])[0], net.readout(slow(x, net)[:, -1]))


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_normalised_by_their_gain(seed):
    torch.manual_seed(seed)
    conv = TCN(Shape((2, 11), 3, (2, 11)), 4).levels[0].conv2
    gain = conv.parametrizations.weight.original0
    norm = conv.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(norm, gain.flatten())


@pytest.mark.parametrize(("kernel", "levels"), [(2, 1), (2, 3), (3, 2), (5, 2)])
def test_the_output_depends_on_just_its_receptive_field(kernel, levels):
    span = receptive_field(kernel, levels)
    assert span == 1 + 2 * (kernel - 1) * (2**levels - 1)
    net = TCN(Shape((1, span + 5), 1, (span + 5,)), 16, kernel=kernel, levels=levels)
    x = torch.randn(64, 1, span + 5, requires_grad=True)
    net(x).sum().backward()
    reached = x.grad.abs().sum((0, 1)) > 0
    assert reached.tolist() == 5 * [False] + span * [True]


def test_enough_levels_are_taken_to_cover_the_sequence():
    assert [covering_levels(5, time) for time in (2, 9, 10, 25, 26, 40, 57, 58)] == [
        1,
        1,
        2,
        2,
        3,
        3,
        3,
        4,
    ]  # spans: 9, 25, 57, 121
    assert len(TCN(Shape((1, 40), 2, (40,)), 4).levels) == 3


def test_dropout_acts_in_training_only():
    net = TCN(Shape((1, 8), 2, (8,)), 16, dropout=0.5)
    x = torch.randn(4, 1, 8)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize("options", [{"kernel": 1}, {"levels": -1}, {"dropout": 1.0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError, match="kernel of 2 or more"):
        TCN(Shape((1, 8), 2, (8,)), 4, **options)
