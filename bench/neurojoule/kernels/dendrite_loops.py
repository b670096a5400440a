"""Loops over synapses and dendrites that torch has no fast operation for.

Compiled when first asked for; nothing here starts a thread.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from neurojoule.kernels.jit import Array, jit


def weight_gradient(  # noqa: PLR0917 - compiled signatures are positional
    table: Array, members: Array, offsets: Array, dy: Array, dw: Array, db: Array
) -> None:
    """dw[s] = sum_b dy[u, b] table[members[s], b] for each synapse s of unit u; db[u] = sum dy[u].

    Args:
        table: (inputs, batch), the batch innermost so that one vector instruction serves it.
        members: int64 (synapses,), as in `wiring.Synapses`.
        offsets: int64 (units + 1,).
        dy: (units, batch).
        dw: (synapses,), written.
        db: (units,), written.
    """
    zero = dw.dtype.type(0)
    for u in range(len(dy)):
        g = dy[u]
        total = zero
        for b in range(len(g)):
            total += g[b]
        db[u] = total
        k, end = offsets[u], offsets[u + 1]
        while k + 4 <= end:  # four at a time share each load of dy
            x0, x1 = table[members[k]], table[members[k + 1]]
            x2, x3 = table[members[k + 2]], table[members[k + 3]]
            s0, s1, s2, s3 = zero, zero, zero, zero
            for b in range(len(g)):
                s0 += g[b] * x0[b]
                s1 += g[b] * x1[b]
                s2 += g[b] * x2[b]
                s3 += g[b] * x3[b]
            dw[k], dw[k + 1], dw[k + 2], dw[k + 3] = s0, s1, s2, s3
            k += 4
        while k < end:
            x0 = table[members[k]]
            s0 = zero
            for b in range(len(g)):
                s0 += g[b] * x0[b]
            dw[k] = s0
            k += 1


def block_gradient(  # noqa: PLR0917 - compiled signatures are positional
    x: Array, w: Array, dy: Array, dx: Array, dw: Array, db: Array
) -> None:
    """All gradients of y[s, b] = sum_d w[s, d] x[s D + d, b] + bias[s], in one pass over x.

    Args:
        x: (somata x dendrites, batch).
        w: (somata, dendrites).
        dy: (somata, batch).
        dx: as x, written.
        dw: as w, written.
        db: (somata,), written.
    """
    somata, dendrites = w.shape
    zero = dw.dtype.type(0)
    for s in range(somata):
        g = dy[s]
        total = zero
        for b in range(len(g)):
            total += g[b]
        db[s] = total
        for d in range(dendrites):
            h, dh, v = x[s * dendrites + d], dx[s * dendrites + d], w[s, d]
            total = zero
            for b in range(len(g)):
                total += g[b] * h[b]
                dh[b] = v * g[b]
            dw[s, d] = total


def soma_forward(h: Array, bias: Array, w: Array, y: Array, slope: float) -> None:
    """Bias and leaky ReLU of the dendrites, in place, and the somatic sum of them, in one pass.

    y[s, b] += sum_d w[s, d] h[s D + d, b] after h = leaky_relu(h + bias).

    Args:
        h: (somata x dendrites, batch), weighted sums; afterwards what the dendrites give.
        bias: (somata x dendrites,).
        w: (somata, dendrites).
        y: (somata, batch), added to.
        slope: of the leaky ReLU below zero.
    """
    somata, dendrites = w.shape
    zero, below = h.dtype.type(0), h.dtype.type(slope)
    for s in range(somata):
        out = y[s]
        for d in range(dendrites):
            row, v, shift = h[s * dendrites + d], w[s, d], bias[s * dendrites + d]
            for b in range(len(row)):
                value = row[b] + shift
                value = value if value > zero else below * value
                row[b] = value
                out[b] += v * value


def soma_backward(  # noqa: PLR0917 - compiled signatures are positional
    h: Array, w: Array, dy: Array, dh: Array, dw: Array, slope: float
) -> None:
    """Gradients of `soma_forward` with respect to w and to the dendrites' weighted sums.

    Args:
        h: (somata x dendrites, batch) as `soma_forward` leaves it.
        w: (somata, dendrites).
        dy: (somata, batch).
        dh: as h, written: the gradient before bias and leaky ReLU.
        dw: as w, written.
        slope: of the leaky ReLU below zero.
    """
    somata, dendrites = w.shape
    zero, one, below = h.dtype.type(0), h.dtype.type(1), h.dtype.type(slope)
    for s in range(somata):
        g = dy[s]
        for d in range(dendrites):
            row, out, v = h[s * dendrites + d], dh[s * dendrites + d], w[s, d]
            total = zero
            for b in range(len(g)):
                total += g[b] * row[b]
                out[b] = v * g[b] * (one if row[b] > zero else below)
            dw[s, d] = total


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    weight_gradient: Callable[..., None]
    block_gradient: Callable[..., None]
    soma_forward: Callable[..., None]
    soma_backward: Callable[..., None]


_SIGNATURES: dict[Callable[..., None], str] = {
    weight_gradient: "matrix ints ints matrix vector vector",
    block_gradient: "matrix matrix matrix matrix matrix vector",
    soma_forward: "matrix vector matrix matrix float",
    soma_backward: "matrix matrix matrix matrix matrix float",
}


@functools.cache
def compiled() -> Loops:
    """Compile every loop for float32 and float64, or load its machine code from the disk."""
    return Loops(*(jit(loop, arguments) for loop, arguments in _SIGNATURES.items()))
