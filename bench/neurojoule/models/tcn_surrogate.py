"""The convolutional network that imitates a cortical neuron: causal, deep, without residuals.

    h_l = BN(relu(conv_l(h_(l-1)))),   causal, then a linear head at every step

D. Beniaguev, I. Segev & M. London, "Single cortical neurons as deep artificial neural networks",
Neuron 109 (2021). Filters there: 54 steps in the first of 7 layers of 256 and 12 in the others; 35
in all of 7 layers of 128; 33 in all of 8 layers of 256; 54, 24 and 24 in 3 layers of 64.

Forms beside the published one: a first filter that is constant within bins of lags
(`neurojoule.kernels.binned`), which sees as far at a fraction of the parameters, dilated
filters that widen by a factor from layer to layer, and relu(BN(conv)), as Ioffe & Szegedy (2015)
have it. As published, a unit that is pushed below zero at every step gets no gradient and stays
there, and many of the first layer end so; normalised first it comes back. With filters of one step
after the first layer it is a multilayer perceptron on a sliding window.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.binned import BinnedConv1d
from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.kernels.events import EventConv1d
from neurojoule.models.readout import read_out
from neurojoule.registry import Shape, model

EPSILON = 1e-3
"""Beside the variance in the batch norms, as in Keras, where the published networks were trained.
With torch's 1e-5 a channel that was all but silent in training is amplified 316 times when it does
answer, and a voltage is off by volts."""


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
    """L layers of H channels.

    The receptive field is first_taps + (taps - 1) sum of dilation^l over the L - 1 other layers.
    With c channels, k_1 first taps (or bins), k taps: (c k_1 + 1) H + (L - 1)(H k + 1) H of
    convolutions, 2 L H of batch norms, (H + 1) C of the head. Filters are never longer than the
    sequence, and no layer computes steps that the answers do not depend on.

    Args:
        shape: inputs (channels, time), outputs C.
        width: channels a layer H, published 8 to 256.
        layers: L, published 1 to 8.
        first_taps: steps of the first filter k_1.
        taps: steps of the other filters k.
        events: whether the first layer works spike by spike; the input must hold 0 and 1 only.
        bins: of the first filter, where it is constant within bins and works spike by spike; 0 for
            free taps.
        dilation: factor by which the taps of each layer after the second lie further apart.
        norm_first: whether a layer normalises before it rectifies, not after.

    Raises:
        UserError: when there is no layer or no tap, or more bins than first taps.
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
        bins: int = 0,
        dilation: int = 1,
        norm_first: bool = False,
    ) -> None:
        super().__init__()
        if min(layers, first_taps, taps, dilation) < 1:
            raise UserError(
                "A tcn_surrogate has at least one layer, filters of one step and a dilation of 1; "
                f"given layers={layers}, first_taps={first_taps}, taps={taps}, dilation={dilation}."
            )
        channels, time = shape.inputs
        first_taps, taps = min(first_taps, time), min(taps, time)
        dilations = [min(dilation**layer, time) for layer in range(layers - 1)]
        first: nn.Module
        if bins:
            first = BinnedConv1d(channels, width, first_taps, bins)
        else:
            first = (EventConv1d if events else CausalConv1d)(channels, width, first_taps)
        others = (CausalConv1d(width, width, taps, dilation=gap) for gap in dilations)
        self.convolutions = nn.ModuleList([first, *others])
        # Steps before the first answer that each layer's output has to have.
        spans = [(taps - 1) * gap for gap in dilations]
        self.before = [sum(spans[layer:]) for layer in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm1d(width, eps=EPSILON) for _ in range(layers))
        self.reads_spikes = events or bins > 0
        self.norm_first = norm_first
        self.steps = shape.steps
        self.width = width
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        answers = self.steps or 1
        layers = zip(self.convolutions, self.norms, self.before, strict=True)
        for convolution, norm, before in layers:
            h = convolution(x)[:, :, -(answers + before) :]  # (batch, H, time)
            x = F.relu(norm(h)) if self.norm_first else norm(F.relu(h))
        return read_out(self.readout, x, self.steps)

    def units(self) -> dict[str, int]:
        """Channels of all convolutions, each a point neuron that is applied at every step."""
        return {"channel": self.width * len(self.convolutions)}
