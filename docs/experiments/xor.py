"""Can one neuron learn XOR, and how soon? Prints a table in Markdown.

Every model starts from random weights of either sign (torch's own initialisation; a dendrite's bias
at rest), sees all four rows at every step and follows Adam at one rate, without restarts; `mcp`
and `perceptron` have rules of their own. What is counted is the first step at which all four are
right. The two networks of point neurons have as many hidden units as they need at least (2), and
as many as `two_layer_neuron` has subunits (8).

    python docs/experiments/xor.py [SEEDS]
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from neurojoule import sizing, views
from neurojoule.metrics import quality
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Recipe
from neurojoule.train import Data, gradient_learner, predict, train

RECIPE = Recipe(steps=2000, batch_size=4, learning_rate=0.02, evaluate_every=1, stop_at=1.0)

ARMS: dict[str, tuple[str, int, dict[str, int]]] = {
    "mcp": ("mcp", 1, {}),
    "perceptron": ("perceptron", 1, {}),
    "mlp 2-2-1": ("mlp", 2, {"layers": 1}),
    "mlp 2-8-1": ("mlp", 8, {"layers": 1}),
    "two_layer_neuron, 2 subunits": ("two_layer_neuron", 2, {}),
    "two_layer_neuron, 8 subunits": ("two_layer_neuron", 8, {}),
    "dcaap": ("dcaap", 1, {}),
}


@dataclass(frozen=True)
class Outcome:
    """One training: rows right in the end, with the best weights, and steps until all four were."""

    right: int
    steps: int | None
    parameters: int


def learn_xor(arm: str, seed: int, recipe: Recipe = RECIPE) -> Outcome:
    """Train one arm of the table from one seed."""
    name, width, options = ARMS[arm]
    entry, task = get_model(name), get_task("xor")
    model = sizing.build(entry, views.shape(entry, task), width, options, seed)
    x, y = task.load("train")
    learn: Callable[[Tensor, Tensor], Tensor] = (
        model.learn  # type: ignore[assignment]
        if entry.learns == "own"
        else gradient_learner(model, task.loss, recipe)
    )
    torch.manual_seed(seed)  # the rules of their own draw from it
    trained = train(
        model,
        learn,
        Data(x, y),
        recipe,
        validate=lambda: quality(task.metric, predict(model, x), y),
        higher_is_better=True,
        seed=seed,
    )
    best = max(point.validation for point in trained.curve)
    right = round(best * len(x))
    steps = trained.steps if right == len(x) else None
    return Outcome(right, steps, sizing.parameters(model))


def row(arm: str, seeds: int) -> str:
    """One line of the table."""
    outcomes = [learn_xor(arm, seed) for seed in range(seeds)]
    steps = [outcome.steps for outcome in outcomes if outcome.steps is not None]
    right = sorted({outcome.right for outcome in outcomes})
    cells = (
        arm,
        outcomes[0].parameters,
        f"{len(steps)} of {seeds}",
        f"{median(steps):g}" if steps else "never",
        " or ".join(map(str, right)),
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print("| model | parameters | learned 4 of 4 | median steps | rows right in the end |")
    print("|---|---:|---:|---:|---:|")
    for arm in ARMS:
        print(row(arm, seeds), flush=True)


if __name__ == "__main__":
    main()
