"""`neurojoule check-model NAME`: what is wrong with a model, told to its author in words.

Every check builds the model anew for a few tasks of different kinds and tries one promise
(`neurojoule.model_checks`). What fails is said with what was expected and what to do; what is only
unusual is a remark.
"""

import traceback
from dataclasses import dataclass
from typing import Literal

from neurojoule.model_checks import CHECKS, Check, Trial, build, learning, registration, trials
from neurojoule.registry import get_model

Verdict = Literal["ok", "remark", "wrong"]


@dataclass(frozen=True)
class Finding:
    """What one check found on one task; `words` is empty where all is well."""

    check: str
    task: str
    verdict: Verdict
    words: str = ""


def examine(name: str) -> list[Finding]:
    """All findings about the model called `name`.

    Raises:
        UnknownNameError: with the nearest names.
    """
    model = get_model(name)
    findings = [Finding("registration", "-", *_verdict(registration(model)))]
    if findings[0].verdict == "wrong":
        return findings
    for trial in trials(model):
        for check in CHECKS:
            verdict, words = _verdict(_guarded(check, trial))
            findings.append(
                Finding(check.__name__.replace("_", " "), trial.task.name, verdict, words)
            )
            if check is build and verdict == "wrong":
                break  # nothing else can be tried
    learnt = [finding for finding in findings if finding.check == learning.__name__]
    if learnt and all(finding.verdict == "remark" for finding in learnt):
        words = "it learnt none of these tasks; " + learnt[0].words
        findings.append(Finding("learning at all", "-", "wrong", words))
    return findings


def _verdict(words: str | None) -> tuple[Verdict, str]:
    if words is None:
        return "ok", ""
    if words.startswith("remark:"):
        return "remark", words.removeprefix("remark:").strip()
    return "wrong", words


def _guarded(check: Check, trial: Trial) -> str | None:
    """The check's words, or those of whatever the model raised."""
    try:
        return check(trial)
    except Exception as error:  # noqa: BLE001 - somebody else's code may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"it raises {type(error).__name__}: {error} ({frame.filename}, line {frame.lineno})"


def table(findings: list[Finding]) -> str:
    """One line a check: in order on which tasks, or what is not."""
    lines = []
    for check in dict.fromkeys(finding.check for finding in findings):
        found = [finding for finding in findings if finding.check == check]
        fine = [finding.task for finding in found if finding.verdict == "ok"]
        if fine:
            lines.append(f"  ok      {check} ({', '.join(fine)})".replace(" (-)", ""))
        same: dict[tuple[Verdict, str], list[str]] = {}
        for finding in found:
            if finding.verdict != "ok":
                same.setdefault((finding.verdict, finding.words), []).append(finding.task)
        lines.extend(
            f"  {verdict.upper():<7} {check} ({', '.join(tasks)}): {words}".replace(" (-)", "")
            for (verdict, words), tasks in same.items()
        )
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    tried = len(dict.fromkeys(finding.task for finding in findings if finding.task != "-"))
    lines.append(
        f"{wrong} of {len(findings)} checks failed on {tried} kinds of task."
        if wrong
        else f"All {len(findings)} checks passed on {tried} kinds of task."
    )
    return "\n".join(lines)
