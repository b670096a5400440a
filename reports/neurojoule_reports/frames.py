"""Records to tidy frames: the one place where a record's parts become columns.

Page, figures, CSV and notebooks all come from these frames, so they cannot disagree.
Energy columns hold CPU + GPU; RAM stands apart, because most meters give it a constant power.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neurojoule import record as rec
from neurojoule import storage
from neurojoule_reports.columns import AXES, RUN_COLUMNS
from neurojoule_reports.naming import Name, names
from neurojoule_reports.rows import row
from neurojoule_reports.selftest import SelfTest
from neurojoule_reports.selftest_result import latest
from neurojoule_reports.stats import median_intervals

FOREIGN_LIMIT = 0.05
"""Above this share of other people's CPU seconds, the wall time of a run is not ranked either
(MEASURING: watch the neighbours)."""

WALL_TIMES = ("train_time_s", "infer_time_s", "infer_latency_p50_s", "stream_time_s")
"""Columns of it."""

_BOOLEANS = ("energy_valid", "superseded")
_TEXT = {column.name for column in RUN_COLUMNS if column.name in rec.Record.__struct_fields__} | {
    "suite", "task", "machine", "setup", "scale", "setting", "model", "arm", "recipe",
    "design", "options", "energy_reasons", "metric", "grade", "energy_source", "size_budget",
    "higher_is_better", "reached",
}  # fmt: skip


@dataclass(frozen=True)
class Frames:
    """All that a report is made of.

    Attributes:
        runs: a row a run; columns as in `columns.RUN_COLUMNS`.
        arms: a row an arm in a setting on a task; see `arms`.
        set_aside: files that are no records, with the reason.
        records: the records, for what is no number (machine facts, curves).
        selftest: the latest result of `neurojoule selftest` that lies beside them.
    """

    runs: pd.DataFrame
    arms: pd.DataFrame
    set_aside: tuple[tuple[Path, str], ...]
    records: tuple[rec.Record, ...]
    selftest: SelfTest | None = None


def load(folders: Iterable[Path]) -> Frames:
    """Read folders of records into frames.

    Raises:
        UserError: when a folder does not exist.
    """
    return load_alike(folders)[0]


def load_alike(*several: Iterable[Path]) -> list[Frames]:
    """Read several groups of folders into frames in which one arm has one name.

    Raises:
        UserError: when a folder does not exist.
    """
    asked = [list(folders) for folders in several]
    read = [storage.read(paths) for paths in asked]
    called = iter(names([record for folder in read for record in folder.records]))
    out = []
    for paths, folder in zip(asked, read, strict=True):
        table = runs(folder.records, [next(called) for _ in folder.records])
        found, bad = latest(paths)
        aside = (*folder.set_aside, *bad)
        out.append(Frames(table, arms(table), aside, folder.records, found))
    return out


CHUNK = 5_000
"""Rows that are held as Python's numbers at a time; a frame holds them in a third of the room."""


def _chunk(records: Sequence[rec.Record], called: Sequence[Name]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {column.name: [] for column in RUN_COLUMNS}
    for record, its_name in zip(records, called, strict=True):
        values = row(record, its_name)
        for name, cells in columns.items():
            cells.append(values.get(name))
    table = pd.DataFrame(columns, dtype=None if records else object)
    for column in RUN_COLUMNS:
        if column.name in _BOOLEANS:
            table[column.name] = table[column.name].astype(bool)
        elif column.name not in _TEXT:
            table[column.name] = pd.to_numeric(table[column.name])
    return table


def runs(records: Sequence[rec.Record], called: Sequence[Name] | None = None) -> pd.DataFrame:
    """A row a run, in order of suite, task, setting, arm and seed; unknown numbers are NaN.

    Arms are named among these records, unless it is said how they are `called`.
    """
    called = names(records) if called is None else called
    parts = [
        _chunk(records[i : i + CHUNK], called[i : i + CHUNK])
        for i in range(0, max(1, len(records)), CHUNK)
    ]
    table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    order = ["suite", "task", "setting", "arm", "seed", "started_utc", "run_id"]
    table = table.sort_values(order, kind="stable", ignore_index=True)
    same = ["spec_hash", "machine"]
    table["superseded"] = table.duplicated(same, keep="last").to_numpy()
    return table


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that count: finished and not superseded.

    Figures that may not be ranked are NaN: energy that is not valid, wall time beside a busy
    neighbour (`FOREIGN_LIMIT`).
    """
    kept = table[(table["status"] == "ok") & ~table["superseded"]].copy()
    energies = sorted({a.column(p) or "" for a in AXES if a.energy for p in ("train", "infer")})
    others = ["train_ram_j", "train_net_j", "infer_ram_j", "infer_net_j"]
    kept.loc[~kept["energy_valid"], [*energies, *others]] = np.nan
    noisy = kept["foreign_share"] > FOREIGN_LIMIT
    kept.loc[noisy, list(WALL_TIMES)] = np.nan
    return kept


def groups(table: pd.DataFrame, by: list[str]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The parts of a frame by the text in some columns, in sorted order."""
    for key, part in table.groupby(by, sort=True):
        values = key if isinstance(key, tuple) else (key,)
        yield tuple(str(value) for value in values), part


ARM_KEY = ["suite", "task", "setting", "arm"]

ARM_FIGURES = tuple(
    dict.fromkeys(
        [
            "quality",
            *(column for axis in AXES for column in (axis.train, axis.infer) if column),
            "train_ram_j",
            "train_net_j",
            "infer_net_j",
            "infer_latency_p50_s",
            "effective_macs",
            "units",
            "training_samples",
            "size_deviation",
            "train_repeat_cv",
        ]
    )
)
"""Columns that each arm has as `<name>` (median), `<name>_low` and `<name>_high`."""


_OF_ARM = ("machine", "setup", "scale", "model", "family", "size_budget", "share", "recipe")


def arms(table: pd.DataFrame) -> pd.DataFrame:
    """A row an arm on a task in a setting: counts, and medians with their intervals.

    Columns: `ARM_KEY`; model, family, size_budget, share, recipe, metric, higher_is_better, chance,
    target, grade; `runs`, `ok`, `diverged`, `failed`, `timeout`, `energy_runs` (with valid
    energy), `reached` (runs that reached the target); for each of `ARM_FIGURES` the median, low
    and high (`stats.median_intervals`).
    """
    current = table[~table["superseded"]]
    grouped = current.groupby(ARM_KEY, sort=True)
    out = grouped[list(_OF_ARM)].first()
    out["runs"] = grouped.size()
    for status in ("ok", "diverged", "failed", "timeout"):
        out[status] = (current["status"] == status).groupby([current[k] for k in ARM_KEY]).sum()
    counted = ranked(table)
    kept = counted.groupby(ARM_KEY, sort=True)
    same = ["metric", "higher_is_better", "chance", "target"]
    out[same] = kept[same].first().reindex(out.index)
    worst = {grade: rank for rank, grade in enumerate(rec.GRADES)}
    ranks = counted["grade"].map(worst).groupby([counted[k] for k in ARM_KEY]).max()
    out["grade"] = ranks.reindex(out.index).map(dict(enumerate(rec.GRADES)))
    reached = (counted["reached"] == True).groupby(  # noqa: E712 - None is not reached either
        [counted[k] for k in ARM_KEY]
    )
    out["reached"] = reached.sum().reindex(out.index).fillna(0).astype(int)
    out["energy_runs"] = kept["train_energy_j"].count().reindex(out.index).fillna(0).astype(int)
    groups = pd.MultiIndex.from_frame(counted[ARM_KEY])
    codes = out.index.get_indexer(groups)
    figures = median_intervals(
        counted[list(ARM_FIGURES)].to_numpy(dtype=float), codes, groups=len(out)
    )
    parts = {
        f"{name}{suffix}": figures[:, i, j]
        for i, name in enumerate(ARM_FIGURES)
        for j, suffix in enumerate(("", "_low", "_high"))
    }
    table = pd.concat([out, pd.DataFrame(parts, index=out.index)], axis=1).reset_index()
    order = ["suite", "task", "setting", "model", "share", "parameters", "arm"]
    return table.sort_values(order, kind="stable", ignore_index=True)
