import numpy as np
import pytest

import synthetic
from neurojoule_reports import critical, frames


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


# Demsar 2006, table 6: four versions of C4.5 on fourteen data sets.
DEMSAR = np.array([3.143, 2.000, 2.893, 1.964])


def test_the_critical_difference_of_demsars_example():
    assert critical.critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_the_friedman_test_of_demsars_example():
    # chi2 = 9.28 and F = 3.69 with 3 and 39 degrees of freedom: beyond F(3, 39) = 2.85 at 5 %.
    p = critical.friedman_p(DEMSAR, 14)
    from scipy import stats

    assert stats.f.isf(p, 3, 39) == pytest.approx(3.69, abs=0.02)
    assert p < 0.05


def test_models_within_one_difference_are_joined():
    ranks = np.tile([1.0, 2.0, 3.0, 4.0], (12, 1))
    found = critical.ranked("s", ["a", "b", "c", "d"], ranks)
    assert found.p < 1e-6
    assert found.difference == pytest.approx(1.354, abs=0.002)  # 2.569 sqrt(20 / 72)
    assert found.groups == (("a", "b"), ("b", "c"), ("c", "d"))
    assert 'aria-label="Mean ranks over 12 tasks: a 1.00, b 2.00' in critical.diagram(found)


def test_few_tasks_are_refused_with_the_number_missing():
    (found,) = critical.rankings(load(list(synthetic.study(seeds=1))))
    assert "here are 3, so 7 more are missing" in found.refusal


def test_enough_tasks_are_ranked_by_each_models_best_size():
    records = [
        synthetic.make(task=f"t{k}", model=model, size=size, seed=s, top=top)
        for k in range(10)
        for model, top in (("mlp", 0.9), ("dann", 0.99), ("gru", 0.5))
        for size in (1000, 16_000)
        for s in range(2)
    ]
    (found,) = critical.rankings(load(records))
    assert found.models == ("dann", "mlp", "gru")
    assert found.ranks == (1.0, 2.0, 3.0)


def test_a_hostile_name_stays_text_in_the_diagram():
    ranks = np.tile([1.0, 2.0, 3.0], (10, 1))
    found = critical.ranked("s", ["<b>&", "b", "c"], ranks)
    assert "<b>" not in critical.diagram(found)
    assert "&lt;b&gt;&amp;" in critical.diagram(found)
