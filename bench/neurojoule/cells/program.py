"""Turn a cell and a time step into the flat arrays that the compiled kernel runs on."""

import math

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells import layout
from neurojoule.cells.cell import Cell, Synapses
from neurojoule.cells.channels import POOL, SK_TAU_MS, Channel, channel, sk_inf
from neurojoule.cells.compartments import Compartments
from neurojoule.cells.errors import CellError

LOW_MV, HIGH_MV, PER_MV = -150.0, 100.0, 10.0
"""Range and resolution of the voltage tables: 0.1 mV, linear between the entries."""

SK_HIGH_MM, SK_PER_MM = 5e-3, 2e6
"""The same for calcium: beyond 5 uM SK's gate is open to 1 part in 10^5."""


def bi_exponential_factor(rise_ms: float, decay_ms: float) -> float:
    """1 over the peak of exp(-t/decay) - exp(-t/rise), so that the peak becomes 1."""
    peak = rise_ms * decay_ms / (decay_ms - rise_ms) * math.log(decay_ms / rise_ms)
    return 1 / (math.exp(-peak / decay_ms) - math.exp(-peak / rise_ms))


def nmda_block(synapses: Synapses, v_mv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the NMDA conductance that Mg leaves open at v."""
    closed = np.exp(-synapses.block_per_mv * v_mv) / synapses.block_scale
    return np.asarray(1 / (1 + closed), dtype=np.float64)


def program(cell: Cell, tree: Compartments, dt_ms: float) -> layout.Program:
    """The cell as the kernel wants it, for one time step."""
    grid = np.linspace(LOW_MV, HIGH_MV, round((HIGH_MV - LOW_MV) * PER_MV) + 1)
    kinds = {name: channel(name) for name in sorted({name for _, name, _ in tree.channels})}
    tables, first_gate = _gate_tables(kinds, grid, dt_ms)
    pool, pool_area = _pools(tree, kinds)
    used = [kinds[name] for _, name, _ in tree.channels]
    gates = [len(c.gates) + c.gated_by_calcium for c in used]
    counts = np.bincount([i for i, _, _ in tree.channels], minlength=len(tree.parent))
    synapse = np.full(len(tree.parent), -1, dtype=np.int64)
    synapse[tree.dendritic] = np.arange(len(tree.dendritic))
    s = cell.synapses
    receptors = ((s.ampa_us, s.ampa_ms), (s.nmda_us, s.nmda_ms), (s.gaba_us, s.gaba_ms))
    calcium = np.linspace(0, SK_HIGH_MM, round(SK_HIGH_MM * SK_PER_MM) + 1)
    return layout.Program(
        steps=round(1 / dt_ms),
        threshold_mv=cell.spike_threshold_mv,
        low_mv=LOW_MV,
        per_mv=PER_MV,
        entries=len(grid),
        gates=tables,
        block=_with_differences(nmda_block(s, grid)),
        block_per_mv=s.block_per_mv,
        sk_inf=_with_differences(sk_inf(calcium)),
        sk_per_mm=SK_PER_MM,
        sk_rate=-math.expm1(-dt_ms / SK_TAU_MS),
        parent=tree.parent,
        axial=tree.axial_us,
        capacity=tree.capacitance_nf / dt_ms,
        first=np.concatenate([[0], np.cumsum(counts)]),
        kind=np.array([_kind(c) for c in used], dtype=np.int64),
        power=np.array([c.gates[0].power if c.gates else 1 for c in used], dtype=np.int64),
        gate_kind=np.array([first_gate[c.name] for c in used], dtype=np.int64),
        row=np.concatenate([[0], np.cumsum(gates)[:-1]]),
        conductance=np.array([g for _, _, g in tree.channels]),
        reversal=np.array([c.reversal_mv for c in used], dtype=np.float64),
        calcium=np.array([c.carries_calcium for c in used], dtype=np.int64),
        pool=pool,
        # nA over um2 is 100 mA/cm2.
        pool_scale=POOL.decay_ms * POOL.mm_per_ms_and_ma_cm2 * 100 / pool_area,
        pool_rest=POOL.rest_mm,
        pool_rate=-math.expm1(-dt_ms / POOL.decay_ms),
        synapse=synapse,
        increment=np.array([g * bi_exponential_factor(*t) for g, t in receptors for _ in t]),
        decay=np.array([math.exp(-dt_ms / tau) for _, times in receptors for tau in times]),
        nmda=s.nmda_us > 0,
        excitatory_mv=s.excitatory_reversal_mv,
        inhibitory_mv=s.inhibitory_reversal_mv,
    )


def initial_state(
    cell: Cell, tree: Compartments, built: layout.Program, lanes: int
) -> layout.State:
    """Every lane at the cell's initial voltage, gates and calcium at their steady states.

    Raises:
        CellError: an initial voltage outside the tables.
    """
    if not LOW_MV <= cell.initial_mv < HIGH_MV:
        raise CellError(
            f"The cell {cell.name!r} starts at {cell.initial_mv} mV; expected a voltage of "
            f"{LOW_MV:g} to {HIGH_MV:g} mV."
        )
    start = np.array([cell.initial_mv])
    gates: list[float] = []
    for _, name, _ in tree.channels:
        kind = channel(name)
        gates += [float(gate.kinetics(start)[0][0]) for gate in kind.gates]
        if kind.gated_by_calcium:
            gates.append(float(sk_inf(np.array([POOL.rest_mm]))[0]))
    n, pools = len(tree.parent), len(built.pool_scale)
    receptors = len(tree.dendritic) * layout.RECEPTOR_STATES
    return layout.State(
        v=np.full(n * lanes, cell.initial_mv),
        diagonal=np.zeros(n * lanes),
        rhs=np.zeros(n * lanes),
        gates=np.repeat(np.array(gates), lanes),
        calcium=np.full(pools * lanes, POOL.rest_mm),
        calcium_na=np.zeros(pools * lanes),
        receptors=np.zeros(receptors * lanes),
        entry=np.zeros(lanes, dtype=np.uint64),
        fraction=np.zeros(lanes),
        scratch=np.zeros(lanes),
    )


def _with_differences(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entries and their difference to the next, side by side, flat."""
    return np.stack([values, np.append(np.diff(values), 0.0)], axis=1).ravel()


def _gate_tables(
    kinds: dict[str, Channel], grid: NDArray[np.float64], dt_ms: float
) -> tuple[NDArray[np.float64], dict[str, int]]:
    tables: list[NDArray[np.float64]] = []
    first: dict[str, int] = {}
    for name, kind in kinds.items():
        first[name] = len(tables)
        for gate in kind.gates:
            inf, tau = gate.kinetics(grid)
            rate = -np.expm1(-dt_ms / tau)
            pairs = [_with_differences(x).reshape(-1, 2) for x in (inf, rate)]
            tables.append(np.concatenate(pairs, axis=1).ravel())
    return np.concatenate(tables) if tables else np.zeros(0), first


def _pools(
    tree: Compartments, kinds: dict[str, Channel]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A calcium pool wherever a channel listens to one; elsewhere it would change nothing."""
    where = sorted({i for i, name, _ in tree.channels if kinds[name].gated_by_calcium})
    pool = np.full(len(tree.parent), -1, dtype=np.int64)
    pool[where] = np.arange(len(where))
    return pool, tree.area_um2[where]


def _kind(kind: Channel) -> int:
    if kind.gated_by_calcium:
        return layout.CALCIUM_GATED
    return (layout.LEAK, layout.ONE_GATE, layout.TWO_GATES)[len(kind.gates)]
