"""How many parameters does a network need for 95 and 97 % on MNIST, dendritic or not?

The claim is 10 to 100 times fewer for dendritic networks, against fully connected ones (Chavlis &
Poirazi 2025). Here each family climbs a ladder of sizes; where its accuracy on the test split first
passes the level, between two rungs by interpolation in log parameters, stands its size. The ratio
of two families is paired by seed; its interval is Student's t on log ratios.

    python docs/experiments/mnist.py --seeds 5

Needs MNIST (NEUROJOULE_MNIST or NEUROJOULE_DATA). The windows are those of `smoke`: no joule is
compared here.
"""

import argparse
import itertools
import math
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from scipy import stats

from neurojoule.progress import ticker
from neurojoule.record import Record
from neurojoule.runner import Session, run
from neurojoule.spec import Option, Recipe, Size, Spec
from neurojoule_suites.recipes import learning_rate

RUNGS = (2_000, 4_000, 8_000, 16_000, 32_000, 64_000)
LEVELS = (0.95, 0.97)
STEPS = 4_000
FAMILIES: dict[str, tuple[str, dict[str, Option]]] = {
    "mlp": ("mlp", {}),
    "mlp_sparse": ("mlp_sparse", {}),
    "dann, random": ("dann", {}),
    "dann, local": ("dann", {"fields": "local"}),
    "dann_linear, local": ("dann_linear", {"fields": "local"}),
}


def specs(seeds: int) -> list[Spec]:
    """Every family on every rung."""
    return [
        Spec(
            suite="mnist",
            task="mnist",
            model=model,
            options=tuple(options.items()),
            size=Size(rung),
            seed=seed,
            scale="smoke",
            recipe=Recipe(
                steps=STEPS,
                batch_size=128,
                learning_rate=learning_rate("mnist", model),
                schedule="cosine",
                evaluate_every=STEPS // 4,
            ),
        )
        for seed in range(seeds)
        for model, options in FAMILIES.values()
        for rung in RUNGS
    ]


def crossing(points: list[tuple[int, float]], level: float) -> float:
    """Parameters at which accuracy first passes the level; infinite when it does not.

    Args:
        points: (parameters, accuracy), by parameters.
        level: of accuracy.
    """
    for (size, accuracy), (larger, better) in itertools.pairwise(points):
        if accuracy >= level:
            return size
        if better >= level:
            share = (level - accuracy) / (better - accuracy)
            return math.exp(math.log(size) + share * math.log(larger / size))
    return math.inf


def needed(records: list[Record], level: float) -> dict[str, list[float]]:
    """Parameters by family and seed."""
    found: dict[str, dict[int, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    names = {(model, tuple(options.items())): name for name, (model, options) in FAMILIES.items()}
    for record in records:
        if record.quality is not None and record.work is not None:
            name = names[record.spec.model, record.spec.options]
            point = record.work.parameters, record.quality.test
            found[name][record.spec.seed].append(point)
    return {
        name: [crossing(sorted(points), level) for _, points in sorted(by_seed.items())]
        for name, by_seed in found.items()
    }


def ratio_words(over: list[float], under: list[float]) -> str:
    """Over / under with its 95 % interval."""
    pairs = [(a, b) for a, b in zip(over, under, strict=True) if math.isfinite(a * b)]
    if len(pairs) < len(over):
        return f"beyond the ladder for {len(over) - len(pairs)} of {len(over)} seeds"
    logs = [math.log(a / b) for a, b in pairs]
    half = stats.t.ppf(0.975, len(logs) - 1) * stdev(logs) / len(logs) ** 0.5
    low, middle, high = (math.exp(mean(logs) + x) for x in (-half, 0.0, half))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Run the ladders and print the accuracies, sizes and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", type=Path, default=Path("runs-mnist"))
    options = parser.parse_args()
    with ticker().shown() as tell:
        records = run(specs(options.seeds), Session(options.runs), tell)
    for name, (model, settings) in FAMILIES.items():
        told = []
        for rung in RUNGS:
            accuracies = [
                r.quality.test
                for r in records
                if (r.spec.model, dict(r.spec.options), r.spec.size.budget)
                == (model, settings, rung)
                and r.quality
            ]
            told.append(f"{100 * mean(accuracies):.2f}")
        print(f"| {name} | {' | '.join(told)} |")
    for level in LEVELS:
        sizes = needed(records, level)
        for name, values in sizes.items():
            told_sizes = ", ".join("beyond" if math.isinf(v) else f"{v:,.0f}" for v in values)
            print(f"{level:.0%}: {name} needs {told_sizes}")
        for name in FAMILIES:
            for point in ("mlp", "mlp_sparse"):
                if name not in {"mlp", "mlp_sparse"}:
                    print(
                        f"{level:.0%}: {point} / {name}: {ratio_words(sizes[point], sizes[name])}"
                    )


if __name__ == "__main__":
    main()
