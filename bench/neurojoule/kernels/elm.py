"""The recurrence of an expressive leaky memory neuron, with a backward pass written by hand.

    m'_t = k m_(t-1),  d_t = 1.7159 tanh(2/3 (U act(z_t + R m'_t) + c)),  m_t = m'_t + g d_t

All that does not depend on the memory (synapses, branches, the input half of the network) is in
z_t, for all steps at once. What is left is two small matrix products a step; autograd would keep a
graph of ten nodes for each, and sum the gradients of R and U step by step, where here one product
over all steps gives each.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neurojoule.kernels.steps import check_input

SCALE, GAIN = 1.7159, 2 / 3
"""Of the tanh (LeCun et al. 1998, Efficient BackProp)."""


class Activation(NamedTuple):
    """A nonlinearity, and the gradient of its input from that of its output."""

    of: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]


ACTIVATIONS = {
    "relu": Activation(F.relu, lambda dy, x: torch.ops.aten.threshold_backward(dy, x, 0)),
    "silu": Activation(F.silu, torch.ops.aten.silu_backward),
}


def memory(  # noqa: PLR0917 - the symbols of the equation, in its order
    z: Tensor, R: Tensor, U: Tensor, c: Tensor, k: Tensor, g: Tensor, activation: str
) -> Tensor:
    """The memory after every step, from a memory of 0.

    Args:
        z: (steps, batch, hidden).
        R: (hidden, units).
        U: (units, hidden).
        c: (units,).
        k: (units,), what is left after a step; no gradient.
        g: (units,), the gain of what is new; no gradient.
        activation: one of `ACTIVATIONS`.

    Returns:
        (steps, batch, units).
    """
    m: Tensor = _Memory.apply(z, R, U, c, k, g, ACTIVATIONS[activation])  # type: ignore[no-untyped-call]
    return m


class _Memory(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - as `memory`
        ctx: Any,
        z: Tensor,
        R: Tensor,
        U: Tensor,
        c: Tensor,
        k: Tensor,
        g: Tensor,
        activation: Activation,
    ) -> Tensor:
        steps, batch, _ = z.shape
        pre = torch.empty_like(z)  # (steps, batch, hidden), before the activation
        left = z.new_empty(steps, batch, len(c))  # m'
        tanh, m = torch.empty_like(left), torch.empty_like(left)
        recall, write = R.t(), (U * GAIN).t()
        shift, scaled = c * GAIN, g * SCALE
        state = z.new_zeros(batch, len(c))
        for t in range(steps):
            torch.mul(state, k, out=left[t])
            torch.addmm(z[t], left[t], recall, out=pre[t])
            torch.addmm(shift, activation.of(pre[t]), write, out=tanh[t])
            tanh[t].tanh_()
            torch.addcmul(left[t], tanh[t], scaled, out=m[t])
            state = m[t]
        ctx.save_for_backward(pre, left, tanh, R, U, k, g)
        ctx.activation = activation
        return m

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dm: Tensor) -> tuple[Tensor | None, ...]:
        pre, left, tanh, R, U, k, g = ctx.saved_tensors
        activation: Activation = ctx.activation
        steps, batch, hidden = pre.shape
        slope = (1 - tanh.square()).mul_(g * (SCALE * GAIN))  # (steps, batch, units)
        dz, dwrite = torch.empty_like(pre), slope
        held = torch.zeros_like(left[0])
        for t in range(steps - 1, -1, -1):
            held += dm[t]
            dwrite[t] *= held
            dz[t] = activation.gradient(dwrite[t] @ U, pre[t])
            held = held.addmm(dz[t], R).mul_(k)
        flat = dz.view(steps * batch, hidden)
        written = dwrite.view(steps * batch, -1)
        active = activation.of(pre).view(steps * batch, hidden)
        dR = flat.t() @ left.view(steps * batch, -1)
        return dz, dR, written.t() @ active, written.sum(0), None, None, None


class MemoryStream:
    """The whole neuron one step a call: z and m are all that it keeps.

    The synapses' leak, the sums over branches and the input half of the network are linear, so one
    matrix leads from the channels to what leaks: z'_t = k_s z'_(t-1) + A x_t, z_t = z'_t + b.

    Args:
        A: (hidden, channels).
        b: (hidden,).
        k_s: what is left of a synapse after a step.
        recurrent: R, U, c, k, g of `memory`.
        activation: one of `ACTIVATIONS`.
        readout: weight (outputs, units) and bias (outputs,).
        samples: sequences side by side.
    """

    kernel = "addmm"

    def __init__(  # noqa: PLR0917 - the symbols of the equation, in its order
        self,
        A: Tensor,
        b: Tensor,
        k_s: float,
        recurrent: tuple[Tensor, ...],
        activation: str,
        readout: tuple[Tensor, Tensor],
        samples: int,
    ) -> None:
        R, U, c, k, g = (part.detach() for part in recurrent)
        self._input, self._shift, self._left = A.detach().t().contiguous(), b.detach(), k_s
        self._recall, self._write = R.t().contiguous(), (U * GAIN).t().contiguous()
        self._bias, self._kept, self._gain = c * GAIN, k, g * SCALE
        self._activation = ACTIVATIONS[activation].of
        self._weight, self._constant = readout[0].detach().t().contiguous(), readout[1].detach()
        self._z = A.new_zeros(samples, len(b))
        self._m = A.new_zeros(samples, len(k))

    def reset(self) -> None:
        """Forget the past."""
        self._z, self._m = torch.zeros_like(self._z), torch.zeros_like(self._m)

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Advance by one step: x (samples, channels) -> (samples, outputs).

        Raises:
            UserError: when x has another shape.
        """
        check_input(x, len(self._z), len(self._input))
        self._z = torch.addmm(self._z, x, self._input, beta=self._left)
        left = self._m * self._kept
        hidden = torch.addmm(self._z + self._shift, left, self._recall)
        d = torch.addmm(self._bias, self._activation(hidden), self._write).tanh_()
        self._m = torch.addcmul(left, d, self._gain)
        return torch.addmm(self._constant, self._m, self._weight)
