"""Simulate a biophysical cell: backward Euler, staggered gates, many simulations at once.

Per step dt (Hines 1984; Carnevale & Hines, "The NEURON Book", 2006, ch. 4): gates advance by their
exact exponential at the present voltage, then (C/dt + dI/dv) (v' - v) = -I(v) is solved on the
tree. Events arrive at whole ms, before the step that starts there.
"""

import math

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells import kernel, layout
from neurojoule.cells.cell import Cell
from neurojoule.cells.compartments import Compartments, compartments
from neurojoule.cells.errors import StepTooLargeError
from neurojoule.cells.inputs import check_packed
from neurojoule.cells.program import HIGH_MV, LOW_MV, initial_state, program
from neurojoule.cells.traces import Traces
from neurojoule.errors import UserError

DT_MS = 0.05
"""The step that docs/neuron.md derives from the convergence table."""

LARGEST_DT_MS = 0.1
"""Beyond it the output no longer converges: at 0.2 ms two spikes in five move by more than 2 ms
(docs/neuron.md)."""

LANES = 32
"""Simulations a block. A narrower block is filled up: the machine code for 8 lanes takes four times
as long as that for 32, whose loops are vectorised and which is compiled anyway."""


def simulate(cell: Cell, bits: NDArray[np.uint8], dt_ms: float = DT_MS) -> Traces:
    """Run the cell on packed input, with a step that is a whole fraction of 1 ms.

    `bits` is (simulations, ms, bytes) as `numpy.packbits` packs the synapses of one ms: first all
    excitatory ones in the order of `Compartments.dendritic`, then all inhibitory ones.

    Raises:
        StepTooLargeError: when dt is no fraction of a ms, or too large to converge.
        CellError: when the cell cannot be built.
        UserError: when the input has another number of synapses.
    """
    tree = compartments(cell)
    _check_step(dt_ms)
    check_packed(bits, 2 * len(tree.dendritic), 3, cell.name)
    count, duration = bits.shape[:2]
    soma_mv = np.empty((count, duration))
    crossing = np.zeros((count, duration), dtype=np.uint8)
    for start in range(0, count, LANES):
        block = slice(start, min(count, start + LANES))
        soma_mv[block], crossing[block] = _run_block(cell, tree, bits[block], dt_ms)
    times = tuple(
        np.flatnonzero(row) + dt_ms * row[np.flatnonzero(row)].astype(np.float64)
        for row in crossing
    )
    return Traces(soma_mv, crossing > 0, times)


def _check_step(dt_ms: float) -> None:
    steps = round(1 / dt_ms) if 1e-3 < dt_ms < math.inf else 0
    if not 1 / LARGEST_DT_MS <= steps <= 255 or abs(steps * dt_ms - 1) > 1e-9:
        raise StepTooLargeError(
            f"The time step {dt_ms} ms is too large to converge, or no whole fraction of 1 ms. "
            f"Use 1/n ms with n from {round(1 / LARGEST_DT_MS)} to 255; {DT_MS} is the default."
        )


def _run_block(
    cell: Cell, tree: Compartments, bits: NDArray[np.uint8], dt_ms: float
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    compiled = program(cell, tree, dt_ms)
    state = initial_state(cell, tree, compiled, LANES)
    return _advance(cell, dt_ms, compiled, state, bits)


def _advance(
    cell: Cell,
    dt_ms: float,
    compiled: layout.Program,
    state: layout.State,
    bits: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Voltage and crossings of the ms in `bits`; the state is left as it is after them."""
    padded = np.zeros((LANES, *bits.shape[1:]), dtype=np.uint8)
    padded[: len(bits)] = bits
    shape = (LANES, bits.shape[1])
    output = layout.Output(np.empty(shape), np.zeros(shape, dtype=np.uint8))
    reason, ms = kernel.run((0,) * LANES, compiled, state, padded, output)
    if reason != layout.FINISHED:
        what = {
            layout.LEFT_TABLE: f"a voltage left {LOW_MV:g} ... {HIGH_MV:g} mV",
            layout.BAD_PIVOT: "the linear system lost its positive pivots",
        }[reason]
        raise StepTooLargeError(
            f"The time step {dt_ms} ms is too large to converge on the cell {cell.name!r}: in ms "
            f"{ms} {what}. Use a smaller step, or check densities and conductances."
        )
    return output.soma_mv[: len(bits)], output.crossing[: len(bits)]


class Steps:
    """Up to `LANES` simulations side by side whose input comes ms by ms.

    Args:
        cell: the cell.
        simulations: how many.
        dt_ms: as of `simulate`.

    Raises:
        StepTooLargeError, CellError: as of `simulate`.
        UserError: for more simulations than go through the machine code together.
    """

    def __init__(self, cell: Cell, simulations: int, dt_ms: float = DT_MS) -> None:
        _check_step(dt_ms)
        if not 1 <= simulations <= LANES:
            raise UserError(f"Side by side go 1 to {LANES} simulations; given {simulations}.")
        self._cell, self._dt_ms = cell, dt_ms
        self._tree = compartments(cell)
        self._compiled = program(cell, self._tree, dt_ms)
        self.reset()

    def reset(self) -> None:
        """Back to rest."""
        self._state = initial_state(self._cell, self._tree, self._compiled, LANES)

    def advance(self, bits: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """One ms of packed input (simulations, bytes): soma voltages at its end, and spikes."""
        check_packed(bits, 2 * len(self._tree.dendritic), 2, self._cell.name)
        soma_mv, crossing = _advance(
            self._cell, self._dt_ms, self._compiled, self._state, bits[:, None]
        )
        return soma_mv[:, 0], crossing[:, 0] > 0
