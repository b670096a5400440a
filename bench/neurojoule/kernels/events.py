"""A first layer over spikes that works per spike, not per step: silence costs nothing.

A dense convolution multiplies every input at every step with every tap; of spikes a few per cent
are ones. Here every spike adds its channel's filter to the steps from it on: one addition per
spike, tap and unit. Measured in docs/kernels.md: forward and backward cost less than those of a
dense convolution at any density up to a half, so there is no rule by density.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import event_loops, jit
from neurojoule.kernels.sums import is_compiled


@dataclass(frozen=True, eq=False)
class SpikeEvents:
    """Spikes as a sorted list: spike e is in sample[e], on channel[e], at step time[e].

    Attributes:
        sample: int64 (spikes,).
        channel: int64 (spikes,).
        time: int64 (spikes,).
        shape: (samples, channels, steps) of the dense form.

    Raises:
        UserError: for another dtype or length, an event out of range, two at one place, or events
            that are not sorted by sample, then channel, then time.
    """

    sample: Tensor
    channel: Tensor
    time: Tensor
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        axes = {"sample": self.sample, "channel": self.channel, "time": self.time}
        for (name, values), extent in zip(axes.items(), self.shape, strict=True):
            if values.dtype != torch.int64 or values.shape != (len(self.sample),):
                raise UserError(
                    f"The {name} of events is torch.int64 with the shape ({len(self.sample)},), "
                    f"one for each; given {values.dtype} with the shape {tuple(values.shape)}."
                )
            wrong = (values < 0) | (values >= extent)
            if wrong.any():
                event = int(wrong.nonzero()[0])
                raise UserError(
                    f"Event {event} has {name} {int(values[event])}, outside 0 to {extent - 1}: "
                    f"the shape is {self.shape} (samples, channels, steps)."
                )
        place = (self.sample * self.shape[1] + self.channel) * self.shape[2] + self.time
        late = place.diff() <= 0
        if late.any():
            event = int(late.nonzero()[0]) + 1
            here, before = (tuple(int(v[e]) for v in axes.values()) for e in (event, event - 1))
            raise UserError(
                f"Event {event} at {here} does not come after event {event - 1} at {before}. Sort "
                "events by (sample, channel, time), and give each place once."
            )

    @classmethod
    def from_dense(cls, x: Tensor) -> Self:
        """The events of x (samples, channels, steps), bool or numbers that are all 0 or 1.

        Raises:
            UserError: for another shape, or a value that is neither 0 nor 1.
        """
        if x.ndim != 3:
            raise UserError(
                f"Dense spikes have the shape (samples, channels, steps); given {tuple(x.shape)}."
            )
        samples, channels, steps = x.shape
        return cls(*_find(x), shape=(samples, channels, steps))

    def to_dense(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """0 and 1 of shape (samples, channels, steps)."""
        x = torch.zeros(self.shape, dtype=dtype, device=self.sample.device)
        x[self.sample, self.channel, self.time] = 1
        return x

    def select(self, samples: Tensor) -> "SpikeEvents":
        """The events of a batch: sample i of the result is sample samples[i], int64 (batch,)."""
        ends = torch.arange(self.shape[0] + 1, device=self.sample.device)
        starts = torch.searchsorted(self.sample, ends)  # (samples + 1,)
        counts = starts.diff()[samples]  # (batch,)
        new = torch.arange(len(samples), device=samples.device).repeat_interleave(counts)
        # Event j of the result is the how-manieth of its sample, counted from that sample's start.
        skipped = starts[samples] - (counts.cumsum(0) - counts)
        old = torch.arange(len(new), device=samples.device) + skipped[new]
        return SpikeEvents(new, self.channel[old], self.time[old], (len(samples), *self.shape[1:]))


def spike_events(x: SpikeEvents | Tensor) -> SpikeEvents:
    """Spikes as events, whatever they come as."""
    return x if isinstance(x, SpikeEvents) else SpikeEvents.from_dense(x)


def dense_spikes(x: SpikeEvents | Tensor, dtype: torch.dtype) -> Tensor:
    """Spikes as numbers, whatever they come as."""
    return x.to(dtype) if isinstance(x, Tensor) else x.to_dense(dtype)


def check_spikes(x: SpikeEvents | Tensor, channels: int, layer: str) -> None:
    """What a first layer over spikes takes.

    Raises:
        UserError: for another shape than (batch, channels, steps), or an input with a gradient.
    """
    if len(x.shape) != 3 or x.shape[1] != channels:
        raise UserError(
            f"This layer takes spikes of shape (batch, {channels}, steps); given {tuple(x.shape)}."
        )
    if isinstance(x, Tensor) and x.requires_grad:
        raise UserError(
            f"{layer} is a first layer: spikes have no gradient. Use torch.nn.Conv1d for a layer "
            "whose input needs one."
        )


class EventConv1d(nn.Module):
    """Causal convolution of spikes.

    y[b, u, t] = bias[u] + sum over c, k of weight[u, c, k] x[b, c, t - (taps - 1 - k)]: the same
    function, and the same weight, as a `torch.nn.Conv1d` whose input is padded with taps - 1 zeros
    on the left. It is a first layer: its input has no gradient. Where the loops cannot run (no
    numba, another device or dtype) it is that convolution.

    Args:
        channels: of the input.
        units: of the output.
        taps: length of the filters in steps.
        bias: whether every unit has a bias.

    Attributes:
        weight: (units, channels, taps), in memory (channels, taps, units).
        bias: (units,) or None.

    Raises:
        UserError: when there is no channel, unit or tap.
    """

    def __init__(self, channels: int, units: int, taps: int, *, bias: bool = True) -> None:
        super().__init__()
        if min(channels, units, taps) < 1:
            raise UserError(
                "A convolution has at least one channel, unit and tap; given "
                f"{channels} channels, {units} units, {taps} taps."
            )
        bound = (channels * taps) ** -0.5
        weight = torch.empty(channels, taps, units).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight.permute(2, 0, 1))
        self.bias = nn.Parameter(torch.empty(units).uniform_(-bound, bound)) if bias else None

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        return "numba events" if is_compiled(self.weight) else "conv1d"

    def forward(self, x: SpikeEvents | Tensor) -> Tensor:
        """Map spikes (batch, channels, steps) to (batch, units, steps), causally.

        The result lies in memory as (batch, steps, units).

        Raises:
            UserError: when the input has another shape, needs a gradient, or holds anything but
                spikes.
        """
        check_spikes(x, self.weight.shape[1], "EventConv1d")
        if not is_compiled(self.weight):
            dense = dense_spikes(x, self.weight.dtype)
            return F.conv1d(F.pad(dense, (self.weight.shape[2] - 1, 0)), self.weight, self.bias)
        events = spike_events(x)
        y: Tensor = _Spread.apply(events, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return y

    def macs(self, x: SpikeEvents | Tensor) -> int:
        """Accumulates of one call: one a spike, unit and tap that ends within the sample."""
        if not is_compiled(self.weight):
            samples, _, steps = x.shape
            return samples * steps * self.weight.numel()
        events = spike_events(x)
        units, _, taps = self.weight.shape
        return units * int((events.shape[2] - events.time).clamp(max=taps).sum())


def _find(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sample, channel and time of every 1 in x (samples, channels, steps), sorted."""
    kept_as_bits = x.dtype == torch.bool and x.device.type == "cpu" and jit.available()
    if not kept_as_bits and not is_compiled(x):
        if bool(((x != 0) & (x != 1)).any()):
            raise _not_binary(x)
        sample, channel, time = x.nonzero(as_tuple=True)
        return sample, channel, time
    samples, channels, steps = x.shape
    count = int(torch.count_nonzero(x))
    sample, channel, time = (torch.empty(count, dtype=torch.int64) for _ in range(3))
    rows = x.reshape(samples * channels, steps).contiguous()
    loops = event_loops.compiled()
    if kept_as_bits:
        jit.run(loops.find_bits, rows.view(torch.uint8), channels, sample, channel, time)
        return sample, channel, time
    wrong = jit.run(loops.find, rows, channels, sample, channel, time)
    if wrong >= 0:
        raise _not_binary(rows[wrong])
    return sample, channel, time


def _not_binary(x: Tensor) -> UserError:
    value = x[(x != 0) & (x != 1)][0].item()
    return UserError(
        f"Spikes are 0 or 1; this input holds {value:g}. Use torch.nn.Conv1d for graded input."
    )


class _Spread(torch.autograd.Function):
    """The convolution and the gradients of weight and bias, by loops over the spikes."""

    @staticmethod
    def forward(ctx: Any, events: SpikeEvents, weight: Tensor, bias: Tensor | None) -> Tensor:
        samples, channels, steps = events.shape
        units = len(weight)
        y = weight.new_zeros(samples, steps, units)
        if bias is not None:
            y += bias
        newest_last = weight.permute(1, 2, 0).flip(1).contiguous()  # (channels, taps, units)
        jit.run(
            event_loops.compiled().spread,
            events.sample,
            events.channel,
            events.time,
            newest_last.view(channels, -1),
            y.view(samples, steps * units),
            steps,
        )
        ctx.events, ctx.weight_shape = events, weight.shape
        return y.transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[None, Tensor, Tensor | None]:
        events = ctx.events
        samples, channels, steps = events.shape
        units, _, taps = ctx.weight_shape
        rows = dy.transpose(1, 2).contiguous()  # (batch, steps, units)
        newest_last = rows.new_zeros(channels, taps, units)
        jit.run(
            event_loops.compiled().collect,
            events.sample,
            events.channel,
            events.time,
            rows.view(samples, steps * units),
            newest_last.view(channels, taps * units),
            steps,
        )
        dweight = newest_last.flip(1).permute(2, 0, 1)  # (units, channels, taps)
        return None, dweight, rows.sum((0, 1)) if ctx.needs_input_grad[2] else None
