"""Learning curves, and what it takes to reach the target.

Curves hold clocks; the joules of a run are apportioned to them by its clock, never sampled. A run
that never reaches the target is censored: it counts as more than any that does, and is counted.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neurojoule import record as rec
from neurojoule_reports.frames import ARM_KEY, Frames
from neurojoule_reports.rows import TARGET_COLUMNS

MAX_POINTS = 40
"""Points of a curve that the page holds; more would not be seen."""


def curves(records: Sequence[rec.Record], runs: pd.DataFrame) -> pd.DataFrame:
    """A row a validation of the runs that count (`frames.ranked`).

    Columns: run_id, step, time_s, flops, energy_j (NaN where it may not be ranked), validation,
    then suite, task, setting, arm.
    """
    kept = runs[(runs["status"] == "ok") & ~runs["superseded"]]
    energy = kept["train_energy_j"].where(kept["energy_valid"])
    by_id = dict(zip(kept["run_id"], energy, strict=True))
    rows = [
        (
            r.run_id,
            point.step,
            point.time_s,
            point.flops,
            by_id[r.run_id] * point.time_s / r.train.time_s,
            point.validation,
        )
        for r in records
        if r.run_id in by_id and r.train is not None and r.train.time_s > 0
        for point in r.curve
        if point.validation is not None
    ]
    names = ["run_id", "step", "time_s", "flops", "energy_j", "validation"]
    table: pd.DataFrame = pd.DataFrame(rows, columns=names)
    joined: pd.DataFrame = table.merge(kept[["run_id", *ARM_KEY]], on="run_id", how="left")
    return joined


def median_curves(table: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and step: medians over its runs, at the steps that most of them reached.

    At most `MAX_POINTS` steps an arm, evenly chosen, the last among them.
    """
    if table.empty:
        return pd.DataFrame(columns=[*ARM_KEY, "step", *_MEDIANS, "runs"])
    grouped = table.groupby([*ARM_KEY, "step"], sort=True)
    out = grouped[list(_MEDIANS)].median()
    out["runs"] = grouped.size()
    out = out.reset_index()
    most = out.groupby(ARM_KEY)["runs"].transform("max")
    out = out[out["runs"] * 2 > most]
    rank = out.groupby(ARM_KEY).cumcount()
    size = out.groupby(ARM_KEY)["step"].transform("size")
    every = np.ceil(size / MAX_POINTS).clip(lower=1)
    kept: pd.DataFrame = out[((size - 1 - rank) % every) == 0]
    return kept.reset_index(drop=True)


_MEDIANS = ("time_s", "flops", "energy_j", "validation")


def to_target(frames: Frames) -> pd.DataFrame:
    """A row an arm: how many of its runs reached the target, and the medians of what it took.

    Diverged runs never reached it. The median counts a censored run as more than any other, and is
    infinite where half of the runs or more are censored; NaN where a figure is not known.

    Columns: `ARM_KEY`, tried, reached, then `TARGET_COLUMNS`.
    """
    runs = frames.runs[~frames.runs["superseded"] & frames.runs["status"].isin(["ok", "diverged"])]
    censored = runs["target_step"].isna()
    values = runs[list(TARGET_COLUMNS)].astype(float)
    values.loc[~runs["energy_valid"], "target_energy_j"] = np.nan
    values = values.mask(censored, np.inf)
    table = pd.concat([runs[ARM_KEY], values], axis=1).assign(reached=~censored)
    grouped = table.groupby(ARM_KEY, sort=True)
    out = grouped[["reached"]].sum()
    out.insert(0, "tried", grouped.size())
    return out.join(grouped[list(TARGET_COLUMNS)].median()).reset_index()
