"""Kinetics against values worked out by hand."""

import numpy as np
import pytest

from neurojoule.cells.cell import Synapses
from neurojoule.cells.channels import CHANNELS, POOL, linoid, sk_inf
from neurojoule.cells.program import bi_exponential_factor, nmda_block


def at(name, v, gate=0):
    inf, tau = CHANNELS[name].gates[gate].kinetics(np.array([float(v)]))
    return float(inf[0]), float(tau[0])


def test_a_rate_takes_its_limit_where_numerator_and_denominator_vanish():
    around = linoid(0.182, np.array([-1e-5, 0.0, 1e-5]), 6)
    assert around == pytest.approx([1.092, 1.092, 1.092], rel=1e-5)


def test_a_rate_agrees_with_its_textbook_form_away_from_the_limit():
    assert linoid(0.182, np.array([12.0]), 6)[0] == pytest.approx(2.184 / (1 - np.exp(-2)))


def test_sodium_is_shifted_by_6_mv_outside_the_axon():
    for gate in (0, 1):
        assert at("NaTs2_t", -40, gate) == pytest.approx(at("NaTa_t", -46, gate))


def test_sodium_activation_at_its_midpoint():
    # Both rates take their limits: 0.182 x 6 and 0.124 x 6.
    assert at("NaTa_t", -38) == pytest.approx((0.182 / 0.306, 1 / (0.306 * 6 * 2.3**1.3)))


def test_m_current_is_half_open_at_minus_35_mv():
    assert at("Im", -35) == pytest.approx((0.5, 1 / (0.0066 * 2.952883)), rel=1e-6)


def test_low_threshold_calcium_gates_have_their_published_midpoints():
    assert at("Ca_LVAst", -40, 0)[0] == pytest.approx(0.5)
    assert at("Ca_LVAst", -90, 1)[0] == pytest.approx(0.5)
    assert at("Ca_LVAst", -50, 1)[1] == pytest.approx(45 / 2.952883, rel=1e-6)


def test_kv3_is_half_open_at_18_7_mv():
    assert at("SKv3_1", 18.7)[0] == pytest.approx(0.5)


def test_sk_is_half_open_at_0_43_micromolar():
    assert sk_inf(np.array([0.00043]))[0] == pytest.approx(0.5)
    assert sk_inf(np.array([1e-4]))[0] == pytest.approx(1 / (1 + 4.3**4.8))


def test_the_pool_rises_by_its_share_of_the_current():
    # 10^4 x 5.09e-4 / (2 x 96485 x 0.1) mM a ms and mA/cm2.
    assert POOL.mm_per_ms_and_ma_cm2 == pytest.approx(2.6377e-4, rel=1e-4)


def test_a_bi_exponential_has_peak_1():
    t = np.arange(0, 100, 0.001)
    for rise, decay in ((0.3, 3.0), (2.0, 70.0), (0.2, 8.0)):
        course = bi_exponential_factor(rise, decay) * (np.exp(-t / decay) - np.exp(-t / rise))
        assert course.max() == pytest.approx(1, abs=1e-6)


def test_magnesium_leaves_a_known_share_of_nmda_open():
    block = nmda_block(Synapses(0, 0, 0), np.array([-70.0, 0.0, 40.0]))
    assert block == pytest.approx([0.013026, 0.781182, 0.988713], abs=1e-5)
