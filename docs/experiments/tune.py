"""Find the learning rate of every model on every task: the same search for every family.

Each row of the suites is trained at each rate and seed with the budget of the scale `quick`; the
rate with the best median validation wins. The test split plays no part. The search is made of
ordinary runs, so what it cost stands in its records. Pairs that are not searched keep the rate that
`tuned.toml` has for them.

    python docs/experiments/tune.py
    python docs/experiments/tune.py neuron --task neuron_l5_nmda --steps 250 --full
    python docs/experiments/tune.py ladders --missing --full

Rows whose budget is another than the one to tune for, such as those of a first round, take --steps.
Of a ladder only the budgets of parameters are searched, with all the data: a pair has one rate on
all its ladders. With --full, pairs that no row of `quick` has are searched too, on the rungs of
`full` that `quick` has, with its updates; with --missing, only pairs without a rate.
"""

import argparse
import dataclasses
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgspec

from neurojoule.progress import ticker
from neurojoule.quantities import si
from neurojoule.record import Record
from neurojoule.registry import get_model
from neurojoule.runner import Session, run
from neurojoule.spec import SCALES, Setup, Spec
from neurojoule.suite import Row, Suite, available, get_suites
from neurojoule_suites.recipes import TUNED, tuned_name

RATES = (1e-3, 3e-3, 1e-2, 3e-2)


def rows(suite: Suite, *, full: bool) -> Iterator[Row]:
    """The rows of `quick`; with `full` those of pairs that have none there, cut to its budgets."""
    quick, _ = available(suite.rows(SCALES["quick"]))
    yield from quick
    pairs = {(row.task, tuned_name(row.model, row.options)) for row in quick}
    recipes = {row.task: row.recipe for row in quick}
    most = max((row.size.budget or 0 for row in quick), default=0)
    for row in suite.rows(SCALES["full"]) if full else ():
        fits = row.size.budget is None or row.size.budget <= most
        pair = row.task, tuned_name(row.model, row.options)
        if row.task in recipes and pair not in pairs and fits:
            yield dataclasses.replace(row, recipe=recipes[row.task])


def specs(options: argparse.Namespace) -> list[Spec]:
    """Every tunable row at every rate; the windows of `smoke`, since joules are not compared."""
    found, steps, known = [], options.steps, rates_so_far() if options.missing else {}
    for suite in get_suites(options.suites):
        for row in rows(suite, full=options.full):
            unasked = tuned_name(row.model, row.options) in known.get(row.task, {}) or (
                (options.task and row.task not in options.task)
                or (options.model and row.model not in options.model)
            )
            same_rate = row.share < 1 or row.size.of == "operations"
            if get_model(row.model).learns == "own" or unasked or same_rate:
                continue
            budget = row.recipe
            if steps is not None:
                budget = msgspec.structs.replace(budget, steps=steps, evaluate_every=steps)
            for rate in RATES:
                recipe = msgspec.structs.replace(budget, learning_rate=rate)
                tried = dataclasses.replace(row, recipe=recipe)
                found += suite.specs(tried, "smoke", options.seeds, Setup())
    return list(dict.fromkeys(found))


def rates_so_far() -> dict[str, dict[str, float]]:
    """Task -> `tuned_name` -> the rate that `tuned.toml` has."""
    found: dict[str, dict[str, float]] = tomllib.loads(TUNED.read_text())["learning_rate"]
    return found


def winners(records: list[Record]) -> dict[str, dict[str, float]]:
    """Task -> `tuned_name` -> the rate whose median validation over sizes and seeds is best.

    Ties go to the smaller rate. On a truth table, where all reach the same, fewer steps win.
    """
    scores: dict[tuple[str, str, float], list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        spec, quality = record.spec, record.quality
        sign = 1 if quality is None or quality.higher_is_better else -1
        value = -1e9 if quality is None else sign * quality.validation
        steps = record.curve[-1].step if record.curve else spec.recipe.steps
        name = tuned_name(spec.model, dict(spec.options))
        scores[spec.task, name, spec.recipe.learning_rate].append((value, -steps))
    best: dict[str, dict[str, float]] = defaultdict(dict)
    for task, name in dict.fromkeys((task, name) for task, name, _ in scores):
        best[task][name] = max(
            (rate for t, n, rate in scores if (t, n) == (task, name)),
            key=lambda rate: (
                median(value for value, _ in scores[task, name, rate]),
                median(steps for _, steps in scores[task, name, rate]),
                -rate,
            ),
        )
    return best


def _key(name: str) -> str:
    """A key of TOML, in quotes where it is not one word."""
    return f'"{name}"' if " " in name else name


def main() -> None:
    """Search and write `tuned.toml`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--task", action="append", default=[], help="only this task")
    parser.add_argument("--model", action="append", default=[], help="only this model")
    parser.add_argument("--missing", action="store_true", help="only pairs without a rate")
    parser.add_argument("--full", action="store_true", help="pairs of the scale full as well")
    parser.add_argument("--steps", type=int, help="updates of every run, instead of the row's")
    parser.add_argument("--runs", type=Path, default=Path("runs-tune"))
    options = parser.parse_args()
    with ticker().shown() as tell:
        records = run(specs(options), Session(options.runs), tell)
    time_s = sum(record.train.time_s for record in records if record.train)
    print(f"{len(records)} runs that trained for {si(time_s, 's')} in all")
    found = rates_so_far()
    for task, rates in winners(records).items():
        found.setdefault(task, {}).update(rates)
    lines = [
        "# Learning rates by task and model: the same search for every family, on validation.",
        f"# Written by docs/experiments/tune.py: the best of {RATES} with one seed.",
    ]
    for task, rates in sorted(found.items()):
        lines += ["", f'[learning_rate."{task}"]']
        lines += [f"{_key(name)} = {rate:g}" for name, rate in sorted(rates.items())]
    TUNED.write_text("\n".join(lines) + "\n")
    print(f"wrote {TUNED.name}")


if __name__ == "__main__":
    main()
