"""Compact dendritic contractions: only existing synapses are stored, read and multiplied.

Both layers are linear in their weight and in their input and hold no nonlinearity, so that
`neurojoule.work` can count their effective operations like those of a dense layer. They work on
(features, batch), the batch innermost: one synapse then is one weight times one contiguous row.
Their output is (batch, units) all the same, as a transposed view that element-wise operations keep
and that the next layer of this module reads without a copy.

The rule that chooses the kernel, measured in docs/kernels.md: on a CPU in float32 or float64, with
numba importable, the forward pass and the gradient of the input are torch's `embedding_bag`, a sum
of weighted rows, and the gradient of the weight is a compiled loop. Anywhere else torch's
`embedding_bag` does all three.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import loops, wiring


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
        for name, tensor in synapses._asdict().items():
            # What follows from the first two is not stored with the weights.
            self.register_buffer(name, tensor, persistent=name in {"members", "offsets"})
        fan_in = synapses.offsets.diff()  # (units,)
        bound = fan_in.clamp(min=1).to(torch.get_default_dtype()).rsqrt()
        count = len(synapses.members)
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
        return "embedding_bag+numba" if _compiled(self.weight) else "embedding_bag"

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, units).

        Raises:
            UserError: when x has another shape or dtype than the weight.
        """
        table = _features_first(x, self.in_features, self.weight)  # (n, batch)
        sums = _CompiledSums.apply if _compiled(self.weight) else _sums
        y: Tensor = sums(table, self.weight.flatten(), self.bias, self.synapses)  # (units, batch)
        return y.t()

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
        self.weight = nn.Parameter(torch.empty(somata, dendrites).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(somata).uniform_(-bound, bound)) if bias else None

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        return "bmm+numba" if _compiled(self.weight) else "bmm"

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, somata x dendrites) to (batch, somata).

        Raises:
            UserError: when x has another shape or dtype than the weight.
        """
        rows = _features_first(x, self.weight.numel(), self.weight)  # (somata x dendrites, batch)
        sums = _CompiledBlocks.apply if _compiled(self.weight) else _block_sums
        y: Tensor = sums(rows, self.weight, self.bias)  # (somata, batch)
        return y.t()

    def macs(self, x: Tensor) -> int:
        """Multiply-adds of one call: one a sample and dendrite."""
        return len(x) * self.weight.numel()

    def extra_repr(self) -> str:
        """What print shows."""
        somata, dendrites = self.weight.shape
        return f"somata={somata}, dendrites={dendrites}"


def _compiled(weight: Tensor) -> bool:
    """Whether the compiled loops take this weight."""
    real = weight.dtype in {torch.float32, torch.float64}
    return real and weight.device.type == "cpu" and loops.available()


def _features_first(x: Tensor, features: int, weight: Tensor) -> Tensor:
    """Show x (batch, features) as (features, batch), the batch contiguous."""
    if x.ndim != 2 or x.shape[1] != features:
        raise UserError(
            f"This layer takes an input of shape (batch, {features}); given {tuple(x.shape)}."
        )
    if x.dtype != weight.dtype:
        raise UserError(
            f"This layer has weights of {weight.dtype} and its input is {x.dtype}; convert one, "
            f"for example layer.to({x.dtype}) or x.to({weight.dtype})."
        )
    if len(x) == 1:
        return x.reshape(features, 1)  # of a row, t() keeps strides that miss the fast path
    return x.t().contiguous()


def _sums(table: Tensor, weight: Tensor, bias: Tensor | None, synapses: wiring.Synapses) -> Tensor:
    """Inputs (n, batch), weight (synapses,), bias (units,) -> (units, batch)."""
    y = _weighted_rows(table, weight, synapses.members, synapses.offsets)
    return y if bias is None else y.add_(bias.unsqueeze(1))


def _weighted_rows(table: Tensor, weight: Tensor, members: Tensor, offsets: Tensor) -> Tensor:
    """Of every bag of rows of the table (rows, batch), the weighted sum: (bags, batch)."""
    return F.embedding_bag(
        members, table, offsets, per_sample_weights=weight, mode="sum", include_last_offset=True
    )


def _block_sums(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Dendrites (somata x dendrites, batch), weight (somata, dendrites) -> (somata, batch)."""
    blocks = rows.view(*weight.shape, -1)  # (somata, dendrites, batch)
    # (somata, 1, dendrites) @ (somata, dendrites, batch) -> (somata, 1, batch)
    if bias is None:
        return torch.bmm(weight.unsqueeze(1), blocks).squeeze(1)
    return torch.baddbmm(bias.view(-1, 1, 1), weight.unsqueeze(1), blocks).squeeze(1)


class _CompiledSums(torch.autograd.Function):
    """`_sums` with the gradients of weight and bias by a compiled loop."""

    @staticmethod
    def forward(
        ctx: Any, table: Tensor, weight: Tensor, bias: Tensor | None, synapses: wiring.Synapses
    ) -> Tensor:
        ctx.save_for_backward(table, weight)
        ctx.synapses = synapses
        return _sums(table, weight, bias, synapses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        table, weight = ctx.saved_tensors
        members, offsets, readers, reader_offsets, order = ctx.synapses
        needs_table, needs_weight, needs_bias, _ = ctx.needs_input_grad
        dy = dy.contiguous()  # (units, batch)
        dtable = dweight = dbias = None
        if needs_table:
            dtable = _weighted_rows(dy, weight[order], readers, reader_offsets)  # (n, batch)
        if needs_weight or needs_bias:
            dweight, dbias = torch.empty_like(weight), dy.new_empty(len(dy))
            _run(loops.compiled().weight_gradient, table, members, offsets, dy, dweight, dbias)
        return dtable, dweight, dbias if needs_bias else None, None


class _CompiledBlocks(torch.autograd.Function):
    """`_block_sums` with all gradients in one pass over the dendrites."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return _block_sums(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        rows, weight = ctx.saved_tensors
        drows, dweight = torch.empty_like(rows), torch.empty_like(weight)
        dbias = dy.new_empty(len(dy))
        _run(loops.compiled().block_gradient, rows, weight, dy.contiguous(), drows, dweight, dbias)
        return drows, dweight, dbias if ctx.needs_input_grad[2] else None


def _run(loop: Callable[..., None], *tensors: Tensor) -> None:
    """Call a compiled loop on the memory of the tensors."""
    loop(*(tensor.detach().numpy() for tensor in tensors))


def _rewire(module: nn.Module, _keys: Any) -> None:
    """After loading weights: derive what is not stored, refusing entries out of range."""
    assert isinstance(module, CompactLinear)
    wiring.check(module.in_features, module.members.unsqueeze(0))
    synapses = wiring.seen_from_both(module.in_features, module.members, module.offsets)
    for name, tensor in synapses._asdict().items():
        setattr(module, name, tensor)
