"""Causal convolution: every form gives the same, none sees the future."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from neurojoule.errors import UserError
from neurojoule.kernels import convolution
from neurojoule.kernels.convolution import CausalConv1d, causal_conv1d, form
from neurojoule.kernels.streaming import Streaming
from neurojoule.work import count

SHAPES = [  # batch, channels, steps, units, taps, dilation
    (2, 3, 20, 4, 5, 1),
    (3, 2, 9, 1, 4, 3),
    (1, 3, 20, 4, 5, 2),
    (4, 1, 20, 4, 5, 2),
    (2, 7, 1, 5, 3, 1),
    (5, 16, 33, 24, 1, 1),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_equals_the_sum_written_out(shape, dtype):
    batch, channels, steps, units, taps, dilation = shape
    torch.manual_seed(0)
    x = torch.randn(batch, channels, steps, dtype=dtype)
    weight = torch.randn(units, channels, taps, dtype=dtype)
    bias = torch.randn(units, dtype=dtype)
    expected = bias[None, :, None].repeat(batch, 1, steps)
    for t in range(steps):
        for k in range(taps):
            past = t - (taps - 1 - k) * dilation
            if past >= 0:
                expected[:, :, t] += x[:, :, past] @ weight[:, :, k].t()
    torch.testing.assert_close(causal_conv1d(x, weight, bias, dilation), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_its_gradients_are_those_of_the_padded_convolution(shape):
    batch, channels, steps, units, taps, dilation = shape
    torch.manual_seed(0)
    layer = CausalConv1d(channels, units, taps, dilation=dilation)
    x = torch.randn(batch, channels, steps, requires_grad=True)
    wanted = [x, layer.weight, layer.bias]
    padded = F.pad(x, ((taps - 1) * dilation, 0))
    expected = F.conv1d(padded, layer.weight, layer.bias, dilation=dilation)
    dy = torch.randn_like(expected)
    gradients = torch.autograd.grad(layer(x), wanted, dy)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, wanted, dy))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_batch_too_large_to_unfold_is_worked_off_in_parts(monkeypatch, shape):
    batch, channels, steps, units, taps, dilation = shape
    torch.manual_seed(0)
    layer = CausalConv1d(channels, units, taps, dilation=dilation)
    x = torch.randn(batch, channels, steps, requires_grad=True)
    whole, flops = layer(x), count(layer, x).forward_flops
    monkeypatch.setattr(convolution, "UNFOLDED_NUMBERS", 2 * channels * taps * steps)
    seen = []
    inner = convolution._convolved
    monkeypatch.setattr(
        convolution, "_convolved", lambda part, *rest: seen.append(len(part)) or inner(part, *rest)
    )
    parts = layer(x)
    assert max(seen) <= 2
    assert sum(seen) == batch
    torch.testing.assert_close(parts, whole)
    assert parts.stride() == whole.stride()
    dy = torch.randn_like(whole)
    wanted = [x, layer.weight, layer.bias]
    one, two = (torch.autograd.grad(y, wanted, dy) for y in (whole, parts))
    torch.testing.assert_close(one, two)
    assert count(layer, x).forward_flops == flops


def test_no_output_sees_the_future():
    torch.manual_seed(0)
    net = nn.Sequential(CausalConv1d(3, 8, 4), nn.ReLU(), CausalConv1d(8, 2, 3, dilation=4))
    x = torch.randn(2, 3, 30, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[:, :, 12].sum(), x)
    assert gradient[:, :, 13:].abs().max() == 0
    assert gradient[:, :, 12 - 3 - 8 : 13].abs().amax((0, 1)).min() > 0
    assert gradient[:, :, : 12 - 3 - 8].abs().max() == 0


def test_the_form_follows_the_shape():
    assert form(torch.zeros(2, 3, 9)) == "channels-last"
    assert form(torch.zeros(1, 3, 9)) == "direct"
    assert form(torch.zeros(2, 1, 9)) == "direct"
    assert form(torch.zeros(2, 3, 9, dtype=torch.float64)) == "direct"
    assert CausalConv1d(3, 1, 4).kernel == "conv1d channels-last"
    assert CausalConv1d(1, 3, 4).kernel == "conv1d direct"


def test_between_two_layers_nothing_is_copied():
    layer = CausalConv1d(3, 3, 4)
    h = F.relu(layer(torch.zeros(2, 3, 9)))
    assert h.transpose(1, 2).is_contiguous()


def test_its_operations_are_those_of_a_convolution():
    work = count(CausalConv1d(3, 5, 4), torch.ones(2, 3, 9))
    assert work.forward_flops == 2 * 9 * 5 * 3 * 4
    assert work.kernels == ("conv1d channels-last",)


def test_it_streams_with_a_weight_norm_too():
    torch.manual_seed(0)
    net = nn.Sequential(weight_norm(CausalConv1d(3, 8, 4, dilation=2)), nn.ReLU())
    x = torch.randn(2, 3, 30)
    stream = Streaming(net, samples=2)
    streamed = torch.stack([stream.step(x[:, :, t]) for t in range(30)], 2)
    torch.testing.assert_close(streamed, net(x), atol=1e-5, rtol=1e-5)


def test_what_does_not_fit_is_refused():
    layer = CausalConv1d(3, 2, 4)
    with pytest.raises(UserError, match=r"\(2, 3, 4\).*\(batch, 3, steps\); given \(2, 4, 9\)"):
        layer(torch.zeros(2, 4, 9))
    with pytest.raises(UserError, match="0 taps"):
        CausalConv1d(3, 2, 0)
