"""The loss of a classifier with its slope at once, where torch's four operations cost more.

Of a small network's update the loss alone took a tenth: log-softmax over ten classes uses no
vector instructions, and each way through autograd is two calls (docs/kernels.md).
"""

import torch
from torch import Tensor

from neurojoule.errors import UserError
from neurojoule.kernels import jit, softmax_loops
from neurojoule.kernels.sums import is_compiled

MOST_CLASSES = 64
"""Beyond, torch's vectorised exponential wins (docs/kernels.md)."""


def is_looped(logits: Tensor, classes: Tensor) -> bool:
    """Whether `cross_entropy` takes these: on a CPU, one class a sample, few classes, numba."""
    return (
        logits.ndim == 2
        and logits.shape[1] <= MOST_CLASSES
        and classes.ndim == 1
        and classes.dtype == torch.int64
        and is_compiled(logits)
    )


def cross_entropy(logits: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy and its gradient with respect to the logits, outside autograd.

    Args:
        logits: (batch, classes); see `is_looped`.
        classes: int64 (batch,).

    Returns:
        The loss, a scalar, and its slope (batch, classes).

    Raises:
        UserError: when the shapes do not fit, or a class is out of range.
    """
    if len(logits) != len(classes):
        raise UserError(
            f"Logits are (batch, classes) and targets (batch,); given {tuple(logits.shape)} and "
            f"{tuple(classes.shape)}."
        )
    logits = logits.detach().contiguous()
    slope, loss = torch.empty_like(logits), logits.new_empty(1)
    wrong = jit.run(softmax_loops.compiled(), logits, classes.contiguous(), slope, loss)
    if wrong >= 0:
        raise UserError(
            f"Sample {wrong} is of class {int(classes[wrong])}; a network with "
            f"{logits.shape[1]} outputs knows classes 0 to {logits.shape[1] - 1}."
        )
    return loss[0], slope
