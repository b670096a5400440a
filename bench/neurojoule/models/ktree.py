"""The k-tree: a dendritic tree as a network, every pair of branches joined by a node of its own.

    node    h = phi(w_1 left + w_2 right + b),   phi = leaky ReLU 0.01
    output  y = W [roots of k trees] + c

I. S. Jones & K. P. Kording, "Might a Single Neuron Solve Interesting Machine Learning Problems
Through Successive Computations on Its Dendritic Tree?", Neural Computation 33 (2021).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.kernels.compact import BlockLinear, CompactLinear
from neurojoule.registry import Shape, model

SLOPE = 0.01
"""Of the leaky ReLU below zero."""


def level_sizes(features: int) -> list[int]:
    """Nodes of each level of a tree, inputs first, root last: every level halves, rounded up."""
    sizes = [features]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes if len(sizes) > 1 else [features, 1]


@model(
    "ktree",
    family="dendritic",
    takes="vector",
    summary="k binary dendritic trees over the whole input, each node two synapses and a threshold",
    source="Jones & Kording 2021",
    default_width=16,
)
class KTree(nn.Module):
    """k binary trees over n inputs in their order, and a linear read-out of the k roots.

    The paper pads its inputs with zeros to a power of two. A branch of padding only is a constant
    that the bias of the node above can hold, so such branches are left out here: the functions are
    the same, and no weight is dead. A node without a right neighbour has one synapse. For n a power
    of two a tree has 2 n - 2 weights and n - 1 biases (2,046 weights for 1,024 inputs); otherwise
    the weights are the sum of all level sizes but the root's, the biases that of all but the
    inputs'. The read-out has (k + 1) C. Weights start as N(0, 1), that is N(0, 2 / fan-in) over the
    two inputs of a node; biases at 0.

    All trees are computed together, level by level.

    Args:
        shape: inputs (n,), outputs C.
        width: trees k.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        sizes = level_sizes(shape.features)
        self.nodes = width * sum(sizes[1:])
        self.levels = nn.ModuleList(
            _level(width, below, above, shared=depth == 0)
            for depth, (below, above) in enumerate(pairwise(sizes))
        )
        for level in self.levels:
            nn.init.normal_(level.weight)  # type: ignore[arg-type]
            nn.init.zeros_(level.bias)  # type: ignore[arg-type]
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        for level in self.levels:
            x = F.leaky_relu(level(x), SLOPE)  # (batch, k x nodes of the level)
        logits: Tensor = self.readout(x)  # the roots, (batch, k)
        return logits

    def units(self) -> dict[str, int]:
        """One soma a tree, one dendrite a node."""
        return {"soma": self.readout.in_features, "dendrite": self.nodes}


def _level(trees: int, below: int, above: int, *, shared: bool) -> CompactLinear | BlockLinear:
    """Node i of a tree reads 2 i and 2 i + 1 of the level below; the inputs are shared by all."""
    if below % 2 == 0 and not shared:
        return BlockLinear(trees * above, 2)
    child = torch.arange(2 * above).view(above, 2)
    child = torch.where(child < below, child, -1)  # (above, 2), -1 for no synapse
    offset = torch.arange(trees).view(-1, 1, 1) * (0 if shared else below)
    index = torch.where(child < 0, child, child + offset)  # (trees, above, 2)
    return CompactLinear(below if shared else trees * below, index.reshape(-1, 2))
