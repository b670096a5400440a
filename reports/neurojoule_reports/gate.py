"""The gate for CI: did a change make anything dearer or worse, beyond noise?

Operations and parameters are counted, not measured: any rise counts, on any machine. Quality, CPU
seconds and energy are compared in pairs of the same task, arm and seed, and fail only where the
difference is clear after Holm's correction over everything that the gate looks at; CPU seconds and
energy only on the same machine, energy only where it is valid and its grades agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neurojoule.quantities import digits
from neurojoule_reports import findings, frames, text
from neurojoule_reports.findings import COUNTED, MEASURED, Finding
from neurojoule_reports.frames import groups, ranked


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
            [f.task, f.arm, f.figure, digits(f.before), digits(f.after), f.span,
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
        for finding in (*findings.counted(task, arm, part), *findings.measured(task, arm, part))
    ]
    settled = [
        *findings.corrected([*findings.overall(both), *found]),
        *findings.broken(before, after),
    ]
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


def _escape(value: str) -> str:
    """As GitHub's workflow commands want it."""
    return (
        value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        .replace(":", "%3A").replace(",", "%2C")
    )  # fmt: skip
