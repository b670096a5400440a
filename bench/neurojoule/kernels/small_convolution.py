"""A small strided convolution as one matrix product, the batch innermost.

At 25 channels, 40 steps and a batch of 100 (the CNN of MNIST-1D) torch's convolution spends most of
its time on finding and entering oneDNN's kernels, once forward and twice backward. Unfolding the
taps copies the input once per tap, and one product does the rest. Measured in docs/kernels.md: that
is up to twice as fast while a call has few multiply-adds, and slower beyond; hence `is_small`.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

MOST_MACS = 2**21
"""Multiply-adds of one call up to which the product is faster with gradients; half without."""


class SmallConv1d(nn.Conv1d):
    """`torch.nn.Conv1d` of one group without dilation; small batches go through one product.

    Args:
        channels: of the input.
        units: of the output.
        taps: length of the filters.
        stride: steps between two outputs.
        padding: zeros on either side.
    """

    def __init__(
        self, channels: int, units: int, taps: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__(channels, units, taps, stride=stride, padding=padding)

    @property
    def kernel(self) -> str:
        """The implementation, for the record."""
        return "conv1d, as a product where small"

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        """Map (batch, channels, steps) to (batch, units, steps out).

        As a product the result lies in memory as (units, steps out, batch), which the next one
        reads without a copy.
        """
        (stride,), padding = self.stride, int(self.padding[0])
        if not is_small(input, self.weight, stride, padding):
            y: Tensor = super().forward(input)
            return y
        assert self.bias is not None
        return as_product(input, self.weight, self.bias, stride, padding)


def is_small(x: Tensor, weight: Tensor, stride: int, padding: int) -> bool:
    """The measured rule: on a CPU, several samples, few multiply-adds."""
    if x.ndim != 3 or x.shape[1] != weight.shape[1] or x.device.type != "cpu" or len(x) < 2:
        return False
    macs = len(x) * weight.numel() * _steps(x.shape[2], weight.shape[2], stride, padding)
    return 0 < macs <= (MOST_MACS if torch.is_grad_enabled() else MOST_MACS // 2)


def as_product(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """The convolution as one product, at any size; arguments and result as of `conv1d`."""
    y: Tensor = _Product.apply(x, weight, bias, stride, padding)  # type: ignore[no-untyped-call]
    return y


def _steps(steps: int, taps: int, stride: int, padding: int) -> int:
    return (steps + 2 * padding - taps) // stride + 1


class _Product(torch.autograd.Function):
    """y (units, steps out x batch) = W (units, channels x taps) @ the unfolded input."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, pad: int
    ) -> Tensor:
        (batch, channels, steps), (units, _, taps) = x.shape, weight.shape
        out = _steps(steps, taps, stride, pad)
        rows = F.pad(x.permute(1, 2, 0), (0, 0, pad, pad)).contiguous()  # (channels, time, batch)
        row = (steps + 2 * pad) * batch
        # (channels, taps, steps out, batch), then copied into (channels x taps, steps out x batch)
        windows = rows.as_strided((channels, taps, out, batch), (row, batch, stride * batch, 1))
        columns = windows.reshape(channels * taps, out * batch)
        y = torch.addmm(bias.unsqueeze(1), weight.reshape(units, -1), columns)
        ctx.save_for_backward(columns, weight)
        ctx.geometry = batch, steps, out, stride, pad
        return y.view(units, out, batch).permute(2, 0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        columns, weight = ctx.saved_tensors
        batch, steps, out, stride, pad = ctx.geometry
        units, channels, taps = weight.shape
        dy = dy.permute(1, 2, 0).reshape(units, out * batch)
        dweight = (dy @ columns.t()).view(weight.shape)
        dx = None
        if ctx.needs_input_grad[0]:
            dwindows = (weight.reshape(units, -1).t() @ dy).view(channels, taps, out, batch)
            drows = dy.new_zeros(channels, steps + 2 * pad, batch)
            for k in range(taps):  # each tap to the steps that it read
                drows[:, k : k + stride * (out - 1) + 1 : stride] += dwindows[:, k]
            dx = drows[:, pad : pad + steps].permute(2, 0, 1)
        return dx, dweight, dy.sum(1), None, None
