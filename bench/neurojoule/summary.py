"""The table in the terminal: a row is a model on a task, its figures are medians over seeds."""

from collections import defaultdict
from collections.abc import Sequence
from io import StringIO
from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from neurojoule import carbon
from neurojoule.quantities import count, si
from neurojoule.record import Record, ranked_j


def medians(records: Sequence[Record]) -> dict[str, Any]:
    """Medians over the seeds of one row; None where no record knows. Plain types only."""
    trained = [r.train for r in records if r.train is not None]
    works = [r.work for r in records if r.work is not None]
    qualities = [r.quality for r in records if r.quality is not None]
    return {
        "metric": qualities[0].metric if qualities else None,
        "quality": _median([q.test for q in qualities]),
        "time_s": _median([t.time_s for t in trained]),
        "energy_j": _median([ranked_j(t.energy_j) for t in trained]),
        "training_flops": _median([w.training_flops for w in works]),
        "parameters": _median([w.parameters for w in works]),
    }


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def table(records: Sequence[Record]) -> list[str]:
    """Lines of a table: model, task, quality, seconds, joules, CO2e, FLOPs, parameters."""
    rows: dict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.spec.suite, r.spec.task, r.spec.arm)):
        spec = record.spec
        rows[spec.suite, spec.task, spec.arm, str(spec.setup)].append(record)
    several = len({key[3] for key in rows}) > 1
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("task", "model", *(["setup"] if several else [])):
        shown.add_column(name, no_wrap=True)
    for name in ("quality", "training", "energy", "CO2e", "work", "parameters"):
        shown.add_column(name, justify="right", no_wrap=True)
    for (_, task, arm, setup), group in rows.items():
        shown.add_row(task, arm, *([setup] if several else []), *_cells(group))
    grid = carbon.grid(carbon.WORLD)
    out = StringIO()
    Console(file=out, width=160, highlight=False, markup=False).print(shown)
    grades = sorted(
        {c.grade for r in records if r.train for c in r.train.window.components if c.name != "ram"}
    )
    note = (
        f"medians over seeds; energy of CPU and GPU, graded {' and '.join(grades) or 'unknown'}; "
        f"CO2e at {grid.g_per_kwh:g} g/kWh ({grid.name}, {grid.year})"
    )
    return [*out.getvalue().rstrip().splitlines(), note]


def _cells(group: Sequence[Record]) -> list[str]:
    middle = medians(group)
    bad = [record for record in group if record.status != "ok"]
    dirty = [record for record in group if record.status == "ok" and not record.energy_valid]
    quality = "–" if middle["quality"] is None else f"{middle['quality']:.3g}"
    if bad:
        quality += f" ({len(bad)} {bad[0].status})"
    energy_j = middle["energy_j"]
    grams = None if energy_j is None else carbon.co2e_g(energy_j, carbon.grid(carbon.WORLD))
    return [
        quality,
        si(middle["time_s"], "s"),
        si(energy_j, "J") + (f" ({len(dirty)} invalid)" if dirty else ""),
        si(grams, "g"),
        si(middle["training_flops"], "FLOP"),
        count(middle["parameters"]),
    ]
