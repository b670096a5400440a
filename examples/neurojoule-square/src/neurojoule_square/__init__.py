"""Dendrites that square: the energy model of complex cells as a layer of neurons.

    h_sd = (sum_k w_sdk x_idx(s,d,k) + b_sd)^2
    y_s  = sum_d c_sd h_sd + b_s,    then a linear read-out

After E. H. Adelson & J. R. Bergen, "Spatiotemporal energy models for the perception of motion",
Journal of the Optical Society of America A 2 (1985): a complex cell sums squared simple cells.
"""

from torch import Tensor, nn

from neurojoule.kernels.compact import BlockLinear, CompactLinear
from neurojoule.models.wiring import random_inputs
from neurojoule.registry import Shape, model


@model(
    "square_dendrites",
    family="dendritic",
    takes="vector",
    summary="Somata that sum squaring dendrites of few synapses",
    source="after Adelson & Bergen 1985",
    default_width=32,
)
class SquareDendrites(nn.Module):
    """S somata with D dendrites of K synapses: (K + 1) D S + (D + 1) S + (S + 1) C parameters.

    Args:
        shape: inputs (n,), outputs C.
        width: somata S.
        dendrites: of one soma, D.
        synapses: of one dendrite, K, on random inputs; with fewer inputs it reads them all.
    """

    def __init__(self, shape: Shape, width: int, *, dendrites: int = 4, synapses: int = 16) -> None:
        super().__init__()
        synapses = min(synapses, shape.features)
        index = random_inputs(width * dendrites, synapses, shape.features)
        self.counts = {"soma": width, "dendrite": width * dendrites}
        # Weighted sums happen in layers that know their operations; the square is element-wise
        # and is counted by itself.
        self.dendrites = CompactLinear(shape.features, index)
        self.somata = BlockLinear(width, dendrites)
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        h = self.dendrites(x).square()  # (batch, S D)
        logits: Tensor = self.readout(self.somata(h))  # (batch, S) -> (batch, C)
        return logits

    def units(self) -> dict[str, int]:
        """Somata and dendrites."""
        return self.counts
