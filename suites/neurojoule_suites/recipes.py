"""Budgets by task and scale, and the learning rates that the same search found for every family."""

import tomllib
from functools import cache
from pathlib import Path

from neurojoule.spec import Recipe, Scale

TUNED = Path(__file__).with_name("tuned.toml")


@cache
def _tuned() -> dict[str, dict[str, float]]:
    rates: dict[str, dict[str, float]] = tomllib.loads(TUNED.read_text()).get("learning_rate", {})
    return rates


def learning_rate(task: str, model: str) -> float:
    """The rate that won the search for this pair (`docs/experiments/tune.py`), 3e-3 before it."""
    return _tuned().get(task, {}).get(model, 3e-3)


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
