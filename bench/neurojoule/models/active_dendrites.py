"""Active dendrites: segments that recognise a context decide how strongly a unit responds.

    h_j = (W_j x + b_j) sigma(u_jd . c),   d = argmax over segments of |u_jd . c|
    then the k largest of a layer pass, all others are 0

A. Iyer, K. Grewal, A. Velu, L. Oliveira Souza, J. Forest & S. Ahmad, "Avoiding Catastrophe: Active
Dendrites Enable Multi-Task Learning in Dynamic Environments", Frontiers in Neurorobotics 16 (2022).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.models.wiring import covering_inputs
from neurojoule.registry import Shape, model


class HalfLinear(nn.Module):
    """y = W x + b with a share of W fixed at 0; only what exists is stored.

    At half of all connections a dense product is faster than any sparse one, so the weights are
    spread into a dense matrix, and all its multiplications are executed and counted.

    Args:
        inputs: n.
        units: of the output.
        density: share of connections that exist; every unit has as many.
    """

    index: Tensor

    def __init__(self, inputs: int, units: int, density: float) -> None:
        super().__init__()
        synapses = max(1, round(density * inputs))
        bound = synapses**-0.5
        self.in_features = inputs
        self.register_buffer("index", covering_inputs(units, synapses, inputs))
        self.weight = nn.Parameter(torch.empty(units, synapses).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(units).uniform_(-bound, bound))

    kernel = "scattered dense"

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, units)."""
        dense = self.weight.new_zeros(len(self.weight), self.in_features)
        return F.linear(x, dense.scatter(1, self.index, self.weight), self.bias)

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: those of a dense layer."""
        return len(x) * len(self.weight) * self.in_features


class ActiveLayer(nn.Module):
    """One layer: a half-connected sum, the gate of the strongest segment, the k winners.

    Args:
        inputs: n.
        units: H.
        contexts: numbers in a context.
        segments: a unit, D.
        winners: share of units that pass.
    """

    def __init__(
        self, inputs: int, units: int, contexts: int, segments: int, winners: float
    ) -> None:
        super().__init__()
        self.winners = max(1, round(winners * units))
        self.feed = HalfLinear(inputs, units, density=0.5)
        self.segments = nn.Linear(contexts, units * segments, bias=False)
        self.shape = (units, segments)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Map x (batch, n) and context (batch, contexts) to (batch, H)."""
        activity = self.segments(context).unflatten(1, self.shape)  # (batch, H, D)
        strongest = activity.abs().argmax(2, keepdim=True)
        gate = torch.sigmoid(activity.gather(2, strongest).squeeze(2))  # (batch, H)
        h = self.feed(x) * gate
        least = h.topk(self.winners).values[:, -1:]  # (batch, 1)
        passed: Tensor = h * (h >= least)
        return passed


@model(
    "active_dendrites",
    family="dendritic",
    takes="vector",
    summary="Half-connected units gated by context segments, of which 5 % pass",
    source="Iyer et al. 2022 (Numenta)",
    default_width=128,
)
class ActiveDendrites(nn.Module):
    """Two layers of gated units, k winners after each, and a linear read-out.

    With n inputs, H units a layer, D segments and m = round(n / 2) and H / 2 synapses a unit:
    (m + 1) H + (H / 2 + 1) H + 2 n D H + (H + 1) C parameters.

    The context. With many tasks it is the mean input of the task at hand, given from outside. With
    a single task that is one constant vector, and every gate a constant that the weights can hold.
    So here the context of a sample is the sample itself: a segment recognises patterns in the
    input, and nothing is told to the model that others are not told. Duty cycles and boosting, off
    in the paper, do not exist.

    Args:
        shape: inputs (n,), outputs C.
        width: units a layer H.
        segments: of a unit, D.
        winners: share of the units of a layer that pass.

    Raises:
        UserError: without a segment, or for a share outside (0, 1].
    """

    def __init__(
        self, shape: Shape, width: int, *, segments: int = 10, winners: float = 0.05
    ) -> None:
        super().__init__()
        if segments < 1 or not 0 < winners <= 1:
            raise UserError(
                "A unit has at least one segment, and a share of winners lies in (0, 1]; given "
                f"segments={segments}, winners={winners}."
            )
        n = shape.features
        self.counts = {"soma": 2 * width, "dendrite": 2 * width * segments}
        self.layers = nn.ModuleList(
            ActiveLayer(below, width, n, segments, winners) for below in (n, width)
        )
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        h = x
        for layer in self.layers:
            h = layer(h, x)  # (batch, H)
        logits: Tensor = self.readout(h)
        return logits

    def units(self) -> dict[str, int]:
        """Units and their segments."""
        return self.counts
