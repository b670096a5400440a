"""Temporal convolutional network: dilated causal convolutions with residual connections.

    F(x)  = relu(conv2(relu(conv1(x))))    causal, weight-normed, dilation 2^i at level i
    block = relu(F(x) + x),                x through a 1x1 convolution where the widths differ

S. Bai, J. Z. Kolter & V. Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling", arXiv:1803.01271 (2018). With kernel k and L levels an output
depends on the last 1 + 2 (k - 1)(2^L - 1) steps.
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from neurojoule.errors import UserError
from neurojoule.models.readout import read_out
from neurojoule.registry import Shape, model


def receptive_field(kernel: int, levels: int) -> int:
    """Steps of the input on which one step of the output depends: 1 + 2 (k - 1)(2^L - 1)."""
    return 1 + 2 * (kernel - 1) * ((1 << levels) - 1)


def covering_levels(kernel: int, time: int) -> int:
    """The fewest levels, at least one, whose receptive field covers `time` steps."""
    levels = 1
    while receptive_field(kernel, levels) < time:
        levels += 1
    return levels


class Block(nn.Module):
    """One level: two causal convolutions and a skip."""

    def __init__(self, inputs: int, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.padding = (kernel - 1) * dilation  # on the left only: no output sees the future
        self.conv1 = weight_norm(nn.Conv1d(inputs, width, kernel, dilation=dilation))
        self.conv2 = weight_norm(nn.Conv1d(width, width, kernel, dilation=dilation))
        self.skip = nn.Conv1d(inputs, width, 1) if inputs != width else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, inputs, time) to (batch, width, time)."""
        h = self.dropout(F.relu(self.conv1(F.pad(x, (self.padding, 0)))))
        h = self.dropout(F.relu(self.conv2(F.pad(h, (self.padding, 0)))))
        return F.relu(h + self.skip(x))


@model(
    "tcn",
    family="surrogate",
    takes="sequence",
    summary="Dilated causal convolutions with residuals, read out at the last step",
    source="Bai, Kolter & Koltun 2018",
    default_width=24,
    answers_steps=True,
)
class TCN(nn.Module):
    """TCN whose last step is read out.

    A weight-normed layer is w = g v / |v|, so it has a gain for each channel more than a plain one.
    With c channels, width H, kernel k, L levels:
    level 1: (c k + 2) H + (H k + 2) H, and (c + 1) H of the skip where c != H;
    each further level: 2 (H k + 2) H; read-out (H + 1) C.

    Weights start as torch's convolutions do: the N(0, 0.01) of the public code does not reach them
    (it is written into the product g v / |v|, which the next forward pass computes anew).

    Args:
        shape: inputs (channels, time), outputs C.
        width: channels of every level H.
        kernel: taps of a convolution k, 2 or more.
        levels: L; 0 takes the fewest whose receptive field covers the sequence.
        dropout: share of a level's activations set to 0 while it learns.

    Raises:
        UserError: for a kernel under 2, negative levels, or a dropout outside [0, 1).
    """

    def __init__(
        self, shape: Shape, width: int, *, kernel: int = 5, levels: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if kernel < 2 or levels < 0 or not 0 <= dropout < 1:
            raise UserError(
                "A tcn has a kernel of 2 or more, 0 (as many as cover the sequence) or more "
                f"levels and a dropout in [0, 1); given kernel={kernel}, levels={levels}, "
                f"dropout={dropout}."
            )
        channels, time = shape.inputs
        levels = levels or covering_levels(kernel, time)
        self.counts = {"channel": 2 * levels * width}
        self.levels = nn.Sequential(
            *(
                Block(channels if i == 0 else width, width, kernel, 2**i, dropout)
                for i in range(levels)
            )
        )
        self.steps = shape.steps
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        return read_out(self.readout, self.levels(x), self.steps)

    def units(self) -> dict[str, int]:
        """Channels of all convolutions, each a point neuron that is applied at every step."""
        return self.counts
