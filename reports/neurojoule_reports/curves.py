"""Learning curves, and what it takes to reach the target.

Curves hold clocks; the joules of a run are apportioned to them by its clock, never sampled. A run
that never reaches the target is censored: it counts as more than any that does, and is counted.
"""

from array import array
from collections.abc import Sequence

import numpy as np
import pandas as pd

from neurojoule import record as rec
from neurojoule_reports.frames import ARM_KEY, FOREIGN_LIMIT, Frames
from neurojoule_reports.rows import TARGET_COLUMNS

MAX_POINTS = 40
"""Points of a curve that the page holds; more would not be seen."""


def curves(records: Sequence[rec.Record], runs: pd.DataFrame) -> pd.DataFrame:
    """A row a validation of the runs that count (`frames.ranked`).

    Columns: run_id, step, time_s, flops, energy_j, validation, then suite, task, setting, arm.
    Energy and time are NaN where they may not be ranked.
    """
    kept = runs[(runs["status"] == "ok") & ~runs["superseded"]].reset_index(drop=True)
    energy = kept["train_energy_j"].where(kept["energy_valid"]).to_numpy(dtype=float)
    index = {run_id: i for i, run_id in enumerate(kept["run_id"])}
    names = ("run", "step", "time_s", "flops", "share", "validation")
    columns = {name: array("d") for name in names}
    for r in records:
        run = index.get(r.run_id)
        if run is None or r.train is None or r.train.time_s <= 0:
            continue
        for point in r.curve:
            if point.validation is not None:
                share = point.time_s / r.train.time_s
                cells = (run, point.step, point.time_s, point.flops, share, point.validation)
                for column, cell in zip(columns.values(), cells, strict=True):
                    column.append(cell)
    table = pd.DataFrame({name: np.asarray(cells) for name, cells in columns.items()})
    of = table["run"].to_numpy(dtype=np.intp)
    # Names as codes: a million points would hold a million copies of each.
    texts = {
        name: pd.Categorical.from_codes(codes[of], categories=categories)
        for name in ("run_id", *ARM_KEY)
        for codes, categories in [pd.factorize(kept[name], sort=True)]
    }
    energy_j = energy[of] * table["share"].to_numpy()
    noisy = (kept["foreign_share"] > FOREIGN_LIMIT).to_numpy()
    table.loc[noisy[of], "time_s"] = np.nan
    return table.drop(columns=["run", "share"]).assign(energy_j=energy_j, **texts)


def median_curves(table: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and step: medians over its runs, at the steps that most of them reached.

    At most `MAX_POINTS` steps an arm, evenly chosen, the last among them.
    """
    if table.empty:
        return pd.DataFrame(columns=[*ARM_KEY, "step", *_MEDIANS, "runs"])
    grouped = table.groupby([*ARM_KEY, "step"], sort=True, observed=True)
    out = grouped[list(_MEDIANS)].median()
    out["runs"] = grouped.size()
    out = out.reset_index().astype(dict.fromkeys(ARM_KEY, str))
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
    values.loc[runs["foreign_share"] > FOREIGN_LIMIT, "target_time_s"] = np.nan
    values = values.mask(censored, np.inf)
    table = pd.concat([runs[ARM_KEY], values], axis=1).assign(reached=~censored)
    grouped = table.groupby(ARM_KEY, sort=True)
    out = grouped[["reached"]].sum()
    out.insert(0, "tried", grouped.size())
    return out.join(grouped[list(TARGET_COLUMNS)].median()).reset_index()
