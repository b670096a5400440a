"""Solving a model's width for a budget, and building it from a seed.

A rung of a ladder is a budget of parameters or of operations; every family solves its own width for
it. Counting means building, so the search builds as few models as it can, and most of them small.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from neurojoule.errors import UnknownNameError, UserError
from neurojoule.registry import Model, Shape
from neurojoule.spec import Option, Size

Options = Mapping[str, Option]

_NONE: Options = {}

TOLERANCE = 0.05
"""A width meets its budget within this share; if none does, the nearest is taken."""

_LARGEST = 2**24  # no width is searched for beyond


@dataclass(frozen=True)
class Solved:
    """A width, and how well it meets the budget.

    Attributes:
        width: the width.
        parameters: trainable numbers at that width.
        deviation: what was budgeted over the budget, minus one; None without a budget.
    """

    width: int
    parameters: int
    deviation: float | None

    @property
    def met(self) -> bool:
        """Whether the deviation is within the tolerance."""
        return self.deviation is None or abs(self.deviation) <= TOLERANCE


def parameters(module: nn.Module) -> int:
    """Trainable numbers that exist."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def solve(
    model: Model,
    shape: Shape,
    size: Size,
    options: Options = _NONE,
    *,
    count: Callable[[nn.Module], float] | None = None,
) -> Solved:
    """The width whose count is nearest to the budget, the smaller of two as near.

    Args:
        model: what is sized.
        shape: of the task.
        size: the budget; without one, the model's default width is taken.
        options: the model's own settings.
        count: counts the operations of an inference of a built module; needed for a budget of
            operations only.

    Raises:
        UserError: for unknown options, or a budget under 1.
    """

    def built(width: int) -> nn.Module:
        return build(model, shape, width, options, seed=0)

    @cache
    def count_parameters(width: int) -> int:
        return parameters(built(width))

    if size.budget is None:
        width = model.default_width
        return Solved(width, count_parameters(width), None)
    if size.budget < 1:
        raise UserError(f"A budget is 1 or more; given {size.budget} for {model.name}.")
    if size.of == "width":
        return Solved(size.budget, count_parameters(size.budget), 0.0)
    counted: Callable[[int], float] = count_parameters
    if size.of == "operations":
        if count is None:
            raise TypeError("a budget of operations needs a function that counts them")
        counted = cache(lambda width: count(built(width)))
    width = _nearest(counted, size.budget) if model.sized else model.default_width
    return Solved(width, count_parameters(width), counted(width) / size.budget - 1)


def build(model: Model, shape: Shape, width: int, options: Options, seed: int) -> nn.Module:
    """The module of that width, its weights and wiring drawn from `seed` alone.

    Torch's own generator is left as it was.

    Raises:
        UserError: for unknown options, or ones that the model refuses.
    """
    check_options(model, options)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return model.build(shape, width, **options)


def check_options(model: Model, options: Options) -> None:
    """Every option is one of the model's, and of the kind of its default.

    Raises:
        UnknownNameError: for a name that the model does not have.
        UserError: for a value of another kind.
    """
    known = model.options
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError(f"option of {model.name}", name, known)
        default = known[name]
        fits = type(value) is type(default) or (
            isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
        )
        if not fits:
            raise UserError(
                f"The option {name} of {model.name} is of the kind {type(default).__name__}, as in "
                f"{name}={default}; given {value!r}."
            )


def _nearest(count: Callable[[int], float], budget: int) -> int:
    """The width whose count is nearest to `budget`; `count` does not fall as the width grows.

    Most counts are polynomials of the second degree in the width, whose three differences are
    known from three small models; then one more model, of the width they predict, proves it.
    Otherwise the width is bracketed and searched for.
    """
    if count(1) >= budget:
        return 1
    width = _crossing(_quadratic(count), budget)
    # Counts that stand still over the three models, as in steps, foretell a width without end.
    if width < _LARGEST and count(width) == _quadratic(count)(width):
        return width
    return _crossing(count, budget)


def _quadratic(count: Callable[[int], float]) -> Callable[[int], float]:
    """Newton's polynomial through three neighbouring widths."""
    at = 16
    first = count(at + 1) - count(at)
    second = count(at + 2) - 2 * count(at + 1) + count(at)
    return lambda width: (
        count(at) + (width - at) * first + (width - at) * (width - at - 1) / 2 * second
    )


def _crossing(count: Callable[[int], float], budget: int) -> int:
    """The width nearest to where a count that does not fall passes the budget."""
    low, high = 1, 2
    while count(high) < budget:
        if high >= _LARGEST:
            return high
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    return low if budget - count(low) <= count(high) - budget else high
