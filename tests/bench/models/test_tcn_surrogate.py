"""The published surrogate: causal, without residuals, one batch norm a layer."""

import math

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing, work
from neurojoule.errors import UserError
from neurojoule.kernels.streaming import Streaming
from neurojoule.models.tcn_surrogate import TCNSurrogate
from neurojoule.registry import Shape

SPIKES = Shape((3, 30), 2, (3, 30), steps=20)


@pytest.mark.parametrize(("layers", "width"), [(1, 8), (3, 5), (8, 16)])
def test_parameters_follow_the_formula(layers, width):
    c, k1, k, C, L, H = 3, 7, 4, 2, layers, width
    net = TCNSurrogate(SPIKES, width, layers=layers, first_taps=k1, taps=k)
    expected = (c * k1 + 1) * H + (L - 1) * (H * k + 1) * H + 2 * L * H + (H + 1) * C
    assert sizing.parameters(net) == expected
    assert net.units() == {"channel": L * H}


def test_the_largest_published_network_has_millions_of_parameters():
    # 7 x 256, filters 54 then 12 over 1,278 inputs: 17.7 M in the first layer alone.
    net = TCNSurrogate(Shape((1278, 400), 2, (1278, 400)), 256, layers=7, first_taps=54, taps=12)
    first = 1278 * 54 * 256
    assert sizing.parameters(net) == first + 256 + 6 * (256 * 12 + 1) * 256 + 14 * 256 + 514


@pytest.mark.parametrize("norm_first", [False, True])
def test_it_equals_its_layers_step_by_step(norm_first):
    torch.manual_seed(0)
    net = TCNSurrogate(SPIKES, 4, layers=2, first_taps=5, taps=3, norm_first=norm_first)
    x = (torch.rand(2, 3, 30) < 0.3).float()
    for _ in range(3):
        net(x)  # statistics other than 0 and 1
    net.eval()
    h = x
    for conv, norm in zip(net.convolutions, net.norms, strict=True):
        taps = conv.weight.shape[2]
        y = torch.zeros(2, len(conv.weight), 30)
        for t in range(30):
            y[:, :, t] = conv.bias
            for lag in range(min(taps, t + 1)):
                y[:, :, t] += h[:, :, t - lag] @ conv.weight[:, :, taps - 1 - lag].T
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        y = y if norm_first else F.relu(y)
        h = (y - norm.running_mean[:, None]) * scale[:, None] + norm.bias[:, None]
        h = F.relu(h) if norm_first else h
    expected = (h.transpose(1, 2) @ net.readout.weight.T + net.readout.bias).transpose(1, 2)
    torch.testing.assert_close(net(x), expected[:, :, -20:])


def test_working_spike_by_spike_changes_nothing_but_the_work():
    torch.manual_seed(0)
    dense, events = (
        TCNSurrogate(SPIKES, 4, first_taps=5, taps=3, events=events) for events in (False, True)
    )
    events.load_state_dict(dense.state_dict())
    x = (torch.rand(4, 3, 30) < 0.1).float()
    torch.testing.assert_close(events(x), dense(x))
    assert work.count(events, x).forward_flops < work.count(dense, x).forward_flops


def test_a_binned_first_filter_is_the_free_one_that_is_constant_within_its_bins():
    torch.manual_seed(0)
    binned = TCNSurrogate(SPIKES, 4, first_taps=9, taps=3, bins=4).eval()
    free = TCNSurrogate(SPIKES, 4, first_taps=9, taps=3).eval()
    weights = binned.state_dict()
    weights["convolutions.0.weight"] = binned.convolutions[0].taps_weight()
    free.load_state_dict(weights)
    x = (torch.rand(4, 3, 30) < 0.1).float()
    torch.testing.assert_close(binned(x), free(x))
    assert binned.reads_spikes
    torch.testing.assert_close(binned(x.bool()), free(x))
    saved = 3 * 4 * (9 - 4)  # channels, units, taps that are no parameters
    assert sizing.parameters(free) - sizing.parameters(binned) == saved


def test_with_later_filters_of_one_step_it_is_a_perceptron_on_a_sliding_window():
    torch.manual_seed(0)
    net = TCNSurrogate(SPIKES, 4, layers=2, first_taps=5, taps=1, norm_first=True).eval()
    x = (torch.rand(2, 3, 30) < 0.3).float()
    windows = x.unfold(2, 5, 1)[:, :, -20:].permute(0, 2, 1, 3).flatten(2)  # (2, 20, 3 x 5)
    h = windows
    for convolution, norm in zip(net.convolutions, net.norms, strict=True):
        h = F.linear(h, convolution.weight.flatten(1), convolution.bias)
        h = F.relu(norm(h.flatten(0, 1)).view(h.shape))
    torch.testing.assert_close(net(x), net.readout(h).transpose(1, 2))


def test_dilated_filters_see_as_far_as_their_gaps_add_up():
    torch.manual_seed(0)
    net = TCNSurrogate(SPIKES, 4, layers=3, first_taps=5, taps=3, dilation=2).eval()
    field = 5 + (3 - 1) * (1 + 2)
    x = (torch.rand(1, 3, 30) < 0.5).float()
    for lag, seen in ((field - 1, True), (field, False)):
        changed = x.clone()
        changed[:, :, 29 - lag] = 1 - changed[:, :, 29 - lag]
        assert (not torch.equal(net(changed)[:, :, -1], net(x)[:, :, -1])) == seen


def test_no_output_sees_the_future():
    torch.manual_seed(1)
    net = TCNSurrogate(SPIKES, 16, first_taps=5, taps=3).eval()
    x = torch.rand(1, 3, 30)
    changed = x.clone()
    changed[:, :, 25:] += 1
    same = (net(x) == net(changed)).all(1)[0]
    assert same.tolist() == 15 * [True] + 5 * [False]  # of the last 20 steps


def test_operations_by_hand():
    c, k1, k, H, L, C, T = 3, 5, 3, 4, 2, 2, 30
    counted = work.count(
        TCNSurrogate(SPIKES, H, layers=L, first_taps=k1, taps=k), torch.rand(2, c, T)
    )
    # Asked are the last 20 steps, for which the second layer reads 2 more of the first one.
    steps = 20 + k - 1
    macs = T * H * c * k1 + steps * H * H * k + 20 * H * C
    assert counted.forward_flops == 2 * macs + (steps + 20) * H * (1 + 4)


def test_a_channel_silent_in_training_is_amplified_by_what_keras_would():
    network = TCNSurrogate(SPIKES, 4, layers=1, first_taps=5)
    (norm,) = network.norms
    with torch.no_grad():
        norm.running_var.zero_()
        norm.running_mean.zero_()
    network.eval()
    silent = torch.full((1, 4, 20), 0.1)
    # Keras, layers.BatchNormalization: epsilon 0.001 beside the variance.
    assert torch.allclose(norm(silent), silent / math.sqrt(0.001))


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_unit_that_is_never_above_zero_learns_only_where_it_is_normalised_first(norm_first):
    torch.manual_seed(0)
    net = TCNSurrogate(SPIKES, 4, layers=1, first_taps=5, norm_first=norm_first)
    with torch.no_grad():
        net.convolutions[0].bias[2] = -100.0
    net((torch.rand(8, 3, 30) < 0.3).float()).square().sum().backward()
    learns = net.convolutions[0].weight.grad.abs().amax((1, 2)) > 0
    assert learns.tolist() == [True, True, norm_first, True]


@pytest.mark.parametrize("norm_first", [False, True])
def test_it_can_be_streamed(norm_first):
    shape = Shape((3, 30), 2, (3, 30))
    net = TCNSurrogate(shape, 4, first_taps=5, taps=3, norm_first=norm_first).eval()
    x = torch.rand(1, 3, 30)
    stream = Streaming(torch.nn.Sequential(*_layers(net)).eval())
    for t in range(30):
        last = stream.step(x[:, :, t])
    torch.testing.assert_close(net.readout(last), net(x), rtol=1e-4, atol=1e-5)


def _layers(net):
    for conv, norm in zip(net.convolutions, net.norms, strict=True):
        relu = torch.nn.ReLU()
        yield from (conv, norm, relu) if net.norm_first else (conv, relu, norm)


@pytest.mark.parametrize("options", [{"layers": 0}, {"first_taps": 0}, {"taps": 0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError, match="at least one layer"):
        TCNSurrogate(SPIKES, 4, **options)
