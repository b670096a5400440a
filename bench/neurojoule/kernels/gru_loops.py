"""Loops over time for gated recurrent units with few states: the batch innermost.

Rows of every matrix are (unit, step) pairs, unit by unit; columns are samples. Compiled when first
asked for; nothing here starts a thread.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from neurojoule.kernels.jit import Array, jit


def forward(  # noqa: C901, PLR0912, PLR0917 - numba: positional, and no calls within the loops
    gates: Array, recall: Array, U: Array, c: Array, h: Array, rational: Array, backwards: int
) -> None:
    """Run T steps: r, z = sigma(.), n = tanh(i_n + r (U_n h + c_n)), h <- (1 - z) n + z h.

    Args:
        gates: (3 H T, batch), the projected inputs of r, z, n; afterwards the gates.
        recall: (H T, batch), written: U_n h + c_n.
        U: (3 H, H).
        c: (3 H,).
        h: (H (T + 1), batch), states; the one before the first step is zero. Step t reads slot t
            and writes slot t + 1; running backwards it reads slot t + 1 and writes slot t.
        rational: tanh(x) = x p(x^2) / q(x^2) on +-limit: the limit, 7 of p, 4 of q, lowest first.
        backwards: 1 to run from the last step to the first.
    """
    H, batch = U.shape[1], gates.shape[1]
    T = len(gates) // (3 * H)
    half, one = gates.dtype.type(0.5), gates.dtype.type(1)
    limit = rational[0]
    p0, p1, p2, p3 = rational[1], rational[2], rational[3], rational[4]
    p4, p5, p6 = rational[5], rational[6], rational[7]
    q0, q1, q2, q3 = rational[8], rational[9], rational[10], rational[11]
    for step in range(T):
        t = T - 1 - step if backwards else step
        read, write = (t + 1, t) if backwards else (t, t + 1)
        for j in range(3 * H):
            row = gates[j * T + t] if j < 2 * H else recall[(j - 2 * H) * T + t]
            if j < 2 * H:
                for b in range(batch):
                    row[b] += c[j]
            else:
                for b in range(batch):
                    row[b] = c[j]
            i = 0
            while i + 4 <= H:  # four at a time share each load and store of the row
                w0, w1, w2, w3 = U[j, i], U[j, i + 1], U[j, i + 2], U[j, i + 3]
                s0, s1 = h[i * (T + 1) + read], h[(i + 1) * (T + 1) + read]
                s2, s3 = h[(i + 2) * (T + 1) + read], h[(i + 3) * (T + 1) + read]
                for b in range(batch):
                    row[b] += w0 * s0[b] + w1 * s1[b] + w2 * s2[b] + w3 * s3[b]
                i += 4
            while i < H:
                w0, s0 = U[j, i], h[i * (T + 1) + read]
                for b in range(batch):
                    row[b] += w0 * s0[b]
                i += 1
            if j < 2 * H:
                for b in range(batch):
                    x = half * row[b]
                    x = min(x, limit)  # a NaN stays one
                    x = max(x, -limit)
                    s = x * x
                    p = p0 + s * (p1 + s * (p2 + s * (p3 + s * (p4 + s * (p5 + s * p6)))))
                    q = q0 + s * (q1 + s * (q2 + s * q3))
                    row[b] = half + half * (x * p / q)
        for j in range(H):
            r, z = gates[j * T + t], gates[(H + j) * T + t]
            n, inner = gates[(2 * H + j) * T + t], recall[j * T + t]
            before, after = h[j * (T + 1) + read], h[j * (T + 1) + write]
            for b in range(batch):
                x = n[b] + r[b] * inner[b]
                x = min(x, limit)
                x = max(x, -limit)
                s = x * x
                p = p0 + s * (p1 + s * (p2 + s * (p3 + s * (p4 + s * (p5 + s * p6)))))
                q = q0 + s * (q1 + s * (q2 + s * q3))
                value = x * p / q
                n[b] = value
                after[b] = (one - z[b]) * value + z[b] * before[b]


def backward(  # noqa: PLR0917 - compiled signatures are positional
    gates: Array,
    recall: Array,
    U: Array,
    h: Array,
    dh: Array,
    dgates: Array,
    drecall: Array,
    carry: Array,
    backwards: int,
) -> None:
    """Gradients of `forward` before the nonlinearities.

    Args:
        gates: (3 H T, batch), as `forward` leaves them.
        recall: (H T, batch), as `forward` leaves it.
        U: (3 H, H).
        h: (H (T + 1), batch), as `forward` leaves it.
        dh: (H T, batch), of the loss with respect to the state after each step.
        dgates: (3 H T, batch), written: with respect to the projected inputs.
        drecall: (H T, batch), written: with respect to U_n h + c_n.
        carry: (H, batch), zero; what reaches a state from the step after it.
        backwards: as for `forward`.
    """
    H, batch = U.shape[1], gates.shape[1]
    T = len(gates) // (3 * H)
    one = gates.dtype.type(1)
    for step in range(T):
        t = step if backwards else T - 1 - step
        read = t + 1 if backwards else t
        for j in range(H):
            r, z = gates[j * T + t], gates[(H + j) * T + t]
            n, inner = gates[(2 * H + j) * T + t], recall[j * T + t]
            before, above, held = h[j * (T + 1) + read], dh[j * T + t], carry[j]
            dr, dz = dgates[j * T + t], dgates[(H + j) * T + t]
            dn, dinner = dgates[(2 * H + j) * T + t], drecall[j * T + t]
            for b in range(batch):
                g = above[b] + held[b]
                pre = g * (one - z[b]) * (one - n[b] * n[b])
                dn[b] = pre
                dinner[b] = pre * r[b]
                dr[b] = pre * inner[b] * r[b] * (one - r[b])
                dz[b] = g * (before[b] - n[b]) * z[b] * (one - z[b])
                held[b] = g * z[b]
        for i in range(H):
            held = carry[i]
            for j in range(H):
                wr, wz, wn = U[j, i], U[H + j, i], U[2 * H + j, i]
                dr, dz, dn = dgates[j * T + t], dgates[(H + j) * T + t], drecall[j * T + t]
                for b in range(batch):
                    held[b] += wr * dr[b] + wz * dz[b] + wn * dn[b]


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    forward: Callable[..., None]
    backward: Callable[..., None]


@functools.cache
def compiled() -> Loops:
    """Compile both loops for float32 and float64, or load their machine code from the disk."""
    return Loops(
        jit(forward, "matrix matrix matrix vector matrix vector int"),
        jit(backward, "matrix matrix matrix matrix matrix matrix matrix matrix int"),
    )
