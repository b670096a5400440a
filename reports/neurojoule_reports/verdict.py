"""What may be said, in words: who wins on quality, at which cost, and how far that can be trusted.

Rules. An arm wins on quality when it is better than another in paired comparison at the 5 % level
after Holm's correction over all the arms of the task; otherwise there is no clear difference.
Costs are compared among the arms that reach the target (or, where none does, those that cannot be
told from the best), because the cheapest model of all is the one that learns nothing. Dendritic
units are set against point units of the same size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from neurojoule_reports import units
from neurojoule_reports.columns import AXES, Axis
from neurojoule_reports.exchange import Exchange, exchanges
from neurojoule_reports.frames import Frames, groups, ranked
from neurojoule_reports.pairs import Comparison, by_seed, compare, corrected

_SAID = ("units", "parameters", "training energy", "training data")

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
    """A dendritic arm against a point arm of the same size: quality, and each cost."""

    size: str
    dendritic: str
    point: str
    quality: Comparison
    costs: dict[str, Comparison]


@dataclass(frozen=True)
class TaskVerdict:
    """All that is said of one task in one setting.

    Attributes:
        leader: the arm with the best median quality; "" when no run finished.
        peers: arms that cannot be told from it; `undecided`: arms with too few runs.
        quality: the leader against every other arm.
        qualified: the arms that are good enough to compare costs, and why in `qualified_words`.
    """

    suite: str
    task: str
    setting: str
    metric: str
    leader: str
    quality_words: str
    peers: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    quality: tuple[Comparison, ...] = ()
    qualified: tuple[str, ...] = ()
    qualified_words: str = ""
    cheapest: tuple[Cheapest, ...] = ()
    duels: tuple[Duel, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    uses_words: str = ""

    @property
    def exchange_words(self) -> str:
        """The exchange rate of the best dendritic arm, in a sentence; "" when there is none."""
        known = [e for e in self.exchanges if not e.rates[0].refusal]
        if not known:
            return ""
        sign = 1 if self.metric == "accuracy" else -1
        best = max(known, key=lambda e: sign * e.quality)
        rates = [r for r in best.rates if not r.refusal]
        if all(math.isinf(r.low) for r in rates):
            return f"No point network that was measured is as good as {best.arm}."
        if all(math.isinf(r.value) for r in rates):
            return f"Whether a point network that was measured is as good as {best.arm} is open."
        said = [f"{r.words} {r.currency}" for r in rates if r.currency in _SAID]
        return f"A point network as good as {best.arm} needs {_list(said)}."


def verdicts(frames: Frames) -> list[TaskVerdict]:
    """One for each task in each setting, in the order of the frames."""
    if frames.runs.empty:
        return []
    key = ["suite", "task", "setting"]
    counted = dict(groups(ranked(frames.runs), key))
    return [
        _verdict(suite, task, setting, arms, counted.get((suite, task, setting)))
        for (suite, task, setting), arms in groups(frames.arms, key)
    ]


def _verdict(
    suite: str, task: str, setting: str, arms: pd.DataFrame, runs: pd.DataFrame | None
) -> TaskVerdict:
    known = arms[arms["quality"].notna()]
    if runs is None or known.empty:
        total = int(arms["runs"].sum())
        return TaskVerdict(
            suite, task, setting, "", "", f"None of {total} runs finished, so nothing can be said."
        )
    metric = str(known["metric"].iloc[0])
    higher = bool(known["higher_is_better"].iloc[0])
    order = known.assign(better=known["quality"] if higher else -known["quality"]).sort_values(
        ["better", "train_energy_j", "parameters", "arm"], ascending=[False, True, True, True]
    )
    leader = str(order["arm"].iloc[0])
    values = by_seed(runs, "quality")
    quality = corrected(
        [
            compare(values, "quality", leader, str(other), higher_is_better=higher)
            for other in order["arm"].iloc[1:]
        ]
    )
    peers = tuple(c.b for c in quality if not c.refusal and not c.clear)
    undecided = tuple(c.b for c in quality if c.refusal)
    good, qualified_words = _qualified(order, leader, peers, metric, higher=higher)
    table = known.set_index("arm")
    return TaskVerdict(
        suite,
        task,
        setting,
        metric,
        leader,
        _quality_words(float(order["quality"].iloc[0]), leader, quality, metric),
        peers,
        undecided,
        tuple(quality),
        good,
        qualified_words,
        tuple(
            _cheapest(axis, phase, table.loc[list(good)], runs)
            for phase in ("train", "infer")
            for axis in COSTS
            if not (axis.train == axis.infer and phase == "infer")
        ),
        tuple(_duels(table, runs, higher=higher)),
        tuple(exchanges(runs, arms)),
        _uses_words(table.loc[list(good)]),
    )


def _uses_words(good: pd.DataFrame) -> str:
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
        parts.append(f"up to {units.si(least, '')} samples {arm}")
        arm = following
    if not parts:
        return f"{arm} needs the least energy however often it is used."
    steps = ", ".join(parts)
    return f"Trained once and used: by medians the least energy is that of {steps}, then {arm}."


def _quality_words(best: float, leader: str, quality: Sequence[Comparison], metric: str) -> str:
    value = units.quality(best, metric)
    first = f"{leader} has the best median {_metric(metric)}, {value}"
    peers = [c.b for c in quality if not c.refusal and not c.clear]
    beaten = [c for c in quality if c.clear]
    if not quality:
        return f"{first}; no other model finished."
    if len(beaten) == len(quality):
        nearest = min(quality, key=lambda c: c.value)
        if len(quality) == 1:
            return f"{first}: clearly ahead of {nearest.b}, by {_gap(nearest, metric)}."
        return (
            f"{first}: clearly ahead of all {len(quality)} others, "
            f"by {_gap(nearest, metric)} on {nearest.b}."
        )
    parts = []
    if peers:
        parts.append(f"no clear difference to {_list(peers)}")
    if beaten:
        parts.append(f"clearly ahead of {len(beaten)} other{'s' * (len(beaten) > 1)}")
    refused = [c for c in quality if c.refusal]
    if refused:
        fewest = min(refused, key=lambda c: c.n)
        parts.append(f"{fewest.refusal} to compare it with {_list([c.b for c in refused])}")
    return f"{first}; {'; '.join(parts)}."


def _metric(metric: str) -> str:
    return metric.replace("_", " ")


def _gap(c: Comparison, metric: str) -> str:
    if metric == "accuracy":
        low, high = 100 * c.low, 100 * c.high
        span = "" if c.low == c.high else f" ({units.digits(low, 2)} to {units.digits(high, 2)})"
        return f"{units.digits(100 * c.value, 2)} points{span}"
    return f"{units.digits(c.value)} ({units.digits(c.low)} to {units.digits(c.high)})"


def _list(names: Sequence[str], most: int = 3) -> str:
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _qualified(
    order: pd.DataFrame, leader: str, peers: Sequence[str], metric: str, *, higher: bool
) -> tuple[tuple[str, ...], str]:
    target = order["target"]
    reach = order[order["quality"] >= target] if higher else order[order["quality"] <= target]
    goal = units.quality(float(target.iloc[0]), metric)
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


def _cheapest(axis: Axis, phase: str, good: pd.DataFrame, runs: pd.DataFrame) -> Cheapest:
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


def _duels(table: pd.DataFrame, runs: pd.DataFrame, *, higher: bool) -> list[Duel]:
    """For each size that both have, the best dendritic arm against the best point arm."""
    pairs = []
    for (size, _share), part in table.groupby(["size_budget", "share"], sort=False):
        best = {}
        for family in ("dendritic", "point"):
            of = part[part["family"] == family].sort_values(
                "quality", ascending=not higher, kind="stable"
            )
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
        )
        for size, _, best in sorted(pairs, key=lambda pair: pair[1])
    ]  # fmt: skip
