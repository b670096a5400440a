"""From sections to compartments: the tree checked, ordered and turned into arrays.

Units are chosen so that none needs converting in the solver: nF, uS, mV, ms, and nA = uS mV.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.cell import DENDRITES, Cell, Region, Section, Tree
from neurojoule.cells.channels import channel
from neurojoule.cells.errors import CellError, LoopError, MissingSomaError, OrphanError


@dataclass(frozen=True)
class Compartments:
    """A cell cut into n compartments, every parent before its children.

    Attributes:
        section: (n,) index into `Cell.sections`.
        parent: (n,) index of the parent compartment; -1 for the root, which is the soma.
        length_um: (n,).
        area_um2: (n,) of membrane.
        capacitance_nf: (n,).
        axial_us: (n,) conductance to the parent; 0 for the root.
        distance_um: (n,) path from the soma to the compartment's middle.
        region: one name each.
        dendritic: indices of the compartments with synapses, basal ones first.
        channels: (compartment, channel name, conductance in uS), by compartment.
    """

    section: NDArray[np.int64]
    parent: NDArray[np.int64]
    length_um: NDArray[np.float64]
    area_um2: NDArray[np.float64]
    capacitance_nf: NDArray[np.float64]
    axial_us: NDArray[np.float64]
    distance_um: NDArray[np.float64]
    region: tuple[Region, ...]
    dendritic: NDArray[np.int64]
    channels: tuple[tuple[int, str, float], ...]

    @property
    def tree(self) -> tuple[Tree, ...]:
        """The tree of each dendritic compartment, in the order of `dendritic`."""
        return tuple(DENDRITES[self.region[i]] for i in self.dendritic)


def ordered(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Every parent before its children, otherwise in the order given; the soma first.

    Raises:
        MissingSomaError: no root, more than one, or a root that is not a soma.
        OrphanError: a parent that does not exist.
        LoopError: parents that lead in a circle.
        CellError: two sections of one name.
    """
    by_name = {section.name: section for section in sections}
    if len(by_name) != len(sections):
        names = [section.name for section in sections]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise CellError(f"Two sections are called {twice[0]!r}; a section needs a name of its own.")
    for section in sections:
        if section.parent is not None and section.parent not in by_name:
            raise OrphanError(
                f"The section {section.name!r} has the parent {section.parent!r}, which does not "
                f"exist. Name one of the {len(by_name)} sections, or None for the soma."
            )
    roots = [section for section in sections if section.parent is None]
    if len(roots) > 1 or (roots and roots[0].region != "soma"):
        raise MissingSomaError(
            f"The sections without a parent are {', '.join(s.name for s in roots)}; exactly one, "
            "a soma, must have none."
        )
    placed: dict[str, Section] = {}
    for section in sections:
        _place(section, by_name, placed)
    if not roots:
        raise MissingSomaError("The cell has no section; it needs at least a soma.")
    return (roots[0], *(s for s in placed.values() if s is not roots[0]))


def _place(section: Section, by_name: dict[str, Section], placed: dict[str, Section]) -> None:
    path: list[Section] = []
    current: Section | None = section
    while current is not None and current.name not in placed:
        if current in path:
            circle = " -> ".join(s.name for s in (*path[path.index(current) :], current))
            raise LoopError(
                f"The parents go in a circle: {circle}. Every section must lead to the soma."
            )
        path.append(current)
        current = None if current.parent is None else by_name[current.parent]
    for step in reversed(path):
        placed[step.name] = step


def distances_um(sections: Sequence[Section]) -> dict[str, tuple[float, ...]]:
    """Path from the soma's middle to the middle of every segment, by section.

    A child joins the middle of its parent's last segment; the soma itself has no extent.
    """
    found: dict[str, tuple[float, ...]] = {}
    for section in ordered(sections):
        if section.parent is None:
            found[section.name] = (0.0,) * section.segments
            continue
        start = found[section.parent][-1]
        step = section.length_um / section.segments
        found[section.name] = tuple(start + (k + 0.5) * step for k in range(section.segments))
    return found


def compartments(cell: Cell) -> Compartments:
    """Cut a cell into compartments.

    Raises:
        CellError: and its subclasses, for a tree that is none, an unknown channel, or a size or
            density that is not positive.
    """
    sections = ordered(cell.sections)
    for section in sections:
        _check(section)
    if not 0 < cell.axial_resistivity_ohm_cm < math.inf:
        raise CellError(
            f"The cell {cell.name!r} has the axial resistivity {cell.axial_resistivity_ohm_cm} "
            "ohm cm; it must be positive."
        )
    index = {section.name: k for k, section in enumerate(cell.sections)}
    distance = distances_um(sections)
    last: dict[str, int] = {}
    rows: list[tuple[int, int, float, float, float, float, float, Region]] = []
    channels: list[tuple[int, str, float]] = []
    for section in sections:
        length = section.length_um / section.segments
        area = math.pi * section.diameter_um * length
        # ohm cm x um / um2 = 10^4 ohm, so the resistance in Mohm is 0.01 rho L / (cross-section).
        cross_um2 = math.pi * section.diameter_um**2 / 4
        whole_us = cross_um2 / (0.01 * cell.axial_resistivity_ohm_cm * length)
        for k in range(section.segments):
            here = len(rows)
            first = k == 0
            parent = here - 1 if not first else last.get(section.parent or "", -1)
            axial = 0.0 if parent < 0 else 2 * whole_us if first else whole_us
            rows.append(
                (
                    index[section.name],
                    parent,
                    length,
                    area,
                    1e-5 * section.capacitance_uf_cm2 * area,  # uF/cm2 x um2 = 10^-5 nF
                    axial,
                    distance[section.name][k],
                    section.region,
                )
            )
            channels += [
                (here, name, 1e-2 * density * area)  # S/cm2 x um2 = 10^-2 uS
                for name, density in _densities(section, k)
                if density > 0
            ]
        last[section.name] = len(rows) - 1
    where, parents, lengths, areas, capacitances, axials, paths, regions = zip(*rows, strict=True)
    dendritic = [
        k for tree in ("basal", "apical") for k, r in enumerate(regions) if DENDRITES.get(r) == tree
    ]
    return Compartments(
        section=np.array(where),
        parent=np.array(parents),
        length_um=np.array(lengths),
        area_um2=np.array(areas),
        capacitance_nf=np.array(capacitances),
        axial_us=np.array(axials),
        distance_um=np.array(paths),
        region=regions,
        dendritic=np.array(dendritic, dtype=np.int64),
        channels=tuple(channels),
    )


def _densities(section: Section, segment: int) -> list[tuple[str, float]]:
    return [
        (name, value[segment] if isinstance(value, tuple) else value)
        for name, value in section.densities.items()
    ]


def _check(section: Section) -> None:
    sizes = (section.length_um, section.diameter_um, section.capacitance_uf_cm2)
    if not all(0 < size < math.inf for size in sizes):
        raise CellError(
            f"The section {section.name!r} has length {section.length_um}, diameter "
            f"{section.diameter_um} and capacitance {section.capacitance_uf_cm2}; all must be "
            "positive numbers."
        )
    if section.segments < 1:
        raise CellError(f"The section {section.name!r} has {section.segments} segments; give 1.")
    for name, value in section.densities.items():
        channel(name)
        values = value if isinstance(value, tuple) else (value,) * section.segments
        if len(values) != section.segments or not all(0 <= x < math.inf for x in values):
            raise CellError(
                f"The density of {name} in the section {section.name!r} is {value}; expected a "
                f"number of 0 or more in S/cm2, or {section.segments} of them, one a segment."
            )
