"""Every arm between a point network and a dendritic one: which of four things buys the difference?

    h = phi_d(W x + b),   y = phi(V h + c),   phi = leaky ReLU 0.1,   then a linear read-out

- sparsity: a dendrite reads K inputs, or all;
- locality: the K inputs lie together, or anywhere;
- block structure: a soma reads its own D dendrites, or all D S of them;
- dendritic nonlinearity: phi_d is phi, or nothing.

`dann`, `dann_linear` and `dann_dense` (`neurojoule.models.dendritic`) are three of its arms. Which
pairs of arms isolate what stands in docs/attribution.md.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UnknownNameError
from neurojoule.kernels.compact import BlockLinear, CompactLinear
from neurojoule.models.dendritic import SLOPE, check_counts
from neurojoule.models.refusals import SYNAPSES, too_few_inputs
from neurojoule.models.wiring import FIELDS, receptive_fields
from neurojoule.registry import Shape, model

WIRINGS = ("all", *FIELDS)


@model(
    "dann_factorial",
    family="dendritic",
    takes="vector",
    summary="Any arm of the factorial: sparsity, locality, block structure, dendritic nonlinearity",
    source="controls of Chavlis & Poirazi 2025, completed",
    default_width=32,
    refuses=too_few_inputs,
)
class DANNFactorial(nn.Module):
    """S somata and D S dendrites, wired by the options.

    Parameters: (K + 1) D S, or (n + 1) D S where a dendrite reads all; (D + 1) S in blocks, or
    (D S + 1) S; (S + 1) C of the read-out.

    Args:
        shape: inputs (n,), outputs C, grid of the inputs.
        width: somata S.
        wiring: inputs of a dendrite: `all`, or K `random`, `local` or `global` ones.
        blocks: whether a soma reads its own dendrites only.
        nonlinear: whether dendrites have their nonlinearity.
        dendrites: of one soma, D.
        synapses: of one dendrite, K.

    Raises:
        UnknownNameError: for another wiring.
        UserError: when fields, dendrites or synapses do not fit the inputs.
    """

    def __init__(
        self,
        shape: Shape,
        width: int,
        *,
        wiring: str = "random",
        blocks: bool = True,
        nonlinear: bool = True,
        dendrites: int = 4,
        synapses: int = SYNAPSES,
    ) -> None:
        super().__init__()
        check_counts(dendrites, synapses)
        if wiring not in WIRINGS:
            raise UnknownNameError("wiring", wiring, WIRINGS)
        count = width * dendrites
        self.counts = {"soma": width, "dendrite": count}
        self.nonlinear = nonlinear
        self.dendrites: nn.Module
        if wiring == "all":
            self.dendrites = nn.Linear(shape.features, count)
        else:
            synapses = min(synapses, shape.features)
            index = receptive_fields(wiring, shape.grid, width, dendrites, synapses)
            self.dendrites = CompactLinear(shape.features, index)
        self.somata = BlockLinear(width, dendrites) if blocks else nn.Linear(count, width)
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        h = self.dendrites(x)  # (batch, D S)
        if self.nonlinear:
            h = F.leaky_relu(h, SLOPE)
        y = F.leaky_relu(self.somata(h), SLOPE)  # (batch, S)
        logits: Tensor = self.readout(y)
        return logits

    def units(self) -> dict[str, int]:
        """Somata and dendrites."""
        return self.counts
