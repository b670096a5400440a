"""Budgets by task and scale, and the learning rates that the same search found for every family."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from neurojoule.spec import Option, Recipe, Scale

SHAPES = {"tcn_surrogate": ("layers", "taps")}
"""Options that make networks of one name so unlike that each has its own rate: three times as high
is best for one layer, a third for seven."""

TUNED = Path(__file__).with_name("tuned.toml")


@cache
def _tuned() -> dict[str, dict[str, float]]:
    rates: dict[str, dict[str, float]] = tomllib.loads(TUNED.read_text()).get("learning_rate", {})
    return rates


def tuned_name(model: str, options: Mapping[str, Option]) -> str:
    """What has a rate of its own: the model, and the options that make it another network."""
    shape = [f"{name}={options[name]}" for name in SHAPES.get(model, ()) if name in options]
    return " ".join([model, *shape])


def learning_rate(task: str, name: str) -> float:
    """The rate that won the search (`docs/experiments/tune.py`), 3e-3 before it.

    Of a model, or of what `tuned_name` says of it.
    """
    return _tuned().get(task, {}).get(name, 3e-3)


def recipe(task: str, model: str, scale: Scale) -> Recipe:
    """How `model` is trained on `task`: the same budget for every family."""
    rate = learning_rate(task, model)
    match task:
        case "mnist1d" | "mnist1d_shuffled":
            steps = {"smoke": 20, "quick": 3000}.get(scale.name, 6000)
            return Recipe(
                steps=steps, batch_size=100, learning_rate=rate, evaluate_every=steps // 20
            )
        case "digits":
            steps = {"smoke": 20, "quick": 600}.get(scale.name, 3000)
            return Recipe(
                steps=steps, batch_size=64, learning_rate=rate, evaluate_every=steps // 20
            )
        case "mnist" | "fashion_mnist" | "kmnist":
            steps = {"smoke": 10, "quick": 800}.get(scale.name, 6000)
            return Recipe(
                steps=steps, batch_size=128, learning_rate=rate, evaluate_every=steps // 10
            )
        case _:  # a truth table: the whole set every step, until it is solved
            steps = {"smoke": 200}.get(scale.name, 5000)
            return Recipe(
                steps=steps, batch_size=64, learning_rate=rate, evaluate_every=25, stop_at=1.0
            )
