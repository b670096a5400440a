"""The gate for CI: did a change make anything dearer or worse, beyond noise?

Operations and parameters are counted, not measured: any rise counts, on any machine. Quality, CPU
seconds and energy are compared in pairs of the same task, arm and seed, and fail only where the
difference is clear after Holm's correction over everything that the gate looks at; CPU seconds and
energy only on the same machine, energy only where it is valid and its grades agree. What could not
be compared is said (`neurojoule_reports.comparable`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neurojoule.errors import UserError
from neurojoule.quantities import digits
from neurojoule_reports import comparable, findings, frames, text
from neurojoule_reports.findings import COUNTED, MEASURED, Finding
from neurojoule_reports.frames import groups, ranked

_HEADS = ("Task", "Arm", "Figure", "Before", "After", "Change", "Verdict")


@dataclass(frozen=True)
class Gate:
    """What the gate found; `passed` decides the exit code.

    Attributes:
        findings: every figure of every arm that could be compared.
        missing: arms of the baseline that the new runs lack, in words.
        notes: what was not compared, and why, in sentences.
    """

    passed: bool
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """All that is not the same, as plain text, under one sentence."""
        rows = self._rows()
        lines = [self.sentence]
        if rows:
            lines += ["", text.table(_HEADS, rows, left=3)]
        if self._remarks():
            lines += ["", *self._remarks()]
        return "\n".join(lines)

    @property
    def markdown(self) -> str:
        """The same as GitHub reads it, for the summary of a job or a pull request."""
        rows = self._rows()
        lines = ["## neurojoule gate", "", text.plain(self.sentence)]
        if rows:
            lines += ["", text.markdown(_HEADS, rows, left=3)]
        if self._remarks():
            lines += ["", *(f"- {text.plain(remark)}" for remark in self._remarks())]
        return "\n".join(lines) + "\n"

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        failed = [f for f in self.findings if f.fails]
        if failed:
            return f"The gate fails: {len(failed)} of {len(self.findings)} figures are worse."
        n = len(self.findings)
        return f"The gate passes: none of {n} figures is worse beyond noise and margin."

    @property
    def annotations(self) -> str:
        """Failures and remarks as workflow commands that GitHub shows beside a pull request."""
        errors = [
            f"::error title={_escape(f'{f.arm} on {f.task}')}::"
            f"{_escape(f'{f.figure} {f.span} ({f.verdict})')}"
            for f in self.findings
            if f.fails
        ]
        warnings = [
            f"::warning title=neurojoule gate::{_escape(remark)}" for remark in self._remarks()
        ]
        return "\n".join([*errors, *warnings])

    def _rows(self) -> list[list[str]]:
        return [
            [f.task, f.arm, f.figure, digits(f.before), digits(f.after), f.span,
             f"{f.verdict}, fails" if f.fails else f.verdict]
            for f in self.findings if f.verdict != "same"
        ]  # fmt: skip

    def _remarks(self) -> list[str]:
        gone = ["Not in the new runs: " + "; ".join(self.missing)] if self.missing else []
        return [*gone, *self.notes]


def gate(baseline: Sequence[Path], runs: Sequence[Path]) -> Gate:
    """Compare folders of new runs with folders of a baseline.

    Raises:
        UserError: when a folder does not exist, or nothing in the two can be compared.
    """
    old_frames, new_frames = frames.load_alike(baseline, runs)
    before, after = old_frames.runs, new_frames.runs
    key = ["suite", "task", "setup", "scale", "arm", "recipe", "seed"]
    figures = ["quality", *(c for c, _ in (*COUNTED, *MEASURED))]
    columns = [*key, "machine", "grade", "higher_is_better", *figures]
    # Two machines in one folder: the gate compares each with its own, so the machine pairs first.
    old, new = ranked(before)[columns], ranked(after)[columns]
    changed = comparable.changed(old_frames.records, new_frames.records)
    both = old.merge(new, on=[*key, "machine"], suffixes=("_old", "_new"))
    both = both.assign(same_machine=~both["machine"].isin(list(changed)))
    if both.empty:
        both = old.merge(new, on=key, suffixes=("_old", "_new")).assign(same_machine=False)
    found = [
        finding
        for (_, task, _, _, arm, _), part in groups(both, key[:-1])
        for finding in (*findings.counted(task, arm, part), *findings.measured(task, arm, part))
    ]
    settled = [
        *findings.corrected([*findings.overall(both), *found]),
        *findings.broken(before, after),
    ]
    missing = _missing(before, after)
    if not settled:
        raise UserError(_nothing(before, after, missing))
    notes = (
        *comparable.notes(both, changed, before, after),
        *comparable.damaged("the baseline", old_frames.set_aside),
        *comparable.damaged("the new runs", new_frames.set_aside),
    )
    return Gate(not any(f.fails for f in settled), tuple(settled), missing, notes)


def _nothing(before: pd.DataFrame, after: pd.DataFrame, missing: tuple[str, ...]) -> str:
    if before.empty or after.empty:
        empty = "The baseline" if before.empty else "The folder of new runs"
        return f"{empty} holds no record: nothing can be compared. Measure with `neurojoule run`."
    shown = "; ".join(missing[:3]) + (f"; {len(missing) - 3} more" if len(missing) > 3 else "")
    return (
        "Nothing in the new runs can be compared with the baseline"
        + (f" (not in the new runs: {shown})" if missing else " (no run of both ended well)")
        + ". Measure the same suites at the same scale and setup, or make the baseline anew."
    )


def _missing(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """Arms that are gone, in one setup or all, and those whose recipe is another one, in words."""
    key = ["suite", "task", "scale", "design", "share", "setup"]
    old, new = (
        set(table[[*key, "recipe"]].itertuples(index=False, name=None)) for table in (before, after)
    )
    otherwise = {tuple(trained) for *trained, _ in new - old}
    elsewhere = {(*trained, recipe) for *trained, _, recipe in new}
    said = set()
    for *trained, recipe, arm in before[[*key, "recipe", "arm"]].itertuples(index=False, name=None):
        if (*trained, recipe) not in new:
            why = ""
            if tuple(trained) in otherwise:
                why = " (trained by another recipe)"
            elif (*trained[:-1], recipe) in elsewhere:
                why = f" (at {trained[-1]})"
            said.add(f"{arm} on {trained[1]}{why}")
    return tuple(sorted(said))


def _escape(value: str) -> str:
    """As GitHub's workflow commands want it."""
    return (
        value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        .replace(":", "%3A").replace(",", "%2C")
    )  # fmt: skip
