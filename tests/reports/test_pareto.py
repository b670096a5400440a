import math

import pytest

from neurojoule_reports.pareto import front, hypervolume


def test_the_front_holds_what_nothing_beats():
    cost = [1, 2, 2, 3, 4]
    quality = [0.5, 0.4, 0.7, 0.7, 0.9]
    assert front(cost, quality) == [0, 2, 4]


def test_of_equal_points_the_first_stays():
    assert front([1, 1], [0.5, 0.5]) == [0]


def test_unknown_figures_are_no_points():
    assert front([math.nan, 1], [0.9, 0.5]) == [1]
    assert front([], []) == []


def test_the_hypervolume_by_hand():
    # Costs 1 and 10, worst 100: 0.5 over the first decade, 0.8 over the second.
    assert hypervolume([1, 10], [0.5, 0.8], worst_cost=100, worst_quality=0) == pytest.approx(1.3)
    assert hypervolume([200], [0.9], worst_cost=100, worst_quality=0) == 0
    with pytest.raises(ValueError, match="positive"):
        hypervolume([0], [0.9], worst_cost=100, worst_quality=0)
