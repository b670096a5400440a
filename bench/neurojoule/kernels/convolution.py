"""Causal convolution in the form that is fastest for its shape.

Measured in docs/kernels.md on the shapes of TCNs and surrogates: torch's direct convolution, an
unfolded input times a matrix, a product per tap, a Fourier transform, and the direct convolution
with channels innermost in memory. The last is as fast as the best or faster, 1.0 to 1.8 times
against the plain direct form, where there are several samples and several channels; the others
never pay. Hence the rule of `form`.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError

Form = Literal["direct", "channels-last"]

UNFOLDED_NUMBERS = 2**28
"""So many numbers (1 GiB) torch may unfold an input into, batch x channels x taps x steps; a larger
batch is worked off in parts. 128 windows of a cell under a filter of 192 ms would take 50 GB."""


def form(x: Tensor) -> Form:
    """Channels-last for float32 on a CPU, more than one sample and more than one channel."""
    several = x.shape[0] > 1 and x.shape[1] > 1
    fast = several and x.dtype == torch.float32 and x.device.type == "cpu"
    return "channels-last" if fast else "direct"


def causal_conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int = 1) -> Tensor:
    """y[b, u, t] = bias[u] + sum over c, k of weight[u, c, k] x[b, c, t - (taps - 1 - k) dilation].

    Args:
        x: (batch, channels, steps).
        weight: (units, channels, taps).
        bias: (units,) or None.
        dilation: steps between two taps.

    Returns:
        (batch, units, steps), in memory (batch, steps, units) where the form is channels-last; the
        next convolution then reads it without a copy.

    Raises:
        UserError: when x and the weight do not fit.
    """
    if x.ndim != 3 or x.shape[1] != weight.shape[1]:
        raise UserError(
            f"A convolution with weights of shape {tuple(weight.shape)} (units, channels, taps) "
            f"takes an input of shape (batch, {weight.shape[1]}, steps); given {tuple(x.shape)}."
        )
    how, at_once = form(x), max(1, UNFOLDED_NUMBERS // max(1, weight[0].numel() * x.shape[2]))
    if len(x) <= at_once:
        return _convolved(x, weight, bias, dilation, how)
    parts = (x[start : start + at_once] for start in range(0, len(x), at_once))
    done = [_convolved(part, weight, bias, dilation, how) for part in parts]
    if how == "direct":
        return torch.cat(done)
    return torch.cat([y.transpose(1, 2) for y in done]).transpose(1, 2)  # keeps units innermost


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int, how: Form) -> Tensor:
    padding = ((weight.shape[2] - 1) * dilation, 0)
    if how == "direct":
        return F.conv1d(F.pad(x, padding), weight, bias, dilation=dilation)
    image = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)  # (batch, channels, 1, t)
    y = F.conv2d(F.pad(image, padding), weight.unsqueeze(2), bias, dilation=(1, dilation))
    return y.squeeze(2)


class CausalConv1d(nn.Conv1d):
    """`torch.nn.Conv1d` that sees no future: padded on the left, as many steps out as in.

    Args:
        channels: of the input.
        units: of the output.
        taps: length of the filters.
        dilation: steps between two taps.
        bias: whether every unit has a bias.

    Raises:
        UserError: when one of them is under 1.
    """

    def __init__(
        self, channels: int, units: int, taps: int, *, dilation: int = 1, bias: bool = True
    ) -> None:
        if min(channels, units, taps, dilation) < 1:
            raise UserError(
                "A convolution has at least one channel, unit and tap and a dilation of 1 or more; "
                f"given {channels} channels, {units} units, {taps} taps, dilation {dilation}."
            )
        super().__init__(channels, units, taps, dilation=dilation, bias=bias)

    @property
    def kernel(self) -> str:
        """The form for batches, for the record."""
        return f"conv1d {form(self.weight.new_empty(2, self.in_channels, 1))}"

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        """Map (batch, channels, steps) to (batch, units, steps).

        Raises:
            UserError: when the input does not fit.
        """
        return causal_conv1d(input, self.weight, self.bias, self.dilation[0])
