"""The softmax cross-entropy and its slope in one pass over the logits.

Compiled when first asked for; nothing here starts a thread.
"""

import functools
import math
from collections.abc import Callable

from neurojoule.kernels.jit import Array, jit


def cross_entropy(logits: Array, classes: Array, slope: Array, loss: Array) -> int:
    """The mean of log(sum exp o) - o[class], and its gradient with respect to the logits.

    Args:
        logits: (batch, classes).
        classes: (batch,).
        slope: (batch, classes), written.
        loss: (1,), written.

    Returns:
        The first sample whose class is out of range, or -1.
    """
    batch, count = logits.shape
    total = 0.0
    for b in range(batch):
        if not 0 <= classes[b] < count:
            return b
        row, out = logits[b], slope[b]
        largest = row[0]
        for c in range(1, count):
            # Not max(): a NaN among the logits must come out as one.
            if not row[c] <= largest:
                largest = row[c]
        summed = 0.0
        for c in range(count):
            out[c] = math.exp(row[c] - largest)
            summed += out[c]
        total += math.log(summed) - (row[classes[b]] - largest)
        each = logits.dtype.type(1.0 / (summed * batch))
        for c in range(count):
            out[c] *= each
        out[classes[b]] -= logits.dtype.type(1.0 / batch)
    loss[0] = total / batch
    return -1


@functools.cache
def compiled() -> Callable[..., int]:
    """Compile for float32 and float64, or load the machine code from the disk."""
    return jit(cross_entropy, "matrix ints matrix vector", returns="int64")
