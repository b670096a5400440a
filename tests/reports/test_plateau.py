"""Plateaus that are known, found again."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from neurojoule_reports import plateau

AMOUNTS = np.array([1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0])


def law(n, a, b, c):
    return a + b * n**-c


def curves(a, b, c, *, seeds, noise, amounts=AMOUNTS, rng=None):
    rng = np.random.default_rng(0) if rng is None else rng
    return law(amounts, a, b, c) * rng.normal(1, noise, (seeds, len(amounts)))


@pytest.mark.parametrize(("a", "b", "c"), [(0.008, 0.002, 0.5), (1.0, 3.0, 1.0), (0.0, 2.0, 0.3)])
def test_without_noise_the_planted_law_is_found(a, b, c):
    found = plateau.fit(AMOUNTS, curves(a, b, c, seeds=3, noise=0))
    assert found.value == pytest.approx(a, rel=0.01, abs=0.01 * b)
    assert found.at(0.25) == pytest.approx(law(0.25, a, b, c), rel=1e-3)
    assert found.at(4.0) == pytest.approx(law(4.0, a, b, c), rel=0.02)
    assert found.low <= found.value <= found.high
    assert found.high - found.low < 1e-9


def test_it_agrees_with_scipys_least_squares():
    amounts = np.geomspace(10, 3000, 8)
    losses = curves(0.3, 5.0, 0.6, seeds=4, noise=0.01, amounts=amounts)
    mean = losses.mean(axis=0)
    (a, _, c), _ = curve_fit(law, amounts, mean, p0=(0.2, 3.0, 0.5), sigma=mean)
    found = plateau.fit(amounts, losses)
    assert found.value == pytest.approx(a, rel=0.01)
    assert found.c == pytest.approx(c, rel=0.03)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_holds_the_planted_plateau_about_as_often_as_it_says(seeds):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        found = plateau.fit(AMOUNTS, curves(0.01, 0.002, 0.7, seeds=seeds, noise=0.01, rng=rng))
        held += found.low <= 0.01 <= found.high
    assert held / 100 >= 0.9


@pytest.mark.parametrize("amount", [4.0, 16.0])
def test_what_is_foretold_holds_the_planted_law_about_as_often_as_it_says(amount):
    rng = np.random.default_rng(2)
    planted = law(amount, 0.01, 0.002, 0.7)
    held = 0
    for _ in range(100):
        losses = curves(0.01, 0.002, 0.7, seeds=3, noise=0.01, rng=rng)
        low, middle, high = plateau.foretold(AMOUNTS, losses, amount)
        assert low <= middle <= high
        held += low <= planted <= high
    assert held / 100 >= 0.9


def test_what_is_foretold_is_the_law_of_the_mean_curve():
    losses = curves(0.01, 0.002, 0.7, seeds=3, noise=0.01)
    _, middle, _ = plateau.foretold(AMOUNTS, losses, 4.0)
    assert middle == pytest.approx(plateau.fit(AMOUNTS, losses).at(4.0))


def test_a_curve_that_still_falls_straight_has_no_plateau_in_sight():
    found = plateau.fit(AMOUNTS, curves(0.0, 0.01, 0.3, seeds=3, noise=0.01))
    assert found.low == 0
    assert found.words.startswith("no plateau in sight")


def test_a_plateau_is_said_with_its_interval():
    found = plateau.fit(AMOUNTS, curves(0.0081, 0.002, 1.0, seeds=5, noise=1e-4))
    assert found.words.startswith("levels off at 0.0081")
    assert found.low <= 0.0081 <= found.high


@pytest.mark.parametrize(
    ("points", "seeds", "words"),
    [(3, 5, "not enough points (3 of 4)"), (5, 2, "not enough runs (2 of 3)")],
)
def test_too_little_is_refused_in_words(points, seeds, words):
    losses = curves(0.01, 0.01, 0.5, seeds=seeds, noise=0, amounts=AMOUNTS[:points])
    assert plateau.fit(AMOUNTS[:points], losses).words == words


def test_a_curve_that_rises_has_none():
    assert plateau.fit(AMOUNTS, AMOUNTS[None].repeat(3, 0)).words == "it does not fall"
