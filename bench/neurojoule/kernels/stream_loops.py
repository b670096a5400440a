"""Loops that advance a causal layer by one step; compiled when first asked for."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neurojoule.kernels.jit import Array, jit


def advance(  # noqa: PLR0917 - compiled signatures are positional
    x: Array, w: Array, coming: Array, y: Array, head: int, dilation: int
) -> None:
    """Add a step's input to the coming outputs, then take the present one out.

    Inputs that are 0 (no spike, or below a ReLU) cost nothing: their weights are not read.

    Args:
        x: (samples, channels), the input of this step.
        w: (taps x channels, units), the newest tap first.
        coming: (samples x span, units), a ring of outputs to come, span = (taps - 1) dilation + 1.
        y: (samples, units), added to.
        head: the place of the present output in the ring.
        dilation: steps between two taps.
    """
    samples, channels = x.shape
    taps, span = len(w) // channels, len(coming) // samples
    active = np.empty(channels, dtype=np.int64)
    for s in range(samples):
        count = 0
        for c in range(channels):
            if x[s, c] != 0:
                active[count] = c
                count += 1
        for tap in range(taps):
            out = coming[s * span + (head + tap * dilation) % span]
            rows = w[tap * channels : (tap + 1) * channels]
            i = 0
            while i + 4 <= count:  # four at a time share each load and store of out
                c0, c1, c2, c3 = active[i], active[i + 1], active[i + 2], active[i + 3]
                x0, x1, x2, x3 = x[s, c0], x[s, c1], x[s, c2], x[s, c3]
                w0, w1, w2, w3 = rows[c0], rows[c1], rows[c2], rows[c3]
                for u in range(len(out)):
                    out[u] += x0 * w0[u] + x1 * w1[u] + x2 * w2[u] + x3 * w3[u]
                i += 4
            while i < count:
                x0, w0 = x[s, active[i]], rows[active[i]]
                for u in range(len(out)):
                    out[u] += x0 * w0[u]
                i += 1
        present = coming[s * span + head]
        for u in range(len(present)):
            y[s, u] += present[u]
            present[u] = 0


def advance_binned(  # noqa: PLR0917 - compiled signatures are positional
    x: Array, w: Array, edges: Array, coming: Array, total: Array, y: Array, head: int
) -> None:
    """Add a step's changes to those to come, then the present ones to the running sum.

    Args:
        x: (samples, channels), the input of this step.
        w: float64 (channels, changes x units), what a filter is more from each lag on.
        edges: int64 (changes,), those lags, rising from 0.
        coming: float64 (samples x span, units), a ring of changes, span longer than every lag.
        total: float64 (samples, units), the sum of all changes so far.
        y: (samples, units), added to.
        head: the place of the present changes in the ring.
    """
    samples, channels = x.shape
    span, units = len(coming) // samples, y.shape[1]
    for s in range(samples):
        for c in range(channels):
            value = x[s, c]
            if value == 0:
                continue
            for j in range(len(edges)):
                out = coming[s * span + (head + edges[j]) % span]
                changes = w[c, j * units : (j + 1) * units]
                for u in range(units):
                    out[u] += value * changes[u]
        present, sums = coming[s * span + head], total[s]
        for u in range(units):
            sums[u] += present[u]
            present[u] = 0
            y[s, u] += sums[u]


def advance_synapses(  # noqa: PLR0917 - compiled signatures are positional
    x: Array,
    w: Array,
    offsets: Array,
    unit: Array,
    edges: Array,
    coming: Array,
    total: Array,
    y: Array,
    head: int,
) -> None:
    """`advance_binned` where a channel reaches only the units that have a synapse on it.

    Args:
        x: (samples, channels), the input of this step.
        w: float64 (synapses, changes), channel by channel.
        offsets: int64 (channels + 1,), where each channel's synapses start.
        unit: int64 (synapses,), that a synapse belongs to.
        edges: int64 (changes,), as above.
        coming: float64 (samples x span, units), as above.
        total: float64 (samples, units), as above.
        y: (samples, units), added to.
        head: as above.
    """
    samples, channels = x.shape
    span, units = len(coming) // samples, y.shape[1]
    for s in range(samples):
        for c in range(channels):
            value = x[s, c]
            if value == 0:
                continue
            for j in range(len(edges)):
                out = coming[s * span + (head + edges[j]) % span]
                for r in range(offsets[c], offsets[c + 1]):
                    out[unit[r]] += value * w[r, j]
        present, sums = coming[s * span + head], total[s]
        for u in range(units):
            sums[u] += present[u]
            present[u] = 0
            y[s, u] += sums[u]


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    advance: Callable[..., None]
    advance_binned: Callable[..., None]
    advance_synapses: Callable[..., None]


@functools.cache
def compiled() -> Loops:
    """Compile every loop for float32 and float64, or load its machine code from the disk."""
    return Loops(
        advance=jit(advance, "matrix matrix matrix matrix int int"),
        advance_binned=jit(advance_binned, "matrix doubles ints doubles doubles matrix int"),
        advance_synapses=jit(
            advance_synapses, "matrix doubles ints ints ints doubles doubles matrix int"
        ),
    )
