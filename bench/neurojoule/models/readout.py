"""Reading out a sequence: at its last step, or at each of the last where a task asks there."""

from torch import Tensor, nn


def read_out(readout: nn.Linear, h: Tensor, steps: int) -> Tensor:
    """Map states h (batch, H, time) to (batch, C), or with `steps` to (batch, C, steps)."""
    if not steps:
        last: Tensor = readout(h[:, :, -1])
        return last
    answers: Tensor = readout(h[:, :, -steps:].transpose(1, 2))  # (batch, steps, C)
    return answers.transpose(1, 2)
