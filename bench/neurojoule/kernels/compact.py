"""Compact dendritic contractions: only existing synapses are stored, read and multiplied.

`CompactLinear` and `BlockLinear` are linear in their weight and in their input and hold no
nonlinearity, so that `neurojoule.work` can count their effective operations like those of a dense
layer. Their output is (batch, units) in shape and (units, batch) in memory: element-wise operations
keep that, and the next layer of this module reads it without a copy.

`DendriticLayer` runs both and the leaky ReLU between them in one call. At 2,048 dendrites and a
batch of 128 every element-wise operation reads and writes a megabyte; as separate modules, bias,
nonlinearity and soma take longer than the synapses.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import wiring
from neurojoule.kernels.sums import (
    block_sums,
    dendritic_sums,
    features_first,
    is_compiled,
    unit_sums,
)

_BLOCK = 256
"""Samples whose inputs and dendrites stay in the caches; more are taken in blocks of as many."""


class CompactLinear(nn.Module):
    """Every unit reads its own K inputs: y[b, u] = sum_k weight[u, k] x[b, index[u, k]] + bias[u].

    Args:
        in_features: width n of the input.
        index: int64 (units, synapses), which input each synapse reads, each in [0, n). A unit may
            read one input more than once. -1 stands for no synapse, in any place of a row.
        bias: whether every unit has a bias.

    Attributes:
        weight: (units, synapses); where the index holds a -1, only what exists is a parameter:
            (existing synapses,), unit by unit in the order of the index.
        bias: (units,) or None.
        fused: whether a `DendriticLayer` runs this layer.

    Raises:
        UserError: when the index has another dtype or shape, or an entry out of range.
    """

    members: Tensor
    offsets: Tensor
    readers: Tensor
    reader_offsets: Tensor
    order: Tensor

    def __init__(self, in_features: int, index: Tensor, *, bias: bool = True) -> None:
        super().__init__()
        synapses = wiring.synapses(in_features, index)
        self.in_features = in_features
        self.out_features = len(index)
        self.fused = False
        for name, tensor in synapses._asdict().items():
            # What follows from the first two is not stored with the weights.
            self.register_buffer(name, tensor, persistent=name in {"members", "offsets"})
        count = len(synapses.members)
        fan_in = synapses.offsets.diff()  # (units,)
        bound = fan_in.clamp(min=1).to(torch.get_default_dtype()).rsqrt()
        bounds = bound.repeat_interleave(fan_in, output_size=count)  # (synapses,)
        weight = torch.empty(count).uniform_(-1, 1) * bounds
        even = count == index.numel()
        self.weight = nn.Parameter(weight.view(index.shape) if even else weight)
        self.bias = nn.Parameter(torch.empty(len(index)).uniform_(-1, 1) * bound) if bias else None
        self.register_load_state_dict_post_hook(_rewire)  # type: ignore[no-untyped-call]

    @property
    def synapses(self) -> wiring.Synapses:
        """Who reads whom."""
        return wiring.Synapses(
            self.members, self.offsets, self.readers, self.reader_offsets, self.order
        )

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        return _kernel(self.weight, "embedding_bag", fused=self.fused)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, units).

        Raises:
            UserError: when x has another shape or dtype than the weight.
        """
        table = features_first(x, self.in_features, self.weight)  # (n, batch)
        return unit_sums(table, self.weight.flatten(), self.bias, self.synapses).t()

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: one a sample and synapse."""
        return len(x) * self.weight.numel()

    def extra_repr(self) -> str:
        """What print shows."""
        return f"{self.in_features}, {self.out_features}, synapses={self.weight.numel()}"


class BlockLinear(nn.Module):
    """A soma reads its own dendrites: y[b, s] = sum_d weight[s, d] x[b, s D + d] + bias[s].

    Args:
        somata: how many somata.
        dendrites: D, dendrites of each.
        bias: whether every soma has a bias.

    Attributes:
        weight: (somata, dendrites).
        bias: (somata,) or None.
        fused: whether a `DendriticLayer` runs this layer.

    Raises:
        UserError: when there is no soma or no dendrite.
    """

    def __init__(self, somata: int, dendrites: int, *, bias: bool = True) -> None:
        super().__init__()
        if somata < 1 or dendrites < 1:
            raise UserError(
                f"A layer has at least one soma and one dendrite a soma; given {somata} somata "
                f"with {dendrites} dendrites each."
            )
        bound = dendrites**-0.5
        self.fused = False
        self.weight = nn.Parameter(torch.empty(somata, dendrites).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(somata).uniform_(-bound, bound)) if bias else None

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        return _kernel(self.weight, "bmm", fused=self.fused)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, somata x dendrites) to (batch, somata).

        Raises:
            UserError: when x has another shape or dtype than the weight.
        """
        rows = features_first(x, self.weight.numel(), self.weight)  # (somata x dendrites, batch)
        return block_sums(rows, self.weight, self.bias).t()

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: one a sample and dendrite."""
        return len(x) * self.weight.numel()

    def extra_repr(self) -> str:
        """What print shows."""
        somata, dendrites = self.weight.shape
        return f"somata={somata}, dendrites={dendrites}"


class DendriticLayer(nn.Module):
    """y = somata(leaky_relu(dendrites(x))): the parts one after another, or in one fused call.

    The parts own the parameters. They run one after another, with the same result, where the loops
    cannot run, and when either has a hook, since a hook on a part (the one that counts operations,
    say) waits for the part's own call.

    Args:
        dendrites: (batch, n) -> (batch, somata x dendrites).
        somata: (batch, somata x dendrites) -> (batch, somata).
        slope: of the leaky ReLU below zero, 0 or more; 1 makes the dendrites linear.

    Raises:
        UserError: when the parts do not fit, or for a negative slope.
    """

    def __init__(self, dendrites: CompactLinear, somata: BlockLinear, slope: float) -> None:
        super().__init__()
        if dendrites.out_features != somata.weight.numel():
            raise UserError(
                f"{dendrites.out_features} dendrites do not fit somata of shape "
                f"{tuple(somata.weight.shape)} (somata, dendrites)."
            )
        if not slope >= 0:
            raise UserError(f"The slope of a leaky ReLU is 0 or more here; given {slope}.")
        self.dendrites = dendrites
        self.somata = somata
        self.slope = slope
        dendrites.fused = somata.fused = True

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, somata), before the soma's own nonlinearity.

        Raises:
            UserError: when x has another shape or dtype than the weights.
        """
        dendrites, somata = self.dendrites, self.somata
        if _has_hooks(dendrites) or _has_hooks(somata) or not is_compiled(dendrites.weight):
            y: Tensor = somata(F.leaky_relu(dendrites(x), self.slope))
            return y
        if len(x) > 2 * _BLOCK:
            return torch.cat([self._fused(block) for block in torch.split(x, _BLOCK)])
        return self._fused(x)

    def _fused(self, x: Tensor) -> Tensor:
        dendrites, somata = self.dendrites, self.somata
        return dendritic_sums(
            features_first(x, dendrites.in_features, dendrites.weight),  # (n, batch)
            (dendrites.weight.flatten(), _bias(dendrites, dendrites.out_features)),
            (somata.weight, _bias(somata, len(somata.weight))),
            synapses=dendrites.synapses,
            slope=self.slope,
        ).t()


def _kernel(weight: Tensor, plain: str, *, fused: bool) -> str:
    if not is_compiled(weight):
        return plain
    return f"{plain}+numba fused" if fused else f"{plain}+numba"


def _bias(layer: CompactLinear | BlockLinear, units: int) -> Tensor:
    return layer.weight.new_zeros(units) if layer.bias is None else layer.bias


def _has_hooks(layer: nn.Module) -> bool:
    # torch's own fused layers (TransformerEncoderLayer) look at the same attributes.
    return bool(layer._forward_hooks or layer._forward_pre_hooks)  # noqa: SLF001


def _rewire(layer: nn.Module, _keys: Any) -> None:
    """After loading weights: derive what is not stored, refusing entries out of range."""
    assert isinstance(layer, CompactLinear)
    wiring.check(layer.in_features, layer.members.unsqueeze(0))
    synapses = wiring.seen_from_both(layer.in_features, layer.members, layer.offsets)
    for name, tensor in synapses._asdict().items():
        setattr(layer, name, tensor)
