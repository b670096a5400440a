"""The inner loop of the solver, compiled. Simulations ("lanes") are the innermost axis.

Every lane does the same arithmetic in the same order whatever the others do: float64, no fastmath,
no transcendental function (rates and blocks are read from tables), so that a lane's output does not
depend on the batch it ran in, to the last bit. The number of lanes is the length of a tuple, hence
a constant to the compiler, which then knows the distance between rows and can vectorise. Indices
are unsigned: a signed one is tested for wrap-around at every access. Time it after every edit
(docs/experiments/solver.py): splitting a function has cost a factor of eight.
"""

import numba
import numpy as np

from neurojoule.cells.layout import (
    BAD_PIVOT,
    CALCIUM_GATED,
    FINISHED,
    LEAK,
    LEFT_TABLE,
    RECEPTOR_STATES,
    TWO_GATES,
    Bytes,
    Output,
    Program,
    State,
)

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Machine code kept between processes; the GIL is free, so that blocks run in threads."""

_inlined = numba.njit(inline="always", error_model="numpy")
"""Pasted into `run` before types are known: a call would pass some two hundred array fields."""


@_compiled
def run(
    width: tuple[int, ...],
    program: Program,
    state: State,
    bits: Bytes,
    output: Output,
) -> tuple[int, int]:
    """Advance all lanes through all milliseconds and fill `output`.

    `width` is any tuple as long as there are lanes; `bits` (lanes, ms, bytes) is packed input,
    excitatory synapses, then inhibitory ones.

    Returns:
        (FINISHED, ms), or (the reason to stop, the ms in which it arose).
    """
    lanes = len(width)
    before = np.empty(lanes)
    for ms in range(bits.shape[1]):
        _deliver(width, program, state, bits, ms)
        for step in range(program.steps):
            for b in range(lanes):
                before[b] = state.v[np.uint64(b)]
            for i in range(program.parent.size):
                _add_compartment(width, program, state, i)
            reason = _solve(width, program, state)
            if reason != FINISHED:
                return reason, ms
            for b in range(lanes):
                if before[b] < program.threshold_mv <= state.v[np.uint64(b)]:
                    output.crossing[b, ms] = step + 1
        for b in range(lanes):
            output.soma_mv[b, ms] = state.v[np.uint64(b)]
    return FINISHED, bits.shape[1]


@_inlined
def _add_compartment(width: tuple[int, ...], program: Program, state: State, i: int) -> None:
    """Fill a compartment's row of the linear system, all but the axial currents."""
    _look_up(width, program, state, i)
    if program.pool[i] >= 0:
        _advance_calcium(width, program, state, program.pool[i])
    for c in range(program.first[i], program.first[i + 1]):
        _add_channel(width, program, state, i, c)
    if program.synapse[i] >= 0:
        _add_synapses(width, program, state, i)


@_inlined
def _deliver(width: tuple[int, ...], program: Program, state: State, bits: Bytes, ms: int) -> None:
    """Events of this ms, before its first step."""
    lanes = len(width)
    synapses = state.receptors.size // (RECEPTOR_STATES * lanes)
    for s in range(synapses):
        row = s * RECEPTOR_STATES * lanes
        inhibitory = synapses + s
        for b in range(lanes):
            if (bits[b, ms, s >> 3] >> (7 - (s & 7))) & 1:
                for r in range(4):
                    state.receptors[np.uint64(row + r * lanes + b)] += program.increment[r]
            if (bits[b, ms, inhibitory >> 3] >> (7 - (inhibitory & 7))) & 1:
                for r in range(4, 6):
                    state.receptors[np.uint64(row + r * lanes + b)] += program.increment[r]


@_inlined
def _look_up(width: tuple[int, ...], program: Program, state: State, i: int) -> None:
    """Find the compartment's place in the tables and clear its row of the linear system."""
    lanes = len(width)
    at = np.uint64(i * lanes)
    for b in range(lanes):
        place = (state.v[at + np.uint64(b)] - program.low_mv) * program.per_mv
        entry = np.uint64(np.int64(place))
        state.entry[np.uint64(b)] = entry
        state.fraction[np.uint64(b)] = place - entry
        state.diagonal[at + np.uint64(b)] = program.capacity[i]
        state.rhs[at + np.uint64(b)] = 0.0


@_inlined
def _advance_calcium(width: tuple[int, ...], program: Program, state: State, pool: int) -> None:
    """One exact step of the pool under the calcium current of the step before."""
    lanes = len(width)
    for b in range(pool * lanes, (pool + 1) * lanes):
        k = np.uint64(b)
        steady = program.pool_rest - program.pool_scale[pool] * state.calcium_na[k]
        state.calcium[k] += program.pool_rate * (steady - state.calcium[k])
        state.calcium_na[k] = 0.0


@_inlined
def _advance_gate(
    width: tuple[int, ...], program: Program, state: State, kind: int, row: int
) -> None:
    """One exponential step of a gate towards its steady state at the voltage at hand."""
    table = np.uint64(4 * kind * program.entries)
    at = np.uint64(row * len(width))
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    for b in range(len(width)):
        t = table + four * state.entry[np.uint64(b)]
        w = state.fraction[np.uint64(b)]
        x = state.gates[at + np.uint64(b)]
        x += (program.gates[t] + w * program.gates[t + one] - x) * (
            program.gates[t + two] + w * program.gates[t + three]
        )
        state.gates[at + np.uint64(b)] = x


@_inlined
def _advance_calcium_gate(
    width: tuple[int, ...], program: Program, state: State, pool: int, row: int
) -> None:
    """One exponential step of SK's gate towards its steady state at the pool's calcium."""
    lanes = len(width)
    last = program.sk_inf.size // 2 - 2
    for b in range(lanes):
        place = min(max(state.calcium[pool * lanes + b] * program.sk_per_mm, 0.0), float(last))
        entry = int(place)
        inf = program.sk_inf[2 * entry] + (place - entry) * program.sk_inf[2 * entry + 1]
        x = state.gates[row * lanes + b]
        state.gates[row * lanes + b] = x + program.sk_rate * (inf - x)


@_inlined
def _add_channel(width: tuple[int, ...], program: Program, state: State, i: int, c: int) -> None:
    """Advance a channel's gates; add its conductance and its current."""
    lanes = len(width)
    at, row = np.uint64(i * lanes), np.uint64(program.row[c] * lanes)
    kind, power, density = program.kind[c], program.power[c], program.conductance[c]
    if kind == CALCIUM_GATED:
        _advance_calcium_gate(width, program, state, program.pool[i], program.row[c])
    elif kind != LEAK:
        _advance_gate(width, program, state, program.gate_kind[c], program.row[c])
    if kind == LEAK:
        for b in range(lanes):
            state.scratch[np.uint64(b)] = density
    else:
        for b in range(lanes):
            x = state.gates[row + np.uint64(b)]
            square = x * x
            high = square * x if power == 3 else square * square
            low = x if power == 1 else square
            state.scratch[np.uint64(b)] = density * (low if power < 3 else high)
    if kind == TWO_GATES:
        _advance_gate(width, program, state, program.gate_kind[c] + 1, program.row[c] + 1)
        second = row + np.uint64(lanes)
        for b in range(lanes):
            state.scratch[np.uint64(b)] *= state.gates[second + np.uint64(b)]
    for b in range(lanes):
        k = at + np.uint64(b)
        g = state.scratch[np.uint64(b)]
        state.diagonal[k] += g
        state.rhs[k] -= g * (state.v[k] - program.reversal[c])
    if program.calcium[c] and program.pool[i] >= 0:
        _feed_pool(width, program, state, i, c)


@_inlined
def _feed_pool(width: tuple[int, ...], program: Program, state: State, i: int, c: int) -> None:
    """Book the current of the channel in the scratch row to the compartment's calcium pool."""
    lanes = len(width)
    at, pool = np.uint64(i * lanes), np.uint64(program.pool[i] * lanes)
    for b in range(lanes):
        driving = state.v[at + np.uint64(b)] - program.reversal[c]
        state.calcium_na[pool + np.uint64(b)] += state.scratch[np.uint64(b)] * driving


@_inlined
def _add_synapses(width: tuple[int, ...], program: Program, state: State, i: int) -> None:
    """Add the conductances and currents of a compartment's receptors, which then decay.

    The NMDA current's slope in v holds that of the block: d/dv block (v - e) = block
    + b block (1 - block)(v - e). Without it the implicit step misjudges an NMDA spike's upstroke.
    """
    lanes = len(width)
    at = np.uint64(i * lanes)
    row = np.uint64(program.synapse[i] * RECEPTOR_STATES * lanes)
    step = np.uint64(lanes)
    if program.nmda:
        two, one = np.uint64(2), np.uint64(1)
        for b in range(lanes):
            t = two * state.entry[np.uint64(b)]
            w = state.fraction[np.uint64(b)]
            state.scratch[np.uint64(b)] = program.block[t] + w * program.block[t + one]
        for b in range(lanes):
            k, r = at + np.uint64(b), row + two * step + np.uint64(b)
            rise, fall = state.receptors[r], state.receptors[r + step]
            state.receptors[r] = rise * program.decay[2]
            state.receptors[r + step] = fall * program.decay[3]
            block, driving = state.scratch[np.uint64(b)], state.v[k] - program.excitatory_mv
            slope = program.block_per_mv * block * (1.0 - block)
            state.diagonal[k] += (fall - rise) * (block + slope * driving)
            state.rhs[k] -= (fall - rise) * block * driving
    for b in range(lanes):
        k, r = at + np.uint64(b), row + np.uint64(b)
        rise, fall = state.receptors[r], state.receptors[r + step]
        state.receptors[r] = rise * program.decay[0]
        state.receptors[r + step] = fall * program.decay[1]
        excitation = fall - rise
        r += np.uint64(4) * step
        rise, fall = state.receptors[r], state.receptors[r + step]
        state.receptors[r] = rise * program.decay[4]
        state.receptors[r + step] = fall * program.decay[5]
        inhibition = fall - rise
        state.diagonal[k] += excitation + inhibition
        state.rhs[k] -= excitation * (state.v[k] - program.excitatory_mv)
        state.rhs[k] -= inhibition * (state.v[k] - program.inhibitory_mv)


@_inlined
def _solve(width: tuple[int, ...], program: Program, state: State) -> int:
    """Add the axial currents, eliminate from the tips to the soma (Hines 1984), move v."""
    lanes = len(width)
    n = program.parent.size
    v, diagonal, rhs = state.v, state.diagonal, state.rhs
    for i in range(1, n):
        g = program.axial[i]
        here, up = np.uint64(i * lanes), np.uint64(program.parent[i] * lanes)
        for b in range(lanes):
            current = g * (v[up + np.uint64(b)] - v[here + np.uint64(b)])
            rhs[here + np.uint64(b)] += current
            rhs[up + np.uint64(b)] -= current
            diagonal[here + np.uint64(b)] += g
            diagonal[up + np.uint64(b)] += g
    bad = 0
    for i in range(n - 1, 0, -1):
        g = program.axial[i]
        here, up = np.uint64(i * lanes), np.uint64(program.parent[i] * lanes)
        for b in range(lanes):
            pivot = diagonal[here + np.uint64(b)]
            bad += 0 if pivot > g else 1
            share = g / pivot
            diagonal[up + np.uint64(b)] -= share * g
            rhs[up + np.uint64(b)] += share * rhs[here + np.uint64(b)]
    for b in range(lanes):
        k = np.uint64(b)
        bad += 0 if diagonal[k] > 0.0 else 1
        rhs[k] /= diagonal[k]
        v[k] += rhs[k]
    if bad > 0:
        return BAD_PIVOT
    high = program.low_mv + (program.entries - 1) / program.per_mv
    for i in range(1, n):
        g = program.axial[i]
        here, up = np.uint64(i * lanes), np.uint64(program.parent[i] * lanes)
        for b in range(lanes):
            k = here + np.uint64(b)
            rhs[k] = (rhs[k] + g * rhs[up + np.uint64(b)]) / diagonal[k]
            v[k] += rhs[k]
    for b in range(n * lanes):
        inside = program.low_mv <= v[np.uint64(b)] < high
        bad += 0 if inside else 1
    return LEFT_TABLE if bad > 0 else FINISHED
