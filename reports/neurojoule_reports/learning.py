"""How far an imitation gets with more data and with more joules: learning curves and plateaus.

Over data: arms that differ in nothing but their share of the training data, in seconds of simulated
cell. Over joules: the best validation so far against the joules of training until then, which are
apportioned by the clock (`curves`); the first validations, which no power law describes, are left
out. A learning rate that falls over the training bends such a curve down at its end, so that its
plateau is that of the recipe, not of the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurojoule_reports import plateau
from neurojoule_reports.frames import groups
from neurojoule_reports.ladder import SIMULATED_S
from neurojoule_reports.naming import but_validations, teachers
from neurojoule_reports.plateau import Plateau

LATE = 30.0
"""Validations from the last joules over this on count."""


@dataclass(frozen=True)
class Curve:
    """One learning curve.

    Attributes:
        label: of the design.
        amounts: simulated seconds of training data, or joules; rising.
        losses: mean over seeds at each.
        seeds: how many.
        plateau: where it levels off, or why that cannot be said.
    """

    label: str
    family: str
    amounts: tuple[float, ...]
    losses: tuple[float, ...]
    seeds: int
    plateau: Plateau


def over_data(runs: pd.DataFrame, labels: dict[str, str]) -> list[Curve]:
    """One curve for each design and recipe that was trained on several shares of the data.

    Less data may be validated more often; that is no other recipe.

    Args:
        runs: the runs that count, of one task in one setting.
        labels: short names, by design.
    """
    out = []
    learnt = runs[~teachers(runs)]
    learnt = learnt.assign(recipe=but_validations(learnt["recipe"]))
    for (design, _), part in groups(learnt, ["design", "recipe"]):
        wide = part.pivot_table(index="seed", columns="training_samples", values="quality").dropna()
        if wide.shape[1] < 2 or wide.empty:
            continue
        amounts = wide.columns.to_numpy(dtype=float) * SIMULATED_S
        losses = wide.to_numpy(dtype=float)
        family = str(part["family"].iloc[0])
        out.append(_curve(labels.get(design, design), family, amounts, losses))
    return out


def over_joules(table: pd.DataFrame, curves: pd.DataFrame) -> list[Curve]:
    """One curve for each arm whose joules are known; the lowest end first.

    Args:
        table: of `imitations.shown`.
        curves: of `curves.curves`.
    """
    of = table.set_index("run_id")
    points = curves[curves["run_id"].isin(of.index) & (curves["energy_j"] > 0)]
    out = []
    for (label,), part in groups(table[~teachers(table)], ["label"]):
        here = points[points["run_id"].isin(part["run_id"])].astype({"run_id": str})
        here = here.sort_values(["run_id", "step"])
        here = here.assign(best=here.groupby("run_id")["validation"].cummin())
        best = here.pivot_table(index="run_id", columns="step", values="best").dropna(axis=1)
        joules = here.pivot_table(index="run_id", columns="step", values="energy_j")
        spent = joules[best.columns].median().to_numpy(dtype=float)
        late = spent >= spent[-1] / LATE if len(spent) else np.zeros(0, dtype=bool)
        if late.sum() < 2:
            continue
        losses = best.to_numpy(dtype=float)[:, late]
        out.append(_curve(label, str(part["family"].iloc[0]), spent[late], losses))
    return sorted(out, key=lambda curve: curve.losses[-1])


def _curve(
    label: str, family: str, amounts: Sequence[float] | plateau.Floats, losses: plateau.Floats
) -> Curve:
    x = np.asarray(amounts, dtype=float)
    return Curve(
        label,
        family,
        tuple(float(v) for v in x),
        tuple(float(v) for v in losses.mean(axis=0)),
        len(losses),
        plateau.fit(x, losses),
    )
