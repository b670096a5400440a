"""Compact dendritic contractions: only existing synapses are stored, read and multiplied.

Both layers are linear in their weight and in their input and hold no nonlinearity, so that
`neurojoule.work` can count their effective operations like those of a dense layer.
"""

import torch
from torch import Tensor, nn


class CompactLinear(nn.Module):
    """Every unit reads its own K inputs: y[b, u] = sum_k weight[u, k] x[b, index[u, k]] + bias[u].

    Args:
        in_features: width n of the input.
        index: int64 (units, synapses), which input each synapse reads, each in [0, n).
        bias: whether every unit has a bias.
    """

    index: Tensor

    def __init__(self, in_features: int, index: Tensor, *, bias: bool = True) -> None:
        super().__init__()
        units, synapses = index.shape
        self.in_features = in_features
        self.register_buffer("index", index)
        bound = synapses**-0.5
        self.weight = nn.Parameter(torch.empty(units, synapses).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(units).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, units)."""
        y = torch.einsum("buk,uk->bu", x[:, self.index], self.weight)
        return y if self.bias is None else y + self.bias

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: one a sample and synapse."""
        return len(x) * self.weight.numel()


class BlockLinear(nn.Module):
    """A soma reads its own dendrites: y[b, s] = sum_d weight[s, d] x[b, s D + d] + bias[s]."""
    def __init__(self, somata: int, dendrites: int, *, bias: bool = True) -> None:
        super().__init__()
        bound = dendrites**-0.5
        self.weight = nn.Parameter(torch.empty(somata, dendrites).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(somata).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, somata x dendrites) to (batch, somata)."""
        # (batch, somata, dendrites) * (somata, dendrites) -> (batch, somata)
        y = torch.einsum("bsd,sd->bs", x.view(len(x), *self.weight.shape), self.weight)
        return y if self.bias is None else y + self.bias

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: one a sample and dendrite."""
        return len(x) * self.weight.numel()
