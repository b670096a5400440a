"""One update of all parameters, fused into one kernel on the device.

`torch.optim` spends 30 microseconds a step around its fused kernels, which take 8 for a small
network (docs/kernels.md); here the same kernels are called with nothing around them. Adam is Kingma
& Ba 2015; with weight decay it is AdamW (Loshchilov & Hutter 2019).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from neurojoule.errors import UserError
from neurojoule.spec import Recipe

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def optimiser(recipe: Recipe, parameters: Sequence[nn.Parameter]) -> Callable[[], None]:
    """One update from the gradients that lie in the parameters, clipped and scheduled.

    A parameter without a gradient is left as it is, its moments too; updates are counted once for
    all parameters.

    Raises:
        UserError: when there is no parameter.
    """
    if not parameters:
        raise UserError(
            "This model has no parameter that learns by gradient. Give it one, or register it with "
            "learns='own' and a method learn(x, y)."
        )
    update = _adam(recipe, parameters) if recipe.optimiser == "adam" else _sgd(recipe, parameters)
    done = 0

    @torch.no_grad()
    def step() -> None:
        nonlocal done
        if recipe.gradient_clip:
            nn.utils.clip_grad_norm_(parameters, recipe.gradient_clip)
        rate = recipe.learning_rate
        if recipe.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * done / recipe.steps))
        done += 1
        update(rate)

    return step


def _adam(recipe: Recipe, parameters: Sequence[nn.Parameter]) -> Callable[[float], None]:
    means = [torch.zeros_like(p) for p in parameters]
    squares = [torch.zeros_like(p) for p in parameters]
    done = torch.zeros((), device=parameters[0].device)

    def update(rate: float) -> None:
        done.add_(1)
        weights, gradients, m, v = _learning(parameters, means, squares)
        torch._fused_adamw_(
            weights,
            gradients,
            m,
            v,
            [],
            [done] * len(weights),
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=recipe.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    return update


def _sgd(recipe: Recipe, parameters: Sequence[nn.Parameter]) -> Callable[[float], None]:
    def update(rate: float) -> None:
        weights, gradients = _learning(parameters)
        torch._fused_sgd_(
            weights,
            gradients,
            [],
            weight_decay=recipe.weight_decay,
            momentum=0.0,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )

    return update


def _learning(parameters: Sequence[nn.Parameter], *state: list[Tensor]) -> list[list[Tensor]]:
    """Of the parameters that have a gradient: themselves, the gradients, their state."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if len(gradients) == len(parameters):
        return [list(parameters), gradients, *state]
    having = [i for i, p in enumerate(parameters) if p.grad is not None]
    weights, *kept = ([values[i] for i in having] for values in (parameters, *state))
    return [weights, gradients, *kept]
