"""How well can l5_nmda be imitated, given more data and more joules?

Some arms are trained on four times the data (`neuron_l5_nmda_long`, 9,984 simulated seconds) for a
number of updates each: log-loss on the validation split against cumulative joules, and what the
field reports of the test split.

    python docs/experiments/longest.py gru:64:4000 tcn_surrogate:48:4000

An arm is MODEL:WIDTH:UPDATES; a tcn_surrogate has four layers and looks back 200 ms.
"""

import argparse
from pathlib import Path

from neurojoule.progress import ticker
from neurojoule.quantities import si
from neurojoule.record import Record, ranked_j
from neurojoule.runner import Session, run
from neurojoule.spec import Recipe, Size, Spec
from neurojoule_suites.bench_neuron import BATCH, tcn
from neurojoule_suites.recipes import learning_rate

TASK = "neuron_l5_nmda_long"
LAYERS = 4
RATES = {"gru": 0.01}
"""The search made 250 updates, where a higher rate is better than over thousands."""


def spec(arm: str) -> Spec:
    """The run of one arm."""
    model, width, steps = arm.split(":")
    return Spec(
        suite="longest",
        task=TASK,
        model=model,
        options=tuple(tcn(LAYERS).items()) if model == "tcn_surrogate" else (),
        size=Size(int(width), "width"),
        seed=0,
        scale="quick",
        recipe=Recipe(
            steps=int(steps),
            batch_size=BATCH,
            learning_rate=RATES.get(model, learning_rate("neuron_l5_nmda", model) / 2),
            schedule="cosine",
            evaluate_every=int(steps) // 10,
        ),
    )


def told(record: Record) -> list[str]:
    """Its curve and its end."""
    lines = [f"{record.spec.arm}: {record.status}, energy valid: {record.energy_valid}"]
    joules = None if record.train is None else ranked_j(record.train.energy_j)
    end_s = record.curve[-1].time_s if record.curve else 0.0
    for point in record.curve:
        spent = "unknown" if joules is None else si(joules * point.time_s / end_s, "J")
        lines.append(f"  {point.time_s:7.1f} s {spent:>9}: {point.validation:.6f} nats a ms")
    if record.quality is not None:
        lines.append(f"  test log-loss {record.quality.test:.6f}")
        lines += [f"  {name} {value:.4f}" for name, value in record.quality.measures.items()]
    return lines


def main() -> None:
    """Run the arms and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", nargs="+", metavar="MODEL:WIDTH:UPDATES")
    parser.add_argument("--runs", type=Path, default=Path("runs-longest"))
    options = parser.parse_args()
    with ticker().shown() as tell:
        records = run([spec(arm) for arm in options.arms], Session(options.runs), tell)
    for record in records:
        print("\n".join(told(record)))


if __name__ == "__main__":
    main()
