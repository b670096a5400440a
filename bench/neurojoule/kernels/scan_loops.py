"""Loops over time for units that leak and spike: rows are steps, columns are units and samples.

Compiled when first asked for; nothing here starts a thread.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from neurojoule.kernels.jit import Array, jit


def leak_forward(x: Array, k: Array, s: Array) -> None:
    """s[t] = k s[t - 1] + x[t], from s[-1] = 0.

    Args:
        x: (steps, columns).
        k: (columns,), what is left after a step.
        s: as x, written.
    """
    steps, columns = x.shape
    s[0, :] = x[0]
    for t in range(1, steps):
        before, row, out = s[t - 1], x[t], s[t]
        for i in range(columns):
            out[i] = k[i] * before[i] + row[i]


def leak_backward(ds: Array, k: Array, s: Array, dx: Array, dk: Array) -> None:
    """Gradients of `leak_forward` with respect to x and k.

    Args:
        ds: (steps, columns), of the loss with respect to s.
        k: (columns,).
        s: as ds.
        dx: as ds, written.
        dk: (columns,), zero; added to.
    """
    steps, columns = ds.shape
    dx[steps - 1, :] = ds[steps - 1]
    for t in range(steps - 2, -1, -1):
        after, row, out, state = dx[t + 1], ds[t], dx[t], s[t]
        for i in range(columns):
            out[i] = row[i] + k[i] * after[i]
            dk[i] += after[i] * state[i]


def spike_forward(x: Array, k: Array, v: Array, spikes: Array, threshold: float) -> None:
    """v[t] = k v[t - 1] + x[t] - threshold spikes[t - 1]; spikes[t] = 1 where v[t] > threshold.

    Args:
        x: (steps, columns), what arrives.
        k: (columns,), what is left of the voltage after a step.
        v: as x, written: the voltages.
        spikes: as x, written.
        threshold: of the voltage, and what a spike takes off.
    """
    steps, columns = x.shape
    zero, one, theta = x.dtype.type(0), x.dtype.type(1), x.dtype.type(threshold)
    for i in range(columns):
        v[0, i] = x[0, i]
        spikes[0, i] = one if x[0, i] > theta else zero
    for t in range(1, steps):
        before, fired, row, out, fires = v[t - 1], spikes[t - 1], x[t], v[t], spikes[t]
        for i in range(columns):
            value = k[i] * before[i] + row[i] - theta * fired[i]
            out[i] = value
            fires[i] = one if value > theta else zero


def spike_backward(  # noqa: PLR0917 - compiled signatures are positional
    ds: Array, slope: Array, k: Array, v: Array, dx: Array, dk: Array, through_reset: float
) -> None:
    """Gradients of `spike_forward` with respect to x and k, with a surrogate for the threshold.

    Args:
        ds: (steps, columns), of the loss with respect to the spikes.
        slope: as ds, the surrogate's derivative of a spike with respect to its voltage.
        k: (columns,).
        v: as ds, the voltages.
        dx: as ds, written.
        dk: (columns,), zero; added to.
        through_reset: threshold where the gradient also flows through the reset, else 0.
    """
    steps, columns = ds.shape
    theta = ds.dtype.type(through_reset)
    for i in range(columns):
        dx[steps - 1, i] = ds[steps - 1, i] * slope[steps - 1, i]
    for t in range(steps - 2, -1, -1):
        after, row, out, state, rise = dx[t + 1], ds[t], dx[t], v[t], slope[t]
        for i in range(columns):
            out[i] = (row[i] - theta * after[i]) * rise[i] + k[i] * after[i]
            dk[i] += after[i] * state[i]


class Loops(NamedTuple):
    """The compiled forms, for float32 and float64."""

    leak_forward: Callable[..., None]
    leak_backward: Callable[..., None]
    spike_forward: Callable[..., None]
    spike_backward: Callable[..., None]


_SIGNATURES: dict[Callable[..., None], str] = {
    leak_forward: "matrix vector matrix",
    leak_backward: "matrix vector matrix matrix vector",
    spike_forward: "matrix vector matrix matrix float",
    spike_backward: "matrix matrix vector matrix matrix vector float",
}


@functools.cache
def compiled() -> Loops:
    """Compile every loop for float32 and float64, or load its machine code from the disk."""
    return Loops(*(jit(loop, arguments) for loop, arguments in _SIGNATURES.items()))
