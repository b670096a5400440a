"""Sums over synapses and over dendrites, with gradients, in torch and by compiled loops.

Everything here works on (features, batch), the batch innermost: one synapse then is one weight
times one contiguous row. The rule that chooses between the forms, measured in docs/kernels.md: on a
CPU in float32 or float64, with numba importable, the gradient of the weights and what passes over
dendrites are compiled loops, and sums of weighted rows are torch's `embedding_bag`; anywhere else
torch does everything.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import dendrite_loops, jit
from neurojoule.kernels.wiring import Synapses


def is_compiled(weight: Tensor) -> bool:
    """Whether the compiled loops take this weight."""
    real = weight.dtype in {torch.float32, torch.float64}
    return real and weight.device.type == "cpu" and jit.available()


def features_first(x: Tensor, features: int, weight: Tensor) -> Tensor:
    """Show x (batch, features) as (features, batch), the batch contiguous.

    Raises:
        UserError: when x has another shape, or another dtype than the weight.
    """
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


def unit_sums(table: Tensor, weight: Tensor, bias: Tensor | None, synapses: Synapses) -> Tensor:
    """y[u, b] = sum over the synapses s of unit u of weight[s] table[input of s, b], + bias[u].

    Args:
        table: (inputs, batch).
        weight: (synapses,).
        bias: (units,) or None.
        synapses: who reads whom.

    Returns:
        (units, batch).
    """
    sums = _CompiledUnits.apply if is_compiled(weight) else _unit_sums
    y: Tensor = sums(table, weight, bias, synapses)
    return y


def block_sums(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """y[s, b] = sum_d weight[s, d] rows[s D + d, b] + bias[s].

    Args:
        rows: (somata x dendrites, batch).
        weight: (somata, dendrites).
        bias: (somata,) or None.

    Returns:
        (somata, batch).
    """
    sums = _CompiledBlocks.apply if is_compiled(weight) else _block_sums
    y: Tensor = sums(rows, weight, bias)
    return y


def dendritic_sums(
    table: Tensor,
    dendrites: tuple[Tensor, Tensor],
    somata: tuple[Tensor, Tensor],
    *,
    synapses: Synapses,
    slope: float,
) -> Tensor:
    """`unit_sums`, leaky ReLU and `block_sums` by compiled loops, so only where `is_compiled`.

    Args:
        table: (inputs, batch).
        dendrites: weight (synapses,) and bias (somata x dendrites,).
        somata: weight (somata, dendrites) and bias (somata,).
        synapses: who reads whom.
        slope: of the leaky ReLU below zero.

    Returns:
        (somata, batch).
    """
    y: Tensor = _DendriticSums.apply(table, *dendrites, *somata, synapses, slope)  # type: ignore[no-untyped-call]
    return y


def _unit_sums(table: Tensor, weight: Tensor, bias: Tensor | None, synapses: Synapses) -> Tensor:
    y = _weighted_rows(table, weight, synapses.members, synapses.offsets)
    return y if bias is None else y.add_(bias.unsqueeze(1))


def _weighted_rows(table: Tensor, weight: Tensor, members: Tensor, offsets: Tensor) -> Tensor:
    """Of every bag of rows of the table (rows, batch), the weighted sum: (bags, batch)."""
    return F.embedding_bag(
        members, table, offsets, per_sample_weights=weight, mode="sum", include_last_offset=True
    )


def _block_sums(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    blocks = rows.view(*weight.shape, -1)  # (somata, dendrites, batch)
    # (somata, 1, dendrites) @ (somata, dendrites, batch) -> (somata, 1, batch)
    if bias is None:
        return torch.bmm(weight.unsqueeze(1), blocks).squeeze(1)
    return torch.baddbmm(bias.view(-1, 1, 1), weight.unsqueeze(1), blocks).squeeze(1)


class _CompiledUnits(torch.autograd.Function):
    """`unit_sums` with the gradients of weight and bias by a compiled loop."""

    @staticmethod
    def forward(
        ctx: Any, table: Tensor, weight: Tensor, bias: Tensor | None, synapses: Synapses
    ) -> Tensor:
        ctx.save_for_backward(table, weight)
        ctx.synapses = synapses
        return _unit_sums(table, weight, bias, synapses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        table, weight = ctx.saved_tensors
        return *_unit_gradients(ctx, table, weight, dy.contiguous()), None


def _unit_gradients(
    ctx: Any, table: Tensor, weight: Tensor, dy: Tensor
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of table, weight and bias, of those that `ctx` needs; dy (units, batch)."""
    members, offsets, readers, reader_offsets, order = ctx.synapses
    needs_table, needs_weight, needs_bias, *_ = ctx.needs_input_grad
    dtable = dweight = dbias = None
    if needs_table:
        dtable = _weighted_rows(dy, weight[order], readers, reader_offsets)  # (inputs, batch)
    if needs_weight or needs_bias:
        dweight, dbias = torch.empty_like(weight), dy.new_empty(len(dy))
        jit.run(
            dendrite_loops.compiled().weight_gradient, table, members, offsets, dy, dweight, dbias
        )
    return dtable, dweight, dbias if needs_bias else None


class _CompiledBlocks(torch.autograd.Function):
    """`block_sums` with all gradients in one pass over the dendrites."""

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
        jit.run(
            dendrite_loops.compiled().block_gradient,
            rows,
            weight,
            dy.contiguous(),
            drows,
            dweight,
            dbias,
        )
        return drows, dweight, dbias if ctx.needs_input_grad[2] else None


class _DendriticSums(torch.autograd.Function):
    """`dendritic_sums` with one pass over the dendrites each way beside that over the synapses."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any,
        table: Tensor,
        weight: Tensor,
        bias: Tensor,
        soma_weight: Tensor,
        soma_bias: Tensor,
        synapses: Synapses,
        slope: float,
    ) -> Tensor:
        h = _weighted_rows(table, weight, synapses.members, synapses.offsets)  # (dendrites, batch)
        y = soma_bias.unsqueeze(1).repeat(1, table.shape[1])  # (somata, batch)
        jit.run(dendrite_loops.compiled().soma_forward, h, bias, soma_weight, y, slope)
        ctx.save_for_backward(table, weight, soma_weight, h)
        ctx.synapses, ctx.slope = synapses, slope
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        table, weight, soma_weight, h = ctx.saved_tensors
        dy = dy.contiguous()  # (somata, batch)
        dh, dsoma = torch.empty_like(h), torch.empty_like(soma_weight)
        jit.run(dendrite_loops.compiled().soma_backward, h, soma_weight, dy, dh, dsoma, ctx.slope)
        return *_unit_gradients(ctx, table, weight, dh), dsoma, dy.sum(1), None, None
