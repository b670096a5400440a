"""How to repeat what the report shows: commands, machine facts, versions."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from neurojoule.record import Record
from neurojoule_reports.frames import groups
from neurojoule_reports.naming import registered


@dataclass(frozen=True)
class Command:
    """What repeats the runs of one suite in one setup."""

    suite: str
    machine: str
    runs: int
    line: str


def commands(records: Sequence[Record]) -> list[Command]:
    """One command for each suite, setup and scale on each machine."""
    groups: dict[tuple[str, str, str, str], list[Record]] = {}
    for r in records:
        key = (r.spec.suite, r.machine.name, str(r.spec.setup), r.spec.scale)
        groups.setdefault(key, []).append(r)
    return [
        Command(
            suite,
            machine,
            len(part),
            f"neurojoule run {suite} --scale {scale} --setup {setup} "
            f"--seeds {max(r.spec.seed for r in part) + 1}",
        )
        for (suite, machine, setup, scale), part in sorted(groups.items())
    ]


def machines(records: Sequence[Record]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The facts of each machine; where runs of one name differ in a fact, all its values."""
    facts: dict[str, dict[str, dict[str, None]]] = {}
    for r in records:
        seen = facts.setdefault(r.machine.name, {})
        for name, value in r.machine.facts.items():
            seen.setdefault(name, {})["not known" if value is None else str(value)] = None
    return [
        (machine, [(name, " / ".join(values)) for name, values in sorted(seen.items())])
        for machine, seen in sorted(facts.items())
    ]


def unsaid_options(runs: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Suite, model, and the options that its arms share and their names leave out (`naming`)."""
    columns = ["suite", "registered", "design", "options"]
    said = runs.assign(registered=registered(runs))[columns].drop_duplicates()
    out = {}
    for suite, model, design, options in said.itertuples(index=False, name=None):
        named = set(design.split())
        if unsaid := " ".join(word for word in options.split() if word not in named):
            out[suite, model] = unsaid
    return [(suite, model, unsaid) for (suite, model), unsaid in sorted(out.items())]


def versions(runs: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Fingerprint of the code, commit, and how many runs."""
    commit = runs["git_commit"].fillna("not in a checkout").astype(str).str[:12]
    dirty = runs["git_dirty"].eq(True).map({True: " with changes", False: ""})
    table = runs[["fingerprint"]].assign(commit=commit + dirty)
    return [
        (fingerprint, where, len(part))
        for (fingerprint, where), part in groups(table, ["fingerprint", "commit"])
    ]
