"""The plain form of a sparse layer: dense weights times a mask, as published code computes it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.kernels import wiring


class MaskedLinear(nn.Module):
    """y = x (W * mask)^T + b: what `CompactLinear` computes, at the cost of a dense layer.

    Args:
        in_features: width n of the input.
        index: int64 (units, synapses), as for `CompactLinear`. The mask holds an input once,
            however often a unit reads it.
        bias: whether every unit has a bias.

    Attributes:
        weight: (units, n), dense; only entries under the mask take part.
        mask: (units, n), True where a synapse exists.

    Raises:
        UserError: when the index has another dtype or shape, or an entry out of range.
    """

    mask: Tensor

    def __init__(self, in_features: int, index: Tensor, *, bias: bool = True) -> None:
        super().__init__()
        wiring.check(in_features, index)
        mask = torch.zeros(len(index), in_features, dtype=torch.bool)
        unit, synapse = (index != wiring.NO_SYNAPSE).nonzero(as_tuple=True)
        mask[unit, index[unit, synapse]] = True
        self.register_buffer("mask", mask)
        bound = mask.sum(1).clamp(min=1).to(torch.get_default_dtype()).rsqrt()  # (units,)
        weight = torch.empty(mask.shape).uniform_(-1, 1) * bound.unsqueeze(1)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(len(mask)).uniform_(-1, 1) * bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, units)."""
        return F.linear(x, self.weight * self.mask, self.bias)

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: all of the dense product, masked or not."""
        return len(x) * self.weight.numel()
