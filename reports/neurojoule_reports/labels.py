"""Where names stand in a figure: beside their own marker, and over nothing else if it can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Box:
    """A rectangle in points: left, bottom, width, height."""

    x: float
    y: float
    w: float
    h: float

    def overlap(self, other: "Box") -> float:
        """Area that the two share."""
        wide = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        high = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(0.0, wide) * max(0.0, high)

    def outside(self, frame: "Box") -> float:
        """How far it reaches over the edges of `frame`."""
        return (
            max(0.0, frame.x - self.x)
            + max(0.0, self.x + self.w - frame.x - frame.w)
            + max(0.0, frame.y - self.y)
            + max(0.0, self.y + self.h - frame.y - frame.h)
        )


def place(
    ladders: Sequence[Sequence[tuple[float, float]]],
    widths: Sequence[float],
    frame: Box,
    *,
    height: float = 8.0,
) -> list[Box]:
    """A place for the label of each ladder of markers, in the order given.

    Each tries six places at each of its markers, its last marker first, and takes the one with the
    least overlap with markers, lines and labels placed before; ties go to the first tried.

    Args:
        ladders: for each label, the positions of its markers in points, from left to right.
        widths: of the labels, in points.
        frame: what to stay in.
        height: of a label.
    """
    taken = [Box(x - 3, y - 3, 6, 6) for ladder in ladders for x, y in ladder]
    for ladder in ladders:
        for (x0, y0), (x1, y1) in pairwise(ladder):
            taken += [
                Box(x0 + t * (x1 - x0) - 1, y0 + t * (y1 - y0) - 1, 2, 2)
                for t in (k / 12 for k in range(1, 12))
            ]
    placed = []
    for ladder, w in zip(ladders, widths, strict=True):
        tried = [
            (Box(x + dx, y + dy, w, height), cost + 4 * step)
            for step, (x, y) in enumerate(reversed(ladder))
            for dx, dy, cost in (
                (5, -height / 2, 0),
                (-w / 2, 5, 1),
                (-w / 2, -height - 5, 2),
                (-w - 5, -height / 2, 3),
                (4, 5, 3),
                (4, -height - 5, 3),
            )
        ]
        best = min(
            tried,
            key=lambda b: sum(b[0].overlap(t) for t in taken) + 40 * b[0].outside(frame) + b[1],
        )[0]
        taken.append(best)
        placed.append(best)
    return placed
