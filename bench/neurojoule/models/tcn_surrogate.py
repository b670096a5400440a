"""The convolutional network that imitates a cortical neuron: causal, deep, without residuals.

    h_l = BN(relu(conv_l(h_(l-1)))),   causal, then a linear head at every step

D. Beniaguev, I. Segev & M. London, "Single cortical neurons as deep artificial neural networks",
Neuron 109 (2021). Filters there: 54 steps in the first of 7 layers of 256 and 12 in the others; 35
in all of 7 layers of 128; 33 in all of 8 layers of 256; 54, 24 and 24 in 3 layers of 64.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.kernels.events import EventConv1d
from neurojoule.models.readout import read_out
from neurojoule.registry import Shape, model


@model(
    "tcn_surrogate",
    family="surrogate",
    takes="sequence",
    summary="Causal convolutions with batch norm and no residuals: a cell's published surrogate",
    source="Beniaguev, Segev & London 2021",
    default_width=16,
    answers_steps=True,
)
class TCNSurrogate(nn.Module):
    """L layers of H channels; the receptive field is first_taps + (L - 1)(taps - 1) steps.

    With c channels, k_1 first taps, k taps: (c k_1 + 1) H + (L - 1)(H k + 1) H of convolutions,
    2 L H of batch norms, (H + 1) C of the head. Filters are never longer than the sequence.

    Args:
        shape: inputs (channels, time), outputs C.
        width: channels a layer H, published 8 to 256.
        layers: L, published 1 to 8.
        first_taps: steps of the first filter k_1.
        taps: steps of the other filters k.
        events: whether the first layer works spike by spike; the input must hold 0 and 1 only.

    Raises:
        UserError: when there is no layer or no tap.
    """

    def __init__(
        self,
        shape: Shape,
        width: int,
        *,
        layers: int = 3,
        first_taps: int = 24,
        taps: int = 12,
        events: bool = False,
    ) -> None:
        super().__init__()
        if min(layers, first_taps, taps) < 1:
            raise UserError(
                "A tcn_surrogate has at least one layer and filters of one step; given "
                f"layers={layers}, first_taps={first_taps}, taps={taps}."
            )
        channels, time = shape.inputs
        first = EventConv1d if events else CausalConv1d
        self.convolutions = nn.ModuleList([first(channels, width, min(first_taps, time))])
        self.convolutions += [
            CausalConv1d(width, width, min(taps, time)) for _ in range(layers - 1)
        ]
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
        self.steps = shape.steps
        self.width = width
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = norm(F.relu(convolution(x)))  # (batch, H, time)
        return read_out(self.readout, x, self.steps)

    def units(self) -> dict[str, int]:
        """Channels of all convolutions, each a point neuron that is applied at every step."""
        return {"channel": self.width * len(self.convolutions)}
