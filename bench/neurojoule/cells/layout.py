"""What the compiled kernel reads and writes: flat arrays under names."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

FINISHED, LEFT_TABLE, BAD_PIVOT = 0, 1, 2

LEAK, ONE_GATE, TWO_GATES, CALCIUM_GATED = 0, 1, 2, 3

RECEPTOR_STATES = 6
"""Rise and decay of AMPA, NMDA and GABA-A, in this order."""


class Program(NamedTuple):
    """A cell and a time step, ready to run; n compartments, m channels, g gates, p pools.

    Attributes:
        steps: a ms.
        threshold_mv: a spike is an upward crossing of it at the soma.
        low_mv: first voltage of the tables.
        per_mv: entries a mV.
        entries: of a voltage table.
        gates: per gate kind and entry: inf, its difference to the next entry, 1 - exp(-dt/tau),
            its difference.
        block: share of NMDA conductance left by Mg, per entry, and its difference.
        block_per_mv: steepness b of the block; its slope is b block (1 - block).
        sk_inf: per entry of calcium: inf and its difference.
        sk_per_mm: entries a mM.
        sk_rate: 1 - exp(-dt/tau) of SK.
        parent, axial: (n,) the tree, and the conductance to the parent.
        capacity: (n,) capacitance/dt.
        first: (n + 1,) where the channels of a compartment begin.
        kind, power, gate_kind, row: (m,) of channels: the kind above, the power of the first gate,
            its gate kind (the second gate's is the next), and its row among the gates.
        conductance, reversal: (m,).
        calcium: (m,) whether the channel's current feeds the pool.
        pool: (n,) index of the compartment's calcium pool or -1.
        pool_scale: (p,) fall of the steady calcium, mM a nA.
        pool_rest, pool_rate: steady calcium without current; 1 - exp(-dt/decay).
        synapse: (n,) index of the compartment's pair of synapses, or -1.
        increment, decay: (6,) what an event adds to a receptor state in uS; factor a step.
        nmda: whether NMDA is there at all.
        excitatory_mv, inhibitory_mv: reversals.
    """

    steps: int
    threshold_mv: float
    low_mv: float
    per_mv: float
    entries: int
    gates: Floats
    block: Floats
    block_per_mv: float
    sk_inf: Floats
    sk_per_mm: float
    sk_rate: float
    parent: Ints
    axial: Floats
    capacity: Floats
    first: Ints
    kind: Ints
    power: Ints
    gate_kind: Ints
    row: Ints
    conductance: Floats
    reversal: Floats
    calcium: Ints
    pool: Ints
    pool_scale: Floats
    pool_rest: float
    pool_rate: float
    synapse: Ints
    increment: Floats
    decay: Floats
    nmda: bool
    excitatory_mv: float
    inhibitory_mv: float


class State(NamedTuple):
    """What changes; every array is flat, rows of `lanes` values.

    Attributes:
        v: voltage by compartment.
        diagonal, rhs: of the linear system, by compartment.
        gates: by row of `Program.row`.
        calcium: by pool.
        calcium_na: calcium current by pool, of the step before.
        receptors: by synapse and receptor state.
        entry, fraction: where the compartment at hand lies in the tables.
        scratch: conductance or block of the compartment at hand.
    """

    v: Floats
    diagonal: Floats
    rhs: Floats
    gates: Floats
    calcium: Floats
    calcium_na: Floats
    receptors: Floats
    entry: Words
    fraction: Floats
    scratch: Floats


class Output(NamedTuple):
    """What is kept: the soma's voltage at the end of each ms, and its spikes.

    Attributes:
        soma_mv: (lanes, ms).
        crossing: (lanes, ms) the step (from 1) of an upward crossing of the threshold, or 0.
    """

    soma_mv: Floats
    crossing: Bytes
