"""What the gate may compare, and what it says of the rest."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from neurojoule.record import Record
from neurojoule_reports.findings import MEASURED

HARDWARE = (
    "cpu_model", "cpu_cores", "cpu_threads", "cpu_tdp_w", "gpu_model", "gpu_count",
    "gpu_power_limit_w",
)  # fmt: skip
"""Facts of a machine without which its seconds and joules are another machine's."""


def changed(before: Sequence[Record], after: Sequence[Record]) -> dict[str, str]:
    """Machines that are called alike and are not the same hardware, with the first difference."""
    old, new = _facts(before), _facts(after)
    out = {}
    for machine in sorted(old.keys() & new.keys()):
        differ = [
            f"{fact} was {_words(old[machine][fact])} and is {_words(new[machine][fact])}"
            for fact in HARDWARE
            if fact in old[machine]
            and fact in new[machine]
            and old[machine][fact] != new[machine][fact]
        ]
        if differ:
            out[machine] = differ[0]
    return out


def notes(
    both: pd.DataFrame, changed: dict[str, str], before: pd.DataFrame, after: pd.DataFrame
) -> list[str]:
    """What was not compared, and why; `both` is the pairs that the gate made."""
    out = [
        f"CPU seconds and energy were not compared on {machine}: it is not the machine that it "
        f"was ({why})."
        for machine, why in changed.items()
    ]
    if both.empty:
        return out
    if "machine" not in both:
        old, new = (", ".join(sorted(set(t["machine"]))) for t in (before, after))
        words = f"the baseline was measured on {old}, the new runs on {new}"
        return [f"CPU seconds and energy were not compared: {words}."]
    here = both[both["same_machine"]]
    for column, figure in MEASURED:
        if column.endswith("_j"):
            out += _energy(here, column, figure)
    return out


def _energy(both: pd.DataFrame, column: str, figure: str) -> list[str]:
    valid = both[[f"{column}_old", f"{column}_new"]].notna().all(axis=1)
    agree = both["grade_old"] == both["grade_new"]
    out = []
    if (valid & ~agree).any():
        pairs = both.loc[valid & ~agree, ["grade_old", "grade_new"]].drop_duplicates()
        words = ", ".join(f"{a} before and {b} now" for a, b in pairs.itertuples(index=False))
        out.append(
            f"Of {len(both)} pairs, {int((valid & ~agree).sum())} were not compared in {figure}: "
            f"its grade is {words}."
        )
    if (~valid).any():
        out.append(
            f"Of {len(both)} pairs, {int((~valid).sum())} were not compared in {figure}: it is not "
            "valid in both."
        )
    return out


def damaged(where: str, set_aside: Sequence[tuple[Path, str]]) -> list[str]:
    """A sentence on files that are no records."""
    if not set_aside:
        return []
    names = ", ".join(path.name for path, _ in set_aside[:3])
    more = f" and {len(set_aside) - 3} more" if len(set_aside) > 3 else ""
    return [f"Set aside in {where}, being no whole records: {names}{more}."]


def _facts(records: Sequence[Record]) -> dict[str, dict[str, set[object]]]:
    out: dict[str, dict[str, set[object]]] = {}
    for record in records:
        facts = out.setdefault(record.machine.name, {})
        for name in HARDWARE:
            value = record.machine.facts.get(name)
            if value is not None:
                facts.setdefault(name, set()).add(value)
    return out


def _words(values: set[object]) -> str:
    return " or ".join(sorted(map(str, values)))
