"""The point neuron against closed forms."""

import math

import numpy as np
import pytest

from neurojoule.cells.cell import Drive, TreeDrive
from neurojoule.cells.point import PointCell, Steps, _weighted, log_normal_weights, simulate
from neurojoule.errors import UserError

DRIVE = Drive(TreeDrive((0, 1), (0, 1)), TreeDrive((0, 1), (0, 1)))


def one(ms, weight):
    cell = PointCell("one", ("basal",), (10.0,), DRIVE, (weight, -weight))
    return cell, np.zeros((1, ms, 1), dtype=np.uint8)


def test_one_event_gives_the_double_exponential_of_its_two_time_constants():
    cell, bits = one(60, 10.0)
    bits[0, 4] = 0b10000000
    since = np.maximum(np.arange(1, 61) - 4.0, 0)
    expected = 10 * 5 / (20 - 5) * (np.exp(-since / 20) - np.exp(-since / 5))
    assert simulate(cell, bits).soma_mv[0] == pytest.approx(-76 + expected)


def test_inhibition_is_the_same_with_the_other_sign():
    cell, bits = one(40, 10.0)
    bits[0, 4] = 0b01000000
    assert simulate(cell, bits).soma_mv.min() < -76


def test_it_fires_at_the_threshold_and_starts_again_from_the_reset():
    cell, bits = one(100, 25.0)
    bits[0, :] = 0b10000000
    traces = simulate(cell, bits)
    first = int(traces.spike_ms[0][0]) - 1
    assert traces.spikes[0, first]
    assert traces.soma_mv[0, first] >= -55 > traces.soma_mv[0, first - 1]
    assert traces.soma_mv[0, first + 1] < traces.soma_mv[0, first]


def test_log_normal_weights_have_their_median_and_spread():
    weights = np.log(log_normal_weights(20_000, 1.65, 0.5, seed=0))
    assert np.median(weights) == pytest.approx(math.log(1.65), abs=0.02)
    assert weights.std() == pytest.approx(0.5, rel=0.02)


def test_ms_by_ms_it_does_what_it_does_at_once():
    cell, _ = one(1, 25.0)
    bits = (np.random.default_rng(0).random((3, 300, 1)) * 256).astype(np.uint8)
    whole = simulate(cell, bits)
    one_by_one = Steps(cell, 3)
    for repeat in range(2):  # from rest, and from rest again
        for ms in range(300):
            soma_mv, spikes = one_by_one.advance(bits[:, ms])
            assert np.array_equal(soma_mv, whole.soma_mv[:, ms]), (repeat, ms)
            assert np.array_equal(spikes, whole.spikes[:, ms])
        one_by_one.reset()
    assert whole.spikes.any()


def test_the_drive_is_the_sum_of_the_weights_of_the_synapses_that_are_on():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=12)
    on = rng.random((50, 12)) < 0.3
    expected = np.zeros(50)
    for k in range(12):  # one after the other: the same bits, not about the same
        expected += on[:, k] * weights[k]
    packed = np.packbits(on, axis=1)
    assert np.array_equal(_weighted(packed, weights), expected)
    packed[:, -1] |= 0b00001111  # beyond the twelfth synapse there is nothing to read
    assert np.array_equal(_weighted(packed, weights), expected)


@pytest.mark.parametrize("width", [0, 2])
def test_input_of_another_number_of_synapses_is_refused_before_machine_code_reads_it(width):
    cell, _ = one(1, 25.0)
    bits = np.zeros((3, 5, width), dtype=np.uint8)
    with pytest.raises(
        UserError, match=r"'one' has 2 synapses and takes uint8 \(simulations, ms, 1"
    ):
        simulate(cell, bits)
    with pytest.raises(UserError, match=r"'one' has 2 synapses and takes uint8 \(simulations, 1"):
        Steps(cell, 3).advance(bits[:, 0])
