"""The gate for CI: did a change make anything dearer or worse, beyond noise?

Operations and parameters are counted, not measured: any rise counts, on any machine. Quality, CPU
seconds and energy are compared in pairs of the same task, arm and seed, and fail only where the
difference is clear after Holm's correction over everything that the gate looks at; CPU seconds and
energy only on the same machine, energy only where it is valid and its grades agree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from neurojoule_reports import frames, stats, text, units
from neurojoule_reports.frames import groups, ranked
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


@dataclass(frozen=True)
class Gate:
    """What the gate found; `passed` decides the exit code."""

    passed: bool
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def table(self) -> str:
        """All that is not the same, as plain text, under one sentence."""
        heads = ["Task", "Arm", "Figure", "Before", "After", "Change", "Verdict"]
        changed = [f for f in self.findings if f.verdict != "same"]
        rows = [
            [f.task, f.arm, f.figure, units.digits(f.before), units.digits(f.after), f.span,
             f"{f.verdict}, fails" if f.fails else f.verdict]
            for f in changed
        ]  # fmt: skip
        lines = [self.sentence]
        if rows:
            lines += ["", text.table(heads, rows, left=3)]
        if self.missing:
            lines += ["", "Not in the new runs: " + "; ".join(self.missing)]
        return "\n".join(lines)

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        failed = [f for f in self.findings if f.fails]
        if failed:
            return f"The gate fails: {len(failed)} of {len(self.findings)} figures are worse."
        if not self.findings:
            return "The gate passes, but there was nothing in common to compare."
        return f"The gate passes: none of {len(self.findings)} figures is worse beyond noise."

    @property
    def annotations(self) -> str:
        """The failures as workflow commands that GitHub shows beside a pull request."""
        return "\n".join(
            f"::error title={_escape(f'{f.arm} on {f.task}')}::"
            f"{_escape(f'{f.figure} {f.span} ({f.verdict})')}"
            for f in self.findings
            if f.fails
        )


def gate(baseline: Sequence[Path], runs: Sequence[Path]) -> Gate:
    """Compare folders of new runs with folders of a baseline.

    Raises:
        UserError: when a folder does not exist.
    """
    before, after = frames.load(baseline).runs, frames.load(runs).runs
    key = ["suite", "task", "setup", "scale", "arm", "recipe", "seed"]
    figures = ["quality", *(c for c, _ in (*COUNTED, *MEASURED))]
    columns = [*key, "machine", "grade", "higher_is_better", *figures]
    # Two machines in one folder: the gate compares each with its own, so the machine pairs first.
    old, new = ranked(before)[columns], ranked(after)[columns]
    both = old.merge(new, on=[*key, "machine"], suffixes=("_old", "_new"))
    both = both.assign(same_machine=True)
    if both.empty:
        both = old.merge(new, on=key, suffixes=("_old", "_new")).assign(same_machine=False)
    found = [
        finding
        for (_, task, _, _, arm, _), part in groups(both, key[:-1])
        for finding in (*_counted(task, arm, part), *_measured(task, arm, part))
    ]
    settled = [*_corrected([*_overall(both), *found]), *_broken(before, after)]
    return Gate(not any(f.fails for f in settled), tuple(settled), _missing(before, after))


def _missing(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """Arms that are gone, and those whose recipe is another one, in words."""
    key = ["suite", "task", "scale", "arm"]
    now = set(after[key].itertuples(index=False, name=None))
    same = set(after[[*key, "recipe"]].itertuples(index=False, name=None))
    said = set()
    for *arm, recipe in before[[*key, "recipe"]].itertuples(index=False, name=None):
        if (*arm, recipe) not in same:
            why = " (trained by another recipe)" if tuple(arm) in now else ""
            said.add(f"{arm[3]} on {arm[1]}{why}")
    return tuple(sorted(said))


def _overall(both: pd.DataFrame) -> list[Finding]:
    """Over all arms at once: a small rise that every arm shares is clear here before it is in one.

    An arm counts once, with the mean of its log-ratios; the interval is over arms.
    """
    if both.empty or not both["same_machine"].all():
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


def _counted(task: str, arm: str, part: pd.DataFrame) -> list[Finding]:
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
            span=f"\u00d7 {units.digits(change)}",
        )
        worse = change > 1
        out.append(_settled(finding, worse=worse, fails=worse) if changed else finding)
    return out


def _measured(task: str, arm: str, part: pd.DataFrame) -> list[Finding]:
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
        change, low, high = (units.signed(v) for v in values)
        higher = part["higher_is_better_old"].iloc[0] is not False
        worse = (interval.value < 0) == higher
        finding = replace(finding, change=interval.value, span=f"{change} ({low} to {high})")
    else:
        change, low, high = (units.digits(math.exp(v)) for v in values)
        worse = interval.value > 0
        span = f"\u00d7 {change} ({low}\u2013{high})"
        finding = replace(finding, change=math.exp(interval.value), span=span)
    small = not quality and abs(finding.change - 1) < MEASURED_MARGIN
    return _settled(replace(finding, p=interval.p), worse=worse, fails=worse and not small)


def _settled(finding: Finding, *, worse: bool, fails: bool) -> Finding:
    return replace(finding, verdict="worse" if worse else "better", fails=fails)


def _corrected(found: Sequence[Finding]) -> list[Finding]:
    """Turn what is not clear after Holm's correction into "same"."""
    tested = [f for f in found if not math.isnan(f.p)]
    corrected = iter(stats.holm([f.p for f in tested]))
    return [
        replace(f, verdict="same", fails=False)
        if not math.isnan(f.p) and next(corrected) >= 1 - stats.CONFIDENCE
        else f
        for f in found
    ]


def _broken(before: pd.DataFrame, after: pd.DataFrame) -> list[Finding]:
    """Arms of which more runs fail, diverge or time out than before."""
    old = dict(groups(before[~before["superseded"]], ["task", "arm"]))
    out = []
    for (task, arm), part in groups(after[~after["superseded"]], ["task", "arm"]):
        if (task, arm) in old:
            was, now = (float((p["status"] != "ok").mean()) for p in (old[task, arm], part))
            if now > was:
                finding = Finding(
                    task=task,
                    arm=arm,
                    figure="unfinished runs",
                    before=was,
                    after=now,
                    change=now - was,
                    span=f"{units.percent(was)} to {units.percent(now)}",
                )
                out.append(_settled(finding, worse=True, fails=True))
    return out


def _escape(value: str) -> str:
    """As GitHub's workflow commands want it."""
    return (
        value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        .replace(":", "%3A").replace(",", "%2C")
    )  # fmt: skip
