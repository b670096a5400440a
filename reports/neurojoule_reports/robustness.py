"""Robustness: quality under input noise, after loss of synapses, after learning another task.

How runs are put through it stands in `neurojoule.robustness` and `neurojoule.switching`. Besides
the quality that is left stands the share of it that is kept, (q - chance) / (before - chance),
because a network that starts higher can fall further. Dendritic networks are compared with point
networks of the same size, paired by seed, in the mean over all levels of a probe.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from neurojoule_reports import robustness_words as words
from neurojoule_reports.frames import Frames, groups
from neurojoule_reports.naming import dendritic
from neurojoule_reports.pairs import Comparison, by_seed, compare, corrected
from neurojoule_reports.robustness_figures import Line, draw
from neurojoule_reports.robustness_table import SWITCH, table


@dataclass(frozen=True)
class Arm:
    """What is left of one arm: medians over seeds.

    Attributes:
        before: quality without a perturbation.
        left: (quality, share kept) at each level.
    """

    arm: str
    family: str
    before: float
    left: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Contrast:
    """A dendritic arm against a point arm of the same size in one probe."""

    probe: str
    dendritic: str
    point: str
    quality: Comparison
    kept: Comparison


@dataclass(frozen=True)
class Probed:
    """One probe of a task: its levels, every arm, the figures, what can be said."""

    probe: str
    name: str
    levels: tuple[str, ...]
    arms: tuple[Arm, ...]
    figures: tuple[tuple[str, Markup], ...]
    words: str
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True)
class Forgetting:
    """One arm before and after it learned another task: medians over seeds; `rate` in words."""

    arm: str
    before: float
    after: float
    forgotten: float
    kept: float
    second: float
    rate: str


@dataclass(frozen=True)
class Task:
    """All probes of one task in one setting."""

    suite: str
    task: str
    setting: str
    metric: str
    draws: int
    probes: tuple[Probed, ...]
    forgetting: tuple[Forgetting, ...]


def section(frames: Frames) -> tuple[Task, ...]:
    """One for each task in each setting that was probed."""
    made = table(frames)
    return tuple(
        _task((suite, task, setting), part, frames)
        for (suite, task, setting), part in groups(made, ["suite", "task", "setting"])
    )


def _task(where: tuple[str, str, str], part: pd.DataFrame, frames: Frames) -> Task:
    arms = frames.arms
    here = arms[(arms[["suite", "task", "setting"]] == list(where)).all(axis=1)]
    known = here[here["metric"].notna()]  # an arm of which no run finished has none
    metric, higher = str(known["metric"].iloc[0]), bool(known["higher_is_better"].iloc[0])
    chance = float(known["chance"].iloc[0])
    contrasts = compared(part, here, higher=higher)
    probes = [
        _probe(
            probe,
            of_probe,
            [c for c in contrasts if c.probe == probe],
            metric,
            chance,
            higher=higher,
        )
        for probe in words.PROBES
        if not (of_probe := part[part["probe"] == probe]).empty
    ]
    draws = part["draws"].max()
    return Task(
        *where,
        metric,
        0 if math.isnan(draws) else int(draws),
        tuple(probes),
        tuple(_forgetting(part[part["probe"] == SWITCH], here, higher=higher)),
    )


def compared(part: pd.DataFrame, arms: pd.DataFrame, *, higher: bool) -> list[Contrast]:
    """Every dendritic against every point arm of its size, in every probe of one task.

    A run counts with the mean over the levels of a probe, and not at all where one is not known.
    P-values are corrected by Holm over all comparisons of the task.
    """
    size_of = dict(
        zip(arms["arm"], zip(arms["size_budget"], arms["share"], strict=True), strict=True)
    )
    left = sorted(arms.loc[dendritic(arms), "arm"])
    right = sorted(arms.loc[arms["family"] == "point", "arm"])
    pairs = [(a, b) for a in left for b in right if size_of[a] == size_of[b]]
    keys, tests = [], []
    for probe in words.PROBES:
        runs = part[part["probe"] == probe].groupby(["arm", "seed"])[["quality", "kept"]]
        means = runs.mean().where(runs.count().eq(runs.size(), axis=0)).reset_index()
        if means.empty:
            continue
        quality, kept = by_seed(means, "quality"), by_seed(means, "kept")
        for a, b in pairs:
            keys.append((probe, a, b))
            tests.append(compare(quality, "quality", a, b, higher_is_better=higher))
            tests.append(compare(kept, "quality", a, b))
    made = iter(corrected(tests))
    return [Contrast(probe, a, b, next(made), next(made)) for probe, a, b in keys]


def _probe(
    probe: str,
    part: pd.DataFrame,
    contrasts: Sequence[Contrast],
    metric: str,
    chance: float,
    *,
    higher: bool,
) -> Probed:
    levels = [1.0] if probe == SWITCH else sorted(part["level"].unique())
    at = part.assign(level=1.0) if probe == SWITCH else part
    arms = []
    for (arm,), of_arm in groups(at, ["arm"]):
        medians = of_arm.groupby("level")[["quality", "kept"]].median().reindex(levels)
        arms.append(
            Arm(
                arm,
                str(of_arm["family"].iloc[0]),
                float(of_arm["quality_before"].median()),
                tuple((float(q), float(k)) for q, k in medians.itertuples(index=False)),
            )
        )
    arms.sort(key=lambda a: a.before, reverse=higher)
    ends = [("quality", 0, chance, metric), ("share kept", 1, 0.0, "accuracy")]
    figures = []
    for title, which, floor, unit in ends:
        lines = [
            Line(a.arm, a.family, ((0.0, (a.before, 1.0)[which]), *_points(levels, a, which)))
            for a in arms
        ]
        figures.append((title, draw(words.PROBES[probe], title, lines, floor, unit)))
    return Probed(
        probe,
        words.PROBES[probe].name,
        tuple(words.PROBES[probe].level(x) for x in levels),
        tuple(arms),
        tuple(figures),
        words.finding(words.PROBES[probe].name, contrasts),
        tuple(contrasts),
    )


def _points(levels: Sequence[float], arm: Arm, which: int) -> list[tuple[float, float]]:
    return [(x, left[which]) for x, left in zip(levels, arm.left, strict=True)]


def _forgetting(part: pd.DataFrame, arms: pd.DataFrame, *, higher: bool) -> list[Forgetting]:
    """The arms that forget least first."""
    sign = 1 if higher else -1
    recipes = dict(zip(arms["arm"], arms["recipe"], strict=True))
    lost = part.assign(forgotten=sign * (part["quality_before"] - part["quality"]))
    found = []
    for (arm,), of_arm in groups(lost, ["arm"]):
        median = of_arm.median(numeric_only=True)
        found.append(
            Forgetting(
                arm,
                before=float(median["quality_before"]),
                after=float(median["quality"]),
                forgotten=float(median["forgotten"]),
                kept=float(median["kept"]),
                second=float(median["quality_second"]),
                rate=str(recipes[arm]).partition(", ")[0],
            )
        )
    return sorted(found, key=lambda f: f.forgotten)
