"""Loops over spikes: one addition per spike, filter tap and unit, the units innermost.

A filter is stored newest tap last, (channels, taps x units), so that what a spike adds to the
coming steps is one contiguous stretch. Compiled when first asked for; nothing starts a thread.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from neurojoule.kernels.jit import Array, jit


def find(x: Array, channels: int, sample: Array, channel: Array, time: Array) -> int:
    """Write where x is 1, in order; give -1, or the row that holds neither 0 nor 1.

    Args:
        x: (samples x channels, steps).
        channels: of one sample.
        sample: int64 (spikes,), written.
        channel: int64 (spikes,), written.
        time: int64 (spikes,), written.
    """
    zero, one, block = x.dtype.type(0), x.dtype.type(1), 32
    steps, found = x.shape[1], 0
    for row in range(len(x)):
        for start in range(0, steps, block):
            stretch = x[row, start : min(start + block, steps)]
            total = zero
            for t in range(len(stretch)):  # most stretches hold no spike: one vector sum tells
                total += abs(stretch[t])
            if total == zero:
                continue
            for t in range(len(stretch)):
                if stretch[t] == zero:
                    continue
                if stretch[t] != one:
                    return row
                sample[found], channel[found] = row // channels, row % channels
                time[found] = start + t
                found += 1
    return -1


def spread(  # noqa: PLR0917 - compiled signatures are positional
    sample: Array, channel: Array, time: Array, w: Array, y: Array, steps: int
) -> None:
    """Add the filter of every spike's channel to the steps from the spike on.

    Args:
        sample: int64 (spikes,).
        channel: int64 (spikes,).
        time: int64 (spikes,).
        w: (channels, taps x units).
        y: (samples, steps x units), added to.
        steps: of one sample.
    """
    units, length = y.shape[1] // steps, w.shape[1]
    for e in range(len(sample)):
        start = time[e] * units
        taps = w[channel[e]]
        out = y[sample[e], start : start + length]  # shorter at the end of the sample
        for j in range(len(out)):
            out[j] += taps[j]


def collect(  # noqa: PLR0917 - compiled signatures are positional
    sample: Array, channel: Array, time: Array, dy: Array, dw: Array, steps: int
) -> None:
    """Add the gradient of the steps from every spike on to the filter of its channel.

    Args:
        sample: int64 (spikes,), sorted.
        channel: int64 (spikes,), sorted within a sample.
        time: int64 (spikes,), sorted within a channel.
        dy: (samples, steps x units).
        dw: (channels, taps x units), added to.
        steps: of one sample.
    """
    units, length = dy.shape[1] // steps, dw.shape[1]
    e = 0
    while e < len(sample):
        out = dw[channel[e]]
        g = dy[sample[e]]
        last = e + 3  # spikes of one channel, four at a time, share the filter's load and store
        if (
            last < len(sample)
            and channel[last] == channel[e]
            and sample[last] == sample[e]
            and time[last] * units + length <= len(g)
        ):
            g0, g1 = g[time[e] * units :], g[time[e + 1] * units :]
            g2, g3 = g[time[e + 2] * units :], g[time[last] * units :]
            for j in range(length):
                out[j] += g0[j] + g1[j] + g2[j] + g3[j]
            e += 4
        else:
            g0 = g[time[e] * units : time[e] * units + length]
            for j in range(len(g0)):
                out[j] += g0[j]
            e += 1


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    find: Callable[..., int]
    spread: Callable[..., None]
    collect: Callable[..., None]


@functools.cache
def compiled() -> Loops:
    """Compile every loop for float32 and float64, or load its machine code from the disk."""
    return Loops(
        find=jit(find, "matrix int ints ints ints", returns="int64"),
        spread=jit(spread, "ints ints ints matrix matrix int"),
        collect=jit(collect, "ints ints ints matrix matrix int"),
    )
