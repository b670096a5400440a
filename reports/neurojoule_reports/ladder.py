"""A ladder of depths and widths on one cell: how much network is good enough, at which power.

An arm is good enough when its validation lies within a margin of the best one's. That is asked of
the worse and of the better end of every arm's interval over seeds, so that each answer is a pair:
the least network that could be good enough, and the least that surely is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from neurojoule.registry import tasks
from neurojoule_reports.frames import groups
from neurojoule_reports.naming import registered
from neurojoule_reports.stats import median_rank

DEPTHS = ("layers", "levels", "depth")
"""What models call their depth."""


@dataclass(frozen=True)
class Rung:
    """One arm of a ladder; validation as median, worse and better end, in the metric's unit."""

    arm: str
    depth: int
    width: int
    validation: float
    worse: float
    better: float
    seeds: int


@dataclass(frozen=True)
class Least:
    """The least that could be good enough, and the least that surely is; inf where none is."""

    depth: tuple[float, float]
    units: tuple[float, float]

    @property
    def depth_words(self) -> str:
        """One number, or two."""
        return _words(self.depth)

    @property
    def units_words(self) -> str:
        """One number, or two."""
        return _words(self.units)


def _words(ends: tuple[float, float]) -> str:
    low, high = ends
    if math.isinf(high):
        return f"{low:.0f} or more"
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def rungs(runs: pd.DataFrame, model: str) -> list[Rung]:
    """Every arm of `model` with its depth (an option of it), width and validation."""
    out = []
    for (arm,), part in groups(runs[registered(runs) == model], ["arm"]):
        values = sorted(part["quality_validation"].dropna())
        depth = depth_of(str(part["model"].iloc[0]))
        if not values or depth is None:
            continue
        k, _ = median_rank(len(values))
        ends = values[k - 1], values[len(values) - k]
        higher = bool(part["higher_is_better"].iloc[0])
        middle = float(pd.Series(values).median())
        worse, better = ends if higher else ends[::-1]
        width = int(part["width"].median())
        out.append(Rung(arm, depth, width, middle, worse, better, len(values)))
    return sorted(out, key=lambda rung: (rung.depth, rung.width))


def depth_of(model: str) -> int | None:
    """The depth that stands among a model's options; None when there is none."""
    for word in model.split():
        name, _, value = word.rstrip(",").partition("=")
        if name in DEPTHS and value.isdigit():
            return int(value)
    return None


def good_enough(found: list[Rung], margin: float, *, higher: bool) -> dict[str, tuple[bool, bool]]:
    """For each arm whether it could be, and whether it surely is, within the margin of the best."""
    sign = 1 if higher else -1
    best = max(sign * r.validation for r in found)
    limit = best - margin * abs(best)
    return {r.arm: (sign * r.better >= limit, sign * r.worse >= limit) for r in found}


def least(runs: pd.DataFrame, model: str, margin: float) -> Least | None:
    """The smallest depth, and the least depth x width, within a share of the best validation.

    Args:
        runs: the runs that count, of one task in one setting.
        model: whose ladder.
        margin: share of the best median validation that is given away.
    """
    found = rungs(runs, model)
    if not found:
        return None
    good = good_enough(found, margin, higher=bool(runs["higher_is_better"].iloc[0]))

    def ends(size: dict[str, int]) -> tuple[float, float]:
        could, surely = (
            min((size[r.arm] for r in found if good[r.arm][i]), default=math.inf) for i in (0, 1)
        )
        return could, surely

    return Least(
        ends({r.arm: r.depth for r in found}), ends({r.arm: r.depth * r.width for r in found})
    )


@dataclass(frozen=True)
class Power:
    """Joules a neuron-second of one arm: median, and between which the true ones lie."""

    arm: str
    family: str
    quality: float
    watts: float
    low: float
    high: float


def powers(runs: pd.DataFrame, margin: float | None = None) -> list[Power]:
    """The power of every arm in imitating one neuron, by its energy an inference.

    Args:
        runs: the runs that count, of one cell's task in one setting.
        margin: only of arms within this share of the best validation; None for all.
    """
    if runs.empty:
        return []
    seconds = seconds_a_sample(str(runs["task"].iloc[0]))
    if seconds is None:
        return []
    return [p for p in _powers(runs, seconds) if margin is None or _near(runs, p.arm, margin)]


def _powers(runs: pd.DataFrame, seconds: float) -> Iterator[Power]:
    for (arm,), part in groups(runs, ["arm"]):
        columns = ["infer_energy_j", "infer_energy_low_j", "infer_energy_high_j"]
        known = part[columns].dropna()
        if known.empty:
            continue
        watts, low, high = (float(v) / seconds for v in known.median())
        quality = float(part["quality"].median())
        yield Power(arm, str(part["family"].iloc[0]), quality, watts, low, high)


def _near(runs: pd.DataFrame, arm: str, margin: float) -> bool:
    medians = runs.groupby("arm")["quality_validation"].median().dropna()
    higher = bool(runs["higher_is_better"].iloc[0])
    best = float(medians.max() if higher else medians.min())
    return arm in medians.index and abs(float(medians[arm]) - best) <= margin * abs(best)


def seconds_a_sample(task: str) -> float | None:
    """How long a sample of a cell's task is: its inputs are milliseconds (NEURON)."""
    found = tasks().get(task)
    if found is None or "time" not in found.axes:
        return None
    return found.inputs[found.axes.index("time")] / 1000
