import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from neurojoule_reports import stats

# Student 1908, the sleep data: extra hours of ten patients, drug 2 less drug 1.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_the_paired_interval_of_students_own_example():
    got = stats.mean_interval(SLEEP)
    assert got.value == pytest.approx(1.58)
    # R: t.test(extra ~ group, sleep, paired = TRUE)
    assert (got.low, got.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)
    assert got.p == pytest.approx(0.00283289, abs=1e-8)
    assert got.method == "t"


def test_t_intervals_agree_with_scipy():
    x = np.random.default_rng(1).normal(0.3, 1, 14)
    theirs = scipy_stats.ttest_1samp(x, 0)
    low, high = theirs.confidence_interval(0.95)
    got = stats.mean_interval(x)
    assert (got.low, got.high, got.p) == pytest.approx((low, high, theirs.pvalue), abs=1e-6)


@pytest.mark.parametrize("noise", ["normal", "laplace", "standard_t"])
def test_with_many_pairs_the_interval_still_covers_what_it_says(noise):
    # The reason why there is no BCa bootstrap here: on such draws it holds the truth too rarely.
    rng = np.random.default_rng(7)
    draws = (
        rng.standard_t(3, (1500, 20))
        if noise == "standard_t"
        else getattr(rng, noise)(size=(1500, 20))
    )
    covered = [i.low <= 0 <= i.high for i in map(stats.mean_interval, draws)]
    assert 0.92 < np.mean(covered) < 0.97


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_values_are_refused_with_both_numbers(n):
    with pytest.raises(stats.TooFewError, match=rf"not enough runs \({n} of 3\)"):
        stats.mean_interval([1.0] * n)


def test_equal_values_are_exact_and_differ_from_zero_or_do_not():
    assert stats.mean_interval([0.25] * 5).p == 0
    assert stats.mean_interval([0.0] * 5).p == 1
    assert stats.mean_interval([0.25] * 5).method == "exact"


def test_holms_worked_example():
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([]) == []
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]


def test_hedges_correction_of_students_example():
    d = np.mean(SLEEP) / np.std(SLEEP, ddof=1)
    assert stats.hedges_g(SLEEP) == pytest.approx(d * (1 - 3 / 35))
    assert stats.hedges_g([1.0, 1.0, 1.0]) == math.inf
    assert stats.hedges_g([0.0, 0.0, 0.0]) == 0


@pytest.mark.parametrize(
    ("n", "rank", "coverage"),
    # Coverage of the median between order statistics, from the binomial table by hand.
    [(3, 1, 0.75), (5, 1, 0.9375), (6, 1, 0.96875), (10, 2, 0.978516), (15, 4, 0.964844),
     (20, 6, 0.958611)],
)  # fmt: skip
def test_ranks_of_the_medians_interval(n, rank, coverage):
    got = stats.median_rank(n)
    assert got[0] == rank
    assert got[1] == pytest.approx(coverage, abs=1e-6)


def test_medians_of_groups_agree_with_numpy_and_leave_nan_out():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(200, 3))
    values[rng.random((200, 3)) < 0.1] = np.nan
    codes = rng.integers(0, 7, 200)
    got = stats.median_intervals(values, codes, groups=8)
    for group in range(7):
        for column in range(3):
            x = values[codes == group, column]
            x = np.sort(x[~np.isnan(x)])
            k = stats.median_rank(len(x))[0]
            assert got[group, column] == pytest.approx([np.median(x), x[k - 1], x[-k]])
    assert np.isnan(got[7]).all()


def test_medians_intervals_cover_what_they_say():
    rng = np.random.default_rng(5)
    n, trials = 12, 2000
    values = rng.lognormal(size=(n * trials, 1))
    got = stats.median_intervals(values, np.repeat(np.arange(trials), n), groups=trials)
    covered = np.mean((got[:, 0, 1] <= 1) & (got[:, 0, 2] >= 1))
    assert covered == pytest.approx(stats.median_rank(n)[1], abs=0.015)


def test_paired_intervals_cover_what_they_say():
    rng = np.random.default_rng(6)
    covered = [
        i.low <= 0.2 <= i.high
        for i in (stats.mean_interval(x) for x in rng.normal(0.2, 1, (1500, 5)))
    ]
    assert 0.93 < np.mean(covered) < 0.97


def test_r_squared_is_that_of_the_logarithms():
    x = np.array([1.0, 10, 100, 1000])
    assert stats.r_squared(x, 5 * x**2) == pytest.approx(1)
    y = np.array([2.0, 3, 50, 20])
    theirs = scipy_stats.linregress(np.log(x), np.log(y)).rvalue ** 2
    assert stats.r_squared(x, y) == pytest.approx(theirs)
    assert math.isnan(stats.r_squared(x[:2], y[:2]))
    assert math.isnan(stats.r_squared(np.ones(4), y))
