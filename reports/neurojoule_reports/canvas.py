"""How a figure is drawn by matplotlib: points with intervals, joined by model, names beside them.

Fonts are matplotlib's own and no date is written, so that the same frames give the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from neurojoule_reports.frames import groups
from neurojoule_reports.labels import Box, place
from neurojoule_reports.naming import LABEL, labels
from neurojoule_reports.palette import INK, style

Ladder = tuple[str, str, Any]
"""The name of a model, the colour of its name, and its markers: (sizes, 2) in data."""


@dataclass(frozen=True)
class Panel:
    """One frame of a figure.

    Attributes:
        title: what stands above it.
        say: how a value on the x axis is written.
        table: its points, as `points.points` gives them.
        seeds: family, x and y of single runs, drawn faintly behind; None draws none.
        ticks: where the x axis is marked; at decades when none are given.
    """

    title: str
    say: Callable[[float], str]
    table: pd.DataFrame
    seeds: pd.DataFrame | None = None
    ticks: tuple[float, ...] = ()


_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it, so it is the same everywhere
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.visible": False,
    "axes.unicode_minus": True,
    "text.parse_math": False,
    "svg.hashsalt": "neurojoule",
    "svg.fonttype": "path",
    "figure.dpi": 100,
    "savefig.dpi": 200,
}


def draw(
    arms: pd.DataFrame, drawn: Sequence[Panel], stem: Path, formats: Sequence[str]
) -> list[Path]:
    """Draw panels side by side, all of the task in one setting that `arms` are of; give the files.

    Args:
        arms: name task, setting, metric, target and chance.
        drawn: what is shown, from left to right.
        stem: path of the files without their ending.
        formats: png, svg or pdf.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    first = arms.iloc[0]
    known = arms["metric"].dropna()
    metric = str(known.iloc[0] if len(known) else "quality").replace("_", " ").capitalize()
    with mpl.rc_context(_RC):
        ladders: list[list[Ladder]] = []
        figure = Figure(figsize=(7.2 if len(drawn) > 1 else 4.8, 3.1), layout="constrained")
        axes = figure.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
        for ax in axes[:1]:
            ax.set_ylabel(metric)
        figure.suptitle(
            f"{_short(first['task'])}   {_short(first['setting'])}", x=0.01, ha="left", fontsize=9
        )
        for ax, panel in zip(axes, drawn, strict=True):
            ladders.append(_panel(ax, panel, arms))
        # Names are placed in the settled layout: another would move the markers away from them.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for ax, found in zip(axes, ladders, strict=True):
            _labels(ax, found)
        written = []
        for ending in formats:
            path = stem.with_name(f"{stem.name}.{ending}")
            none = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[ending]
            figure.savefig(path, metadata={none: None})
            written.append(path)
    return written


def _panel(ax: Any, panel: Panel, arms: pd.DataFrame) -> list[Ladder]:
    """Draw one panel, and return what is to be named in it."""
    from matplotlib.ticker import MaxNLocator, NullLocator

    table = panel.table
    metric = str(arms["metric"].dropna().iloc[0]) if arms["metric"].notna().any() else "quality"
    ax.set_title(panel.title, fontsize=8, color="#555555")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda x, _: panel.say(x))
    ax.xaxis.set_minor_formatter(lambda _x, _: "")
    if panel.ticks:
        ax.set_xticks(panel.ticks)
        ax.xaxis.set_minor_locator(NullLocator())
    if metric == "accuracy":
        ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f} %")
    ax.grid(axis="y", color="#eeeeee", linewidth=0.6)
    ax.set_axisbelow(True)
    if table.empty:
        ax.text(0.5, 0.5, "no valid figures", transform=ax.transAxes, ha="center", color="#777777")
        return []
    best = table[table["on_front"]].sort_values("x")
    ax.step(best["x"], best["y"], where="post", color="#bbbbbb", linewidth=3, alpha=0.6, zorder=1)
    if panel.seeds is not None:
        for (family,), part in groups(panel.seeds, ["family"]):
            s = style(family)
            ax.scatter(part["x"], part["y"], s=4, color=s.colour, alpha=0.3, marker=s.mpl, lw=0)
    ladders: dict[str, Ladder] = {}
    called = labels(table["model"])
    # The sizes of a model are joined, or the shares of one size: whichever of the two varies.
    lines = ["model"] if panel.seeds is not None else ["share", "model"]
    for key, part in groups(table.sort_values("x", kind="stable"), lines):
        model, s = key[-1], style(str(part["family"].iloc[0]))
        ax.errorbar(
            part["x"], part["y"],
            xerr=[part["x"] - part["x_low"], part["x_high"] - part["x"]],
            yerr=[part["y"] - part["y_low"], part["y_high"] - part["y"]],
            color=s.colour, marker=s.mpl, markersize=4.5, linewidth=0.7, elinewidth=0.7,
            markeredgecolor="white", markeredgewidth=0.4, zorder=3,
        )  # fmt: skip
        # Shares come in rising order, so that what saw most of the data bears the name.
        name = _short(called[model], LABEL)
        ladders[model] = (name, s.text, part[["x", "y"]].to_numpy(dtype=float))
    _levels(ax, table, arms)
    ax.margins(x=0.1)
    low, high = ax.get_xlim()
    if not panel.ticks and high < 10 * low:  # no two powers of ten to mark
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.set_minor_locator(NullLocator())
    return list(ladders.values())


def _levels(ax: Any, table: pd.DataFrame, arms: pd.DataFrame) -> None:
    """Draw target and chance, unless that would squeeze the data into a corner."""
    low, high = float(table["y_low"].min()), float(table["y_high"].max())
    for name in ("chance", "target"):
        known = arms[name].dropna()
        if known.empty:
            continue
        value = float(known.iloc[0])
        if max(low - value, value - high) > max(1.2 * (high - low), 0.05 * abs(value)):
            continue
        ax.axhline(value, color="#999999", linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
        ax.annotate(
            name, (0, value), xycoords=("axes fraction", "data"), xytext=(3, 2),
            textcoords="offset points", fontsize=6, color="#777777",
        )  # fmt: skip


def _labels(ax: Any, ladders: Sequence[Ladder]) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2, foreground="white")]  # readable over the front and lines
    points_per_pixel = 72 / ax.figure.dpi
    corners = ax.get_window_extent()
    frame = Box(*(float(v) * points_per_pixel for v in corners.bounds))
    markers = [
        [(float(x), float(y)) for x, y in ax.transData.transform(xy) * points_per_pixel]
        for _, _, xy in ladders
    ]
    boxes = place(markers, [4.2 * len(name) for name, _, _ in ladders], frame)
    for (name, colour, _), box, ladder in zip(ladders, boxes, markers, strict=True):
        ax.annotate(
            name, (ladder[0][0], ladder[0][1]), xycoords="figure points",
            xytext=(box.x, box.y + 1), textcoords="figure points", fontsize=7, color=colour,
            zorder=4, annotation_clip=False, path_effects=halo,
        )  # fmt: skip


def _short(text: str, most: int = 60) -> str:
    """Cut a long name, and box what the font cannot draw, so that a figure stays a figure."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(_RC["font.family"]))
    plain = "".join(c if font.get_char_index(ord(c)) else "\u25a1" for c in text)
    return plain if len(plain) <= most else plain[: most - 1] + "\u2026"
