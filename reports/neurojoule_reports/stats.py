"""Statistics, one home for all: intervals, paired comparisons, corrections, and refusals in words.

The unit of comparison is the pair: the same task, seed, machine and setup. Costs are compared as
log-ratios, because they differ by factors; qualities as differences.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

CONFIDENCE = 0.95
MIN_PAIRS = 3
"""Below this many pairs nothing is said but that there are not enough: with two pairs a t-interval
is 12.7 standard errors wide."""


@dataclass(frozen=True)
class Interval:
    """A mean with its interval.

    Attributes:
        n: how many values.
        value: their mean.
        low, high: two-sided interval at `CONFIDENCE`.
        p: two-sided p-value of the mean being zero (paired t-test); 0 when all values are the
            same and not zero, 1 when all are zero.
        method: "t", or "exact" when all values are the same.
    """

    n: int
    value: float
    low: float
    high: float
    p: float
    method: str


class TooFewError(Exception):
    """Not enough runs to say anything; the message gives both numbers."""

    def __init__(self, n: int, needed: int = MIN_PAIRS) -> None:
        self.n, self.needed = n, needed
        super().__init__(f"not enough runs ({n} of {needed})")


def mean_interval(values: Sequence[float] | NDArray[np.float64]) -> Interval:
    """Mean of `values` with a t-interval.

    A BCa bootstrap (Efron 1987) was meant to take over from 15 values on. By simulation it held
    the truth in 89 to 93 of 100 cases at 20 values, where Student's t held it in 94 to 96, with
    outliers too (`docs/experiments/trust.py coverage`): so t it is.

    Raises:
        TooFewError: when there are fewer than `MIN_PAIRS` values.
    """
    x = np.asarray(values, dtype=float)
    n = len(x)
    if n < MIN_PAIRS:
        raise TooFewError(n)
    mean = float(x.mean())
    spread = float(x.std(ddof=1))
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return Interval(n, mean, mean, mean, 1.0 if abs(mean) <= 1e-12 else 0.0, "exact")
    error = spread / math.sqrt(n)
    p = float(2 * scipy_stats.t.sf(abs(mean) / error, n - 1))
    half = float(scipy_stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    return Interval(n, mean, mean - half, mean + half, p, "t")


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for `len(p)` comparisons: Holm 1979, Scand. J. Statist. 6, 65."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    corrected = [0.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return corrected


def hedges_g(differences: Sequence[float] | NDArray[np.float64]) -> float:
    """Effect size of paired differences: their mean over their standard deviation.

    Corrected for small samples by 1 - 3 / (4 df - 1): Hedges 1981, J. Educ. Stat. 6, 107.
    Infinite when all differences are the same and not zero, 0 when all are zero.
    """
    x = np.asarray(differences, dtype=float)
    if len(x) < MIN_PAIRS:
        raise TooFewError(len(x))
    mean, spread = float(x.mean()), float(x.std(ddof=1))
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return 0.0 if abs(mean) <= 1e-12 else math.copysign(math.inf, mean)
    return mean / spread * (1 - 3 / (4 * (len(x) - 1) - 1))


def median_rank(n: int) -> tuple[int, float]:
    """Which order statistics bound the median of n values, and how surely they do.

    The interval runs from the k-th smallest to the k-th largest value, with the largest k whose
    coverage 1 - 2 P(B < k), B ~ Binomial(n, 1/2), is at least `CONFIDENCE`; it assumes nothing
    about the distribution (David & Nagaraja 2003, Order Statistics, 7.1). Below six values no k
    reaches 95 %: k = 1, the whole range, with the smaller coverage that it has.

    Returns:
        k, counted from 1, and the coverage.
    """
    k = max(1, int(scipy_stats.binom.ppf((1 - CONFIDENCE) / 2, n, 0.5)))
    while k > 1 and 2 * scipy_stats.binom.cdf(k - 1, n, 0.5) > 1 - CONFIDENCE:
        k -= 1
    return k, float(1 - 2 * scipy_stats.binom.cdf(k - 1, n, 0.5))


def median_intervals(
    values: NDArray[np.float64], codes: NDArray[np.int_], *, groups: int
) -> NDArray[np.float64]:
    """Median of every column in every group, with its interval by order statistics.

    Args:
        values: (rows, columns); NaN is left out.
        codes: (rows,) the group of each row, from 0 to groups - 1.
        groups: how many groups.

    Returns:
        (groups, columns, 3): median, low, high; NaN where a group has no value.
    """
    rows, columns = values.shape
    out = np.full((groups, columns, 3), np.nan)
    if rows == 0:
        return out
    for j in range(columns):
        known = ~np.isnan(values[:, j])
        x, group = values[known, j], codes[known]
        order = np.lexsort((x, group))
        x, group = x[order], group[order]
        n = np.bincount(group, minlength=groups)
        start = np.concatenate([[0], np.cumsum(n)[:-1]])
        some = n > 0
        first, count = start[some], n[some]
        ranks = {int(size): median_rank(int(size))[0] - 1 for size in np.unique(count)}
        k = np.array([ranks[int(size)] for size in count], dtype=np.intp)
        out[some, j, 0] = (x[first + (count - 1) // 2] + x[first + count // 2]) / 2
        out[some, j, 1] = x[first + k]
        out[some, j, 2] = x[first + count - 1 - k]
    return out


def r_squared(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Squared correlation of log x and log y, both positive; NaN with fewer than three pairs."""
    if len(x) < MIN_PAIRS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.corrcoef(np.log(x), np.log(y))[0, 1] ** 2)
