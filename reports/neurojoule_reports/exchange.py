"""Exchange rates: what a point network costs that is as good as a given dendritic one.

The point models of a task in a setting make a front of cost against quality. Where that front
reaches the quality of the dendritic arm, between two measured sizes by interpolation in log cost,
stands the cost of an equally good point network; its ratio to the dendritic arm's cost is the
rate. Where no measured point network is as good, or the smallest already is, the rate lies outside
the ladder: only a bound can be given, and is called one.
Training data is a currency where shares of it were learnt. There the front is made of the point
networks of the same budget, each trained on a share; a dendritic arm that was itself trained on a
share is priced in this currency alone.
Intervals resample the seeds (percentile bootstrap, Efron & Tibshirani 1993, ch. 13).
"""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neurojoule_reports.naming import dendritic
from neurojoule_reports.rates import DATA, Exchange, Rate
from neurojoule_reports.stats import MIN_PAIRS

CURRENCIES: tuple[tuple[str, str], ...] = (
    ("units", "units"),
    ("parameters", "parameters"),
    ("train_energy_j", "training energy"),
    ("train_flops", "training operations"),
    ("infer_energy_j", "inference energy"),
)
"""Column of the runs frame, and what it is called."""

RESAMPLES = 500

NAMES = (*(name for _, name in CURRENCIES), DATA)
"""Every currency, in the order of the tables."""


def exchanges(runs: pd.DataFrame, arms: pd.DataFrame) -> list[Exchange]:
    """Every dendritic arm of one task in one setting, by share of the data and by parameters.

    Args:
        runs: the ranked runs of that task and setting.
        arms: its rows of the arms frame.
    """
    known = arms[arms["quality"].notna()]
    point = known[known["family"] == "point"]
    priced = known[dendritic(known)].sort_values(
        ["share", "parameters"], ascending=[False, True], kind="stable"
    )
    if point.empty:
        return []
    higher = bool(known["higher_is_better"].iloc[0])
    rows = runs[runs["arm"].isin(known["arm"])]
    columns = ("quality", "share", "training_samples", *(column for column, _ in CURRENCIES))
    wide = {
        column: rows.pivot_table(index="arm", columns="seed", values=column, dropna=False)
        for column in columns
    }
    whole = list(point.loc[point["share"] == 1, "arm"])
    out = []
    for arm, size, share, quality in priced[["arm", "size_budget", "share", "quality"]].itertuples(
        index=False
    ):
        rates = []
        if share == 1 and whole:
            rates = [
                _rate(wide, str(arm), whole, column, name, higher=higher)
                for column, name in CURRENCIES
            ]
        ladder = point[point["size_budget"] == size]
        if len(set(ladder["share"])) > 1:
            rate = _rate(wide, str(arm), list(ladder["arm"]), "share", DATA, higher=higher)
            samples = _median(wide["training_samples"].loc[[arm]].to_numpy(dtype=float))
            rates.append(replace(rate, own=float(samples[0])))
        if rates:
            seeds = int((runs.loc[runs["arm"] == arm, "quality"]).notna().sum())
            out.append(Exchange(str(arm), float(quality), seeds, tuple(rates), float(share)))
    return out


def _rate(
    wide: dict[str, pd.DataFrame],
    arm: str,
    point: list[str],
    column: str,
    name: str,
    *,
    higher: bool,
) -> Rate:
    """`wide` holds each figure by arm and seed."""
    known = wide["quality"].reindex([arm]).notna().to_numpy()[0]
    seeds = wide["quality"].columns[known]
    if len(seeds) < MIN_PAIRS:
        return Rate(name, refusal=f"not enough runs ({len(seeds)} of {MIN_PAIRS})")
    quality, cost = (
        wide[figure].reindex(index=[arm, *point], columns=seeds).to_numpy(dtype=float)
        for figure in ("quality", column)
    )
    return replace(
        _bootstrapped(name, quality if higher else -quality, cost), own=float(_median(cost)[0])
    )


def _bootstrapped(name: str, quality: NDArray[np.float64], cost: NDArray[np.float64]) -> Rate:
    """The rate of row 0 in the rows after it; both arrays (arms, seeds), NaN where unknown."""
    everything = np.arange(quality.shape[1])[None, :]
    (value,), (bound_low,), (bound_high,) = _equal_quality(quality, cost, everything)
    if math.isnan(value):
        return Rate(name, refusal="no valid figure")
    rng = np.random.default_rng(0)
    draws = rng.integers(0, quality.shape[1], (RESAMPLES, quality.shape[1]))
    resampled, _, _ = _equal_quality(quality, cost, draws)
    known = np.sort(resampled[~np.isnan(resampled)])
    # Order statistics, not interpolation: a share of the resamples may be 0 or infinite.
    low = known[int(0.025 * (len(known) - 1))]
    high = known[math.ceil(0.975 * (len(known) - 1))]
    bound = bound_high if value == math.inf else bound_low if value == 0 else math.nan
    return Rate(name, float(value), float(low), float(high), float(bound))


def _equal_quality(
    quality: NDArray[np.float64], cost: NDArray[np.float64], draws: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each draw of seeds: the rate, and the ratios of the cheapest and dearest point arm."""
    q = _median(quality[:, draws])  # (arms, draws)
    c = np.log(_median(cost[:, draws]))
    target, own = q[0], c[0]
    q, c = q[1:], c[1:]
    unknown = np.isnan(q) | np.isnan(c)
    # One that is as good, at a cost that nobody knows, may be the cheapest: no rate.
    unpriced = ((q >= target) & np.isnan(c)).any(axis=0)
    c = np.where(unknown, np.inf, c)
    order = np.argsort(c, axis=0, kind="stable")
    c = np.take_along_axis(c, order, axis=0)
    q = np.take_along_axis(np.where(unknown, -np.inf, q), order, axis=0)
    best = np.maximum.accumulate(q, axis=0)
    reached = best >= target
    column = np.arange(c.shape[1])
    first = reached.argmax(axis=0)
    before = np.maximum(first - 1, 0)
    # The last arm below the target that set the best so far: where the front was before.
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (target - best[before, column]) / (q[first, column] - best[before, column])
        set_at = (best == best[before, column]).argmax(axis=0)
        inside = c[set_at, column] + share * (c[first, column] - c[set_at, column])
    rate = np.exp(inside - own)
    rate = np.where(first == 0, 0.0, rate)
    exact = q[first, column] == target
    rate = np.where(reached.any(axis=0) & exact, np.exp(c[first, column] - own), rate)
    rate = np.where(reached.any(axis=0), rate, np.inf)
    none = np.isnan(own) | unknown.all(axis=0) | unpriced
    dearest = np.where(np.isinf(c), -np.inf, c).max(axis=0)
    return np.where(none, np.nan, rate), np.exp(c[0] - own), np.exp(dearest - own)


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the last axis without NaN; NaN where there is no value."""
    ordered = np.sort(values, axis=-1)  # NaN last
    n = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(n - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(n // 2, ordered.shape[-1] - 1), axis=-1)
    return np.where(n > 0, (low + high) / 2, np.nan)[..., 0]
