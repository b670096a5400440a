"""The neuron: which network each cell demands, and what imitating it costs beside living it.

Cells are the tasks of the suite `neuron` (NEURON). The living cell, a rodent's cortical neuron,
spends 3.29e9 ATP a second on signalling at 4 Hz (Attwell & Laughlin 2001, J. Cereb. Blood Flow
Metab. 21, 1133, p. 1139, as quoted by BioNumbers 108672; the paper was not at hand): 0.17 nW at the
standard 30.5 kJ/mol of ATP, 0.27 nW at the 50 that textbooks give for a cell. From above: 20 W over
the 8.6e10 neurons of a human brain are 0.23 nW, glia included. Landauer's limit is k T ln 2 at
300 K a bit erased.
"""

from dataclasses import dataclass, replace

import pandas as pd
from markupsafe import Markup

from neurojoule.ledger import LEDGERS
from neurojoule.quantities import digits, si
from neurojoule_reports import (
    imitations,
    ladder,
    learning,
    ledgers,
    neuron_costs,
    neuron_figures,
    stats,
)
from neurojoule_reports.curves import curves
from neurojoule_reports.frames import Frames, groups, ranked
from neurojoule_reports.imitations import Contrast, Imitation
from neurojoule_reports.learning import Curve
from neurojoule_reports.neuron_costs import Cost

SUITE = "neuron"
PREFIX = "neuron_"
CELLS = ("neuron_lif", "neuron_l5_ampa", "neuron_l5_nmda")
LIVING_W = (1.7e-10, 2.7e-10)
LANDAUER_J = 2.87e-21
BITS_PER_S = 1000.0
"""One answer a millisecond: the least that a bit of output erased each step would cost."""
LIMIT_W = LANDAUER_J * BITS_PER_S
LIMIT_J_WORDS = si(LIMIT_W, "J")

MODEL = "tcn_surrogate"
MARGIN = 0.02

COMMAND = f"neurojoule run {SUITE}"
MEASURES = imitations.MEASURES
LEDGER_NAMES = LEDGERS
PLATEAU_NOTE = (
    "Each curve is fitted with a + b n^\u2212c; the interval of its plateau a is a bootstrap over "
    f"seeds ({stats.CONFIDENCE:.0%}). It is an extrapolation: nothing was measured there."
)


@dataclass(frozen=True)
class Square:
    """One depth and width of a map.

    Attributes:
        value: median validation in words.
        good: whether it is surely within the margin of the best.
        given_up: why it is compared with none, such as "1 seed, 60 updates"; "" where it is.
    """

    value: str
    good: bool
    given_up: str = ""


@dataclass(frozen=True)
class Map:
    """Depth x width of one cell: median validation, and which is good enough.

    Attributes:
        rows: for each depth one square a width, or None where nothing was trained.
        words: the least that is good enough.
    """

    widths: tuple[int, ...]
    rows: tuple[tuple[int, tuple[Square | None, ...]], ...]
    words: str


@dataclass(frozen=True)
class Curves:
    """Learning curves of one cell: what is spent, in which unit, and the figure if there is one."""

    title: str
    unit: str
    loss: str
    rows: tuple[Curve, ...]
    figure: Markup | None = None


@dataclass(frozen=True)
class Cell:
    """All of one cell in one setting."""

    task: str
    setting: str
    map: Map | None
    imitations: tuple[Imitation, ...]
    contrast: Contrast | None
    powers: tuple[ladder.Power, ...]
    power_figure: Markup | None
    costs: tuple[Cost, ...]
    cost_words: tuple[str, ...]
    cost_figure: Markup | None
    learning: tuple[Curves, ...]


@dataclass(frozen=True)
class Section:
    """All of the section; `missing` are the cells that were not measured."""

    cells: tuple[Cell, ...]
    missing: tuple[str, ...]


def section(frames: Frames) -> Section:
    """Whatever the records say of the cells."""
    counted = ranked(frames.runs)
    runs = counted[counted["task"].astype(str).str.startswith(PREFIX)]
    if runs.empty:
        return Section((), CELLS)
    records = ledgers.by_arm(frames)
    points = curves(frames.records, frames.runs[frames.runs["run_id"].isin(runs["run_id"])])
    found = [
        _cell(task, setting, part, records, points)
        for (_, task, setting), part in groups(runs, ["suite", "task", "setting"])
    ]
    seen = set(runs["task"])
    return Section(tuple(found), tuple(c for c in CELLS if c not in seen))


def _cell(
    task: str, setting: str, runs: pd.DataFrame, records: ledgers.Runs, points: pd.DataFrame
) -> Cell:
    table = imitations.shown(runs, MODEL)
    labels = dict(zip(table["arm"], table["label"], strict=True))
    watts = [replace(p, arm=labels[p.arm]) for p in ladder.powers(table)]
    costs = neuron_costs.costs(table, records)
    drawn = [cost for cost in costs if neuron_figures.known(cost)]
    return Cell(
        task=task,
        setting=setting,
        map=_map(runs),
        imitations=tuple(imitations.imitations(table)),
        contrast=imitations.contrast(runs, MODEL),
        powers=tuple(watts),
        power_figure=neuron_figures.power(task, watts, LIVING_W, LIMIT_W) if watts else None,
        costs=tuple(costs),
        cost_words=tuple(neuron_costs.words(costs)),
        cost_figure=neuron_figures.joules(task, drawn, LIVING_W, LIMIT_W) if drawn else None,
        learning=tuple(_learning(task, runs, table, points)),
    )


def _map(runs: pd.DataFrame) -> Map | None:
    found = ladder.rungs(runs, MODEL)
    least = ladder.least(runs, MODEL, MARGIN)
    if not found or least is None:
        return None
    higher = bool(runs["higher_is_better"].iloc[0])
    good = ladder.good_enough(found, MARGIN, higher=higher)
    # Of a depth and width with several rates the one of the best validation, if it has one.
    order = sorted(found, key=lambda r: (not r.given_up, r.validation if higher else -r.validation))
    at = {(r.depth, r.width): _square(r, surely=good.get(r.arm, (False, False))[1]) for r in order}
    widths, depths = (sorted({size[i] for size in at}) for i in (1, 0))
    rows = tuple((depth, tuple(at.get((depth, width)) for width in widths)) for depth in depths)
    words = (
        f"Within {MARGIN:.0%} of the best validation: depth {least.depth_words}, "
        f"{least.units_words} units."
    )
    given_up = sum(bool(square.given_up) for square in at.values())
    if given_up:
        words += (
            f" In italics {given_up} that {'was' if given_up == 1 else 'were'} given up on the "
            "way, after fewer updates or seeds; compared with none."
        )
    return Map(tuple(widths), rows, words)


def _square(rung: ladder.Rung, *, surely: bool) -> Square:
    given_up = ""
    if rung.given_up:
        given_up = f"{rung.seeds} seed{'s' * (rung.seeds > 1)}, {si(rung.steps, '')} updates"
    return Square(digits(rung.validation), surely, given_up)


def _learning(
    task: str, runs: pd.DataFrame, table: pd.DataFrame, points: pd.DataFrame
) -> list[Curves]:
    labels = dict(zip(table["design"], table["label"], strict=True))
    out = []
    data = learning.over_data(runs, labels)
    if data:
        figure = neuron_figures.data(task, data)
        out.append(Curves("data", "s", "Test log-loss", tuple(data), figure))
    joules = learning.over_joules(table, points)
    if joules:
        out.append(Curves("joules of training", "J", "Validation log-loss", tuple(joules)))
    return out
