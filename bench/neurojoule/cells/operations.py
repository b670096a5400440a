"""Floating-point operations of the solver, counted off `kernel.py` line by line.

One for each addition, subtraction, multiplication, division or comparison with a number; reading a
table costs the arithmetic of its interpolation. The convention is that of `neurojoule.work`: one
multiply-add is two.
"""

from neurojoule.cells.catalogue import AnyCell
from neurojoule.cells.cell import Cell
from neurojoule.cells.channels import CHANNELS
from neurojoule.cells.compartments import compartments
from neurojoule.cells.point import PointCell

LOOK_UP = 3
"""Where a voltage lies in the tables: subtract, multiply, and the fraction."""

GATE = 7
"""Two interpolations of two operations, then x += (inf - x) rate."""

CURRENT = 4
"""diagonal += g; rhs -= g (v - e)."""

NMDA = 15
"""Block 2, decay 2, difference 1, slope 3, diagonal 4, current 3."""

AMPA_AND_GABA = 14
"""Decay 4, differences 2, diagonal 2, currents 6."""

AXIAL_AND_HINES = 6 + 5 + 4
"""Axial current on both sides; elimination; substitution."""

RANGE_CHECK = 3
"""Two bounds on the voltage, one on the pivot."""

POOL = 5
"""Steady state and relaxation; what channels add to it is in `CALCIUM`."""

CALCIUM = 3
"""A calcium current into a pool."""

POINT = 8
"""A ms of the point neuron: current 1, voltage 5, decay 1, comparison 1."""


def operations_per_ms(cell: AnyCell, dt_ms: float) -> int:
    """FLOPs of one ms of one simulation, whatever the cell.

    The point neuron weighs every synapse once a ms, on or off: one multiply-add each.

    Raises:
        CellError: when the cell cannot be built.
    """
    if isinstance(cell, PointCell):
        return 2 * len(cell.weights_mv) + POINT
    return round(1 / dt_ms) * operations_per_step(cell)


def operations_per_step(cell: Cell) -> int:
    """FLOPs of one step of one simulation; events come once a ms and are left out.

    Raises:
        CellError: when the cell cannot be built.
    """
    tree = compartments(cell)
    total = len(tree.parent) * (LOOK_UP + AXIAL_AND_HINES + RANGE_CHECK)
    total += len(tree.dendritic) * AMPA_AND_GABA
    if cell.synapses.nmda_us > 0:
        total += len(tree.dendritic) * NMDA
    pools = {i for i, name, _ in tree.channels if CHANNELS[name].gated_by_calcium}
    total += len(pools) * POOL
    for i, name, _ in tree.channels:
        kind = CHANNELS[name]
        gates = len(kind.gates) + kind.gated_by_calcium
        powers = sum(gate.power for gate in kind.gates) + kind.gated_by_calcium
        # density x^p y: as many multiplications as the powers add up to.
        total += CURRENT + gates * GATE + powers
        total += CALCIUM if kind.carries_calcium and i in pools else 0
    return total
