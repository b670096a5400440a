"""A long temporal filter on spikes at a price that does not depend on how long it is.

A first layer that looks 200 ms back has 200 free taps for each synapse and unit: millions of
parameters, which overfit, and an addition for each tap of every spike. Here a filter is constant
within bins of lags that widen with the lag, as in the bases of generalised linear models (Pillow et
al. 2008 use raised cosines of the logarithm of the lag). Such a filter changes only at the edges of
its bins: a spike adds one change an edge, and a running sum over time gives the output.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import event_loops, jit
from neurojoule.kernels.events import SpikeEvents, check_spikes, dense_spikes, spike_events
from neurojoule.kernels.sums import is_compiled


def log_edges(taps: int, bins: int) -> Tensor:
    """Edges 0 = e_0 < ... < e_bins = taps of bins that widen with the lag, int64 (bins + 1,).

    The first bin is one step wide and each is by the same factor r wider than the one before,
    e_j = (r^j - 1)/(r - 1), rounded.

    Raises:
        UserError: when there is no bin, or there are more bins than taps.
    """
    if not 1 <= bins <= taps:
        raise UserError(f"{taps} taps are divided into 1 to {taps} bins; given {bins}.")

    def edge(r: float, j: int) -> float:
        return sum(r**i for i in range(j))

    low, high = 1.0, float(taps)
    for _ in range(60):
        r = (low + high) / 2
        low, high = (r, high) if edge(r, bins) < taps else (low, r)
    edges = [math.floor(edge(high, j) + 0.5) for j in range(bins)]
    return torch.tensor([*edges, taps])


class BinnedConv1d(nn.Module):
    """Causal convolution of spikes whose filters are constant within bins of lags.

    y[b, u, t] = bias[u] + sum over c, j of weight[u, c, j] (spikes of x[b, c] in t - e_(j+1) + 1 to
    t - e_j). It is a first layer: its input has no gradient. Where the loops cannot run (no numba,
    another device or dtype) it is the dense convolution that it equals.

    Args:
        channels: of the input.
        units: of the output.
        taps: length of the filters in steps.
        bins: of a filter; its parameters.

    Attributes:
        weight: (units, channels, bins), in memory (channels, bins, units).
        bias: (units,).
        edges: int64 (bins + 1,), of the bins.

    Raises:
        UserError: when there is no channel, unit or tap, or not from 1 to `taps` bins.
    """

    edges: Tensor

    def __init__(self, channels: int, units: int, taps: int, bins: int) -> None:
        super().__init__()
        if min(channels, units, taps) < 1:
            raise UserError(
                "A convolution has at least one channel, unit and tap; given "
                f"{channels} channels, {units} units, {taps} taps."
            )
        self.register_buffer("edges", log_edges(taps, bins), persistent=False)
        # Every bin starts with the same variance of what it adds.
        bound = (channels * bins * self.edges.diff()) ** -0.5  # (bins,)
        weight = torch.empty(channels, bins, units).uniform_(-1, 1) * bound[:, None]
        self.weight = nn.Parameter(weight.permute(2, 0, 1))
        self.bias = nn.Parameter(torch.zeros(units))

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        return "numba events, binned" if is_compiled(self.weight) else "conv1d"

    def forward(self, x: SpikeEvents | Tensor) -> Tensor:
        """Map spikes (batch, channels, steps) to (batch, units, steps), causally.

        The result lies in memory as (batch, steps, units).

        Raises:
            UserError: when the input has another shape, needs a gradient, or holds anything but
                spikes.
        """
        check_spikes(x, self.weight.shape[1], "BinnedConv1d")
        if not is_compiled(self.weight):
            dense = dense_spikes(x, self.weight.dtype)
            taps = self.taps_weight()
            return F.conv1d(F.pad(dense, (taps.shape[2] - 1, 0)), taps, self.bias)
        events = spike_events(x)
        y: Tensor = _Change.apply(events, self.weight, self.bias, self.edges)  # type: ignore[no-untyped-call]
        return y

    def taps_weight(self) -> Tensor:
        """The filters tap by tap, as `torch.nn.Conv1d` keeps them: (units, channels, taps)."""
        return self.weight.repeat_interleave(self.edges.diff(), 2).flip(2)

    def macs(self, x: SpikeEvents | Tensor) -> int:
        """Additions of one call: one a spike, unit and edge within the sample, and the sums."""
        samples, _, steps = x.shape
        units = len(self.weight)
        if not is_compiled(self.weight):
            return samples * steps * self.taps_weight().numel()
        events = spike_events(x)
        changes = sum(int((events.time + edge < steps).sum()) for edge in self.edges)
        return units * (changes + samples * (steps - 1))


class _Change(torch.autograd.Function):
    """The convolution and the gradients of weight and bias, by loops over the spikes."""

    @staticmethod
    def forward(
        ctx: Any, events: SpikeEvents, weight: Tensor, bias: Tensor, edges: Tensor
    ) -> Tensor:
        samples, channels, steps = events.shape
        units, bins = len(weight), weight.shape[2]
        changes = F.pad(weight, (1, 1)).diff().permute(1, 2, 0).contiguous()
        y = bias.repeat(samples, steps)
        jit.run(
            event_loops.compiled().spread_changes,
            *(events.sample, events.channel, events.time, edges),
            *(changes.view(channels, (bins + 1) * units), y, units),
        )
        ctx.events, ctx.edges, ctx.units = events, edges, units
        return y.view(samples, steps, units).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[None, Tensor, Tensor, None]:
        events, edges, units = ctx.events, ctx.edges, ctx.units
        samples, channels, steps = events.shape
        rows = dy.transpose(1, 2).clone(memory_format=torch.contiguous_format)
        dbias = rows.sum((0, 1))
        changes = rows.new_zeros(channels, len(edges), units)
        jit.run(
            event_loops.compiled().collect_changes,
            *(events.sample, events.channel, events.time, edges),
            *(rows.view(samples, steps * units), changes.view(channels, -1), units),
        )
        return None, -changes.diff(dim=1).permute(2, 0, 1), dbias, None
