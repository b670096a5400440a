"""Networks of neurons with dendrites: few synapses a dendrite, own nonlinearity, one soma for D.

    h_sd = phi(sum_k w_sdk x_idx(s,d,k) + b_sd)
    y_s  = phi(sum_d c_sd h_sd + b_s),    phi = leaky ReLU 0.1,    then a linear read-out

S. Chavlis & P. Poirazi, "Dendrites endow artificial neural networks with accurate, robust and
parameter-efficient learning", Nature Communications 16, 943 (2025). `dann` is the network,
`dann_linear` and `dann_dense` tell what its nonlinearity and its sparsity buy.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.compact import BlockLinear, CompactLinear, DendriticLayer
from neurojoule.models.refusals import SYNAPSES, too_few_inputs
from neurojoule.models.wiring import receptive_fields
from neurojoule.registry import Shape, model

SLOPE = 0.1
"""Of the leaky ReLU below zero."""


@model(
    "dann",
    family="dendritic",
    takes="vector",
    summary="Somata with dendrites of few synapses on random, local or global receptive fields",
    source="Chavlis & Poirazi 2025",
    default_width=32,
)
class DANN(nn.Module):
    """Dendritic network with (K + 1) D S + (D + 1) S + (S + 1) C parameters.

    A dendrite has exactly K synapses. (The public code draws its random connections over the whole
    matrix, so that K is only their mean; and where it needs more than two rings it draws from all
    rings but the first at once.) With fewer than K inputs a dendrite reads them all.

    Args:
        shape: inputs (n,), outputs C, grid of the inputs.
        width: somata S.
        fields: `random`, `local` or `global` receptive fields (`wiring.receptive_fields`).
        dendrites: of one soma, D.
        synapses: of one dendrite, K.

    Raises:
        UserError: when fields, dendrites or synapses do not fit the inputs.
    """

    dendritic_slope = SLOPE

    def __init__(
        self,
        shape: Shape,
        width: int,
        *,
        fields: str = "random",
        dendrites: int = 4,
        synapses: int = SYNAPSES,
    ) -> None:
        super().__init__()
        check_counts(dendrites, synapses)
        synapses = min(synapses, shape.features)
        index = receptive_fields(fields, shape.grid, width, dendrites, synapses)
        self.counts = {"soma": width, "dendrite": width * dendrites}
        self.neurons = DendriticLayer(
            CompactLinear(shape.features, index),
            BlockLinear(width, dendrites),
            self.dendritic_slope,
        )
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        y = F.leaky_relu(self.neurons(x), SLOPE)  # (batch, S)
        logits: Tensor = self.readout(y)
        return logits

    def units(self) -> dict[str, int]:
        """Somata and dendrites."""
        return self.counts


@model(
    "dann_linear",
    family="dendritic",
    takes="vector",
    summary="Control: the same wiring as dann with linear dendrites",
    source="control of Chavlis & Poirazi 2025; MODELS, fairness rule 3",
    default_width=32,
)
class DANNLinear(DANN):
    """`dann` without the nonlinearity of its dendrites: h_sd = sum_k w_sdk x_idx(s,d,k) + b_sd.

    What is left of the difference to `dann` is owed to dendritic nonlinearity; what is left of that
    to `mlp` to sparse sampling. Arguments and parameter count as in `dann`.
    """

    dendritic_slope = 1.0


@model(
    "dann_dense",
    family="dendritic",
    takes="vector",
    summary="Control: the same topology as dann, fully connected",
    source="the fully connected twin of Chavlis & Poirazi 2025",
    default_width=32,
    refuses=too_few_inputs,
)
class DANNDense(nn.Module):
    """As many units as in `dann`, each dendrite reading all n inputs, each soma all D S dendrites.

    (n + 1) D S + (D S + 1) S + (S + 1) C parameters.

    Args:
        shape: inputs (n,), outputs C.
        width: somata S.
        dendrites: a soma, D.

    Raises:
        UserError: when there is no dendrite.
    """

    def __init__(self, shape: Shape, width: int, *, dendrites: int = 4) -> None:
        super().__init__()
        check_counts(dendrites, 1)
        self.counts = {"soma": width, "dendrite": width * dendrites}
        self.dendrites = nn.Linear(shape.features, width * dendrites)
        self.somata = nn.Linear(width * dendrites, width)
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        h = F.leaky_relu(self.dendrites(x), SLOPE)  # (batch, D S)
        y = F.leaky_relu(self.somata(h), SLOPE)  # (batch, S)
        logits: Tensor = self.readout(y)
        return logits

    def units(self) -> dict[str, int]:
        """Somata and dendrites."""
        return self.counts


def check_counts(dendrites: int, synapses: int) -> None:
    """A neuron has at least one dendrite, a dendrite at least one synapse.

    Raises:
        UserError: if not.
    """
    if dendrites < 1 or synapses < 1:
        raise UserError(
            "A soma has at least one dendrite and a dendrite at least one synapse; given "
            f"dendrites={dendrites}, synapses={synapses}."
        )
