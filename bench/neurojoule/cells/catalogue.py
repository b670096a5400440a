"""The cells by name, and what each is without one of its parts.

`get_cell("l5_nmda")` is the whole cell, `get_cell("l5_nmda", "passive_dendrites")` the same without
one part, and `get_cell("l5_nmda-passive_dendrites")` says it in one word.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells import point, solver
from neurojoule.cells.cell import DENDRITES, Cell, Drive, Region, Section, Tree, TreeDrive
from neurojoule.cells.compartments import compartments, ordered
from neurojoule.cells.inputs import LENGTH_OFFSET_UM, input_bits
from neurojoule.cells.layer5 import l5_ampa, l5_nmda
from neurojoule.cells.point import PointCell
from neurojoule.cells.traces import Traces
from neurojoule.errors import UnknownNameError, UserError

AnyCell = Cell | PointCell

MATCHED_AMPA_US = 12.8e-4
"""AMPA that gives `l5_nmda` its output rate back without NMDA, on the same input
(docs/experiments/solver.py finds it by bisection)."""


def get_cell(name: str, ablation: str | None = None) -> AnyCell:
    """The cell called `name`, whole or without one part.

    Raises:
        UnknownNameError: with the nearest names.
        UserError: when the cell has no such part.
    """
    base, _, written = name.partition("-")
    without = ablation or written or None
    whole = _whole(base)
    if without is None:
        return whole
    if without not in ABLATIONS:
        raise UnknownNameError("ablation", without, ABLATIONS)
    if isinstance(whole, PointCell):
        raise UserError(
            f"The point neuron {base!r} has no dendrites, so {without!r} means nothing."
        )
    return replace(ABLATIONS[without](whole), name=f"{base}-{without}")


def names() -> tuple[str, ...]:
    """All whole cells."""
    return ("lif", "l5_ampa", "l5_nmda")


def _whole(name: str) -> AnyCell:
    match name:
        case "l5_nmda":
            return l5_nmda()
        case "l5_ampa":
            return l5_ampa()
        case "lif":
            heard = l5_nmda()
            return point.lif(*synapse_places(heard), heard.drive)
        case _:
            raise UnknownNameError("cell", name, names())


def synapse_places(of: AnyCell) -> tuple[tuple[Tree, ...], tuple[float, ...]]:
    """Tree and length in um of each compartment with synapses, in the order of the input bits."""
    if isinstance(of, PointCell):
        return of.trees, of.length_um
    tree = compartments(of)
    return tree.tree, tuple(float(x) for x in tree.length_um[tree.dendritic])


def inputs(of: AnyCell, duration_ms: int, seed: int, index: int) -> NDArray[np.uint8]:
    """Packed input (ms, bytes) of simulation `index` under the base seed `seed`."""
    trees, lengths = synapse_places(of)
    rng = np.random.default_rng([seed, index])
    return input_bits(of.drive, trees, np.array(lengths), duration_ms, rng)


def simulate(of: AnyCell, bits: NDArray[np.uint8], dt_ms: float = solver.DT_MS) -> Traces:
    """Run any cell on packed input (simulations, ms, bytes); a point neuron needs no dt."""
    if isinstance(of, PointCell):
        return point.simulate(of, bits)
    return solver.simulate(of, bits, dt_ms)


def steps(of: AnyCell, simulations: int, dt_ms: float = solver.DT_MS) -> solver.Steps | point.Steps:
    """Any cell, advanced by one ms a call, for a few simulations side by side."""
    if isinstance(of, PointCell):
        return point.Steps(of, simulations)
    return solver.Steps(of, simulations, dt_ms)


def no_nmda(whole: Cell) -> Cell:
    """NMDA off, everything else and the input as before; the cell fires less."""
    return replace(whole, synapses=replace(whole.synapses, nmda_us=0.0))


def no_nmda_matched(whole: Cell) -> Cell:
    """NMDA off and AMPA raised on the same input, until the output rate is that of `l5_nmda`."""
    return replace(whole, synapses=replace(whole.synapses, nmda_us=0.0, ampa_us=MATCHED_AMPA_US))


def passive_dendrites(whole: Cell) -> Cell:
    """Only the leak is left in the dendrites; soma, axon and synapses as before."""
    return _with_channels(whole, lambda s, name: s.region not in DENDRITES or name == "pas")


def no_calcium(whole: Cell) -> Cell:
    """No calcium channel anywhere, so that SK never opens either."""
    return _with_channels(whole, lambda _, name: not name.startswith("Ca_"))


def half_branches(whole: Cell) -> Cell:
    """Every second branch cut off, with its synapses and their share of the input.

    A branch begins where a dendrite first has a sibling of its own region, and goes to its tips:
    here eight basal trees, eight obliques and two halves of the tuft; the trunk stays.
    """
    by_name = {section.name: section for section in whole.sections}
    siblings = Counter((s.parent, s.region) for s in whole.sections)
    seen: Counter[Region] = Counter()
    kept: set[str] = set()
    inside: set[str] = set()  # of a branch, kept or not
    for section in ordered(whole.sections):
        parent = section.parent
        begins = section.region in DENDRITES and siblings[parent, section.region] > 1
        if parent in inside:
            inside.add(section.name)
            stays = parent in kept
        elif begins:
            inside.add(section.name)
            seen[section.region] += 1
            stays = seen[section.region] % 2 == 1
        else:
            stays = True
        if stays:
            kept.add(section.name)
    left = replace(whole, sections=tuple(by_name[name] for name in by_name if name in kept))
    return replace(left, drive=_shared_drive(whole, left))


def _shared_drive(whole: Cell, left: Cell) -> Drive:
    """The part of the input that the compartments that are left received in the whole cell."""

    def weight(of: Cell, tree: Tree) -> float:
        places = zip(*synapse_places(of), strict=True)
        return sum(length + LENGTH_OFFSET_UM for where, length in places if where == tree)

    def scaled(drive: TreeDrive, tree: Tree) -> TreeDrive:
        share = weight(left, tree) / weight(whole, tree)
        (a, b), (c, d) = drive.excitation, drive.inhibition_less_excitation
        return TreeDrive((a * share, b * share), (c * share, d * share))

    drive = whole.drive
    return Drive(scaled(drive.basal, "basal"), scaled(drive.apical, "apical"))


def _with_channels(whole: Cell, keep: Callable[[Section, str], bool]) -> Cell:
    sections = tuple(
        replace(s, densities={n: d for n, d in s.densities.items() if keep(s, n)})
        for s in whole.sections
    )
    return replace(whole, sections=sections)


ABLATIONS: dict[str, Callable[[Cell], Cell]] = {
    ablation.__name__: ablation
    for ablation in (no_nmda, no_nmda_matched, passive_dendrites, no_calcium, half_branches)
}
"""By name; each takes the whole cell and gives it without one part."""
