"""A small convolution as one product: torch's own, in value and gradient."""

import pytest
import torch
from torch import nn

from neurojoule.kernels.small_convolution import MOST_MACS, SmallConv1d, is_small

SHAPES = [
    # batch, channels, units, taps, stride, padding, steps
    (100, 1, 25, 5, 2, 1, 40),
    (8, 25, 25, 3, 2, 1, 19),
    (2, 3, 4, 3, 2, 1, 10),
    (3, 2, 5, 4, 3, 0, 11),
    (2, 1, 1, 1, 1, 0, 1),
    (5, 4, 2, 3, 1, 2, 7),
]


def pair(layer, dtype):
    channels, units, taps, stride, padding = layer
    torch.manual_seed(0)
    fast = SmallConv1d(channels, units, taps, stride=stride, padding=padding).to(dtype)
    plain = nn.Conv1d(channels, units, taps, stride=stride, padding=padding).to(dtype)
    plain.load_state_dict(fast.state_dict())
    return fast, plain


@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradients_are_those_of_torch(shape):
    batch, *layer, steps = shape
    fast, plain = pair(layer, torch.float64)
    x = torch.randn(batch, layer[0], steps, dtype=torch.float64)
    assert is_small(x, fast.weight, layer[3], layer[4])
    found, expected = [], []
    for net, out in ((fast, found), (plain, expected)):
        leaf = x.clone().requires_grad_()
        y = net(leaf)
        torch.manual_seed(1)
        y.backward(torch.randn(y.shape, dtype=y.dtype))
        out += [y, leaf.grad, net.weight.grad, net.bias.grad]
    torch.testing.assert_close(found, expected)


def test_the_gradient_is_that_of_finite_differences():
    layer = SmallConv1d(2, 3, 3, stride=2, padding=1).double()
    assert torch.autograd.gradcheck(layer, torch.randn(2, 2, 7).double().requires_grad_())


def test_a_stack_passes_its_layout_on():
    fast = nn.Sequential(
        SmallConv1d(1, 4, 5, stride=2, padding=1), nn.ReLU(), SmallConv1d(4, 3, 3, stride=2)
    )
    plain = nn.Sequential(
        nn.Conv1d(1, 4, 5, stride=2, padding=1), nn.ReLU(), nn.Conv1d(4, 3, 3, stride=2)
    )
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(6, 1, 40)
    torch.testing.assert_close(fast(x), plain(x))


def test_few_multiply_adds_of_several_samples_go_through_the_product():
    weight = torch.zeros(25, 25, 3)
    assert is_small(torch.zeros(100, 25, 19), weight, 2, 1)
    with torch.no_grad():  # forward alone, torch's own pays earlier
        assert not is_small(torch.zeros(100, 25, 19), weight, 2, 1)
    assert not is_small(torch.zeros(1, 25, 19), weight, 2, 1)
    assert not is_small(torch.zeros(1000, 25, 19), weight, 2, 1)
    assert not is_small(torch.zeros(100, 25, 19, device="meta"), weight, 2, 1)
    assert 100 * weight.numel() * 10 <= MOST_MACS < 1000 * weight.numel() * 10


@pytest.mark.parametrize("x", [torch.zeros(4, 3, 9), torch.zeros(4, 2, 1)])
def test_an_input_that_does_not_fit_is_torch_s_own_error(x):
    with pytest.raises(RuntimeError, match=r"channels|size"):
        SmallConv1d(2, 3, 5)(x)
