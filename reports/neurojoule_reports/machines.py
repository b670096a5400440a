"""Machines and setups side by side: the same work twice, paired by seed.

Costs of two machines are compared as paired log-ratios of the same task, arm and seed. Whether the
machines agree on which model is cheap is asked by rank (Kendall's tau-b). To set more than two side
by side, each arm is divided by a baseline arm on its own machine: what is left is a matter of the
model and not of the clock.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from neurojoule import quantities
from neurojoule_reports import frames as frames_
from neurojoule_reports import stats, text
from neurojoule_reports.frames import Frames, groups, ranked
from neurojoule_reports.stats import Interval, TooFewError

FIGURES = (
    ("train_time_s", "training time"),
    ("train_energy_j", "training energy"),
    ("infer_time_s", "inference time"),
    ("infer_energy_j", "inference energy"),
)


@dataclass(frozen=True)
class Ratio:
    """B over A in one figure, with its interval; or why there is none."""

    n: int
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    refusal: str = ""

    def __str__(self) -> str:
        if self.refusal:
            return self.refusal
        if self.low == self.high:
            return f"\u00d7 {quantities.digits(self.value)}"
        span = f"{quantities.digits(self.low)}\u2013{quantities.digits(self.high)}"
        return f"\u00d7 {quantities.digits(self.value)} ({span})"


@dataclass(frozen=True)
class Row:
    """One arm on one task, B against A."""

    suite: str
    task: str
    arm: str
    ratios: dict[str, Ratio]


@dataclass(frozen=True)
class Agreement:
    """Whether A and B order the arms of a task alike, in one figure: Kendall's tau-b."""

    task: str
    figure: str
    arms: int
    tau: float

    def __str__(self) -> str:
        if math.isnan(self.tau):
            return f"{self.task}, {self.figure}: too few arms in common ({self.arms} of 3)"
        return f"{self.task}, {self.figure}: \u03c4 = {self.tau:.2f} over {self.arms} arms"


@dataclass(frozen=True)
class Sides:
    """A against B."""

    a: str
    b: str
    rows: tuple[Row, ...]
    agreements: tuple[Agreement, ...]
    note: str = ""

    @property
    def words(self) -> str:
        """The middle of each ratio over the arms, in a sentence."""
        said = []
        for column, name in FIGURES:
            ratios = [row.ratios[column] for row in self.rows]
            known = [r.value for r in ratios if not r.refusal]
            if len(known) * 2 > len(ratios):
                of = "" if len(known) == len(ratios) else f" (of {len(known)} arms)"
                said.append(f"{quantities.digits(median(known))} times the {name}{of}")
            else:
                said.append(f"{name} not settled")
        return f"{self.b} needs, by the median of {len(self.rows)} arms: {', '.join(said)}."


def compare(a: Sequence[Path], b: Sequence[Path]) -> str:
    """What `neurojoule compare A B` prints: B over A for all that both ran, and rank agreement.

    Args:
        a: folders of records. Where they hold several settings, the two that have the most in
            common are set side by side, and the heading says which.
        b: likewise.

    Raises:
        UserError: when a folder does not exist.
    """
    left, right = frames_.load_alike(a, b)
    best: Sides | None = None
    for setting_a in _settings(left):
        for setting_b in _settings(right):
            found = sides(_of(left, setting_a), _of(right, setting_b), setting_a, setting_b)
            if found.rows and (best is None or len(found.rows) > len(best.rows)):
                best = found
    if best is None:
        return "The two have no finished run of the same task, arm and seed in common."
    return words(best)


def words(found: Sides) -> str:
    """The comparison as a table in plain text."""
    heads = ["Task", "Arm", *(name.capitalize() for _, name in FIGURES)]
    rows = [[r.task, r.arm, *(str(r.ratios[c]) for c, _ in FIGURES)] for r in found.rows]
    lines = [f"A: {found.a}", f"B: {found.b}", "B over A; below 1, B needs less.", ""]
    lines += [text.table(heads, rows), "", "Do A and B order the models alike?"]
    lines += [f"  {agreement}" for agreement in found.agreements]
    return "\n".join([*lines, *([found.note] if found.note else [])])


_KEY = ["suite", "task", "scale", "arm", "recipe", "seed"]
_BOUNDS = [f"{stage}_energy_{end}_j" for stage in ("train", "infer") for end in ("low", "high")]


def pairs_of_settings(frames: Frames) -> list[Sides]:
    """The setting with the most runs against each other one; what only one ran is left out."""
    names = _settings(frames)
    needed = ["setting", "grade", *_KEY, *(column for column, _ in FIGURES), *_BOUNDS]
    parts = dict(groups(ranked(frames.runs)[needed], ["setting"])) if names else {}
    tables = {key[0]: part for key, part in parts.items()}
    if len(tables) < 2:
        return []
    first, *others = [name for name in names if name in tables]
    found = (sides(tables[first], tables[other], first, other) for other in others)
    return [side for side in found if side.rows]


def sides(a: pd.DataFrame, b: pd.DataFrame, name_a: str, name_b: str) -> Sides:
    """Compare two tables of ranked runs, each of one setting."""
    grades = [set(part["grade"].dropna()) for part in (a, b)]
    differ = grades[0] != grades[1] and all(grades)
    columns = [column for column, _ in FIGURES]
    kept = [*_KEY, *columns, *_BOUNDS]
    both = a[kept].merge(b[kept], on=_KEY, suffixes=("_a", "_b"))
    rows = tuple(
        Row(
            suite,
            task,
            arm,
            {
                c: _bounded(part, c) if differ and c.endswith("_j") else _ratio(part, c)
                for c in columns
            },
        )
        for (suite, task, arm), part in groups(both, ["suite", "task", "arm"])
    )
    agreements = tuple(
        _agreement(task, part, column, name)
        for (_, task), part in groups(both, ["suite", "task"])
        for column, name in FIGURES
    )
    note = ""
    if differ:
        said = [", ".join(sorted(grade)) for grade in grades]
        note = (
            f"Joules of A are {said[0]}, those of B {said[1]}: an interval of their ratio holds "
            "what either grade may be off by, and where it holds 1 the ratio is not settled. "
            "Ranks compare within each side and stand."
        )
    return Sides(name_a, name_b, rows, agreements, note)


def _bounded(part: pd.DataFrame, column: str) -> Ratio:
    """The ratio of joules of two grades, from the least of B over the most of A to the opposite."""
    stem = column.removesuffix("_j")
    central = _ratio(part, column)
    if central.refusal:
        return central
    ends = []
    for over, under in (("low", "high"), ("high", "low")):
        table = part[[f"{stem}_{under}_j_a", f"{stem}_{over}_j_b"]].set_axis(["x_a", "x_b"], axis=1)
        ends.append(_ratio(table, "x"))
    if ends[0].refusal or ends[1].refusal:
        return Ratio(central.n, refusal="not settled: how far each grade may be off is not known")
    low, high = ends[0].low, ends[1].high
    if low <= 1 <= high:
        span = f"{quantities.digits(low)}\u2013{quantities.digits(high)}"
        return Ratio(central.n, refusal=f"not settled ({span})")
    return Ratio(central.n, central.value, low, high)


def _ratio(part: pd.DataFrame, column: str) -> Ratio:
    known = part[[f"{column}_a", f"{column}_b"]].dropna().to_numpy(dtype=float)
    known = known[(known > 0).all(axis=1)]
    try:
        interval: Interval = stats.mean_interval(np.log(known[:, 1]) - np.log(known[:, 0]))
    except TooFewError as error:
        return Ratio(error.n, refusal=str(error))
    value, low, high = (math.exp(x) for x in (interval.value, interval.low, interval.high))
    return Ratio(interval.n, value, low, high)


def _agreement(task: str, part: pd.DataFrame, column: str, name: str) -> Agreement:
    medians = part.groupby("arm")[[f"{column}_a", f"{column}_b"]].median().dropna()
    if len(medians) < 3:
        return Agreement(task, name, len(medians), math.nan)
    tau = scipy_stats.kendalltau(medians.iloc[:, 0], medians.iloc[:, 1]).statistic
    return Agreement(task, name, len(medians), float(tau))


@dataclass(frozen=True)
class Map:
    """Each arm of a task over the baseline arm of the same setting, in log2, by setting."""

    suite: str
    task: str
    figure: str
    baseline: str
    settings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


def maps(frames: Frames) -> list[Map]:
    """Ratio maps of training time and energy for each task that two settings or more ran."""
    out = []
    for (suite, task, _), part in groups(_same_work(frames.arms), ["suite", "task", "scale"]):
        for column, name in FIGURES[:2]:
            wide = part.pivot_table(index="arm", columns="setting", values=column, sort=False)
            wide = wide[sorted(wide.columns)]
            common = wide.dropna()
            if wide.shape[1] < 2 or common.empty:
                continue
            baseline = _baseline(part, set(common.index))
            logs = np.log2(wide.to_numpy(dtype=float) / wide.loc[[baseline]].to_numpy(dtype=float))
            rows = tuple(
                (str(arm), tuple(float(v) for v in values))
                for arm, values in zip(wide.index, logs, strict=True)
            )
            settings = tuple(str(c) for c in wide.columns)
            out.append(Map(suite, task, name, baseline, settings, rows))
    return out


def _same_work(arms: pd.DataFrame) -> pd.DataFrame:
    """The arms without those that were trained by another recipe in some setting."""
    recipes = arms.groupby(["suite", "task", "scale", "arm"])["recipe"].transform("nunique")
    kept: pd.DataFrame = arms[recipes == 1]
    return kept


def _baseline(arms: pd.DataFrame, common: set[str]) -> str:
    """Of the arms that all settings have: a point model before others, then the smallest."""
    known = arms[arms["arm"].isin(common)].assign(other=arms["family"] != "point")
    return str(known.sort_values(["other", "parameters", "arm"])["arm"].iloc[0])


def _settings(frames: Frames) -> list[str]:
    counts = frames.runs["setting"].value_counts()
    return sorted(counts.index, key=lambda name: (-int(counts[name]), str(name)))


def _of(frames: Frames, setting: str) -> pd.DataFrame:
    table = ranked(frames.runs)
    return table[table["setting"] == setting]
