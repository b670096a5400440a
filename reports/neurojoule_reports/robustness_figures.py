"""The figures of robustness: quality, or the share kept, from no perturbation to the worst."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from neurojoule import quantities
from neurojoule_reports.drawing import LogPlot
from neurojoule_reports.palette import style
from neurojoule_reports.robustness_words import Said

NAMES = 0.55
"""Room for the names right of the last level, as a share of the axis."""

APART = 14.0
"""Points between the names of two lines."""


@dataclass(frozen=True)
class Line:
    """One arm: (level, value) from the unperturbed on; a value that is not known is NaN."""

    arm: str
    family: str
    points: tuple[tuple[float, float], ...]

    @property
    def known(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [(x, y) for x, y in self.points if y == y]  # noqa: PLR0124 - not NaN


def draw(said: Said, what: str, lines: Sequence[Line], floor: float, metric: str) -> Markup:
    """One line an arm, named at its end.

    Args:
        said: the probe.
        what: the y axis: the quality, or the share of it kept.
        lines: all arms; at least one has a known point.
        floor: chance, drawn as a dashed level.
        metric: of the quality, which decides how values are written.
    """
    ys = [y for line in lines for _, y in line.known] + [floor]
    room = 0.04 * ((max(ys) - min(ys)) or 1.0)
    ticks = tuple(sorted({x for line in lines for x, _ in line.points}))
    plot = LogPlot(
        (0.0, ticks[-1] * (1 + NAMES)),
        (min(ys) - room, max(ys) + room),
        said.axis,
        f"{what.capitalize()} ({said.name.lower()})",
        said.level,
        lambda y: _short(y, metric),
        y_log=False,
        x_log=False,
        x_ticks=ticks,
    )
    end, level = plot.x(ticks[-1]), plot.y(floor)
    plot.add('<line class="level" x1="58" x2="{}" y1="{}" y2="{}"/>', end, level, level)
    for line in lines:
        path = "M" + "L".join(f"{plot.x(x)},{plot.y(y)}" for x, y in line.known)
        plot.add('<path class="curve s-{}" d="{}"/>', style(line.family).family, path)
        for x, y in line.known:
            value = quantities.quality(y, metric)
            plot.marker(x, y, line.family, f"{line.arm}, {said.level(x)}: {value}")
    _name(plot, lines)
    words = "; ".join(
        f"{line.arm} from {quantities.quality(line.known[0][1], metric)} "
        f"to {quantities.quality(line.known[-1][1], metric)}"
        for line in lines
        if line.known
    )
    return plot.svg(f"{said.name}, {what} at each level. {words}. All numbers are in the table.")


def _name(plot: LogPlot, lines: Sequence[Line]) -> None:
    """Names right of the lines' ends, moved apart, each with a leader to its line."""
    named = sorted(
        (line for line in lines if line.known), key=lambda line: plot.y(line.known[-1][1])
    )
    names = short_names([line.arm for line in named])
    wanted = [plot.y(line.known[-1][1]) for line in named]
    for line, name, y in zip(named, names, spread(wanted, APART, plot.height - 48.0), strict=True):
        x_end, y_end = plot.x(line.known[-1][0]), plot.y(line.known[-1][1])
        plot.add(
            '<polyline class="leader" fill="none" points="{},{} {},{}"/>',
            x_end + 7, y_end, x_end + 22, y,
        )  # fmt: skip
        plot.add('<text x="{}" y="{}">{}</text>', x_end + 26, y + 4, name)


def short_names(arms: Sequence[str]) -> list[str]:
    """What tells arms apart: their model alone where no other arm has it, else all of the name."""
    models = [arm.partition(" ")[0] for arm in arms]
    names = [
        model if models.count(model) == 1 else arm for arm, model in zip(arms, models, strict=True)
    ]
    return [name if len(name) <= 30 else f"{name[:29]}\u2026" for name in names]


def spread(wanted: Sequence[float], apart: float, most: float) -> list[float]:
    """Places near the wanted ones, which are sorted, no two nearer than `apart`, none past `most`.

    Each is pushed down by the one above it; what goes past the end pushes back up.
    """
    places: list[float] = []
    for y in wanted:
        places.append(max(y, places[-1] + apart) if places else y)
    limit = most
    for i in reversed(range(len(places))):
        places[i] = min(places[i], limit)
        limit = places[i] - apart
    return places


def _short(value: float, metric: str) -> str:
    if metric == "accuracy":
        return f"{100 * value:.0f} %"
    return quantities.digits(value)
