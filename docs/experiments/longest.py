"""How well can a cell be imitated, given more joules, and how does that go on?

One arm is trained for several numbers of updates, each with its own schedule, so that every point
is a whole training; on four times the data (`neuron_l5_nmda_long`, 9,984 simulated seconds), if no
other task is named.
Printed is what the field reports of the test split against the joules of training; then what the
law a + b n^-c, fitted to 1 - AUC over those joules, foretells of the longer trainings, which are
done once, beside what came of them, and of an hour of two cores, which is not.

    python docs/experiments/longest.py gru:48 125 250 500 1000 --then 4000
    python docs/experiments/longest.py elm:30 100 200 400 800 --then 3200
    python docs/experiments/longest.py glm 350 700 1400 2800 --then 11000 --task neuron_lif

An arm is MODEL:WIDTH, or MODEL where it has no size. A tcn_surrogate is also told its layers, as in
tcn_surrogate:3x32; like the glm it looks back 200 ms.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from neurojoule.progress import ticker
from neurojoule.quantities import si
from neurojoule.record import Record, ranked_j
from neurojoule.runner import Session, run
from neurojoule.spec import Option, Recipe, Size, Spec
from neurojoule_reports import plateau
from neurojoule_suites.bench_neuron import BATCH, BINS, ELM, RECEPTIVE_FIELD_MS, TUNED_ON, tcn
from neurojoule_suites.recipes import learning_rate, tuned_name

OPTIONS: dict[str, dict[str, Option]] = {
    "glm": {"taps": RECEPTIVE_FIELD_MS, "bins": BINS},
    "elm": ELM,
}
RATES = {"gru": 0.01, "elm": 0.01}
"""Of these; of the others half of what the search found, which made 250 updates: over thousands a
lower rate is better."""
HOUR_CPU_S = 2 * 3600.0


def spec(task: str, arm: str, steps: int, seed: int, scale: str) -> Spec:
    """The run of one arm for so many updates."""
    model, _, shape = arm.partition(":")
    layers, _, width = shape.rpartition("x")
    options = tcn(int(layers)) if layers else OPTIONS.get(model, {})
    searched = learning_rate(TUNED_ON, tuned_name(model, options))
    return Spec(
        suite="longest",
        task=task,
        model=model,
        options=tuple(options.items()),
        size=Size(int(width), "width") if width else Size(),
        seed=seed,
        scale=scale,
        recipe=Recipe(
            steps=steps,
            batch_size=BATCH,
            learning_rate=RATES.get(model, searched / 2),
            schedule="cosine",
            evaluate_every=max(1, steps // 8),
        ),
    )


def power_w(records: Sequence[Record]) -> float:
    """Joules that a second of one core took, where they are valid."""
    known = [
        joules / r.train.cpu_s
        for r in records
        if r.energy_valid and r.train and (joules := ranked_j(r.train.energy_j)) is not None
    ]
    return median(known) if known else math.nan


def trained_j(record: Record, watts: float) -> float:
    """Joules of the training; where they are not valid, those of its CPU time."""
    assert record.train is not None
    joules = ranked_j(record.train.energy_j) if record.energy_valid else None
    return record.train.cpu_s * watts if joules is None else joules


def row(record: Record, watts: float) -> str:
    """A line of the table."""
    if record.quality is None or record.train is None:
        return (
            f"| {record.spec.recipe.steps} | {record.spec.seed} | {record.status} | | | | | | | |"
        )
    spent_j, measures = trained_j(record, watts), record.quality.measures
    return (
        f"| {record.spec.recipe.steps} | {record.spec.seed} | {record.train.time_s:.0f} s "
        f"| {si(spent_j, 'J')}{'' if record.energy_valid else ' (by CPU time)'} "
        f"| {record.quality.test:.6f} | {measures['auc']:.4f} "
        f"| {measures['voltage_variance_explained']:.4f} "
        f"| {measures['auc_published']:.4f} "
        f"| {measures['voltage_variance_explained_published']:.4f} "
        f"| {record.quality.validation:.4f} at {_best_step(record)} |"
    )


def _best_step(record: Record) -> int:
    """The update whose weights were kept."""
    known = [point for point in record.curve if point.validation is not None]
    return min(known, key=lambda point: point.validation or 0.0).step


def foretold(records: Sequence[Record], longer: Sequence[Record], watts: float) -> list[str]:
    """What the law says of the longer trainings and of an hour, beside what was measured."""
    by_steps: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda r: (r.spec.recipe.steps, r.spec.seed)):
        by_steps.setdefault(record.spec.recipe.steps, []).append(record)
    joules = np.array([median(trained_j(r, watts) for r in part) for part in by_steps.values()])
    errors = np.array([[_error(r) for r in part] for part in by_steps.values()]).T
    law = plateau.fit(joules, errors)
    if law.refusal:
        return [f"Nothing can be foretold: {law.refusal}."]
    lines = [f"1 - AUC {law.words}; exponent {law.c:.2f}"]
    asked = [(f"{r.spec.recipe.steps} updates", trained_j(r, watts), r) for r in longer]
    for name, amount_j, record in [*asked, ("an hour of two cores", HOUR_CPU_S * watts, None)]:
        low, middle, high = (1 - e for e in reversed(plateau.foretold(joules, errors, amount_j)))
        measured = "not measured" if record is None else f"measured {1 - _error(record):.4f}"
        lines.append(
            f"{name}, {si(amount_j, 'J')}: AUC foretold {middle:.4f} ({low:.4f} to {high:.4f}), "
            f"{measured}"
        )
    return lines


def _error(record: Record) -> float:
    if record.quality is None:
        raise SystemExit(f"{record.spec} did not end well: {record.status}, {record.error}")
    return 1 - record.quality.measures["auc"]


def main() -> None:
    """Train, and print the table and what the law foretells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arm", metavar="MODEL[:[LAYERSx]WIDTH]")
    parser.add_argument("updates", nargs="+", type=int)
    parser.add_argument("--then", nargs="*", type=int, default=[], metavar="UPDATES")
    parser.add_argument("--task", default="neuron_l5_nmda_long")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs-longest"))
    options = parser.parse_args()
    fitted = [
        spec(options.task, options.arm, steps, seed, "quick")
        for steps in options.updates
        for seed in range(options.seeds)
    ]
    # A run of an hour is longer than a quick one may be.
    longer = [spec(options.task, options.arm, steps, 0, "full") for steps in options.then]
    with ticker().shown() as tell:
        records = run([*fitted, *longer], Session(options.runs), tell)
    watts = power_w(records)
    print(
        "| updates | seed | training | energy | log-loss | AUC | voltage explained "
        "| as published: AUC | voltage explained | validation |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(row(record, watts) for record in records))
    wanted = {s.hash for s in longer}
    parts = ([r for r in records if (r.spec_hash in wanted) is which] for which in (False, True))
    print("\n".join(foretold(*parts, watts)))


if __name__ == "__main__":
    main()
