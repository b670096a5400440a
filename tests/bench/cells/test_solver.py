"""The solver against closed forms and against SciPy's integrator; NEURON is in test_judge.py."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurojoule.cells import Cell, Section, get_cell, inputs
from neurojoule.cells.channels import CHANNELS
from neurojoule.cells.compartments import compartments
from neurojoule.cells.errors import CellError, StepTooLargeError
from neurojoule.cells.solver import Steps, simulate
from neurojoule.errors import UserError

LEAK = {"pas": 1e-4}
SOMA = Section("soma", "soma", 20, 20, 1, None, 1.0, LEAK)
DENDRITE = Section("d", "basal", 100, 1, 1, "soma", 1.0, LEAK)


def a_cell(*sections):
    whole = get_cell("l5_nmda")
    return Cell("test", sections, whole.synapses, whole.drive)


def silence(cell, ms, simulations=1):
    count = 2 * len(compartments(cell).dendritic)
    return np.zeros((simulations, ms, -(-count // 8)), dtype=np.uint8)


@pytest.fixture(scope="module")
def driven():
    cell = get_cell("l5_nmda")
    return cell, np.stack([inputs(cell, 400, seed=1, index=k) for k in range(35)])


def test_a_leak_decays_as_backward_euler_says():
    # tau = 1 uF/cm2 / 1e-4 S/cm2 = 10 ms: v = -90 + 14 (1 + dt/tau)^-n.
    for dt in (0.1, 0.05):
        v = simulate(a_cell(SOMA), silence(a_cell(SOMA), 20), dt).soma_mv[0]
        steps = np.arange(1, 21) * round(1 / dt)
        assert v == pytest.approx(-90 + 14 * (1 + dt / 10) ** -steps, abs=1e-10)


def test_two_compartments_with_all_receptors_follow_scipy():
    cell = replace(a_cell(SOMA, DENDRITE), initial_mv=-90.0)
    tree = compartments(cell)
    bits = silence(cell, 60)
    bits[0, 5] = 0b10000000  # excitation at 5 ms
    bits[0, 20] = 0b01000000  # inhibition at 20 ms
    s = cell.synapses

    def course(t, start, rise, decay):
        peak = rise * decay / (decay - rise) * math.log(decay / rise)
        top = math.exp(-peak / decay) - math.exp(-peak / rise)
        since = max(t - start, 0.0)
        return (math.exp(-since / decay) - math.exp(-since / rise)) / top

    def slope(t, v):
        leak = 1e-6 * tree.area_um2 * (v + 90)  # 1e-4 S/cm2 in uS/um2
        axial = tree.axial_us[1] * (v[1] - v[0])
        block = 1 / (1 + math.exp(-0.08 * v[1]) / 3.57)
        glutamate = s.ampa_us * course(t, 5, 0.3, 3) + s.nmda_us * course(t, 5, 2, 70) * block
        current = glutamate * v[1] + s.gaba_us * course(t, 20, 0.2, 8) * (v[1] + 80)
        return (np.array([axial, -axial - current]) - leak) / tree.capacitance_nf

    ends = np.arange(1.0, 61.0)
    exact = solve_ivp(slope, (0, 60), [-90, -90], t_eval=ends, max_step=0.05, rtol=1e-8)
    errors = {
        dt: np.abs(simulate(cell, bits, dt).soma_mv[0] - exact.y[0]).max()
        for dt in (0.1, 0.05, 0.0125)
    }
    assert exact.y[0].max() > -88  # something did happen
    assert errors[0.0125] < 0.02
    assert errors[0.0125] < 0.3 * errors[0.05] < 0.18 * errors[0.1]  # first order in dt


def test_a_cell_at_rest_with_all_its_channels_stays_finite_and_silent():
    cell = get_cell("l5_nmda")
    traces = simulate(cell, silence(cell, 300), 0.1)
    assert not traces.spikes.any()
    assert -85 < traces.soma_mv[0, -1] < -65


def test_the_outcome_of_a_simulation_does_not_depend_on_its_batch_to_the_last_bit(driven):
    cell, bits = driven
    batch = simulate(cell, bits, 0.1)  # one block of 32 lanes, one of 8
    alone = simulate(cell, bits[7:8], 0.1)
    few = simulate(cell, bits[5:9], 0.1)
    assert batch.soma_mv[7].tobytes() == alone.soma_mv[0].tobytes() == few.soma_mv[2].tobytes()
    last = simulate(cell, bits[3:35], 0.1)  # the last three, now in the wide block
    assert last.soma_mv[29:].tobytes() == batch.soma_mv[32:].tobytes()


def test_spikes_are_the_upward_crossings_of_minus_20_mv(driven):
    cell, bits = driven
    traces = simulate(cell, bits, 0.1)
    assert traces.spikes.sum() == sum(map(len, traces.spike_ms)) > 10
    for row, times in zip(traces.spikes, traces.spike_ms, strict=True):
        assert np.array_equal(np.flatnonzero(row), np.ceil(times - 1e-9) - 1)
    assert traces.rate_hz == pytest.approx(traces.spikes.mean() * 1000)


@pytest.mark.parametrize("start_mv", [-200.0, 100.0, math.nan])
def test_a_start_outside_the_tables_is_refused(start_mv):
    cell = replace(a_cell(SOMA), initial_mv=start_mv)
    with pytest.raises(CellError, match=r"starts at .* -150 to 100 mV"):
        simulate(cell, silence(cell, 5))


@pytest.mark.parametrize("dt", [0.2, 1.0, 0.03, 0.0, -0.05, 0.001, 1e-320, math.nan, math.inf])
def test_a_step_that_is_too_large_or_no_fraction_of_a_ms_is_named(dt):
    cell = a_cell(SOMA)
    with pytest.raises(StepTooLargeError, match=r"0\.05 is the default"):
        simulate(cell, silence(cell, 5), dt)


def test_a_step_too_large_for_this_cell_is_named_with_the_ms():
    runaway = replace(get_cell("l5_nmda").synapses, nmda_us=5.0)
    cell = replace(a_cell(SOMA, DENDRITE), synapses=runaway)
    bits = silence(cell, 20)
    bits[0, 3:6] = 0b10000000
    with pytest.raises(StepTooLargeError, match=r"converge on the cell 'test': in ms \d+"):
        simulate(cell, bits, 0.1)


def test_input_for_another_number_of_synapses_is_refused():
    with pytest.raises(UserError, match="has 320 synapses"):
        simulate(get_cell("l5_nmda"), np.zeros((1, 10, 12), dtype=np.uint8))
    with pytest.raises(UserError, match=r"has 2 synapses and takes uint8 \(simulations, 1\)"):
        Steps(a_cell(SOMA, DENDRITE), 1).advance(np.zeros((1, 2), dtype=np.uint8))


def test_tables_miss_the_kinetics_by_less_than_one_part_in_a_thousand():
    grid = np.linspace(-150, 100, 2501)
    between = grid[:-1] + 0.05
    for channel in CHANNELS.values():
        for gate in channel.gates:
            for table, exact in zip(gate.kinetics(grid), gate.kinetics(between), strict=True):
                middle = (table[1:] + table[:-1]) / 2
                assert middle == pytest.approx(exact, rel=1e-3, abs=1e-6)


def test_ms_by_ms_it_does_what_it_does_at_once(driven):
    cell, bits = driven
    whole = simulate(cell, bits[:2, :40])
    one_by_one = Steps(cell, 2)
    for _ in range(2):  # from rest, and from rest again
        for ms in range(40):
            soma_mv, spikes = one_by_one.advance(bits[:2, ms])
            assert np.array_equal(soma_mv, whole.soma_mv[:, ms])
            assert np.array_equal(spikes, whole.spikes[:, ms])
        one_by_one.reset()


def test_more_simulations_than_go_side_by_side_are_refused():
    with pytest.raises(UserError, match="1 to 32 simulations; given 33"):
        Steps(a_cell(SOMA), 33)
