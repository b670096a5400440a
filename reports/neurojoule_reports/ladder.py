"""A ladder of depths and widths on one cell: how much network is good enough, at which power.

An arm is good enough when its validation lies within a margin of the best one's. That is asked of
the worse and of the better end of every arm's interval over seeds, so that each answer is a pair:
the least network that could be good enough, and the least that surely is.

A suite may train all arms for a little and go on with the better half (successive halving). Then an
arm has several recipes, and some arms lack the last. Every arm stands for its longest training;
those that were given up on the way are shown as such, and compared with none.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from neurojoule_reports.frames import groups
from neurojoule_reports.naming import registered, teachers
from neurojoule_reports.stats import MIN_PAIRS, median_rank

STEPS_PER_S = 1000.0
"""A step of a cell's task is a millisecond (NEURON)."""

SIMULATED_S = 1.2
"""What a training sample was cut from: a simulation of 6 s gives five (neurojoule.tasks.neuron)."""

DEPTHS = ("layers", "levels", "depth")
"""What models call their depth."""


@dataclass(frozen=True)
class Rung:
    """One arm of a ladder; validation as median, worse and better end, in the metric's unit.

    Attributes:
        steps: updates at the most.
        given_up: whether others were trained on; it is compared with none.
    """

    arm: str
    depth: int
    width: int
    validation: float
    worse: float
    better: float
    seeds: int
    steps: int = 0
    given_up: bool = False


@dataclass(frozen=True)
class Least:
    """The least that could be good enough, and the least that surely is; inf where none is."""

    depth: tuple[float, float]
    units: tuple[float, float]

    @property
    def depth_words(self) -> str:
        """One number, or two."""
        return _words(self.depth)

    @property
    def units_words(self) -> str:
        """One number, or two."""
        return _words(self.units)


def _words(ends: tuple[float, float]) -> str:
    low, high = ends
    if math.isinf(high):
        return f"{low:.0f} or more"
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def rungs(runs: pd.DataFrame, model: str) -> list[Rung]:
    """Every arm of `model` with its depth (an option of it), width and validation.

    Of a design that was trained by several recipes the longest training stands.
    """
    out = []
    for (arm,), part in groups(_finals(runs, model), ["arm"]):
        values = sorted(part["quality_validation"].dropna())
        depth = depth_of(str(part["options"].iloc[0]))
        if not values or depth is None:
            continue
        k, _ = median_rank(len(values))
        ends = values[k - 1], values[len(values) - k]
        higher = bool(part["higher_is_better"].iloc[0])
        middle = float(pd.Series(values).median())
        worse, better = ends if higher else ends[::-1]
        width, steps = int(part["width"].median()), int(part["steps"].iloc[0])
        out.append(
            Rung(
                arm, depth, width, middle, worse, better, len(values), steps,
                bool(part["given_up"].iloc[0]),
            )
        )  # fmt: skip
    return sorted(out, key=lambda rung: (rung.depth, rung.width))


def longest(runs: pd.DataFrame) -> pd.DataFrame:
    """Of the runs on all the data, those of each design's longest recipe."""
    whole = runs[runs["share"] == 1]
    most = whole.groupby(_DESIGN)["steps"].transform("max")
    kept: pd.DataFrame = whole[whole["steps"] == most]
    return kept


def compared(runs: pd.DataFrame, model: str) -> pd.DataFrame:
    """The runs that a ladder's least network is read from: the longest, none of them given up."""
    finals = _finals(runs, model)
    kept: pd.DataFrame = finals[~finals["given_up"]]
    return kept


_DESIGN = ["suite", "task", "setting", "design"]


def _finals(runs: pd.DataFrame, model: str) -> pd.DataFrame:
    """The longest runs of a ladder's rungs, and whether others outlived them (`given_up`).

    Others did that went through more rounds, with more seeds unless all have one. Fewer seeds alone
    say that runs failed or are still to come.
    """
    here = runs[(registered(runs) == model) & (runs["share"] == 1)]
    here = here[here["options"].astype(str).map(depth_of).notna()]
    finals = longest(here.assign(rounds=here.groupby(_DESIGN)["steps"].transform("nunique")))
    seeds = finals.groupby(_DESIGN)["seed"].transform("nunique")
    cell = [finals[name] for name in _DESIGN[:-1]]
    most = seeds.groupby(cell).transform("max")
    fewer_rounds = finals["rounds"] < finals["rounds"].groupby(cell).transform("max")
    given_up = fewer_rounds & ((seeds < most.clip(upper=MIN_PAIRS)) | (most == 1))
    return finals.assign(given_up=given_up)


def depth_of(options: str) -> int | None:
    """The depth that stands among a model's options in words; None when there is none.

    A network whose later filters see one step is a perceptron on a sliding window, and no rung.
    """
    value = dict(word.split("=", 1) for word in options.split() if "=" in word)
    for name in DEPTHS:
        if value.get(name, "").isdigit():
            depth = int(value[name])
            return None if depth > 1 and value.get("taps") == "1" else depth
    return None


def good_enough(found: list[Rung], margin: float, *, higher: bool) -> dict[str, tuple[bool, bool]]:
    """For each arm whether it could be, and whether it surely is, within the margin of the best.

    Only of arms that were trained to the end. With fewer than `MIN_PAIRS` seeds nothing is sure.
    """
    sign = 1 if higher else -1
    kept = [r for r in found if not r.given_up]
    best = max(sign * r.validation for r in kept)
    limit = best - margin * abs(best)
    return {
        r.arm: (sign * r.better >= limit, r.seeds >= MIN_PAIRS and sign * r.worse >= limit)
        for r in kept
    }


def least(runs: pd.DataFrame, model: str, margin: float) -> Least | None:
    """The smallest depth, and the least depth x width, within a share of the best validation.

    Args:
        runs: the runs that count, of one task in one setting.
        model: whose ladder.
        margin: share of the best median validation that is given away.
    """
    found = [rung for rung in rungs(runs, model) if not rung.given_up]
    if not found:
        return None
    good = good_enough(found, margin, higher=bool(runs["higher_is_better"].iloc[0]))

    def ends(size: dict[str, int]) -> tuple[float, float]:
        could, surely = (
            min((size[r.arm] for r in found if good[r.arm][i]), default=math.inf) for i in (0, 1)
        )
        return could, surely

    return Least(
        ends({r.arm: r.depth for r in found}), ends({r.arm: r.depth * r.width for r in found})
    )


@dataclass(frozen=True)
class Power:
    """Joules a neuron-second of one arm: median, and between which the true ones lie."""

    arm: str
    family: str
    quality: float
    watts: float
    low: float
    high: float


def powers(runs: pd.DataFrame, margin: float | None = None) -> list[Power]:
    """The power of every arm in imitating one neuron, by its energy an inference.

    Args:
        runs: the runs that count, of one cell's task in one setting.
        margin: only of imitations within this share of the best one's validation; None for all,
            and for what is imitated too.
    """
    runs = longest(runs)
    if margin is not None:
        runs = runs[~teachers(runs)]
    if runs.empty:
        return []
    return [p for p in _powers(runs) if margin is None or _near(runs, p.arm, margin)]


def _powers(runs: pd.DataFrame) -> Iterator[Power]:
    for (arm,), part in groups(runs, ["arm"]):
        columns = ["infer_energy_j", "infer_energy_low_j", "infer_energy_high_j"]
        known = part[columns].div(sample_s(part), axis=0).dropna()
        if known.empty:
            continue
        watts, low, high = map(float, known.median())
        quality = float(part["quality"].median())
        yield Power(arm, str(part["family"].iloc[0]), quality, watts, low, high)


def _near(runs: pd.DataFrame, arm: str, margin: float) -> bool:
    medians = runs.groupby("arm")["quality_validation"].median().dropna()
    higher = bool(runs["higher_is_better"].iloc[0])
    best = float(medians.max() if higher else medians.min())
    return arm in medians.index and abs(float(medians[arm]) - best) <= margin * abs(best)


def sample_s(runs: pd.DataFrame) -> pd.Series:
    """How long a sample of each run of a cell's task was, in seconds.

    By the record and not by the task as it is now, whose windows may be others. NaN where a record
    is of a version that did not say.
    """
    return runs["sample_steps"] / STEPS_PER_S
