"""Loops over spikes: one addition per spike, filter tap and unit, the units innermost.

A filter is stored newest tap last, (channels, taps x units), so that what a spike adds to the
coming steps is one contiguous stretch. Compiled when first asked for; nothing starts a thread.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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


def spread_changes(  # noqa: PLR0917 - compiled signatures are positional
    sample: Array, channel: Array, time: Array, edges: Array, w: Array, y: Array, units: int
) -> None:
    """Add to y the filters of all spikes, each given by how it changes at some lags.

    Args:
        sample: int64 (spikes,).
        channel: int64 (spikes,).
        time: int64 (spikes,).
        edges: int64 (changes,), the lags, rising.
        w: (channels, changes x units), what a filter is more from that lag on.
        y: (samples, steps x units), added to.
        units: of the output.
    """
    steps = y.shape[1] // units
    changed = np.zeros_like(y)
    for e in range(len(sample)):
        row, changes = changed[sample[e]], w[channel[e]]
        for j in range(len(edges)):
            t = time[e] + edges[j]
            if t >= steps:
                break
            out = row[t * units : (t + 1) * units]
            change = changes[j * units : (j + 1) * units]
            for u in range(units):
                out[u] += change[u]
    for b in range(len(y)):
        for t in range(1, steps):
            now = changed[b, t * units : (t + 1) * units]
            before = changed[b, (t - 1) * units : t * units]
            for u in range(units):
                now[u] += before[u]
        for j in range(steps * units):
            y[b, j] += changed[b, j]


def collect_changes(  # noqa: PLR0917 - compiled signatures are positional
    sample: Array, channel: Array, time: Array, edges: Array, dy: Array, dw: Array, units: int
) -> None:
    """The gradient of `spread_changes`: of each change, the gradients of all steps from it on.

    Args:
        sample: int64 (spikes,).
        channel: int64 (spikes,).
        time: int64 (spikes,).
        edges: int64 (changes,), the lags, rising.
        dy: (samples, steps x units), overwritten.
        dw: (channels, changes x units), added to.
        units: of the output.
    """
    steps = dy.shape[1] // units
    for b in range(len(dy)):
        for t in range(steps - 2, -1, -1):
            now = dy[b, t * units : (t + 1) * units]
            after = dy[b, (t + 1) * units : (t + 2) * units]
            for u in range(units):
                now[u] += after[u]
    for e in range(len(sample)):
        row, changes = dy[sample[e]], dw[channel[e]]
        for j in range(len(edges)):
            t = time[e] + edges[j]
            if t >= steps:
                break
            after = row[t * units : (t + 1) * units]
            out = changes[j * units : (j + 1) * units]
            for u in range(units):
                out[u] += after[u]


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    find: Callable[..., int]
    find_bits: Callable[..., int]
    spread: Callable[..., None]
    collect: Callable[..., None]
    spread_changes: Callable[..., None]
    collect_changes: Callable[..., None]


@functools.cache
def compiled() -> Loops:
    """Compile every loop for float32 and float64, or load its machine code from the disk."""
    return Loops(
        find=jit(find, "matrix int ints ints ints", returns="int64"),
        find_bits=jit(find, "bits int ints ints ints", returns="int64"),
        spread=jit(spread, "ints ints ints matrix matrix int"),
        collect=jit(collect, "ints ints ints matrix matrix int"),
        spread_changes=jit(spread_changes, "ints ints ints ints matrix matrix int"),
        collect_changes=jit(collect_changes, "ints ints ints ints matrix matrix int"),
    )
