"""A control whose cost is known: one small network that does a given share of its work twice.

No model to compare with others. The suite `selftest` trains it under several labels, which must
not be called different, and with planted slow-downs, which must be found.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.registry import Shape, Task, model

RATE = 0.1
HIDDEN = 32


def no_digits(task: Task) -> str | None:
    """Why the control is not trained on `task`, or None."""
    if task.name == "digits":
        return None
    return "the planted control tests the suite itself, and does so on digits only."


@model(
    "planted",
    family="point",
    takes="vector",
    summary="Control of the suite itself: an mlp that does a planted share of its updates twice",
    source="neurojoule, docs/trust.md",
    sized=False,
    default_width=HIDDEN,
    learns="own",
    refuses=no_digits,
)
class Planted(nn.Module):
    """y = V relu(W x + b) + c, by gradient descent; every 1/`repeat`-th update is done once more.

    The repeated update has a rate of 0: it does the work and leaves the weights, so that all arms
    learn bit by bit the same and differ in cost alone, by exactly `repeat`.

    Args:
        shape: inputs (n,), outputs C.
        width: hidden units.
        label: a name, which changes nothing.
        repeat: share of the updates that are done twice, in [0, 1].

    Raises:
        UserError: for another share.
    """

    def __init__(self, shape: Shape, width: int, *, label: str = "a", repeat: float = 0.0) -> None:
        super().__init__()
        if not 0 <= repeat <= 1:
            raise UserError(f"A share of updates to repeat lies in [0, 1]; given {repeat}.")
        self.label = label
        self.repeat = repeat
        self.hidden = nn.Linear(shape.features, width)
        self.readout = nn.Linear(width, shape.outputs)
        self._updates = 0

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        logits: Tensor = self.readout(F.relu(self.hidden(x)))
        return logits

    def learn(self, x: Tensor, y: Tensor) -> Tensor:
        """One update on x (batch, n) and classes y (batch,), now and then twice; the loss."""
        due = int(self._updates * self.repeat + 1e-9)
        self._updates += 1
        if int(self._updates * self.repeat + 1e-9) > due:
            self._update(x, y, 0.0)
        return self._update(x, y, RATE)

    def _update(self, x: Tensor, y: Tensor, rate: float) -> Tensor:
        parameters = list(self.parameters())
        loss = F.cross_entropy(self(x), y)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=rate)
        return loss.detach()

    def learning_flops(self, forward: float, backward: float, batch: int) -> float:
        """FLOPs of one update of `batch` samples, given those of one sample; repeats included."""
        parameters = sum(p.numel() for p in self.parameters())
        return (1 + self.repeat) * (batch * (forward + backward) + 2 * parameters)

    def units(self) -> dict[str, int]:
        """Hidden point neurons."""
        return {"point": self.hidden.out_features}
