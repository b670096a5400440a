"""What sparsity, locality, block structure and dendritic nonlinearity each buy, at equal size.

All sixteen arms of `dann_factorial` at one budget of parameters; rates chosen on validation, the
same three for every arm; then the effect of each factor as the mean paired difference of test
accuracy between arms that differ in it alone. Prints Markdown.

    python docs/experiments/attribution.py mnist1d --seeds 5
"""

import argparse
import statistics
from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from neurojoule.metrics import quality
from neurojoule.models.factorial import WIRINGS
from neurojoule.prepare import load, prepare
from neurojoule.spec import Recipe, Size, Spec
from neurojoule.train import predict

RATES = (1e-3, 3e-3, 1e-2)

Arm = tuple[str, bool, bool]
"""Wiring, blocks, nonlinear."""

ARMS: tuple[Arm, ...] = tuple(product(WIRINGS, (True, False), (True, False)))


Result = tuple[float, float]
"""Validation and test accuracy."""


def accuracy(task: str, arm: Arm, rate: float, seed: int, options: argparse.Namespace) -> Result:
    """Best validation accuracy and the test accuracy of those weights."""
    wiring, blocks, nonlinear = arm
    settings = {
        "wiring": wiring,
        "blocks": blocks,
        "nonlinear": nonlinear,
        "synapses": options.synapses,
    }
    spec = Spec(
        suite="attribution",
        task=task,
        model="dann_factorial",
        options=tuple(sorted(settings.items())),
        size=Size(options.budget),
        seed=seed,
        recipe=Recipe(options.steps, 128, learning_rate=rate, evaluate_every=100),
    )
    prepared = prepare(spec)
    trained = prepared.learn()
    prepared.model.load_state_dict(trained.best)
    prepared.model.eval()
    test = load(spec, "test")
    tested = quality(prepared.task.metric, predict(prepared.model, test.x), test.y)
    return max(point.validation for point in trained.curve), tested


def results(options: argparse.Namespace) -> dict[Arm, list[float]]:
    """Test accuracies of every arm, seed by seed, at the rate with the best median validation."""
    found = {}
    for arm in ARMS:
        tried = {
            rate: [
                accuracy(options.task, arm, rate, seed, options) for seed in range(options.seeds)
            ]
            for rate in RATES
        }
        rate = max(RATES, key=lambda r: statistics.median(v for v, _ in tried[r]))
        found[arm] = [test for _, test in tried[rate]]
    return found


def effects(found: dict[Arm, list[float]]) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Factor, the arms compared, and paired differences (arm pairs x seeds, flat)."""

    def difference(one: Arm, other: Arm) -> NDArray[np.float64]:
        return np.array(found[one]) - np.array(found[other])

    both = (True, False)
    yield (
        "sparsity",
        "K random inputs - all",
        np.array([difference(("random", b, n), ("all", b, n)) for b in both for n in both]),
    )
    yield (
        "locality",
        "K local inputs - K random",
        np.array([difference(("local", b, n), ("random", b, n)) for b in both for n in both]),
    )
    yield (
        "block structure",
        "own dendrites - all dendrites",
        np.array([difference((w, True, n), (w, False, n)) for w in WIRINGS for n in both]),
    )
    yield (
        "dendritic nonlinearity",
        "leaky ReLU - linear",
        np.array([difference((w, b, True), (w, b, False)) for w in WIRINGS for b in both]),
    )


def main() -> None:
    """Train everything and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--budget", type=int, default=4000)
    parser.add_argument("--synapses", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = results(options)
    print(
        f"{options.task}: {options.budget} parameters, {options.synapses} synapses a dendrite, "
        f"{options.steps} updates, {options.seeds} seeds; test accuracy in %\n"
    )
    print("| wiring | blocks, nonlinear | blocks, linear | shared, nonlinear | shared, linear |")
    print("|---|---|---|---|---|")
    for wiring in WIRINGS:
        cells = [
            f"{100 * np.mean(scores):.1f} ± {100 * np.std(scores, ddof=1):.1f}"
            for scores in (found[wiring, b, n] for b in (True, False) for n in (True, False))
        ]
        print(f"| {wiring} | {' | '.join(cells)} |")
    print("\n| factor | compared | points | over seeds |\n|---|---|---|---|")
    for factor, compared, differences in effects(found):
        by_seed = 100 * differences.mean(0)  # mean over pairs of arms, a value a seed
        print(
            f"| {factor} | {compared} | {by_seed.mean():+.1f} | "
            f"{by_seed.min():+.1f} to {by_seed.max():+.1f} |"
        )


if __name__ == "__main__":
    main()
