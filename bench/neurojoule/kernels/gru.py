"""`torch.nn.GRU` with a form for few states: inputs projected at once, then one loop over time.

At 6 states, 40 steps and a batch of 100, torch's GRU spends its time on beginning some hundreds of
tiny operations (docs/experiments/recurrent.py). The loop runs in float32 on a CPU with up to
`MOST_STATES` states, or `MOST_TRAINED_STATES` where a small batch is trained, whose steps torch's
bookkeeping makes dear; anywhere else this is torch's own layer.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from neurojoule.kernels import gru_loops, jit

MOST_STATES = 24
MOST_TRAINED_STATES, SMALL_BATCH = 64, 32
"""Beyond, torch's matrix products are faster than the loop (docs/experiments/recurrent.py)."""

# The tanh of Eigen (and of TensorFlow, XLA and many others) in float32, good to a few units in the
# last place: limit, odd numerator, even denominator.
_RATIONAL = (
    7.90531110763549805,
    4.89352455891786e-03,
    6.37261928875436e-04,
    1.48572235717979e-05,
    5.12229709037114e-08,
    -8.60467152213735e-11,
    2.00018790482477e-13,
    -2.76076847742355e-16,
    4.89352518554385e-03,
    2.26843463243900e-03,
    1.18534705686654e-04,
    1.19825839466702e-06,
)


class FewStatesGRU(nn.GRU):
    """`torch.nn.GRU` of one layer, batch first, without dropout; the same parameters by name.

    Args:
        inputs: numbers a step c.
        states: H, of a direction.
        bidirectional: whether a second layer runs backwards.
    """

    def __init__(self, inputs: int, states: int, *, bidirectional: bool = False) -> None:
        super().__init__(inputs, states, batch_first=True, bidirectional=bidirectional)

    @property
    def kernel(self) -> str:
        """The implementation in use, for the record."""
        parameters = next(self.parameters())
        if self._is_looped(parameters, MOST_STATES):
            return "numba gru"
        trained = self._is_looped(parameters, MOST_TRAINED_STATES)
        return "numba gru in training by small batches, torch gru" if trained else "torch gru"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]  # noqa: A002 - torch's own name
        """Map (batch, time, c) to all states (batch, time, directions x H) and the last ones.

        The last are (directions, batch, H), as torch gives them.
        """
        small_batches = torch.is_grad_enabled() and len(input) <= SMALL_BATCH
        most = MOST_TRAINED_STATES if small_batches else MOST_STATES
        if hx is not None or input.ndim != 3 or not self._is_looped(input, most):
            return self._by_torch(input, hx)
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        features = input.permute(2, 1, 0).reshape(self.input_size, -1)  # (c, time x batch)
        found = []
        for backwards, suffix in enumerate(suffixes):
            W, U, b, c = (
                getattr(self, f"{name}_l0{suffix}")
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            gates = torch.addmm(b[:, None], W, features)  # (3 H, time x batch)
            gates = gates.view(-1, len(input))  # (3 H time, batch)
            states: Tensor = _Run.apply(gates, U, c, backwards)  # type: ignore[no-untyped-call]
            found.append(states.view(self.hidden_size, input.shape[1], -1))
        h = torch.cat(found) if self.bidirectional else found[0]  # (directions x H, time, batch)
        ends = [part[:, 0 if i else -1].t() for i, part in enumerate(found)]  # (batch, H)
        return h.permute(2, 1, 0), torch.stack(ends)

    def _by_torch(self, x: Tensor, hx: Tensor | None) -> tuple[Tensor, Tensor]:
        states, last = super().forward(x, hx)
        return states, last

    def _is_looped(self, x: Tensor, most_states: int) -> bool:
        small = self.hidden_size <= most_states
        return small and x.dtype == torch.float32 and x.device.type == "cpu" and jit.available()


class _Run(torch.autograd.Function):
    """The loop in one direction: gates (3 H T, batch) -> states (H T, batch)."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, U: Tensor, c: Tensor, backwards: int) -> Tensor:
        H, batch = U.shape[1], projected.shape[1]
        steps = len(projected) // (3 * H)
        gates = projected.clone()
        recall = projected.new_empty(H * steps, batch)
        h = projected.new_zeros(H * (steps + 1), batch)
        rational = projected.new_tensor(_RATIONAL)
        U = U.contiguous()
        jit.run(gru_loops.compiled().forward, gates, recall, U, c, h, rational, backwards)
        ctx.save_for_backward(gates, recall, U, h)
        ctx.backwards = backwards
        slots = h.view(H, steps + 1, batch)
        kept = slots[:, :-1] if backwards else slots[:, 1:]
        return kept.reshape(H * steps, batch)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        gates, recall, U, h = ctx.saved_tensors
        H, batch = U.shape[1], gates.shape[1]
        steps = len(recall) // H
        dgates, drecall = torch.empty_like(gates), torch.empty_like(recall)
        jit.run(
            gru_loops.compiled().backward,
            gates,
            recall,
            U,
            h,
            dh.contiguous(),
            dgates,
            drecall,
            gates.new_zeros(H, batch),
            ctx.backwards,
        )
        slots = h.view(H, steps + 1, batch)
        before = (slots[:, 1:] if ctx.backwards else slots[:, :-1]).reshape(H, -1)
        inner = torch.cat((dgates[: 2 * H * steps].view(2 * H, -1), drecall.view(H, -1)))
        return dgates, inner @ before.t(), inner.sum(1), None
