"""Models ranked over tasks, with the difference in rank that is critical; refused with few tasks.

Demsar 2006, JMLR 7:1: the Friedman test in the form of Iman & Davenport, then Nemenyi's test. The
ranks of a model over tasks are the data, so that three tasks say nothing however many seeds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from neurojoule_reports.frames import Frames, groups
from neurojoule_reports.naming import registered
from neurojoule_reports.stats import CONFIDENCE

MIN_TASKS = 10
MIN_MODELS = 3


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of models over tasks (1 is best), or a refusal with the number missing.

    Attributes:
        p: that all models are alike.
        difference: of mean ranks that two models need to differ at the 5 % level.
        groups: runs of models, best first, of which no two differ.
    """

    setting: str
    tasks: int
    models: tuple[str, ...] = ()
    ranks: tuple[float, ...] = ()
    p: float = math.nan
    difference: float = math.nan
    groups: tuple[tuple[str, ...], ...] = ()
    refusal: str = ""


def rankings(frames: Frames) -> list[Ranking]:
    """One for each setting: each model by its size with the best median quality on each task."""
    return [_ranking(setting, arms) for (setting,), arms in groups(frames.arms, ["setting"])]


def _ranking(setting: str, arms: pd.DataFrame) -> Ranking:
    known = arms[arms["quality"].notna() & (arms["share"] == 1)]
    known = known.assign(
        sign=known["higher_is_better"].map({True: 1.0, False: -1.0}).astype(float),
        name=registered(known),
    )
    known = known.assign(score=known["quality"] * known["sign"], on=known["suite"] + known["task"])
    wide = known.pivot_table(index="on", columns="name", values="score", aggfunc="max")
    tasks = len(wide)
    wide = wide.dropna(axis=1)
    if tasks < MIN_TASKS or wide.shape[1] < MIN_MODELS:
        models = len(wide.columns)
        lack = (
            f"{MIN_TASKS - tasks} more"
            if tasks < MIN_TASKS
            else f"{MIN_MODELS - models} more models that finished all of them"
        )
        refusal = (
            f"No ranking over tasks: it needs {MIN_TASKS} tasks that the same {MIN_MODELS} models "
            f"or more have finished; here are {tasks}, so {lack} are missing."
        )
        return Ranking(setting, tasks, refusal=refusal)
    ranks = scipy_stats.rankdata(-wide.to_numpy(dtype=float), axis=1)
    return ranked(setting, [str(name) for name in wide.columns], ranks)


def ranked(setting: str, models: Sequence[str], ranks: NDArray[np.float64]) -> Ranking:
    """Test ranks of shape (tasks, models)."""
    tasks, k = ranks.shape
    means = ranks.mean(axis=0)
    p = friedman_p(means, tasks)
    difference = critical_difference(k, tasks)
    order = np.argsort(means, kind="stable")
    names = tuple(models[i] for i in order)
    values = tuple(float(means[i]) for i in order)
    return Ranking(setting, tasks, names, values, p, difference, _alike(names, values, difference))


def friedman_p(means: NDArray[np.float64], tasks: int) -> float:
    """P-value of equal ranks by Iman & Davenport's F, from mean ranks (models,)."""
    k = len(means)
    chi2 = 12 * tasks / (k * (k + 1)) * (float((means**2).sum()) - k * (k + 1) ** 2 / 4)
    if tasks * (k - 1) - chi2 <= 1e-12:
        return 0.0
    f = (tasks - 1) * chi2 / (tasks * (k - 1) - chi2)
    return float(scipy_stats.f.sf(f, k - 1, (k - 1) * (tasks - 1)))


def critical_difference(models: int, tasks: int) -> float:
    """Nemenyi's: the studentised range over sqrt 2, times sqrt(k (k + 1) / (6 N))."""
    q = float(scipy_stats.studentized_range.ppf(CONFIDENCE, models, np.inf)) / math.sqrt(2)
    return q * math.sqrt(models * (models + 1) / (6 * tasks))


def _alike(
    names: tuple[str, ...], values: tuple[float, ...], difference: float
) -> tuple[tuple[str, ...], ...]:
    """The longest runs of models within one critical difference."""
    found: list[tuple[int, int]] = []
    for i in range(len(names)):
        j = max(k for k in range(len(names)) if values[k] - values[i] < difference)
        if j > i and not (found and found[-1][1] >= j):
            found.append((i, j))
    return tuple(names[i : j + 1] for i, j in found)


def diagram(found: Ranking) -> Markup:
    """Models on an axis of mean ranks, joined where they do not differ (Demsar 2006, fig. 1)."""
    k, width = len(found.models), 640

    def x(rank: float) -> float:
        return round(150 + (rank - 1) / (k - 1) * (width - 300), 1)

    half = (k + 1) // 2
    first = 74 + 9 * len(found.groups)
    parts = [
        Markup('<line class="axis" x1="{}" x2="{}" y1="50" y2="50"/>').format(x(1), x(k)),
        Markup(
            '<line class="front" x1="{0}" x2="{1}" y1="14" y2="14"/>'
            '<text x="{1}" y="18" dx="8">critical difference {2}</text>'
        ).format(x(1), x(1 + found.difference), f"{found.difference:.2f}"),
    ]
    parts += [
        Markup('<text x="{}" y="42" text-anchor="middle">{}</text>').format(x(rank), rank)
        for rank in range(1, k + 1)
    ]
    for i, (name, rank) in enumerate(zip(found.models, found.ranks, strict=True)):
        left = i < half
        y = first + 18 * (i if left else k - 1 - i)
        edge, anchor = (140, "end") if left else (width - 140, "start")
        parts.append(
            Markup(
                '<polyline class="leader" fill="none" points="{0},50 {0},{1} {2},{1}"/>'
                '<text x="{3}" y="{4}" text-anchor="{5}">{6}</text>'
            ).format(x(rank), y, edge, edge + (-5 if left else 5), y + 4, anchor, name)
        )
    at = dict(zip(found.models, found.ranks, strict=True))
    parts += [
        Markup('<line class="bar-alike" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            x(at[names[0]]) - 4, x(at[names[-1]]) + 4, 60 + 9 * i, 60 + 9 * i
        )
        for i, names in enumerate(found.groups)
    ]
    words = ", ".join(f"{n} {r:.2f}" for n, r in zip(found.models, found.ranks, strict=True))
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        width, first + 18 * half, f"Mean ranks over {found.tasks} tasks: {words}."
    )
    return head + Markup("").join(parts) + Markup("</svg>")
