"""Leaking and spiking over time, with gradients: one call for all steps.

A step of a recurrence is a few additions, and torch takes microseconds to begin each. Here loops
run over time once, over all units and samples at each step. Where they cannot run (another device
or dtype, no numba), and where operations are watched to be counted, torch runs step by step with
the same result.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from neurojoule.kernels import jit, scan_loops
from neurojoule.kernels.sums import is_compiled

Slope = Callable[[Tensor], Tensor]
"""Derivative of a spike with respect to the voltage above threshold, element by element."""


def is_watched() -> bool:
    """Whether somebody counts torch's operations and must see each one."""
    return bool(is_in_torch_dispatch_mode())


def leak(x: Tensor, k: Tensor) -> Tensor:
    """s_t = k s_(t-1) + x_t from s_(-1) = 0, in both arguments differentiable.

    Args:
        x: (steps, ...).
        k: what is left after a step; broadcasts to one step of x.

    Returns:
        As x.
    """
    if is_watched() or not is_compiled(x):
        return leak_stepwise(x, k)
    rows, columns = _flat(x, k)
    s: Tensor = _Leak.apply(rows, columns)  # type: ignore[no-untyped-call]
    return s.view(x.shape)


def leak_stepwise(x: Tensor, k: Tensor) -> Tensor:
    """`leak`, one step after another."""
    states = [x[0]]
    for row in x[1:]:
        states.append(k * states[-1] + row)
    return torch.stack(states)


def spike(x: Tensor, k: Tensor, slope: Slope, *, threshold: float, detached_reset: bool) -> Tensor:
    """v_t = k v_(t-1) + x_t - theta S_(t-1), S_t = [v_t > theta]: the spikes, 0 or 1.

    Backward, a spike has the derivative `slope(v - theta)`.

    Args:
        x: (steps, ...), what arrives.
        k: what is left of the voltage after a step; broadcasts to one step of x.
        slope: of the surrogate.
        threshold: theta.
        detached_reset: whether the gradient ignores the reset.

    Returns:
        As x.
    """
    if is_watched() or not is_compiled(x):
        return spike_stepwise(x, k, slope, threshold=threshold, detached_reset=detached_reset)
    rows, columns = _flat(x, k)
    spikes: Tensor = _Spike.apply(rows, columns, slope, threshold, detached_reset)  # type: ignore[no-untyped-call]
    return spikes.view(x.shape)


def spike_stepwise(
    x: Tensor, k: Tensor, slope: Slope, *, threshold: float, detached_reset: bool
) -> Tensor:
    """`spike`, one step after another."""
    v = x[0]
    fired = [_fires(v - threshold, slope)]
    for row in x[1:]:
        reset = fired[-1].detach() if detached_reset else fired[-1]
        v = k * v + row - threshold * reset
        fired.append(_fires(v - threshold, slope))
    return torch.stack(fired)


def _fires(u: Tensor, slope: Slope) -> Tensor:
    s: Tensor = _Fires.apply(u, slope)  # type: ignore[no-untyped-call]
    return s


def _flat(x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Give x as (steps, columns) and k as (columns,), both contiguous."""
    columns = k.to(x.dtype).expand(x.shape[1:]).reshape(-1).contiguous()
    return x.reshape(len(x), -1).contiguous(), columns


class _Fires(torch.autograd.Function):
    """[u > 0], with a surrogate's slope."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, slope: Slope) -> Tensor:
        ctx.save_for_backward(u)
        ctx.slope = slope
        return (u > 0).to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, ds: Tensor) -> tuple[Tensor, None]:
        (u,) = ctx.saved_tensors
        return ds * ctx.slope(u), None


class _Leak(torch.autograd.Function):
    """The loops of `leak` on (steps, columns)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, k: Tensor) -> Tensor:
        s = torch.empty_like(x)
        jit.run(scan_loops.compiled().leak_forward, x, k, s)
        ctx.save_for_backward(k, s)
        return s

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, ds: Tensor) -> tuple[Tensor, Tensor]:
        k, s = ctx.saved_tensors
        dx, dk = torch.empty_like(s), torch.zeros_like(k)
        jit.run(scan_loops.compiled().leak_backward, ds.contiguous(), k, s, dx, dk)
        return dx, dk


class _Spike(torch.autograd.Function):
    """The loops of `spike` on (steps, columns)."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd functions are called by position
        ctx: Any, x: Tensor, k: Tensor, slope: Slope, threshold: float, detached_reset: bool
    ) -> Tensor:
        v, spikes = torch.empty_like(x), torch.empty_like(x)
        jit.run(scan_loops.compiled().spike_forward, x, k, v, spikes, threshold)
        ctx.save_for_backward(k, v)
        ctx.slope, ctx.threshold, ctx.detached_reset = slope, threshold, detached_reset
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, ds: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        k, v = ctx.saved_tensors
        dx, dk = torch.empty_like(v), torch.zeros_like(k)
        jit.run(
            scan_loops.compiled().spike_backward,
            ds.contiguous(),
            ctx.slope(v - ctx.threshold),
            k,
            v,
            dx,
            dk,
            0.0 if ctx.detached_reset else ctx.threshold,
        )
        return dx, dk, None, None, None
