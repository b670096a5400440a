"""Sections of kernels.py about convolutions: their forms by shape, and where products win."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from loop import published as torchs
from torch import Tensor
from torch.nn import functional as F
from turns import backward, inference, turns

from neurojoule.kernels.convolution import causal_conv1d
from neurojoule.kernels.small_convolution import SmallConv1d, as_product
from neurojoule.registry import Shape, get_model


def unfolded(x: Tensor, w: Tensor, b: Tensor, d: int) -> Tensor:
    """The input unfolded to (batch, channels x taps, steps), times a matrix."""
    units, channels, taps = w.shape
    padded = F.pad(x, ((taps - 1) * d, 0))
    columns = padded.unfold(2, (taps - 1) * d + 1, 1)[..., ::d]  # (batch, channels, steps, taps)
    columns = columns.permute(0, 1, 3, 2).reshape(len(x), channels * taps, -1)
    return torch.matmul(w.reshape(units, -1), columns) + b.unsqueeze(1)


def per_tap(x: Tensor, w: Tensor, b: Tensor, d: int) -> Tensor:
    """Time outermost: every tap is one product of (steps x batch, channels) with a matrix."""
    (units, channels, taps), (samples, _, steps) = w.shape, x.shape
    padded = F.pad(x.permute(2, 0, 1), (0, 0, 0, 0, (taps - 1) * d, 0))
    y = b.expand(steps * samples, units)
    for k in range(taps):
        y = torch.addmm(y, padded[k * d : k * d + steps].reshape(-1, channels), w[:, :, k].t())
    return y.view(steps, samples, units).permute(1, 2, 0)


def fourier(x: Tensor, w: Tensor, b: Tensor, d: int) -> Tensor:
    """A product per frequency."""
    steps, taps = x.shape[2], w.shape[2]
    length = steps + (taps - 1) * d
    spread = torch.zeros(*w.shape[:2], (taps - 1) * d + 1)
    spread = spread.index_copy(2, torch.arange(0, (taps - 1) * d + 1, d), w.flip(2))
    xs, ws = torch.fft.rfft(x, length), torch.fft.rfft(spread, length)
    ys = torch.bmm(xs.permute(2, 0, 1), ws.permute(2, 1, 0))  # (frequencies, batch, units)
    return torch.fft.irfft(ys.permute(1, 2, 0), length)[..., :steps] + b.unsqueeze(1)


def channels_last(x: Tensor, w: Tensor, b: Tensor, d: int) -> Tensor:
    """The direct convolution, channels innermost in memory."""
    image = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    padded = F.pad(image, ((w.shape[2] - 1) * d, 0))
    return F.conv2d(padded, w.unsqueeze(2), b, dilation=(1, d)).squeeze(2)


def convolution() -> None:
    """The forms of a causal convolution, by shape."""
    forms = {
        "unfold": unfolded,
        "per tap": per_tap,
        "Fourier": fourier,
        "channels-last": channels_last,
        "by rule": causal_conv1d,
    }
    print("\nCausal convolution: ms of conv1d, then conv1d / form; inference | forward + backward")
    for shape in (
        (100, 1, 40, 24, 5, 1),
        (100, 24, 40, 24, 5, 1),
        (100, 24, 40, 24, 5, 8),
        (64, 25, 784, 25, 7, 16),
        (32, 30, 200, 30, 7, 8),
        (32, 64, 200, 64, 5, 1),
        (32, 64, 200, 64, 3, 4),
        (100, 8, 40, 8, 5, 1),
        (8, 48, 300, 48, 24, 1),
        (8, 128, 300, 128, 24, 1),
        (8, 128, 300, 128, 35, 1),
        (8, 320, 300, 48, 54, 1),
        (8, 320, 300, 128, 24, 1),
        (4, 256, 300, 256, 12, 1),
        (1, 128, 300, 128, 24, 1),
    ):
        samples, channels, steps, units, taps, dilation = shape
        torch.manual_seed(0)
        x = torch.randn(samples, channels, steps, requires_grad=True)
        w = (torch.randn(units, channels, taps) / (channels * taps) ** 0.5).requires_grad_()
        b, dy = torch.zeros(units, requires_grad=True), torch.randn(samples, units, steps)

        def plain(x: Tensor, w: Tensor, b: Tensor, d: int) -> Tensor:
            return F.conv1d(F.pad(x, ((w.shape[2] - 1) * d, 0)), w, b, dilation=d)

        def forward(form: Callable[..., Tensor], a: tuple = (x, w, b, dilation)) -> None:
            with torch.inference_mode():
                form(*a)

        def train(
            form: Callable[..., Tensor], a: tuple = (x, w, b, dilation), dy: Tensor = dy
        ) -> None:
            torch.autograd.grad(form(*a), a[:3], dy)

        cells = []
        for test in (forward, train):
            times = turns(
                {
                    name: lambda form=form, test=test: test(form)
                    for name, form in {"conv1d": plain, **forms}.items()
                },
                rounds=11,
                window_s=0.02,
            )
            ratios = " ".join(
                f"{name} {np.median(times['conv1d'] / times[name]):.2f}" for name in forms
            )
            cells.append(f"{np.median(times['conv1d']):8.2f} {ratios}")
        print(f"  {shape!s:34} {' | '.join(cells)}")


class Product(SmallConv1d):
    """Always the product, whatever the rule."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        """Map (batch, channels, steps) to (batch, units, steps out)."""
        return as_product(input, self.weight, self.bias, self.stride[0], int(self.padding[0]))


def strided() -> None:
    """The CNN of MNIST-1D by products and by conv1d, at any size: where the rule's limits are."""
    print("\nconv1d / product, forward + backward | inference")
    for units in (8, 25, 64):
        torch.manual_seed(0)
        plain = torchs(get_model("cnn1d").build(Shape((1, 40), 10, (40,)), units))
        fast = copy.deepcopy(plain)
        for name in ("conv1", "conv2", "conv3"):
            conv = getattr(plain, name)
            taps, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
            layer = Product(conv.in_channels, units, taps, stride=stride, padding=padding)
            layer.load_state_dict(conv.state_dict())
            setattr(fast, name, layer)
        for batch in (1, 8, 32, 100, 256, 1024):
            x, y = torch.randn(batch, 1, 40), torch.randint(10, (batch,))
            cells = []
            for test in (lambda m, x=x, y=y: backward(m, x, y), lambda m, x=x: inference(m, x)):
                times = turns(
                    {
                        "conv1d": lambda test=test, m=plain: test(m),
                        "product": lambda test=test, m=fast: test(m),
                    },
                    rounds=7,
                )
                cells.append(f"{np.median(times['conv1d'] / times['product']):.2f}")
            print(f"  {units:3} channels, batch {batch:5}: {' | '.join(cells)}")
