"""Costs of the arms that are good enough: the cheapest, dendritic against point, use by use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from neurojoule import quantities
from neurojoule_reports import ledgers
from neurojoule_reports.columns import AXES, Axis
from neurojoule_reports.ledgers import Priced, Runs
from neurojoule_reports.naming import dendritic
from neurojoule_reports.pairs import Comparison, by_seed, compare, corrected

COSTS: tuple[Axis, ...] = tuple(
    axis for axis in AXES if axis.name in {"energy", "time", "operations", "parameters"}
)


@dataclass(frozen=True)
class Cheapest:
    """The cheapest of the arms that are good enough, on one footprint.

    Attributes:
        what: the footprint in words, such as "Training energy"; `unit` is its SI unit.
        arm: the cheapest by its median; "" when none has the figure, and `refusal` says why.
        value: that median.
        against: the comparison with the next cheapest, or None when there is none.
    """

    what: str
    unit: str
    arm: str
    value: float
    against: Comparison | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Duel:
    """A dendritic arm against a point arm of the same size.

    Attributes:
        size: the budget that both were solved for.
        quality: the comparison on quality; `costs` those on each cost.
        ledgers: training and inference of the two in every ledger.
    """

    size: str
    dendritic: str
    point: str
    quality: Comparison
    costs: dict[str, Comparison]
    ledgers: tuple[Priced, ...] = ()


def qualified(
    order: pd.DataFrame, leader: str, peers: Sequence[str], metric: str, *, higher: bool
) -> tuple[tuple[str, ...], str]:
    """The arms that are good enough to compare costs, and in words which they are."""
    target = order["target"]
    reach = order[order["quality"] >= target] if higher else order[order["quality"] <= target]
    goal = quantities.quality(float(target.iloc[0]), metric)
    if len(reach) > 0:
        count = len(reach)
        words = (
            f"the {count} that reach the target of {goal}"
            if count > 1
            else (f"{leader}, the only one to reach the target of {goal}")
        )
        return tuple(reach["arm"]), words
    if peers:
        return (leader, *peers), (
            f"the {len(peers) + 1} that cannot be told from the best (none reaches {goal})"
        )
    return (leader,), f"{leader}, the best (none reaches the target of {goal})"


def cheapest(axis: Axis, phase: str, good: pd.DataFrame, runs: pd.DataFrame) -> Cheapest:
    """The arm of `good` that needs least, against the next."""
    column = axis.column(phase) or ""
    known = good[good[column].notna()].sort_values(column, kind="stable")
    what = f"{'Training' if phase == 'train' else 'Inference'} {axis.label.lower()}"
    if axis.train == axis.infer:
        what = axis.label
    if known.empty:
        refusal = "no valid energy" if axis.energy else "no such figure"
        return Cheapest(what, axis.unit, "", math.nan, refusal=refusal)
    arm, value = str(known.index[0]), float(known[column].iloc[0])
    values = by_seed(runs, column)
    rest = corrected([compare(values, column, arm, str(b)) for b in known.index[1:]])
    return Cheapest(what, axis.unit, arm, value, rest[0] if rest else None)


def duels(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    records: Runs,
    where: tuple[str, str, str],
    *,
    higher: bool,
) -> list[Duel]:
    """For each size that both have, the best dendritic arm against the best point arm."""
    pairs = []
    for (size, _share), part in table.groupby(["size_budget", "share"], sort=False):
        best = {}
        for family, among in (("dendritic", dendritic(part)), ("point", part["family"] == "point")):
            of = part[among].sort_values("quality", ascending=not higher, kind="stable")
            if not of.empty:
                best[family] = str(of.index[0])
        if len(best) == 2:
            pairs.append((str(size), float(part["parameters"].median()), best))
    columns = {
        f"{phase} {axis.name}": axis.column(phase) or ""
        for axis in COSTS
        for phase in ("train", "infer")
    }
    values = {column: by_seed(runs, column) for column in ("quality", *columns.values())}
    return [
        Duel(
            size,
            best["dendritic"],
            best["point"],
            compare(
                values["quality"], "quality", best["dendritic"], best["point"],
                higher_is_better=higher,
            ),
            {
                name: compare(values[column], column, best["dendritic"], best["point"])
                for name, column in columns.items()
            },
            tuple(
                priced
                for stage, _ in ledgers.STAGES
                if (
                    priced := ledgers.price(
                        records, where, best["dendritic"], best["point"], stage
                    )
                )
            ),
        )
        for size, _, best in sorted(pairs, key=lambda pair: pair[1])
    ]  # fmt: skip


def uses_words(good: pd.DataFrame) -> str:
    """Train once, use N times: which arm needs the least energy in total, for which N."""
    known = good[["train_energy_j", "infer_energy_j"]].dropna()
    known = known[(known > 0).all(axis=1)].sort_values("train_energy_j", kind="stable")
    if len(known) < 2:
        return ""
    arm, parts, least = str(known.index[0]), [], 0.0
    while True:
        here = known.loc[arm]
        cheaper = known[known["infer_energy_j"] < here["infer_energy_j"]]
        if cheaper.empty:
            break
        # Where the lines train + N x infer cross; the next to be cheapest crosses first.
        even = (cheaper["train_energy_j"] - here["train_energy_j"]) / (
            here["infer_energy_j"] - cheaper["infer_energy_j"]
        )
        least, following = max(least, float(even.min())), str(even.idxmin())
        parts.append(f"up to {quantities.si(least, '')} samples {arm}")
        arm = following
    if not parts:
        return f"{arm} needs the least energy however often it is used."
    steps = ", ".join(parts)
    return f"Trained once and used: by medians the least energy is that of {steps}, then {arm}."
