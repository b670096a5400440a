"""How good each imitation of a cell is: the field's measures, and one layer against many.

Every design stands for its longest training on all the data (`ladder`). Arms of the ladder that
were given up on the way are not here; the ladder's map shows them as such.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from neurojoule.quantities import signed
from neurojoule_reports import ladder, stats
from neurojoule_reports.frames import groups
from neurojoule_reports.naming import registered, teachers
from neurojoule_reports.stats import TooFewError, median_rank

MEASURES: tuple[tuple[str, str], ...] = (
    ("quality", "Log-loss"),
    ("auc", "AUC"),
    ("auc_log_odds", "its log-odds"),
    ("true_positive_at_0.25_percent", "Found at 0.25 %"),
    ("true_positive_at_1_percent", "at 1 %"),
    ("voltage_variance_explained", "Voltage explained"),
    ("voltage_variance_explained_rescaled", "rescaled"),
    ("auc_published", "As published: AUC"),
    ("voltage_variance_explained_published", "voltage explained"),
)
"""Column of the runs frame, and its head in the table."""

CONTRASTED = ("auc", "auc_log_odds", "quality")


@dataclass(frozen=True)
class Value:
    """A median with its interval by order statistics; NaN where nothing is known."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Value":
        """Of several values, of which those that are not known are left out; inf is a value."""
        known = sorted(v for v in values if not math.isnan(v))
        if not known:
            return cls(math.nan, math.nan, math.nan)
        k, _ = median_rank(len(known))
        n = len(known)
        low, high = known[(n - 1) // 2], known[n // 2]
        middle = low if low == high else (low + high) / 2
        return cls(middle, known[k - 1], known[n - k])


@dataclass(frozen=True)
class Imitation:
    """One design on one cell.

    Attributes:
        label: short.
        values: in the order of `MEASURES`.
        judged: windows that it was judged by, where it was not all of them; 0 for all.
        teacher: whether it is what is imitated.
    """

    label: str
    family: str
    seeds: int
    values: tuple[Value, ...]
    judged: int = 0
    teacher: bool = False


@dataclass(frozen=True)
class Difference:
    """The deep arm less the one of one layer in one measure, paired by seed; or why not."""

    measure: str
    n: int
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    refusal: str = ""


@dataclass(frozen=True)
class Contrast:
    """The best arm of one layer against the best deeper one, chosen by validation."""

    shallow: str
    deep: str
    differences: tuple[Difference, ...]

    @property
    def words(self) -> str:
        """All differences in a sentence."""
        said = [
            f"{d.measure} {signed(d.value)} ({signed(d.low)} to {signed(d.high)})"
            for d in self.differences
            if not d.refusal
        ]
        said += dict.fromkeys(d.refusal for d in self.differences if d.refusal)
        return (
            f"The best deep network ({self.deep}) less the best of one layer ({self.shallow}), "
            f"on the test split, paired by seed: {', '.join(said)}."
        )


def shown(runs: pd.DataFrame, model: str) -> pd.DataFrame:
    """The runs that stand for their designs, with a short name of each arm in `label`.

    Args:
        runs: the runs that count, of one task in one setting.
        model: whose ladder it is.
    """
    finals = ladder.longest(runs)
    rungs = ladder.rungs(runs, model)
    finals = finals[~finals["arm"].isin([rung.arm for rung in rungs if rung.given_up])]
    names = {rung.arm: f"{model} {rung.depth} \u00d7 {rung.width}" for rung in rungs}
    return finals.assign(label=finals["arm"].map(_labels(finals, names, model)))


def _labels(finals: pd.DataFrame, names: dict[str, str], model: str) -> dict[str, str]:
    """A name for each arm: of a rung its depth and width, of others no more than tells them apart.

    What is built like the ladder and is no rung keeps the options that its design names, and so do
    rungs of one depth and width that are built in several ways.
    """
    arms = finals[["arm", "design"]].drop_duplicates()
    plain = {d: " ".join(w for w in d.split() if "=" not in w) for d in arms["design"].unique()}
    alone = Counter(plain.values())
    labels = {}
    designs = dict(zip(arms["arm"], arms["design"], strict=True))
    rungs = {(names[arm], design) for arm, design in designs.items() if arm in names}
    built = Counter(name for name, _ in rungs)
    for arm, design in designs.items():
        if arm in names and built[names[arm]] == 1:
            labels[arm] = names[arm]
        elif design.startswith(f"{model} ") or alone[plain[design]] > 1:
            labels[arm] = design
        else:
            labels[arm] = plain[design]
    often = Counter(labels.values())
    return {
        arm: label + (arm.removeprefix(designs[arm]) if often[label] > 1 else "")
        for arm, label in labels.items()
    }


def imitations(table: pd.DataFrame) -> list[Imitation]:
    """A row a label of `shown`: what is imitated first, then the best by validation."""
    out = []
    for (label,), part in groups(table, ["label"]):
        judged = part["judged_samples"].max()
        row = Imitation(
            label,
            str(part["family"].iloc[0]),
            int(part["seed"].nunique()),
            tuple(Value.of(part[column].tolist()) for column, _ in MEASURES),
            0 if math.isnan(judged) else int(judged),
            bool(teachers(part).iloc[0]),
        )
        out.append((not row.teacher, float(part["quality_validation"].median()), row))
    return [row for *_, row in sorted(out, key=lambda found: found[:2])]


def contrast(runs: pd.DataFrame, model: str) -> Contrast | None:
    """One layer against many over a ladder; None where one of the two is missing.

    The two are chosen by their validation and differ on the test split.
    """
    best: dict[bool, str] = {}
    sign = -1 if bool(runs["higher_is_better"].iloc[0]) else 1
    for rung in sorted(ladder.rungs(runs, model), key=lambda r: sign * r.validation):
        if not rung.given_up:
            best.setdefault(rung.depth > 1, rung.arm)
    if len(best) < 2:
        return None
    finals = shown(runs, model)
    of = {deep: finals[finals["arm"] == arm] for deep, arm in best.items()}
    by_seed = {deep: part.set_index("seed") for deep, part in of.items()}
    return Contrast(
        str(of[False]["label"].iloc[0]),
        str(of[True]["label"].iloc[0]),
        tuple(_difference(name, by_seed[True][name] - by_seed[False][name]) for name in CONTRASTED),
    )


def _difference(name: str, differences: pd.Series) -> Difference:
    known = differences.dropna().tolist()
    title = dict(MEASURES)[name]
    try:
        found = stats.mean_interval(known)
    except TooFewError as error:
        return Difference(title, error.n, refusal=str(error))
    return Difference(title, found.n, found.value, found.low, found.high)


def simulation_arm(table: pd.DataFrame) -> str | None:
    """The arm of `shown` that is the simulation as the data were made, or None."""
    here = table[registered(table) == "simulation"]
    plain = here[here["design"] == "simulation"]
    arms = [str(arm) for arm in (plain if len(plain) else here)["arm"]]
    return arms[0] if arms else None
