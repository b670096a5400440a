"""One neuron with its dendrites: what a single cell computes that a point cannot.

    dcaap               K(u) = 0 for u < 1, exp(-(u - 1) / D) for u >= 1,   D = 0.3
    two_layer_neuron    y = sigma(sum_d a_d s(sum_k w_dk x_dk + b_d) + b)

A. Gidon et al., "Dendritic action potentials and computation in human layer 2/3 cortical neurons",
Science 367 (2020): the calcium action potentials of a human dendrite are largest at threshold.
P. Poirazi, T. Brannon & B. W. Mel, "Pyramidal neuron as two-layer neural network", Neuron 37
(2003).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.kernels.compact import BlockLinear, CompactLinear
from neurojoule.models.dendritic import check_counts
from neurojoule.models.refusals import SYNAPSES, not_logic
from neurojoule.models.wiring import random_inputs
from neurojoule.registry import Shape, model

DECAY = 0.3
"""D of K(u), as fitted by Gidon et al. to their recordings."""

GAIN = 16.0
"""Of the read-out: an amplitude of 1 is the logit 8, an amplitude of 0 the logit -8."""


class _Amplitude(torch.autograd.Function):
    """K(u) forward; backward the slope of the smooth exp(-|u - 1|), which has the same maximum.

    The true slope is 0 below the threshold, infinite at it, and vanishes soon above.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        # The exponent is held at 0 below the threshold, where it would overflow.
        return (u >= 1) * torch.exp(-F.relu(u - 1) / DECAY)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        distance = u - 1
        return gradients[0] * -torch.sign(distance) * torch.exp(-distance.abs())


def amplitude(u: Tensor) -> Tensor:
    """K(u), the amplitude of a dendrite's calcium action potential, element by element.

    Args:
        u: depolarisation in units of the threshold, (v - v_rest) / (v_threshold - v_rest).
    """
    result: Tensor = _Amplitude.apply(u)  # type: ignore[no-untyped-call]
    return result


@model(
    "dcaap",
    family="dendritic",
    takes="vector",
    summary="One human dendrite whose action potential is largest at threshold: it computes XOR",
    source="Gidon et al. 2020",
    sized=False,
    default_width=1,
    refuses=not_logic,
)
class DCaAP(nn.Module):
    """One unit, u = w.x + b, that answers yes where its amplitude K(u) is above one half.

    That is a window, 1 <= u < 1 + D ln 2 = 1.208, so that one unit realises all 16 functions of
    two bits; a threshold unit 14. Weights start with either sign in +-1/sqrt(n); the bias at 0: the
    dendrite rests when nothing comes in. The amplitude is exact in training and test, its gradient
    a surrogate's. n + 1 parameters.
    """

    def __init__(self, shape: Shape, width: int) -> None:  # noqa: ARG002 - it has one size
        super().__init__()
        self.dendrite = nn.Linear(shape.features, 1)
        nn.init.zeros_(self.dendrite.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to logits (batch, 1), above 0 where the amplitude is above 1/2."""
        return GAIN * (amplitude(self.dendrite(x)) - 0.5)

    def units(self) -> dict[str, int]:
        """One neuron with one dendrite."""
        return {"soma": 1, "dendrite": 1}


@model(
    "two_layer_neuron",
    family="dendritic",
    takes="vector",
    summary="One pyramidal neuron an output: sigmoidal dendrites, summed at the soma",
    source="Poirazi, Brannon & Mel 2003",
    default_width=8,
)
class TwoLayerNeuron(nn.Module):
    """One neuron an output, with D sigmoidal subunits of K synapses each.

    The soma's own sigmoid is that of the loss, so the output is its logit. With fewer than K inputs
    a subunit reads them all. For C outputs (K + 1) D C + (D + 1) C parameters.

    Args:
        shape: inputs (n,), outputs C.
        width: subunits of one neuron D.
        synapses: of one subunit, K, on random inputs.

    Raises:
        UserError: when there is no synapse.
    """

    def __init__(self, shape: Shape, width: int, *, synapses: int = SYNAPSES) -> None:
        super().__init__()
        check_counts(width, synapses)
        synapses = min(synapses, shape.features)
        index = random_inputs(shape.outputs * width, synapses, shape.features)
        self.counts = {"soma": shape.outputs, "dendrite": shape.outputs * width}
        self.subunits = CompactLinear(shape.features, index)
        self.soma = BlockLinear(shape.outputs, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        h = torch.sigmoid(self.subunits(x))  # (batch, C D)
        logits: Tensor = self.soma(h)
        return logits

    def units(self) -> dict[str, int]:
        """Somata and dendrites."""
        return self.counts
