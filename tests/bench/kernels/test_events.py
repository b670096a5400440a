"""Spikes as events: the same convolution, trained end to end, strict about order and range."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import jit
from neurojoule.kernels.events import EventConv1d, SpikeEvents
from neurojoule.work import count


@pytest.fixture(params=["compiled", "plain torch"])
def kernel(request, monkeypatch):
    if request.param == "plain torch":
        monkeypatch.setattr(jit, "available", lambda: False)
    return request.param


def spikes(*shape, density=0.3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(shape, generator=generator) < density).to(dtype)


def pair(channels, units, taps, *, bias=True):
    """An event layer and torch's convolution with the same weights."""
    torch.manual_seed(0)
    events = EventConv1d(channels, units, taps, bias=bias).double()
    dense = nn.Conv1d(channels, units, taps, bias=bias).double()
    with torch.no_grad():
        dense.weight.copy_(events.weight)
        if bias:
            dense.bias.copy_(events.bias)
    return events, lambda x: dense(F.pad(x, (taps - 1, 0))), dense


SHAPES = [  # samples, channels, steps, units, taps
    (3, 5, 40, 7, 4),
    (1, 1, 1, 1, 1),
    (2, 3, 5, 4, 9),  # a filter longer than the sample
    (4, 2, 33, 1, 2),
    (1, 6, 70, 16, 24),
]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.6, 1.0])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("kernel")
def test_an_event_layer_equals_a_causal_convolution(shape, bias, density):
    samples, channels, steps, units, taps = shape
    events, convolve, dense = pair(channels, units, taps, bias=bias)
    x = spikes(samples, channels, steps, density=density)
    y, expected = events(SpikeEvents.from_dense(x)), convolve(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(events(x), expected)
    dy = torch.randn_like(expected)
    y.backward(dy)
    expected.backward(dy)
    torch.testing.assert_close(events.weight.grad, dense.weight.grad)
    if bias:
        torch.testing.assert_close(events.bias.grad, dense.bias.grad)


@pytest.mark.usefixtures("kernel")
def test_gradients_of_an_event_layer_agree_with_finite_differences():
    layer = EventConv1d(3, 2, 4).double()
    x = SpikeEvents.from_dense(spikes(2, 3, 9))

    def function(weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    parameters = [p.detach().requires_grad_() for p in (layer.weight, layer.bias)]
    assert torch.autograd.gradcheck(function, parameters)


def test_a_network_on_events_learns_like_its_dense_twin():
    events, _, dense = pair(5, 8, 4)
    torch.manual_seed(1)
    rest = nn.Sequential(nn.ReLU(), nn.Conv1d(8, 1, 1)).double()
    nets = [
        nn.Sequential(events, rest),
        nn.Sequential(nn.ConstantPad1d((3, 0), 0.0), dense, copy.deepcopy(rest)),
    ]
    x, target = spikes(6, 5, 40), torch.randn(6, 1, 40, dtype=torch.float64)
    losses = []
    for net in nets:
        optimiser = torch.optim.Adam(net.parameters(), 1e-2, fused=True)
        losses.append([])
        for _ in range(20):
            optimiser.zero_grad()
            loss = (net(x) - target).square().mean()
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    assert losses[0][-1] < losses[0][0]
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool, torch.uint8])
@pytest.mark.usefixtures("kernel")
def test_spikes_go_to_events_and_back(dtype):
    x = spikes(3, 4, 50, density=0.1, dtype=dtype)
    events = SpikeEvents.from_dense(x)
    assert len(events.time) == int((x != 0).sum())
    assert torch.equal(events.to_dense(dtype), x)


def test_events_of_any_memory_layout_are_found():
    x = spikes(3, 4, 50).transpose(1, 2)
    assert torch.equal(SpikeEvents.from_dense(x).to_dense(torch.float64), x)


@pytest.mark.parametrize("batch", [[2, 0, 2], [1], [0, 1, 2, 3], []])
def test_a_batch_of_events_holds_the_samples_asked_for(batch):
    x = spikes(4, 3, 20)
    x[1] = 0  # a silent sample
    picked = torch.tensor(batch, dtype=torch.int64)
    assert torch.equal(SpikeEvents.from_dense(x).select(picked).to_dense(torch.float64), x[picked])


def make(sample, channel, time, dtype=torch.int64, shape=(2, 3, 4)):
    return SpikeEvents(*(torch.tensor(v, dtype=dtype) for v in (sample, channel, time)), shape)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [1, 1], [2, 1]), r"Event 1 at \(0, 1, 1\) does not come after .* \(0, 1, 2\)"),
        (([0, 0], [1, 0], [0, 1]), "Sort events by"),
        (([0, 0], [1, 1], [2, 2]), "each place once"),
        (([0], [3], [0]), r"Event 0 has channel 3, outside 0 to 2: the shape is \(2, 3, 4\)"),
        (([0], [0], [4]), "time 4, outside 0 to 3"),
        (([-1], [0], [0]), "sample -1"),
        (([0], [0, 1], [0]), r"shape \(1,\), one for each; given torch.int64 .* \(2,\)"),
        (([0], [0], [0], torch.int32), "given torch.int32"),
    ],
)
def test_events_out_of_order_or_range_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        make(*arguments)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("value", [2.0, 0.5, -1.0, float("nan")])
def test_what_is_no_spike_is_refused(value):
    x = spikes(2, 3, 40)
    x[1, 2, 35] = value
    with pytest.raises(UserError, match="Spikes are 0 or 1"):
        SpikeEvents.from_dense(x)


def test_an_input_that_does_not_fit_is_refused():
    layer = EventConv1d(3, 2, 4)
    with pytest.raises(UserError, match=r"\(batch, 3, steps\); given \(2, 4, 9\)"):
        layer(torch.zeros(2, 4, 9))
    with pytest.raises(UserError, match=r"given \(3, 9\)"):
        layer(torch.zeros(3, 9))
    with pytest.raises(UserError, match="first layer"):
        layer(torch.zeros(2, 3, 9, requires_grad=True))
    with pytest.raises(UserError, match=r"\(samples, channels, steps\); given \(3, 9\)"):
        SpikeEvents.from_dense(torch.zeros(3, 9))
    with pytest.raises(UserError, match="0 taps"):
        EventConv1d(3, 2, 0)


def test_operations_are_counted_by_the_spike(monkeypatch):
    layer = EventConv1d(3, 5, 4)
    x = torch.zeros(1, 3, 10)
    x[0, 1, 2] = 1  # four taps fit
    x[0, 2, 9] = 1  # one does
    assert layer.macs(x) == layer.macs(SpikeEvents.from_dense(x)) == 5 * (4 + 1)
    work = count(layer, x)
    assert (work.effective_acs, work.effective_macs) == (25, 0)
    assert work.kernels == ("numba events",)
    monkeypatch.setattr(jit, "available", lambda: False)
    assert layer.kernel == "conv1d"
    assert layer.macs(x) == 10 * 5 * 3 * 4
