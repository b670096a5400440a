"""Dendrites in time: each reads few channels of spikes, every synapse through a filter of its own.

    u_d(t) = b_d + sum over the K synapses k of d, lags l of w_dk(l) x_idx(d,k)(t - l)

Filters are constant within bins of lags that widen with the lag (`neurojoule.kernels.binned`), so a
spike costs one addition an edge of the bins and synapse that it reaches, and nothing where there is
no synapse: `BinnedConv1d` with most of its weights not there.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import jit, synapse_loops, wiring
from neurojoule.kernels.binned import log_edges
from neurojoule.kernels.events import SpikeEvents, check_spikes, dense_spikes, spike_events
from neurojoule.kernels.sums import is_compiled


class BinnedSynapses(nn.Module):
    """Causal, sparse convolution of spikes whose filters are constant within bins of lags.

    y[b, u, t] = bias[u] + sum over k, j of weight[u, k, j] (spikes of x[b, index[u, k]] in
    t - e_(j+1) + 1 to t - e_j). It is a first layer: its input has no gradient. Where the loops
    cannot run (no numba, another device or dtype) it is the dense convolution that it equals, with
    zeros where no synapse is.

    Args:
        channels: of the input.
        index: int64 (units, synapses), the channel that each synapse reads.
        taps: length of the filters in steps.
        bins: of a filter; its parameters.
        asked: how many of the last steps are computed; 0 for all.

    Attributes:
        weight: (units, synapses, bins).
        bias: (units,).
        index: as given.
        edges: int64 (bins + 1,), of the bins.

    Raises:
        UserError: when the index does not fit the channels or has places without a synapse; when
            there is no tap, or not from 1 to `taps` bins.
    """

    index: Tensor
    edges: Tensor

    def __init__(
        self, channels: int, index: Tensor, taps: int, bins: int, *, asked: int = 0
    ) -> None:
        super().__init__()
        wiring.check(channels, index)
        if not index.is_meta and bool((index == wiring.NO_SYNAPSE).any()):
            raise UserError(
                "Every unit of BinnedSynapses has as many synapses; the given index has places "
                f"with {wiring.NO_SYNAPSE}, for no synapse."
            )
        self.channels = channels
        self.asked = asked
        self.register_buffer("index", index)
        self.register_buffer("edges", log_edges(taps, bins), persistent=False)
        # Every bin starts with the same variance of what it adds.
        bound = (index.shape[1] * bins * self.edges.diff()) ** -0.5  # (bins,)
        self.weight = nn.Parameter(torch.empty(*index.shape, bins).uniform_(-1, 1) * bound)
        self.bias = nn.Parameter(torch.zeros(len(index)))
        self._by_channel = wiring.synapses(channels, index)
        self.register_load_state_dict_post_hook(_rewire)  # type: ignore[no-untyped-call]

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        return "numba events, binned synapses" if is_compiled(self.weight) else "conv1d"

    def forward(self, x: SpikeEvents | Tensor) -> Tensor:
        """Map spikes (batch, channels, steps) to (batch, units, steps), or to the asked of them.

        The result lies in memory as (units, batch, steps), as `neurojoule.kernels.compact` reads.

        Raises:
            UserError: when the input has another shape, needs a gradient, or holds anything but
                spikes.
        """
        check_spikes(x, self.channels, "BinnedSynapses")
        start = self._start(x.shape[2])
        if not is_compiled(self.weight):
            dense = dense_spikes(x, self.weight.dtype)
            taps = self.taps_weight()
            window = F.pad(dense, (taps.shape[2] - 1, 0))[:, :, start:]
            return F.conv1d(window, taps, self.bias)
        events = spike_events(x)
        y: Tensor = _Reach.apply(  # type: ignore[no-untyped-call]
            events, self.weight, self.bias, self.edges, self._by_channel, start
        )
        return y

    def taps_weight(self) -> Tensor:
        """The filters tap by tap, as `torch.nn.Conv1d` keeps them: (units, channels, taps)."""
        units, _, bins = self.weight.shape
        every = self.weight.new_zeros(units, self.channels, bins)
        # Two synapses of one dendrite on one channel add up.
        every = every.scatter_add(1, self.index.unsqueeze(2).expand(-1, -1, bins), self.weight)
        return every.repeat_interleave(self.edges.diff(), 2).flip(2)

    def macs(self, x: SpikeEvents | Tensor) -> int:
        """Additions of one call: one a spike, synapse and edge that matters, and the sums."""
        samples, channels, steps = x.shape
        units, start = len(self.weight), self._start(x.shape[2])
        if not is_compiled(self.weight):
            taps = int(self.edges[-1])
            return samples * (steps - start) * units * channels * taps
        events = spike_events(x)
        readers = torch.bincount(self.index.flatten(), minlength=channels)[events.channel]
        lasts = events.time + self.edges[-1] > start
        changes = sum(
            int((readers * (lasts & (events.time + edge < steps))).sum()) for edge in self.edges
        )
        return changes + units * samples * (steps - start - 1)

    def extra_repr(self) -> str:
        """What print shows."""
        units, synapses, bins = self.weight.shape
        return f"{self.channels}, {units}, synapses={synapses}, bins={bins}"

    def _start(self, steps: int) -> int:
        return max(0, steps - self.asked) if self.asked else 0


class _Reach(torch.autograd.Function):
    """The layer and the gradients of weight and bias, by loops over spikes and synapses."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any,
        events: SpikeEvents,
        weight: Tensor,
        bias: Tensor,
        edges: Tensor,
        synapses: wiring.Synapses,
        start: int,
    ) -> Tensor:
        samples, _, steps = events.shape
        changes = F.pad(weight.flatten(0, 1)[synapses.order], (1, 1)).diff()  # (synapses, edges)
        y = weight.new_zeros(len(weight), samples, steps - start)
        jit.run(
            synapse_loops.compiled().spread_synapses,
            *(events.sample, events.channel, events.time, edges, changes),
            *(synapses.reader_offsets, synapses.readers, y.view(-1, steps - start)),
            *(samples, start),
        )
        ctx.events, ctx.edges, ctx.synapses, ctx.start = events, edges, synapses, start
        ctx.weight_shape = weight.shape
        return y.add_(bias[:, None, None]).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[None, Tensor, Tensor, None, None, None]:
        events, synapses = ctx.events, ctx.synapses
        rows = dy.transpose(0, 1).clone(memory_format=torch.contiguous_format)
        dbias = rows.sum((1, 2))
        changes = rows.new_zeros(len(synapses.order), len(ctx.edges))
        jit.run(
            synapse_loops.compiled().collect_synapses,
            *(events.sample, events.channel, events.time, ctx.edges),
            *(rows.view(-1, rows.shape[2]), changes),
            *(synapses.reader_offsets, synapses.readers, rows.shape[1], ctx.start),
        )
        dweight = torch.empty_like(changes[:, 1:])
        dweight[synapses.order] = -changes.diff()
        return None, dweight.view(ctx.weight_shape), dbias, None, None, None


def _rewire(layer: nn.Module, _keys: Any) -> None:
    """After loading weights: see from the channels what is stored from the units."""
    assert isinstance(layer, BinnedSynapses)
    layer._by_channel = wiring.synapses(layer.channels, layer.index)  # noqa: SLF001 - of this module
