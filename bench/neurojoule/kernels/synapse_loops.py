"""Loops over spikes and the synapses that receive them, each synapse with a filter of its own.

Synapses are sorted by channel, so those that a spike reaches lie together; outputs are rows of
time, one a unit and sample, so that all spikes of a channel meet rows that stay in the cache.
Compiled when first asked for; nothing starts a thread.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from neurojoule.kernels.jit import Array, jit


def spread_synapses(  # noqa: PLR0917 - compiled signatures are positional
    sample: Array,
    channel: Array,
    time: Array,
    edges: Array,
    w: Array,
    offsets: Array,
    unit: Array,
    y: Array,
    samples: int,
    start: int,
) -> None:
    """Add to y the filters of all synapses that received spikes.

    Args:
        sample: int64 (spikes,), sorted.
        channel: int64 (spikes,), sorted within a sample.
        time: int64 (spikes,), sorted within a channel.
        edges: int64 (changes,), the lags at which filters change, rising from 0.
        w: (synapses, changes), what a synapse's filter is more from each lag on; together 0.
        offsets: int64 (channels + 1,), where each channel's synapses start.
        unit: int64 (synapses,), that a synapse belongs to.
        y: (units x samples, steps), 0; written.
        samples: how many.
        start: the step of the input that is the first of y.
    """
    steps, longest = y.shape[1], edges[len(edges) - 1]
    first = 0
    while first < len(sample):
        s, c, last = sample[first], channel[first], first
        while last < len(sample) and channel[last] == c and sample[last] == s:
            last += 1
        for r in range(offsets[c], offsets[c + 1]):
            row, changes = y[unit[r] * samples + s], w[r]
            for e in range(first, last):
                since = time[e] - start
                if since + longest <= 0:  # it has come and gone before the first step of y
                    continue
                j, before = 0, y.dtype.type(0)
                while since + edges[j] < 0:  # into one sum: row[0] again and again would wait
                    before += changes[j]
                    j += 1
                row[0] += before
                while j < len(edges) and since + edges[j] < steps:
                    row[since + edges[j]] += changes[j]
                    j += 1
        first = last
    for i in range(len(y)):
        row, total = y[i], y.dtype.type(0)
        for t in range(steps):
            total += row[t]
            row[t] = total


def collect_synapses(  # noqa: PLR0917 - compiled signatures are positional
    sample: Array,
    channel: Array,
    time: Array,
    edges: Array,
    dy: Array,
    dw: Array,
    offsets: Array,
    unit: Array,
    samples: int,
    start: int,
) -> None:
    """The gradient of `spread_synapses`: of each change, the gradients of all steps from it on.

    Args:
        sample: int64 (spikes,), sorted.
        channel: int64 (spikes,), sorted within a sample.
        time: int64 (spikes,), sorted within a channel.
        edges: int64 (changes,), as above.
        dy: (units x samples, steps), overwritten.
        dw: (synapses, changes), added to.
        offsets: int64 (channels + 1,), as above.
        unit: int64 (synapses,), as above.
        samples: how many.
        start: as above.
    """
    steps, longest = dy.shape[1], edges[len(edges) - 1]
    for i in range(len(dy)):
        row, total = dy[i], dy.dtype.type(0)
        for t in range(steps - 1, -1, -1):
            total += row[t]
            row[t] = total
    first = 0
    while first < len(sample):
        s, c, last = sample[first], channel[first], first
        while last < len(sample) and channel[last] == c and sample[last] == s:
            last += 1
        for r in range(offsets[c], offsets[c + 1]):
            row, changes = dy[unit[r] * samples + s], dw[r]
            for e in range(first, last):
                since = time[e] - start
                if since + longest <= 0:
                    continue
                for j in range(len(edges)):
                    t = since + edges[j]
                    if t >= steps:
                        break
                    changes[j] += row[max(t, 0)]
        first = last


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    spread_synapses: Callable[..., None]
    collect_synapses: Callable[..., None]


@functools.cache
def compiled() -> Loops:
    """Compile every loop for float32 and float64, or load its machine code from the disk."""
    return Loops(
        spread_synapses=jit(spread_synapses, "ints ints ints ints matrix ints ints matrix int int"),
        collect_synapses=jit(
            collect_synapses, "ints ints ints ints matrix matrix ints ints int int"
        ),
    )
