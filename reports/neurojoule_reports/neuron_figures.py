"""Figures of the neuron: log-loss against watts, joules a neuron-second, losses over data."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from neurojoule.ledger import LEDGERS
from neurojoule.quantities import digits, si
from neurojoule_reports import ladder
from neurojoule_reports.drawing import LogPlot, around, unit
from neurojoule_reports.learning import Curve
from neurojoule_reports.neuron_costs import Cost
from neurojoule_reports.palette import style

ROW = 36
"""Height of a row of the figure of joules."""
BELOW = 0.6
"""Rows left free below the last one, for the names of the lines."""


def power(
    task: str, found: Sequence[ladder.Power], living_w: tuple[float, float], limit_w: float
) -> Markup:
    """Log-loss against watts a neuron, beside the living cell and the physical limit."""
    qualities = [p.quality for p in found]
    spread = (max(qualities) - min(qualities)) or abs(qualities[0]) or 1.0
    _, high = around([p.high for p in found])
    plot = LogPlot(
        (limit_w / 10, high),
        (min(qualities) - 0.15 * spread, max(qualities) + 0.15 * spread),
        "Power a neuron",
        "Test log-loss",
        unit("W"),
        digits,
        y_log=False,
    )
    _living(plot, living_w, limit_w)
    for p in found:
        y = plot.y(p.quality)
        plot.add(
            '<line class="whisker s-{}" x1="{}" x2="{}" y1="{}" y2="{}"/>',
            style(p.family).family, plot.x(p.low), plot.x(p.high), y, y,
        )  # fmt: skip
        plot.marker(p.watts, p.quality, p.family, f"{p.arm}: {si(p.watts, 'W')}")
    return plot.svg(
        f"Test log-loss on {task} against watts a neuron: {len(found)} imitations, the living "
        "cell at 0.17 to 0.27 nW and Landauer's limit. All numbers are in the table below."
    )


def joules(
    task: str, found: Sequence[Cost], living_w: tuple[float, float], limit_w: float
) -> Markup:
    """A row a design: joules a neuron-second in every ledger, batched, and step by step."""
    every = [v.high for cost in found for v in cost.joules.values()]
    every += [cost.stream_j.high for cost in found if cost.stream_j is not None]
    _, high = around(every, 4)
    rows = len(found)
    plot = LogPlot(
        (limit_w / 10, high),
        (-BELOW, float(rows)),
        "Joules a neuron-second",
        "",
        unit("J"),
        digits,
        y_log=False,
        y_ticks=(),
        height=68 + round(ROW * (rows + BELOW)),
    )
    _living(plot, living_w, limit_w)
    for row, cost in enumerate(found):
        at = rows - row - 0.7
        plot.add('<text class="row" x="58" y="{}">{}</text>', plot.y(at) - 9, cost.label)
        _row(plot, at, cost)
    return plot.svg(
        f"Joules a neuron-second on {task}, on a logarithmic axis: {rows} rows in three ledgers, "
        "beside the living cell at 0.17 to 0.27 nW and Landauer's limit. All numbers are in the "
        "table below."
    )


def _row(plot: LogPlot, at: float, cost: Cost) -> None:
    family, y = style(cost.family).family, plot.y(at)
    for name in LEDGERS:
        value = cost.joules.get(name)
        if value is None:
            continue
        plot.add(
            '<line class="whisker s-{}" x1="{}" x2="{}" y1="{}" y2="{}"/>',
            family, plot.x(value.low), plot.x(value.high), y, y,
        )  # fmt: skip
        says = f"{cost.label}, {name}: {si(value.middle, 'J')}"
        if name == "meter":
            plot.marker(value.middle, at, cost.family, says)
            continue
        x = plot.x(value.middle)
        shape = f"M{x},{y - 5}v10" if name == "roofline" else f"M{x - 3.5},{y}h7m-3.5,-3.5v7"
        plot.add(
            '<path class="ledger s-{}" d="{}"><title>{}</title></path>', family, shape, says
        )  # fmt: skip
    if cost.stream_j is not None:
        says = f"{cost.label}, step by step: {si(cost.stream_j.middle, 'J')}"
        plot.add(
            '<circle class="hollow s-{}" cx="{}" cy="{}" r="4.5"><title>{}</title></circle>',
            family, plot.x(cost.stream_j.middle), y, says,
        )  # fmt: skip


def _living(plot: LogPlot, living_w: tuple[float, float], limit_w: float) -> None:
    """The living cell's band and the limit's line."""
    top, bottom = plot.y(plot.y_range[1]), plot.y(plot.y_range[0])
    plot.add(
        '<rect class="living" x="{}" y="{}" width="{}" height="{}"/>',
        plot.x(living_w[0]), top, max(2.0, plot.x(living_w[1]) - plot.x(living_w[0])), bottom - top,
    )  # fmt: skip
    plot.text(living_w[1], plot.y_range[0], "living cell")
    plot.add(
        '<line class="level" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>', plot.x(limit_w), top, bottom
    )
    plot.text(limit_w, plot.y_range[0], "one bit erased a ms")


def data(task: str, found: Sequence[Curve]) -> Markup:
    """Loss over simulated seconds of training data, with the fitted laws as far as ten times."""
    amounts = [x for curve in found for x in curve.amounts]
    low_x, high_x = min(amounts), max(amounts)
    losses = [y for curve in found for y in curve.losses]
    ends = [c.plateau.at(10 * high_x) for c in found if not c.plateau.refusal]
    low, high = min([*losses, *ends]), max(losses)
    room = 0.08 * ((high - low) or abs(high) or 1.0)
    plot = LogPlot(
        (low_x / 1.3, 13 * high_x),
        (low - room, high + room),
        "Simulated seconds of training data",
        "Test log-loss",
        lambda x: si(x, "s"),
        digits,
        y_log=False,
    )
    for curve in found:
        family = style(curve.family).family
        measured = "M" + "L".join(
            f"{plot.x(x)},{plot.y(y)}" for x, y in zip(curve.amounts, curve.losses, strict=True)
        )
        plot.add('<path class="curve s-{}" d="{}"/>', family, measured)
        if not curve.plateau.refusal:
            beyond = np.geomspace(curve.amounts[-1], 10 * high_x, 20)
            law = "M" + "L".join(f"{plot.x(x)},{plot.y(curve.plateau.at(x))}" for x in beyond)
            plot.add('<path class="curve beyond s-{}" d="{}"/>', family, law)
        for x, y in zip(curve.amounts, curve.losses, strict=True):
            plot.marker(x, y, curve.family, f"{curve.label}, {si(x, 's')}: {digits(y)}")
    return plot.svg(
        f"Test log-loss on {task} over the amount of training data: {len(found)} designs, with the "
        "fitted laws dashed as far as ten times the data. All numbers are in the table below."
    )


def known(cost: Cost) -> bool:
    """Whether there is anything to draw of it."""
    return bool(cost.joules) and all(math.isfinite(v.middle) for v in cost.joules.values())
