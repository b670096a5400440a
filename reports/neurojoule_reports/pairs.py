"""Paired comparisons of two arms: which runs make a pair, and what their difference is.

A pair is two runs of the same task, seed, machine and setup. Costs are compared as the logarithm
of their ratio, qualities as their difference in the direction of better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from neurojoule_reports import stats
from neurojoule_reports.stats import Interval, TooFewError


@dataclass(frozen=True)
class Comparison:
    """Arm `a` against arm `b` in one figure.

    Attributes:
        figure: the column compared.
        a, b: the arms.
        n: pairs.
        value, low, high: a minus b for quality (positive: a is better), a over b for a cost
            (below 1: a is cheaper), with the 95 % interval; NaN when `refusal` is set.
        p: p-value, and after Holm's correction `p_holm`.
        effect: Hedges' g of the paired differences.
        method: t or exact.
        refusal: why nothing can be said, or "".
    """

    figure: str
    a: str
    b: str
    n: int
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    p_holm: float = math.nan
    effect: float = math.nan
    method: str = ""
    refusal: str = ""

    @property
    def clear(self) -> bool:
        """Whether the two differ beyond the corrected 5 % level."""
        return self.p_holm < 1 - stats.CONFIDENCE


def by_seed(runs: pd.DataFrame, figure: str) -> dict[str, pd.Series]:
    """For each arm, `figure` by seed; runs are those of one task in one setting."""
    known = runs[["arm", "seed", figure]].dropna()
    return {
        str(arm): part.set_index("seed")[figure] for arm, part in known.groupby("arm", sort=True)
    }


def compare(
    values: dict[str, pd.Series], figure: str, a: str, b: str, *, higher_is_better: bool = True
) -> Comparison:
    """Compare two arms in one figure over the seeds that both have."""
    empty = pd.Series(dtype=float)
    joined = pd.concat([values.get(a, empty), values.get(b, empty)], axis=1, join="inner").to_numpy(
        dtype=float
    )
    is_quality = figure == "quality"
    if is_quality:
        sign = 1 if higher_is_better else -1
        difference = sign * (joined[:, 0] - joined[:, 1])
    else:
        joined = joined[(joined > 0).all(axis=1)]
        difference = np.log(joined[:, 0]) - np.log(joined[:, 1])
    try:
        interval = stats.mean_interval(difference)
    except TooFewError as error:
        return Comparison(figure, a, b, error.n, refusal=str(error))
    return _comparison(figure, a, b, interval, stats.hedges_g(difference), ratio=not is_quality)


def _comparison(
    figure: str, a: str, b: str, interval: Interval, effect: float, *, ratio: bool
) -> Comparison:
    value, low, high = (
        math.exp(x) if ratio else x for x in (interval.value, interval.low, interval.high)
    )
    return Comparison(
        figure, a, b, interval.n, value, low, high, interval.p, interval.p, effect, interval.method
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same, with p-values corrected by Holm over those that could be made."""
    made = [c for c in comparisons if not c.refusal]
    p = iter(stats.holm([c.p for c in made]))
    return [c if c.refusal else replace(c, p_holm=next(p)) for c in comparisons]
