"""Where a surrogate is cheaper than the simulation, and where not: dense and event-driven.

The same networks with a first layer that is dense, that works spike by spike, and, as the suite
`neuron` has it, that works spike by spike and is constant within bins; beside them the simulation.
All are measured as any run is. They learn next to nothing, since what a neuron-second costs does
not depend on it; quality is not shown. Printed are seconds, joules in the three ledgers, and
operations a neuron-second, in a batch and step by step.

    python docs/experiments/dense.py
    python docs/experiments/dense.py 3x32
"""

import argparse
from pathlib import Path

from neurojoule.ledger import LEDGERS
from neurojoule.progress import ticker
from neurojoule.quantities import si
from neurojoule.runner import Session, run
from neurojoule.spec import Option, Recipe, Size, Spec
from neurojoule_reports import frames, imitations, ledgers, neuron_costs
from neurojoule_suites.bench_neuron import BATCH, LADDER, SIMULATED, tcn

FORMS: dict[str, dict[str, Option]] = {
    "dense": {"bins": 0},
    "event-driven": {"bins": 0, "events": True},
    "event-driven, binned": {},
}
STEPS = 4


def specs(task: str, shapes: list[str]) -> list[Spec]:
    """The simulation, and every form of every shape."""
    found = [_spec(task, "simulation", {}, Size(), SIMULATED["simulation"])]
    for shape in shapes:
        layers, width = map(int, shape.split("x"))
        found += [
            _spec(task, LADDER, tcn(layers) | form, Size(width, "width"), STEPS)
            for form in FORMS.values()
        ]
    return found


def _spec(task: str, model: str, options: dict[str, Option], size: Size, steps: int) -> Spec:
    recipe = Recipe(steps=steps, batch_size=BATCH, evaluate_every=steps)
    return Spec(
        suite="dense", task=task, model=model, options=tuple(options.items()), size=size,
        seed=0, scale="quick", recipe=recipe,
    )  # fmt: skip


def form_of(spec: Spec) -> str:
    """What a run is called in the table."""
    options = dict(spec.options)
    if "layers" not in options:
        return spec.model
    form = "dense"
    if options["bins"]:
        form = "event-driven, binned"
    elif options.get("events"):
        form = "event-driven"
    return f"{options['layers']} layers of {spec.size.budget}, {form}"


def main() -> None:
    """Measure what has no record yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=["3x32", "7x48"], metavar="LAYERSxWIDTH")
    parser.add_argument("--task", default="neuron_l5_nmda")
    parser.add_argument("--runs", type=Path, default=Path("runs-dense"))
    options = parser.parse_args()
    with ticker().shown() as tell:
        records = run(specs(options.task, options.shapes), Session(options.runs), tell)
    forms = {record.run_id: form_of(record.spec) for record in records}
    table = frames.runs(records)
    found = frames.Frames(table, frames.arms(table), (), tuple(records))
    shown = imitations.shown(frames.ranked(table), LADDER)
    shown = shown.assign(label=shown["run_id"].map(forms))
    print("| | seconds, batched | streaming | " + ", batched | ".join(LEDGERS) + ", batched"
          " | meter, streaming | operations, dense | effective |")  # fmt: skip
    print("|---|" + "---:|" * (5 + len(LEDGERS)))
    for cost in neuron_costs.costs(shown, ledgers.by_arm(found)):
        joules = [cost.joules.get(name) for name in LEDGERS]
        cells = [
            si(cost.time_s, "s"),
            si(cost.stream_time_s, "s"),
            *("" if j is None else si(j.middle, "J") for j in joules),
            "" if cost.stream_j is None else si(cost.stream_j.middle, "J"),
            si(cost.dense, "FLOP"),
            si(cost.effective, "FLOP"),
        ]
        print(f"| {cost.label} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
