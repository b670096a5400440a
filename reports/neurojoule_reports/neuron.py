"""The neuron: which network each cell demands, and what imitating it costs beside living it.

Cells are the tasks of the suite `neuron` (NEURON). The living cell, a rodent's cortical neuron,
spends 3.29e9 ATP a second on signalling at 4 Hz (Attwell & Laughlin 2001, J. Cereb. Blood Flow
Metab. 21, 1133, p. 1139, as quoted by BioNumbers 108672; the paper was not at hand): 0.17 nW at the
standard 30.5 kJ/mol of ATP, 0.27 nW at the 50 that textbooks give for a cell. From above: 20 W over
the 8.6e10 neurons of a human brain are 0.23 nW, glia included. Landauer's limit is k T ln 2 at
300 K a bit erased.
"""

from dataclasses import dataclass

from markupsafe import Markup

from neurojoule.quantities import digits, si
from neurojoule_reports import ladder
from neurojoule_reports.drawing import LogPlot, around, unit
from neurojoule_reports.frames import Frames, groups, ranked

SUITE = "neuron"
CELLS = ("neuron_lif", "neuron_l5_ampa", "neuron_l5_nmda")
LIVING_W = (1.7e-10, 2.7e-10)
LANDAUER_J = 2.87e-21
BITS_PER_S = 1000.0
"""One answer a millisecond: the least that a bit of output erased each step would cost."""

MODEL = "tcn_surrogate"
MARGIN = 0.02

COMMAND = f"neurojoule run {SUITE}"


@dataclass(frozen=True)
class Map:
    """Depth x width of one cell: median validation, and which is good enough.

    Attributes:
        rows: for each depth one cell a width: (value in words, whether it is within the margin),
            or None where nothing was trained.
        words: the least that is good enough.
    """

    task: str
    setting: str
    widths: tuple[int, ...]
    rows: tuple[tuple[int, tuple[tuple[str, bool] | None, ...]], ...]
    words: str


@dataclass(frozen=True)
class Powers:
    """Quality against watts a neuron for one cell: the figure and its numbers."""

    task: str
    setting: str
    figure: Markup
    rows: tuple[ladder.Power, ...]


@dataclass(frozen=True)
class Section:
    """All of the section; `missing` are the cells that were not measured."""

    maps: tuple[Map, ...]
    powers: tuple[Powers, ...]
    missing: tuple[str, ...]


def section(frames: Frames) -> Section:
    """Whatever the records say of the cells."""
    counted = ranked(frames.runs)
    runs = counted[counted["task"].isin(CELLS)]
    maps, powers = [], []
    for (task, setting), part in groups(runs, ["task", "setting"]):
        found = ladder.rungs(part, MODEL)
        if found:
            higher = bool(part["higher_is_better"].iloc[0])
            least = ladder.least(part, MODEL, MARGIN)
            maps.append(_map(task, setting, found, least, higher=higher))
        watts = ladder.powers(part)
        if watts:
            powers.append(Powers(task, setting, _draw(task, watts), tuple(watts)))
    seen = set(runs["task"])
    return Section(tuple(maps), tuple(powers), tuple(c for c in CELLS if c not in seen))


def _map(
    task: str, setting: str, found: list[ladder.Rung], least: ladder.Least | None, *, higher: bool
) -> Map:
    good = ladder.good_enough(found, MARGIN, higher=higher)
    widths = sorted({r.width for r in found})
    at = {(r.depth, r.width): (digits(r.validation), good[r.arm][1]) for r in found}
    depths = sorted({r.depth for r in found})
    rows = tuple((depth, tuple(at.get((depth, width)) for width in widths)) for depth in depths)
    words = ""
    if least is not None:
        words = (
            f"Within {MARGIN:.0%} of the best validation: depth {least.depth_words}, "
            f"{least.units_words} units."
        )
    return Map(task, setting, tuple(widths), rows, words)


def _draw(task: str, found: list[ladder.Power]) -> Markup:
    limit = LANDAUER_J * BITS_PER_S
    qualities = [p.quality for p in found]
    spread = (max(qualities) - min(qualities)) or abs(qualities[0]) or 1.0
    _, high = around([p.high for p in found])
    plot = LogPlot(
        (limit / 10, high),
        (min(qualities) - 0.15 * spread, max(qualities) + 0.15 * spread),
        "Power a neuron",
        "Quality",
        unit("W"),
        digits,
        y_log=False,
    )
    top, bottom = plot.y(plot.y_range[1]), plot.y(plot.y_range[0])
    plot.add(
        '<rect class="living" x="{}" y="{}" width="{}" height="{}"/>',
        plot.x(LIVING_W[0]), top, max(2.0, plot.x(LIVING_W[1]) - plot.x(LIVING_W[0])), bottom - top,
    )  # fmt: skip
    plot.text(LIVING_W[1], plot.y_range[0], "living cell")
    plot.add(
        '<line class="level" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>', plot.x(limit), top, bottom
    )
    plot.text(limit, plot.y_range[0], "one bit erased a ms")
    for p in found:
        y = plot.y(p.quality)
        plot.add(
            '<line class="whisker s-{}" x1="{}" x2="{}" y1="{}" y2="{}"/>',
            p.family, plot.x(p.low), plot.x(p.high), y, y,
        )  # fmt: skip
        plot.marker(p.watts, p.quality, p.family, f"{p.arm}: {si(p.watts, 'W')}")
    return plot.svg(
        f"Quality on {task} against watts a neuron: {len(found)} imitations, the living cell at "
        "0.17 to 0.27 nW and Landauer's limit. All numbers are in the table below."
    )
