"""The input generator: the paper's statistics, and the same bits everywhere."""

import hashlib

import numpy as np
import pytest

from neurojoule.cells import get_cell, inputs
from neurojoule.cells.catalogue import synapse_places
from neurojoule.cells.inputs import _spread, _template, firing_probability


def test_the_bits_of_a_seed_are_the_same_on_every_machine():
    bits = inputs(get_cell("l5_nmda"), 1000, seed=0, index=3)
    assert bits.shape == (1000, 40)
    digest = hashlib.sha256(bits.tobytes()).hexdigest()
    assert digest == "733fc02c85616df58ea976df1d1081104e2786e59ed8e61522725b2323b4b198"


def test_simulations_differ_and_seeds_differ():
    cell = get_cell("l5_nmda")
    seen = {inputs(cell, 200, s, k).tobytes() for s in (0, 1) for k in (0, 1)}
    assert len(seen) == 4


def test_one_draw_fires_as_often_as_the_papers_two():
    rng = np.random.default_rng(0)
    for rate in (0.02, 0.3, 2.0):
        two = rng.random(400_000) < rate * rng.exponential(size=400_000)
        assert firing_probability(np.array([rate]))[0] == pytest.approx(two.mean(), rel=0.03)
    assert firing_probability(np.array([0.0]))[0] == 0


def test_smoothing_is_the_convolution_of_a_staircase_with_a_gaussian():
    rates = np.array([[1.0, 3.0, 0.0, 2.0]])
    template, before = _template(25, 10)
    smooth = np.zeros((1, 95))
    _spread(rates, template, 25, before, smooth)
    stairs = np.repeat(rates[0], 25)
    x = np.arange(-35, 36)
    gaussian = np.exp(-(x**2) / 200)
    expected = np.convolve(stairs, gaussian / gaussian.sum(), mode="same")
    assert smooth[0] == pytest.approx(expected[:95])


def test_synapses_fire_at_the_rates_that_the_ranges_imply():
    # Excitation: 200 spikes/100 ms on 72 basal and on 88 apical synapses, 25 Hz on average.
    # Inhibition: uniform from max(0, e - 300) to e + 100: 156.25 spikes/100 ms, 19.5 Hz. Both
    # lose about 3 % where the smoothing meets start and end.
    cell = get_cell("l5_nmda")
    bits = np.stack([inputs(cell, 6000, 5, k) for k in range(60)])
    on = np.unpackbits(bits, axis=2).mean(axis=(0, 1)) * 1000
    assert on[:160].mean() == pytest.approx(24.3, rel=0.05)
    assert on[160:].mean() == pytest.approx(19.0, rel=0.05)


def test_longer_compartments_receive_more_by_length_plus_10_um():
    cell = get_cell("l5_nmda")
    trees, lengths = synapse_places(cell)
    bits = np.stack([inputs(cell, 3000, 6, k) for k in range(60)])
    on = np.unpackbits(bits, axis=2).mean(axis=(0, 1))[:160]
    here = np.array(trees) == "apical"
    length = np.array(lengths)
    trunk, oblique = on[here & (length == 50)].mean(), on[here & (length == 40)].mean()
    assert trunk / oblique == pytest.approx(60 / 50, rel=0.05)
