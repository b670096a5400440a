"""The loop that advances a causal convolution by one step; compiled when first asked for."""

import functools
from collections.abc import Callable

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


@functools.cache
def compiled() -> Callable[..., None]:
    """`advance` for float32 and float64, compiled or loaded from the disk."""
    return jit(advance, "matrix matrix matrix matrix int int")
