"""Figures that do not change with the reader's choices, as SVG text for the page: roofline, power.

Colours come from the page's style (`palette.css`), so that light and dark need one picture.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import LiteralString

from markupsafe import Markup

from neurojoule.quantities import si
from neurojoule_reports.palette import style

_SHAPES = {
    "circle": "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0Z",
    "triangle": "M0,-6L5.6,4L-5.6,4Z",
    "down": "M0,6L5.6,-4L-5.6,-4Z",
    "square": "M-4.4,-4.4H4.4V4.4H-4.4Z",
    "diamond": "M0,-6.5L6.5,0L0,6.5L-6.5,0Z",
    "pentagon": "M0,-6L5.7,-1.9L3.5,4.9L-3.5,4.9L-5.7,-1.9Z",
    "cross": "M-5,-3L-3,-5L0,-2L3,-5L5,-3L2,0L5,3L3,5L0,2L-3,5L-5,3L-2,0Z",
    "star": "M0,-7L1.8,-2.4L6.7,-2.2L2.9,.9L4.1,5.7L0,3L-4.1,5.7L-2.9,.9L-6.7,-2.2L-1.8,-2.4Z",
}

Words = Callable[[float], str]


@dataclass
class LogPlot:
    """A frame whose axes are logarithmic unless said, that collects elements.

    Attributes:
        x_range, y_range: ends of the axes in data.
        x_title, y_title: what they are.
        x_words, y_words: how their ticks are written.
        y_log, x_log: whether an axis is logarithmic.
        x_ticks: where the x axis is marked; at round values when none are given.
        y_ticks: likewise the y axis; None for round values.
        width, height: of the view box.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_title: str
    y_title: str
    x_words: Words
    y_words: Words
    y_log: bool = True
    x_log: bool = True
    x_ticks: tuple[float, ...] = ()
    y_ticks: tuple[float, ...] | None = None
    width: int = 560
    height: int = 340
    parts: list[Markup] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Position of a value on the x axis."""
        low, high, at = (math.log(v) if self.x_log else v for v in (*self.x_range, value))
        return round(58 + (at - low) / (high - low) * (self.width - 74), 1)

    def y(self, value: float) -> float:
        """Position of a value on the y axis."""
        low, high, at = (math.log(v) if self.y_log else v for v in (*self.y_range, value))
        return round(self.height - 42 - (at - low) / (high - low) * (self.height - 68), 1)

    def add(self, template: LiteralString, *values: object) -> None:
        """Add an element; values are escaped, the template is the package's own text."""
        self.parts.append(Markup(template).format(*values))  # noqa: S704 - a literal

    def marker(self, x: float, y: float, family: str, name: str) -> None:
        """A family's marker with a name that shows on hovering."""
        self.add(
            '<path class="median f-{}" d="{}" transform="translate({} {})">'
            "<title>{}</title></path>",
            style(family).family, _SHAPES[style(family).marker], self.x(x), self.y(y), name,
        )  # fmt: skip

    def text(self, x: float, y: float, words: str, *, anchor: str = "start") -> None:
        """Words at a place in data, set a little apart from it."""
        shift = {"start": 8, "end": -8, "middle": 0}[anchor]
        self.add(
            '<text x="{}" y="{}" text-anchor="{}">{}</text>',
            self.x(x) + shift, self.y(y) - 6, anchor, words,
        )  # fmt: skip

    def svg(self, description: str) -> Markup:
        """The whole picture."""
        right, bottom = self.width - 16, self.height - 42
        frame = [
            Markup('<line class="axis" x1="58" x2="{0}" y1="{1}" y2="{1}"/>').format(right, bottom),
            Markup('<text x="0" y="12">{}</text>').format(self.y_title),
            Markup('<text x="{}" y="{}" text-anchor="end">{} \u2192</text>').format(
                right, self.height - 6, self.x_title
            ),
        ]
        ticks = self.x_ticks or (decades if self.x_log else fifths)(*self.x_range)
        frame += [
            Markup(
                '<line class="axis" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
                '<text x="{0}" y="{3}" text-anchor="middle">{4}</text>'
            ).format(self.x(tick), bottom, bottom + 4, bottom + 17, self.x_words(tick))
            for tick in ticks
        ]
        rules = (decades if self.y_log else fifths)(*self.y_range)
        for tick in rules if self.y_ticks is None else self.y_ticks:
            at = self.y(tick)
            frame.append(
                Markup(
                    '<line class="rule" x1="58" x2="{}" y1="{}" y2="{}"/>'
                    '<text x="51" y="{}" text-anchor="end">{}</text>'
                ).format(right, at, at, at + 4, self.y_words(tick))
            )
        head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            self.width, self.height, description
        )
        return head + Markup("").join([*frame, *self.parts]) + Markup("</svg>")


def decades(low: float, high: float, most: int = 7) -> Iterator[float]:
    """Powers of ten within a range, at most so many."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    yield from (10.0**k for k in range(first, last + 1, every))


def fifths(low: float, high: float) -> Iterator[float]:
    """Round values within a range, about five."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw * (1 - 1e-9))
    yield from (k * step for k in range(math.ceil(low / step - 1e-9), int(high / step + 1e-9) + 1))


def around(values: Sequence[float], factor: float = 2.0) -> tuple[float, float]:
    """A range on a logarithmic axis with room at both ends."""
    return min(values) / factor, max(values) * factor


def unit(name: str) -> Words:
    """Ticks with a prefix and this unit."""
    return lambda value: re.sub(r"\.0+(?= |$)", "", si(value, name))
