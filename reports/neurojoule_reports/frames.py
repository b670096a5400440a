"""Records to tidy frames: the one place where a record's parts become columns.

Page, figures, CSV and notebooks all come from these frames, so they cannot disagree.
Energy columns hold CPU + GPU; RAM stands apart, because most meters give it a constant power.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neurojoule import record as rec
from neurojoule_reports.columns import AXES, RUN_COLUMNS
from neurojoule_reports.stats import median_intervals

RANKED = ("cpu", "gpu")
"""The components whose energy is ranked."""

FOREIGN_LIMIT = 0.05
"""Above this share of other people's CPU seconds, the wall time of a run is not ranked either
(MEASURING: watch the neighbours)."""

_BOOLEANS = ("energy_valid", "superseded")
_TEXT = {column.name for column in RUN_COLUMNS if column.name in rec.Record.__struct_fields__} | {
    "suite", "task", "machine", "setup", "scale", "setting", "model", "arm", "energy_reasons",
    "metric", "grade", "energy_source", "size_budget", "higher_is_better", "reached",
}  # fmt: skip


@dataclass(frozen=True)
class Frames:
    """All that a report is made of.

    Attributes:
        runs: a row a run; columns as in `columns.RUN_COLUMNS`.
        arms: a row an arm in a setting on a task; see `arms`.
        set_aside: files that are no records, with the reason.
        records: the records, for what is no number (machine facts, curves).
    """

    runs: pd.DataFrame
    arms: pd.DataFrame
    set_aside: tuple[tuple[Path, str], ...]
    records: tuple[rec.Record, ...]


def load(folders: Iterable[Path]) -> Frames:
    """Read folders of records into frames.

    Raises:
        UserError: when a folder does not exist.
    """
    folder = rec.read(folders)
    table = runs(folder.records)
    return Frames(table, arms(table), folder.set_aside, folder.records)


def runs(records: Sequence[rec.Record]) -> pd.DataFrame:
    """A row a run, in order of suite, task, setting, arm and seed; unknown numbers are NaN."""
    table = pd.DataFrame([_row(r) for r in records], columns=[c.name for c in RUN_COLUMNS])
    for column in RUN_COLUMNS:
        if column.name in _BOOLEANS:
            table[column.name] = table[column.name].astype(bool)
        elif column.name not in _TEXT:
            table[column.name] = pd.to_numeric(table[column.name])
    order = ["suite", "task", "setting", "arm", "seed", "started_utc", "run_id"]
    table = table.sort_values(order, kind="stable", ignore_index=True)
    same = ["spec_hash", "machine"]
    table["superseded"] = table.duplicated(same, keep="last").to_numpy()
    return table


def _row(r: rec.Record) -> dict[str, object]:
    spec = r.spec
    options = " ".join(f"{name}={value}" for name, value in spec.options)
    row: dict[str, object] = {
        name: getattr(r, name)
        for name in (
            "run_id", "spec_hash", "family", "status", "energy_valid", "error", "started_utc",
            "attempts", "validation_time_s", "footprint_j", "fingerprint", "git_commit",
            "git_dirty", "claims_hash", "resume_key",
        )
    }  # fmt: skip
    row |= {
        name: getattr(spec, name) for name in ("suite", "task", "scale", "arm", "share", "seed")
    }
    row |= {
        "machine": r.machine.name,
        "setup": str(spec.setup),
        "setting": f"{r.machine.name} \u00b7 {spec.setup} \u00b7 {spec.scale}",
        "model": f"{spec.model} {options}" if options else spec.model,
        "size_budget": str(spec.size),
        "energy_reasons": "; ".join(r.energy_invalid_reasons),
        "total_time_s": r.seconds.get("total"),
        "idle_power_w": _idle_power_w(r.idle),
        "superseded": False,
    }
    if r.quality is not None:
        quality = r.quality
        row |= {
            name: getattr(quality, name)
            for name in ("metric", "higher_is_better", "chance", "target", "reached")
        }
        row |= {
            "quality": quality.test,
            "quality_validation": quality.validation,
            "quality_train": quality.train,
        }
    if r.work is not None:
        row |= _work(r.work)
    if r.train is not None:
        row |= _train(r.train, row["idle_power_w"])
        steps = r.curve[-1].step if r.curve else spec.recipe.steps
        row["samples"] = steps * spec.recipe.batch_size
    if r.inference is not None:
        row |= _inference(r.inference, row["idle_power_w"])
    return row


def _work(work: rec.Work) -> dict[str, object]:
    same = (
        "effective_macs", "effective_acs", "activation_sparsity", "parameters",
        "nonzero_parameters", "width", "size_deviation", "forward_bytes", "state_bytes",
        "peak_memory_bytes",
    )  # fmt: skip
    return {name: getattr(work, name) for name in same} | {
        "train_flops": work.training_flops,
        "infer_flops": work.forward_flops,
        "units": sum(work.units.values()),
    }


def _train(phase: rec.Phase, idle_w: object) -> dict[str, object]:
    times = phase.repeats_time_s
    energy = _ranked_j(phase.energy_j)
    mean_s = statistics.fmean(times) if times else phase.time_s
    known = [c for c in phase.window.components if c.name in RANKED]
    return {
        "train_time_s": phase.time_s,
        "train_mean_time_s": mean_s,
        "train_cpu_s": phase.cpu_s,
        "train_energy_j": energy,
        "train_cpu_j": phase.energy_j.get("cpu"),
        "train_gpu_j": phase.energy_j.get("gpu"),
        "train_ram_j": phase.energy_j.get("ram"),
        "train_net_j": _net_j(energy, idle_w, mean_s),
        "train_repeat_cv": statistics.stdev(times) / mean_s if len(times) > 1 else None,
        "replays": phase.replays,
        "foreign_share": phase.window.foreign_share,
        "steal_s": phase.window.steal_s,
        "grade": max((c.grade for c in known), key=rec.GRADES.index, default=None),
        "energy_source": ", ".join(f"{c.name}: {c.source}" for c in known),
    }


def _inference(inference: rec.Inference, idle_w: object) -> dict[str, object]:
    energy = _ranked_j(inference.energy_j)
    return {
        "infer_time_s": inference.time_s,
        "infer_latency_p50_s": inference.latency_p50_s,
        "infer_latency_p95_s": inference.latency_p95_s,
        "infer_energy_j": energy,
        "infer_ram_j": inference.energy_j.get("ram"),
        "infer_net_j": _net_j(energy, idle_w, inference.time_s),
    }


def _ranked_j(energy_j: dict[str, float | None]) -> float | None:
    parts = [energy_j[name] for name in RANKED if name in energy_j]
    if not parts or any(part is None for part in parts):
        return None
    return sum(part for part in parts if part is not None)


def _net_j(energy_j: float | None, idle_w: object, time_s: float) -> float | None:
    if energy_j is None or not isinstance(idle_w, float):
        return None
    return energy_j - idle_w * time_s


def _idle_power_w(windows: tuple[rec.Window, ...]) -> float | None:
    """Mean CPU + GPU power over the idle windows; None when one of them has no energy."""
    names = [{c.name for c in w.components} & set(RANKED) for w in windows]
    parts = [w.energy_j(*n) if n else None for w, n in zip(windows, names, strict=True)]
    time_s = sum(w.time_s for w in windows)
    if time_s <= 0 or any(part is None for part in parts):
        return None
    return sum(part for part in parts if part is not None) / time_s


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
    kept.loc[noisy, ["train_time_s", "infer_time_s", "infer_latency_p50_s"]] = np.nan
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
            "train_repeat_cv",
        ]
    )
)
"""Columns that each arm has as `<name>` (median), `<name>_low` and `<name>_high`."""


def arms(table: pd.DataFrame) -> pd.DataFrame:
    """A row an arm on a task in a setting: counts, and medians with their intervals.

    Columns: `ARM_KEY`; model, family, size_budget, share, metric, higher_is_better, chance,
    target, grade; `runs`, `ok`, `diverged`, `failed`, `timeout`, `energy_runs` (with valid
    energy), `reached` (runs that reached the target); for each of `ARM_FIGURES` the median, low
    and high (`stats.median_intervals`).
    """
    current = table[~table["superseded"]]
    grouped = current.groupby(ARM_KEY, sort=True)
    out = grouped[["machine", "setup", "scale", "model", "family", "size_budget", "share"]].first()
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
