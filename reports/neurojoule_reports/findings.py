"""What the gate looks at, one figure of one arm at a time: counts, measurements, broken runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from neurojoule.quantities import digits, percent, signed
from neurojoule_reports import stats
from neurojoule_reports.frames import groups
from neurojoule_reports.stats import TooFewError

COUNTED = (("train_flops", "training operations"), ("infer_flops", "inference operations"),
           ("parameters", "parameters"))  # fmt: skip
MEASURED = (("train_cpu_s", "CPU seconds"), ("train_energy_j", "training energy"))

COUNTED_MARGIN = 1e-3
"""A count may rise by this share: rounding, not work."""

MEASURED_MARGIN = 0.02
"""A clear rise below this share is shown and does not fail the gate."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One figure of one arm, before and after.

    Attributes:
        before, after: medians.
        change: after over before; after minus before for quality and for unfinished runs.
        span: the change in words, with its interval where it has one.
        verdict: "worse", "better", "same", or why nothing can be said.
        p: p-value before correction; NaN where nothing was tested.
        fails: whether the gate fails for it.
    """

    task: str
    arm: str
    figure: str
    before: float
    after: float
    change: float
    span: str = ""
    verdict: str = "same"
    p: float = math.nan
    fails: bool = False


def overall(both: pd.DataFrame) -> list[Finding]:
    """Over all arms at once: a small rise that every arm shares is clear here before it is in one.

    An arm counts once, with the mean of its log-ratios; the interval is over arms.
    """
    both = both[both["same_machine"]]
    if both.empty:
        return []
    out = []
    same_grade = both["grade_old"] == both["grade_new"]
    for column, figure in MEASURED:
        rows = both[same_grade] if column.endswith("_j") else both
        ratio = (rows[f"{column}_new"] / rows[f"{column}_old"]).to_numpy(dtype=float)
        key = ["suite", "task", "setup", "scale", "arm"]
        means = rows[key].assign(log=np.log(ratio)).groupby(key)["log"].mean().dropna()
        new = np.exp(means.to_numpy(dtype=float))
        table = pd.DataFrame({f"{column}_old": 1.0, f"{column}_new": new})
        finding = _paired("all", f"all {len(table)} arms", table, column, figure)
        if finding is not None and not math.isnan(finding.p):
            out.append(finding)
    return out


def counted(task: str, arm: str, part: pd.DataFrame) -> list[Finding]:
    """What is counted and not measured: any rise beyond rounding is worse, without statistics."""
    out = []
    for column, figure in COUNTED:
        known = part[[f"{column}_old", f"{column}_new"]].dropna()
        if known.empty:
            continue
        before, after = (float(v) for v in known.median())
        change = after / before if before else math.inf if after else 1.0
        changed = abs(change - 1) > COUNTED_MARGIN
        finding = Finding(
            task=task,
            arm=arm,
            figure=figure,
            before=before,
            after=after,
            change=change,
            span=f"\u00d7 {digits(change)}",
        )
        worse = change > 1
        out.append(_settled(finding, worse=worse, fails=worse) if changed else finding)
    return out


def measured(task: str, arm: str, part: pd.DataFrame) -> list[Finding]:
    """Findings that hold their p-value and are not corrected yet."""
    columns = [("quality", "quality")]
    if part["same_machine"].all():
        grades = [set(part[f"grade_{side}"].dropna()) for side in ("old", "new")]
        agree = grades[0] == grades[1]
        columns += [(c, name) for c, name in MEASURED if agree or not c.endswith("_j")]
    found = (_paired(task, arm, part, column, name) for column, name in columns)
    return [finding for finding in found if finding is not None]


def _paired(task: str, arm: str, part: pd.DataFrame, column: str, figure: str) -> Finding | None:
    quality = column == "quality"
    known = part[[f"{column}_old", f"{column}_new"]].dropna().to_numpy(dtype=float)
    if not quality:
        known = known[(known > 0).all(axis=1)]
    if not len(known):
        return None
    before, after = (float(v) for v in np.median(known, axis=0))
    finding = Finding(
        task=task,
        arm=arm,
        figure=figure,
        before=before,
        after=after,
        change=after - before if quality else after / before,
    )
    old, new = known.T
    try:
        interval = stats.mean_interval(new - old if quality else np.log(new / old))
    except TooFewError as error:
        return replace(finding, verdict=str(error))
    values = (interval.value, interval.low, interval.high)
    if quality:
        change, low, high = (signed(v) for v in values)
        higher = bool(part["higher_is_better_old"].iloc[0])
        worse = (interval.value < 0) == higher
        finding = replace(finding, change=interval.value, span=f"{change} ({low} to {high})")
    else:
        change, low, high = (digits(math.exp(v)) for v in values)
        worse = interval.value > 0
        span = f"\u00d7 {change} ({low}\u2013{high})"
        finding = replace(finding, change=math.exp(interval.value), span=span)
    small = not quality and abs(finding.change - 1) < MEASURED_MARGIN
    return _settled(replace(finding, p=interval.p), worse=worse, fails=worse and not small)


def _settled(finding: Finding, *, worse: bool, fails: bool) -> Finding:
    return replace(finding, verdict="worse" if worse else "better", fails=fails)


def corrected(found: Sequence[Finding]) -> list[Finding]:
    """Turn what is not clear after Holm's correction into "same"."""
    tested = [f for f in found if not math.isnan(f.p)]
    corrected = iter(stats.holm([f.p for f in tested]))
    return [
        replace(f, verdict="same", fails=False)
        if not math.isnan(f.p) and next(corrected) >= 1 - stats.CONFIDENCE
        else f
        for f in found
    ]


def broken(before: pd.DataFrame, after: pd.DataFrame) -> list[Finding]:
    """Arms of which more runs fail, diverge or time out than before."""
    key = ["suite", "task", "design", "share"]  # whatever its recipe
    old = dict(groups(before[~before["superseded"]], key))
    out = []
    for where, part in groups(after[~after["superseded"]], key):
        if where in old:
            was, now = (float((p["status"] != "ok").mean()) for p in (old[where], part))
            if now > was:
                finding = Finding(
                    task=where[1],
                    arm=str(part["arm"].iloc[0]),
                    figure="unfinished runs",
                    before=was,
                    after=now,
                    change=now - was,
                    span=f"{percent(was)} to {percent(now)}",
                )
                out.append(_settled(finding, worse=True, fails=True))
    return out
