"""What the page embeds: the frames as JSON in columns, once, and safe inside a script element."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neurojoule import carbon
from neurojoule_reports.budgets import LADDERS, names
from neurojoule_reports.columns import AXES
from neurojoule_reports.curves import to_target
from neurojoule_reports.filters import anchor
from neurojoule_reports.frames import ARM_KEY, Frames, groups, ranked
from neurojoule_reports.naming import labels, teachers
from neurojoule_reports.palette import OTHER, STYLES
from neurojoule_reports.rounds import shown

MAX_SEEDS = 5_000
"""Beyond this many runs the page holds medians and intervals only; every seed is in `runs.csv`."""

_AXIS = ("name", "label", "unit", "train", "infer", "energy")

FIGURES = tuple(dict.fromkeys(c for axis in AXES for c in (axis.train, axis.infer) if c))


def data(frames: Frames, grid: carbon.Grid, medians: pd.DataFrame) -> dict[str, Any]:
    """All that the script draws from; NaN becomes null, numbers keep six significant figures.

    `medians` are the learning curves (`curves.median_curves`).
    """
    arms = frames.arms
    tasks = groups(arms, ["suite", "task"])
    same = (
        "suite", "task", "setting", "arm", "family", "runs", "ok", "diverged",
        "failed", "timeout", "energy_runs", "grade", "quality", "quality_low",
        "quality_high", "train_ram_j", "share", "training_samples", "size_deviation",
    )  # fmt: skip
    intervals = [f"{c}{suffix}" for c in FIGURES for suffix in ("", "_low", "_high")]
    return {
        "tasks": [_task(suite, task, part) for (suite, task), part in tasks],
        "settings": settings(frames.runs),
        "axes": [{name: getattr(a, name) for name in _AXIS} for a in AXES],
        "styles": [
            {name: getattr(s, name) for name in ("family", "colour", "text", "dark", "marker")}
            for s in (*STYLES, OTHER)
        ],
        "ladders": [
            {name: getattr(x, name) for name in ("name", "label", "unit", "column")}
            for x in LADDERS
        ],
        "arms": {name: _column(arms[name]) for name in (*same, *intervals)}
        | _drawn(frames)
        | _targets(frames),
        "seeds": _seeds(frames),
        "curves": _curves(frames, medians),
        "grids": [[g.code, g.name, g.g_per_kwh, g.year] for g in carbon.grids().values()],
        "grid": grid.code,
    }  # fmt: skip


def _drawn(frames: Frames) -> dict[str, list[Any]]:
    """Which arms the figures show (`rounds`), as what, on which ladders, by which names.

    Sizes of one `model` are joined; `label` is its name where there is little room.
    """
    of, arms = frames.arms.index, shown(frames).arms
    label = pd.Series("", of)
    for _, part in groups(arms, ["suite", "task", "setting"]):
        label[part.index] = part["model"].map(labels(part["model"]))
    ladders = pd.Series(names(arms), arms.index, dtype=object)
    return {
        "drawn": of.isin(arms.index).tolist(),
        "teacher": teachers(frames.arms).tolist(),
        "model": arms["model"].reindex(of).fillna(frames.arms["model"]).tolist(),
        "label": label.tolist(),
        "ladders": ladders.reindex(of).fillna("").tolist(),
    }


def _task(suite: str, task: str, arms: pd.DataFrame) -> dict[str, Any]:
    known = arms[arms["metric"].notna()]
    first = known.iloc[0] if len(known) else arms.iloc[0]
    return {
        "suite": suite,
        "task": task,
        "anchor": anchor((suite, task)),
        "metric": plain(first["metric"]),
        "higher": not len(known) or bool(first["higher_is_better"]),
        "chance": plain(first["chance"]),
        "target": plain(first["target"]),
    }


def settings(runs: pd.DataFrame) -> list[str]:
    """The settings, the one with the most runs first."""
    counts = runs["setting"].value_counts()
    return sorted(counts.index, key=lambda name: (-int(counts[name]), str(name)))


def _seeds(frames: Frames) -> dict[str, list[Any]]:
    """Quality and footprints of each run, with the index of its arm."""
    if len(frames.runs) > MAX_SEEDS:
        return {}
    counted = ranked(frames.runs)
    index = pd.MultiIndex.from_frame(frames.arms[ARM_KEY])
    codes = index.get_indexer(pd.MultiIndex.from_frame(counted[ARM_KEY]))
    return {
        "arm": [int(code) for code in codes],
        "seed": [int(seed) for seed in counted["seed"]],
        **{name: _column(counted[name]) for name in ("quality", *FIGURES)},
    }


def _targets(frames: Frames) -> dict[str, list[Any]]:
    """What each arm needed to reach the target; null where most of its runs never did."""
    table = frames.arms[ARM_KEY].merge(to_target(frames), on=ARM_KEY, how="left")
    counts = {n: [int(v) for v in table[n].fillna(0)] for n in ("tried", "reached")}
    figures = ("target_time_s", "target_energy_j", "target_flops")
    return counts | {name: _column(table[name]) for name in figures}


def _curves(frames: Frames, table: pd.DataFrame) -> dict[str, list[Any]]:
    """Median learning curves, each point with the index of its arm."""
    codes = pd.MultiIndex.from_frame(frames.arms[ARM_KEY]).get_indexer(
        pd.MultiIndex.from_frame(table[ARM_KEY])
    )
    return {
        "arm": [int(code) for code in codes],
        **{name: _column(table[name]) for name in ("time_s", "flops", "energy_j", "validation")},
    }


def _column(series: pd.Series) -> list[Any]:
    return [plain(value) for value in series.tolist()]


def plain(value: Any) -> Any:
    """A number as JSON can hold it: six significant figures, None for NaN and infinity."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, float):
        short = float(f"{value:.6g}")
        return int(short) if short == int(short) and abs(short) < 1e15 else short
    return value


def embed(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON that no HTML parser can leave: `<`, `>` and `&` are escaped, the rest is ASCII."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
