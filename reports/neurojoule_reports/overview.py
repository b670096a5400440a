"""Fronts in one number, and quality at equal energy: tables beside the figures."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurojoule_reports.frames import Frames, groups
from neurojoule_reports.pareto import hypervolume

COSTS = (
    ("train_energy_j", "training energy"),
    ("infer_energy_j", "inference energy"),
    ("parameters", "parameters"),
)

MAX_BUDGETS = 4


@dataclass(frozen=True)
class Volumes:
    """Hypervolume of each family on one task: decades of cost times quality above chance."""

    task: str
    setting: str
    rows: tuple[tuple[str, tuple[float, ...]], ...]


def volumes(frames: Frames) -> list[Volumes]:
    """For each task in each setting; the worst point is the dearest arm's cost and chance."""
    out = []
    for (_, task, setting), arms in groups(frames.arms, ["suite", "task", "setting"]):
        known = arms[arms["quality"].notna()]
        if known["family"].nunique() < 2:
            continue
        higher = bool(known["higher_is_better"].iloc[0])
        sign = 1 if higher else -1
        worst = sign * float(known["chance"].iloc[0])
        dearest = {cost: float(known[cost].max()) for cost, _ in COSTS}
        rows = [
            (family, tuple(_volume(part, cost, sign, worst, dearest[cost]) for cost, _ in COSTS))
            for (family,), part in groups(known, ["family"])
        ]
        out.append(Volumes(task, setting, tuple(sorted(rows, key=_first, reverse=True))))
    return out


def _first(row: tuple[str, tuple[float, ...]]) -> float:
    return -math.inf if math.isnan(row[1][0]) else row[1][0]


def _volume(part: pd.DataFrame, cost: str, sign: int, worst: float, dearest: float) -> float:
    known = part[part[cost] > 0]
    if known.empty:
        return math.nan
    return hypervolume(
        [float(x) for x in known[cost]],
        [sign * float(y) for y in known["quality"]],
        worst_cost=dearest,
        worst_quality=worst,
    )


@dataclass(frozen=True)
class EqualEnergy:
    """Best validation reached within some joules, for each arm of one task in one setting."""

    task: str
    setting: str
    metric: str
    budgets_j: tuple[float, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


def equal_energy(frames: Frames, medians: pd.DataFrame) -> list[EqualEnergy]:
    """For each task in each setting, by the median learning curves (`curves.median_curves`)."""
    known_arms = frames.arms[frames.arms["metric"].notna()]
    metrics = dict(groups(known_arms, ["suite", "task"]))
    out = []
    for (suite, task, setting), part in groups(medians, ["suite", "task", "setting"]):
        known = part[part["energy_j"] > 0]
        if known["arm"].nunique() < 2:
            continue
        first = metrics[suite, task].iloc[0]
        sign = 1 if first["higher_is_better"] else -1
        budgets = _budgets(known)
        rows = [
            (arm, tuple(_reached(curve, joules, sign) for joules in budgets))
            for (arm,), curve in groups(known, ["arm"])
        ]
        rows.sort(key=lambda row: tuple(-sign * v for v in row[1][::-1] if not math.isnan(v)))
        out.append(EqualEnergy(task, setting, str(first["metric"]), budgets, tuple(rows)))
    return out


def _budgets(curves: pd.DataFrame) -> tuple[float, ...]:
    """Round joules between where half of the arms have begun and where the dearest ends."""
    grouped = curves.groupby("arm")["energy_j"]
    low, high = math.log10(float(grouped.min().median())), math.log10(float(grouped.max().max()))
    steps = np.linspace(low, high, MAX_BUDGETS)
    return tuple(dict.fromkeys(float(f"{10**step:.1g}") for step in steps))


def _reached(curve: pd.DataFrame, joules: float, sign: int) -> float:
    within = curve.loc[curve["energy_j"] <= joules, "validation"]
    return math.nan if within.empty else sign * float((sign * within).max())
