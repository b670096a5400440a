"""Gated recurrent references: torch's own layers, the small GRU with a faster loop.

    r = sigma(W_r x_t + U_r h + b_r),  z = sigma(W_z x_t + U_z h + b_z)
    n = tanh(W_n x_t + b_n + r * (U_n h + c_n)),  h <- (1 - z) n + z h

K. Cho et al. 2014; the small one of the MNIST-1D paper (Greydanus & Kobak 2024, GRUBase).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from neurojoule.errors import UnknownNameError
from neurojoule.kernels.gru import FewStatesGRU
from neurojoule.models.readout import read_out
from neurojoule.registry import Shape, model

READOUTS = ("all", "last")


class _Recurrent(nn.Module):
    """A recurrent layer and a linear read-out of all its states, or of the last of each direction.

    Where a task asks at several steps, one layer runs forwards and each of those steps is read out
    alike, H numbers, whatever the two options below.

    Args:
        shape: inputs (channels, time), outputs C.
        width: state variables a direction H.
        layer: gives a layer of so many inputs and states, in both directions or one, batch first.
        bidirectional: whether a second layer runs backwards.
        readout: `all` steps, H T numbers a direction, or the `last`, H numbers a direction.

    Raises:
        UnknownNameError: for another read-out.
    """

    def __init__(
        self,
        shape: Shape,
        width: int,
        layer: Callable[[int, int, bool], nn.GRU | nn.LSTM],
        *,
        bidirectional: bool,
        readout: str,
    ) -> None:
        super().__init__()
        if readout not in READOUTS:
            raise UnknownNameError("read-out", readout, READOUTS)
        channels, time = shape.inputs
        self.steps = shape.steps
        self.every_step = readout == "all" and not self.steps
        self.width = width
        self.directions = 2 if bidirectional and not self.steps else 1
        self.layer = layer(channels, width, self.directions == 2)
        states = self.directions * width * (time if self.every_step else 1)
        self.readout = nn.Linear(states, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        h, _ = self.layer(x.transpose(1, 2))  # (batch, time, directions x H)
        if self.steps:
            return read_out(self.readout, h.transpose(1, 2), self.steps)
        if self.every_step:
            states = torch.flatten(h, 1)  # (batch, directions x H x time)
        else:
            # The backward direction has seen everything at the first step.
            ends = (h[:, -1, : self.width], h[:, 0, self.width :])
            states = torch.cat(ends, 1)  # (batch, directions x H)
        logits: Tensor = self.readout(states)
        return logits

    def units(self) -> dict[str, int]:
        """Gated cells."""
        return {"cell": self.directions * self.width}


def _gru(inputs: int, states: int, both: bool) -> nn.GRU:
    return FewStatesGRU(inputs, states, bidirectional=both)


def _lstm(inputs: int, states: int, both: bool) -> nn.LSTM:
    return nn.LSTM(inputs, states, batch_first=True, bidirectional=both)


@model(
    "gru",
    family="recurrent",
    takes="sequence",
    summary="Gated recurrent units, both directions, read out at all steps",
    source="Cho et al. 2014; Greydanus & Kobak 2024, MNIST-1D, models.py (GRUBase)",
    default_width=6,
    answers_steps=True,
)
class GRU(_Recurrent):
    """GRU with 3 H (c + H + 2) parameters a direction, and a read-out of (directions x H T + 1) C.

    Up to 24 states on a CPU in float32 it runs in a loop of its own, equal to torch's layer
    (`kernels.gru`). Arguments as in `_Recurrent`.
    """

    def __init__(
        self, shape: Shape, width: int, *, bidirectional: bool = True, readout: str = "all"
    ) -> None:
        super().__init__(shape, width, _gru, bidirectional=bidirectional, readout=readout)


@model(
    "lstm",
    family="recurrent",
    takes="sequence",
    summary="Long short-term memory, both directions, read out at all steps",
    source="Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
    default_width=6,
    answers_steps=True,
)
class LSTM(_Recurrent):
    """LSTM with 4 H (c + H + 2) parameters a direction, and a read-out of (directions x H T + 1) C.

    Arguments as in `_Recurrent`.
    """

    def __init__(
        self, shape: Shape, width: int, *, bidirectional: bool = True, readout: str = "all"
    ) -> None:
        super().__init__(shape, width, _lstm, bidirectional=bidirectional, readout=readout)
