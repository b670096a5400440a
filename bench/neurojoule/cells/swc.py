"""SWC morphologies (Cannon et al. 1998): a tree of points becomes a tree of sections.

    sections = with_channels(read_swc(Path("cell.swc")), biophysics)
    cell = Cell("mine", sections, synapses, drive)

Each unbranched run of points of one type becomes one cylinder with the run's length and membrane
area. The soma's points become one cylinder as long as wide, of their area (a sphere's, when there
is one). The way from the soma's point to a neurite's first point lies inside the soma and is left
out. A branch starts with its own radius, not with that of the point it leaves.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from neurojoule.cells.cell import Region, Section
from neurojoule.cells.errors import LoopError, MissingSomaError, OrphanError, SwcError
from neurojoule.cells.layer5 import CAPACITANCE_UF_CM2

SOMA = 1

REGIONS: dict[int, Region] = {1: "soma", 2: "axon", 3: "basal", 4: "apical"}

MAX_SEGMENT_UM = 40.0
"""The reduced cell's own grain."""


@dataclass(frozen=True)
class _Point:
    id: int
    kind: int
    place: tuple[float, float, float]
    radius: float
    parent: int


def read_swc(path: Path, max_segment_um: float = MAX_SEGMENT_UM) -> tuple[Section, ...]:
    """The sections of an SWC file, without channels, cut into segments of at most this length.

    Raises:
        SwcError: a line that is not seven numbers, an id given twice, a type other than 1-4, a
            radius that is not positive, a run of points without length, a second tree, or a soma
            that grows from a neurite.
        MissingSomaError: no point of type 1, or a root that is none.
        OrphanError: a parent that does not exist.
        LoopError: parents that lead in a circle.
    """
    points = _parsed(path)
    _check_tree(points, path.name)
    children: defaultdict[int, list[int]] = defaultdict(list)
    for point in points.values():
        children[point.parent].append(point.id)
    sections = [_soma([p for p in points.values() if p.kind == SOMA], points)]
    name_of = {p.id: "soma" for p in points.values() if p.kind == SOMA}
    for run in _runs(points, children):
        section = _section(run, points, name_of, max_segment_um)
        sections.append(section)
        name_of.update((point.id, section.name) for point in run)
    return tuple(sections)


def _parsed(path: Path) -> dict[int, _Point]:
    if not path.is_file():
        raise SwcError(f"There is no file {path}. Give the path of an SWC file.")
    points: dict[int, _Point] = {}
    for number, line in enumerate(
        path.read_text(encoding="utf-8", errors="replace").split("\n"), 1
    ):
        text = line.partition("#")[0].split()
        if not text:
            continue
        where = f"{path.name}, line {number}"
        try:
            here, kind, parent = int(text[0]), int(text[1]), int(text[6])
            x, y, z, radius = map(float, text[2:6])
        except (ValueError, IndexError):
            raise SwcError(
                f"{where} is {line.strip()!r}; expected seven numbers: id type x y z radius parent."
            ) from None
        if here in points:
            raise SwcError(f"{where} gives the id {here} a second time.")
        if kind not in REGIONS:
            raise SwcError(
                f"{where} has the type {kind}; known are 1 soma, 2 axon, 3 basal, 4 apical."
            )
        if not (0 < radius < math.inf) or not all(map(math.isfinite, (x, y, z))):
            raise SwcError(
                f"{where} has the radius {radius} at ({x}, {y}, {z}); it must be positive."
            )
        points[here] = _Point(here, kind, (x, y, z), radius, parent)
    return points


def _check_tree(points: dict[int, _Point], name: str) -> None:
    if not any(point.kind == SOMA for point in points.values()):
        raise MissingSomaError(f"{name} has no point of type 1: a cell needs a soma.")
    good: set[int] = set()
    for point in points.values():
        path: dict[int, None] = {}
        here = point
        while here.id not in good:
            if here.id in path:
                raise LoopError(f"{name}: the parents of point {here.id} lead back to it.")
            path[here.id] = None
            if here.parent < 0:
                if here.kind != SOMA:
                    raise MissingSomaError(
                        f"{name}: point {here.id} has no parent and is no soma; only a soma is a "
                        "root."
                    )
                break
            if here.parent not in points:
                raise OrphanError(
                    f"{name}: point {here.id} has the parent {here.parent}, which does not exist."
                )
            here = points[here.parent]
        good.update(path)
    _check_one_piece(points, name)


def _check_one_piece(points: dict[int, _Point], name: str) -> None:
    roots = [point.id for point in points.values() if point.parent < 0]
    if len(roots) > 1:
        raise SwcError(
            f"{name}: the points {roots} have no parent; a cell is one tree, with one root."
        )
    for point in points.values():
        if point.kind == SOMA and point.parent >= 0 and points[point.parent].kind != SOMA:
            raise SwcError(
                f"{name}: point {point.id} is soma, but its parent {point.parent} is of type "
                f"{points[point.parent].kind}; a soma is in one piece, at the root."
            )


def _soma(soma: list[_Point], points: dict[int, _Point]) -> Section:
    area = sum(_area(points[p.parent], p) for p in soma if p.parent in points)
    if area == 0:
        area = 4 * math.pi * soma[0].radius ** 2
    size = math.sqrt(area / math.pi)
    return Section("soma", "soma", size, size, 1, None, CAPACITANCE_UF_CM2["soma"])


def _runs(points: dict[int, _Point], children: dict[int, list[int]]) -> list[list[_Point]]:
    """Unbranched runs of points of one type, every parent's run before its children's."""
    runs: list[list[_Point]] = []
    starts = [p for p in points.values() if p.parent < 0]
    while starts:
        first = starts.pop(0)
        run = [first]
        while first.kind != SOMA:
            after = [points[k] for k in children[run[-1].id]]
            if len(after) != 1 or after[0].kind != first.kind:
                break
            run.append(after[0])
        starts += [points[k] for k in children[run[-1].id]]
        if first.kind != SOMA:
            runs.append(run)
    return runs


def _section(
    run: list[_Point], points: dict[int, _Point], name_of: dict[int, str], max_segment_um: float
) -> Section:
    parent = points[run[0].parent]
    region = REGIONS[run[0].kind]
    if parent.kind != SOMA or len(run) == 1:
        start = _Point(parent.id, run[0].kind, parent.place, run[0].radius, parent.parent)
        run = [start, *run]
    pieces = list(pairwise(run))
    length = sum(math.dist(a.place, b.place) for a, b in pieces)
    if length == 0:
        raise SwcError(f"The points {[p.id for p in run]} lie in one place; remove the duplicates.")
    diameter = sum(_area(a, b) for a, b in pieces) / (math.pi * length)
    segments = max(1, math.ceil(length / max_segment_um))
    return Section(
        f"{region} {run[-1].id}",
        region,
        length,
        diameter,
        segments,
        name_of[parent.id],
        CAPACITANCE_UF_CM2[region],
    )


def _area(a: _Point, b: _Point) -> float:
    """Side of the frustum between two points."""
    length = math.dist(a.place, b.place)
    return math.pi * (a.radius + b.radius) * math.hypot(length, a.radius - b.radius)
