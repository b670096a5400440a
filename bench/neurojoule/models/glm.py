"""The point neuron in time: one linear temporal filter, and a sigmoid that is that of the loss.

    y_t = b + sum over channels c and lags l < K of w_cl x_c,t-l

J. W. Pillow et al., "Spatio-temporal correlations and visual signalling in a complete neuronal
population", Nature 454 (2008), without the filter over the cell's own past spikes (a model here
does not see its targets) and with the link function of the loss in place of an exponential.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.binned import BinnedConv1d
from neurojoule.kernels.streaming import Streaming
from neurojoule.registry import Shape, model

LONGEST = 150
"""Steps of a filter, where the sequence is as long: 150 ms in the neuron tasks."""


@model(
    "glm",
    family="point",
    takes="sequence",
    summary="One linear filter in time for each output: the point neuron that has a memory",
    source="after Pillow et al. 2008, without spike history",
    sized=False,
    default_width=1,
    answers_steps=True,
)
class GLM(nn.Module):
    """A causal filter of K taps over c channels, (c K + 1) C parameters.

    Args:
        shape: inputs (channels, time), outputs C.
        width: not used; it has one size.
        taps: K; 0 takes the whole sequence, at most 150 steps.
        bins: of the filter, where it is constant within bins of lags and works spike by spike, with
            (c bins + 1) C parameters; 0 for free taps.

    Raises:
        UserError: for negative taps, or more bins than taps.
    """

    def __init__(self, shape: Shape, width: int, *, taps: int = 0, bins: int = 0) -> None:  # noqa: ARG002 - it has one size
        super().__init__()
        if taps < 0:
            raise UserError(f"A glm has 0 (the whole sequence) or more taps; given taps={taps}.")
        channels, time = shape.inputs
        self.taps = min(taps or LONGEST, time)
        self.steps = shape.steps
        self.outputs = shape.outputs
        self.reads_spikes = bins > 0
        self.filter: nn.Module
        if bins:
            self.filter = BinnedConv1d(channels, shape.outputs, self.taps, bins)
        else:
            self.filter = nn.Conv1d(channels, shape.outputs, self.taps)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        seen = self.taps - 1 + max(1, self.steps)
        window = x[:, :, -seen:]
        window = F.pad(window, (seen - window.shape[2], 0))  # nothing came before the beginning
        y: Tensor = self.filter(window)[:, :, -max(1, self.steps) :]  # (batch, C, steps or 1)
        return y if self.steps else torch.flatten(y, 1)

    def stream(self, samples: int) -> Streaming:
        """Its filter, one step a call; the window of `forward` is only where it saves work."""
        causal = self.filter
        if not isinstance(causal, BinnedConv1d):  # which pads itself
            causal = nn.Sequential(nn.ConstantPad1d((self.taps - 1, 0), 0.0), causal)
        return Streaming(causal, samples=samples)

    def units(self) -> dict[str, int]:
        """One point neuron an output."""
        return {"point": self.outputs}
