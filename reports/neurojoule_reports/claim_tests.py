"""How each kind of claim is evaluated: pure functions of the frames and the verdicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import pandas as pd

from neurojoule import carbon
from neurojoule.quantities import digits, si
from neurojoule_reports import ladder, machines, rounds
from neurojoule_reports.claim_kinds import (
    ABSENT,
    FAILS,
    HOLDS,
    OPEN,
    DepthAtMost,
    DepthOrder,
    Evidence,
    Exchange,
    Grid,
    Hardware,
    Living,
    Published,
    Reaches,
    Test,
    UnitsBetween,
)  # fmt: skip
from neurojoule_reports.frames import ARM_KEY, Frames, groups, ranked
from neurojoule_reports.naming import registered, teachers
from neurojoule_reports.rates import Rate
from neurojoule_reports.selftest import Rate as Share
from neurojoule_reports.stats import MIN_PAIRS
from neurojoule_reports.verdict import TaskVerdict

SCALES = ("paper", "full", "quick", "smoke")
"""A claim is judged at the largest scale that has runs for it."""


@dataclass(frozen=True)
class Known:
    """All that a claim may be judged by."""

    frames: Frames
    verdicts: tuple[TaskVerdict, ...]


def evaluate(test: Test, known: Known) -> Evidence:
    """Apply the rule of a test."""
    match test:
        case Reaches():
            return _reaches(test, known)
        case DepthAtMost() | UnitsBetween() | DepthOrder():
            return _ladder(test, known)
        case Exchange():
            return _exchange(test, known)
        case Published():
            return _published(test)
        case Living():
            return _living(test, known)
        case Hardware():
            return _hardware(known)
        case Grid():
            return _grid(known)


def _of_tasks(known: Known, tasks: Sequence[str]) -> pd.DataFrame:
    """The runs that count on some tasks, in the setting of the largest scale with most of them."""
    runs = ranked(known.frames.runs)
    runs = runs[runs["task"].isin(tasks)]
    return _of_setting(runs)


def _of_setting(runs: pd.DataFrame) -> pd.DataFrame:
    if runs.empty:
        return runs
    sizes = [(str(s), str(where), int(n)) for (s, where), n in _sizes(runs).items()]
    scale, setting, _ = min(sizes, key=lambda found: (SCALES.index(found[0]), -found[2], found[1]))
    return runs[(runs["scale"] == scale) & (runs["setting"] == setting)]


def _sizes(runs: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Runs by scale and setting, counted and not copied: a table may hold 100,000."""
    return dict(runs.groupby(["scale", "setting"]).size())


def _evidence(runs: pd.DataFrame, status: str, words: str) -> Evidence:
    """Evidence from these runs; the arm with the fewest seeds counts."""
    fewest = int(runs.groupby(["suite", "task", "arm"]).size().min())
    tasks = sorted(set(runs[["suite", "task"]].itertuples(index=False, name=None)))
    setting = str(runs["setting"].iloc[0])
    return Evidence(status, words, fewest, tuple(runs["run_id"]), setting, tuple(tasks))


def _reaches(test: Reaches, known: Known) -> Evidence:
    runs = _of_tasks(known, [test.task])
    names = registered(runs)
    runs = runs[names.isin([*test.can, *test.cannot])].assign(name=names)
    solved = {str(name): [q >= 1 for q in part["quality"]] for name, part in runs.groupby("name")}
    if set(test.can) - set(solved) or set(test.cannot) - set(solved):
        missing = ", ".join(n for n in (*test.can, *test.cannot) if n not in solved)
        return Evidence(ABSENT, f"Not run on {test.task}: {missing}.")
    able = {name: Share.counted(solved[name]) for name in test.can}
    words = "; ".join(
        f"{name} {sum(solved[name])} of {len(solved[name])}" for name in (*test.can, *test.cannot)
    )
    if any(any(solved[name]) for name in test.cannot) or any(
        share.high < test.share for share in able.values()
    ):
        status = FAILS
    elif all(share.low > test.share for share in able.values()):
        status = HOLDS
    else:
        status = OPEN
    return _evidence(runs, status, f"Runs that solved {test.task}: {words}.")


def _ladder(test: DepthAtMost | DepthOrder | UnitsBetween, known: Known) -> Evidence:
    tasks = (test.deeper, test.shallower) if isinstance(test, DepthOrder) else (test.task,)
    runs = _of_tasks(known, tasks)
    found = [ladder.least(runs[runs["task"] == task], test.model, test.margin) for task in tasks]
    missing = [task for task, least in zip(tasks, found, strict=True) if least is None]
    known_least = [least for least in found if least is not None]
    if missing:
        return Evidence(
            ABSENT, f"No ladder of {test.model} was trained on {' and '.join(missing)}."
        )
    first = known_least[0]
    match test:
        case DepthAtMost():
            holds = first.depth[1] <= test.depth
            fails = first.depth[0] > test.depth
            words = f"Smallest depth within {test.margin:.0%}: {first.depth_words}."
        case UnitsBetween():
            low, high = first.units
            largest = max(r.depth * r.width for r in ladder.rungs(runs, test.model))
            # The best of a ladder that ends below tells nothing of what more units would reach.
            far_enough = largest >= test.low
            holds = test.low <= low and high <= test.high
            fails = (high < test.low and far_enough) or low > test.high
            words = f"Least units within {test.margin:.0%}: {first.units_words}."
            if not far_enough:
                words += f" The ladder ends at {largest}."
        case DepthOrder():
            second = known_least[1]
            holds = first.depth[0] > second.depth[1]
            fails = first.depth[1] <= second.depth[0]
            words = (
                f"Smallest depth within {test.margin:.0%}: {first.depth_words} for {test.deeper}, "
                f"{second.depth_words} for {test.shallower}."
            )
    rungs = ladder.compared(runs, test.model)
    return _evidence(rungs, HOLDS if holds else FAILS if fails else OPEN, words)


def _exchange(test: Exchange, known: Known) -> Evidence:
    order = {suite: place for place, suite in enumerate(test.suites)}
    here = [v for v in known.verdicts if v.suite in order and v.prices.exchanges]
    ran = ranked(known.frames.runs)
    runs = _of_setting(ran[ran["setting"].isin([v.setting for v in here])])
    setting = "" if runs.empty else str(runs["setting"].iloc[0])
    said, votes, tasks, used = [], [], [], []
    fewest = math.inf
    judged: set[str] = set()
    for v in sorted((v for v in here if v.setting == setting), key=lambda v: order[v.suite]):
        best = v.prices.best(test.currency)
        rate = None if best is None else best.rate(test.currency)
        if best is None or rate is None or v.task in judged:
            continue
        judged.add(v.task)
        part = runs[(runs["suite"] == v.suite) & (runs["task"] == v.task)]
        votes.append(_vote(rate, test.above))
        said.append(f"{v.task}: {_rate_words(rate)}")
        tasks.append((v.suite, v.task))
        used += list(part.loc[part["family"].isin(["dendritic", "point"]), "run_id"])
        fewest = min(fewest, best.seeds)
    if not votes:
        return Evidence(ABSENT, f"No exchange rate of {test.currency} could be computed.")
    half = len(votes) / 2
    if votes.count(HOLDS) > half and FAILS not in votes:
        status = HOLDS
    else:
        status = FAILS if votes.count(FAILS) > half else OPEN
    return Evidence(status, f"{'; '.join(said)}.", int(fewest), tuple(used), setting, tuple(tasks))


def _rate_words(rate: Rate) -> str:
    where = f" ({rate.outside})" if rate.outside else ""
    return rate.words.removesuffix(" the") + where


def _vote(rate: Rate, above: float) -> str:
    """Whether the rate is settled to lie above a value, or at or below it.

    Beyond the ladder it is more than the bound, so that a bound that is the value will do.
    """
    if math.isinf(rate.low):
        return HOLDS if rate.bound >= above else OPEN
    if rate.high == 0:
        return FAILS if rate.bound <= above else OPEN
    return HOLDS if rate.low > above else FAILS if rate.high <= above else OPEN


def _published(test: Published) -> Evidence:
    flight = next(unit for unit in carbon.UNITS if unit.name.endswith("New York to Beijing"))
    flights = [1e6 * test.stated_t / grams for grams in (flight.high, flight.low)]
    words = (
        f"Estimated from outside: {test.claimed_t:g} t; stated later by those who ran it: "
        f"{test.stated_t:g} t, {digits(flights[0], 2)} to {digits(flights[1], 2)} return flights "
        "of one passenger. Published figures; nothing was measured here."
    )
    return Evidence(HOLDS if test.stated_t >= test.least_t else FAILS, words)


def _living(test: Living, known: Known) -> Evidence:
    runs = _of_tasks(known, [test.task])
    powers = ladder.powers(runs, test.margin)
    if not powers:
        return Evidence(ABSENT, f"No surrogate with valid joules was trained on {test.task}.")
    least = min(powers, key=lambda p: p.watts)
    status = HOLDS if least.low > test.watts else FAILS if least.high < test.watts else OPEN
    words = (
        f"{least.arm}: {si(least.watts, 'W')} ({si(least.low, 'W')} to {si(least.high, 'W')}) a "
        f"neuron, {digits(least.watts / test.watts)} times the living cell's."
    )
    priced = runs[(runs["arm"] == least.arm) & runs["infer_energy_j"].notna()]
    return _evidence(priced, status, words)


def _priced(known: Known) -> pd.DataFrame:
    """The runs that a factor between arms is read from: of each the longest training, in joules.

    Arms with too few such runs to be compared count only where no others are.
    """
    runs = ranked(rounds.shown(known.frames).runs)
    runs = runs[runs["train_energy_j"].notna() & ~teachers(runs)]
    enough = runs.groupby(ARM_KEY)["seed"].transform("nunique") >= MIN_PAIRS
    return runs[enough] if enough.any() else runs


def _between_arms(runs: pd.DataFrame) -> float:
    """The factor in training energy between the dearest and the cheapest arm; median over tasks."""
    factors = []
    for _, part in groups(runs, ["suite", "task"]):
        medians = part.groupby("arm")["train_energy_j"].median().dropna().to_numpy(dtype=float)
        if len(medians) > 1:
            factors.append(float(medians.max() / medians.min()))
    return median(factors) if factors else math.nan


def _hardware(known: Known) -> Evidence:
    pairs = [s for s in machines.pairs_of_settings(known.frames) if s.rows]
    factors = {}
    for side in pairs:
        ratios = [r.ratios["train_energy_j"] for r in side.rows]
        values = [r.value for r in ratios if not r.refusal]
        if values:
            middle = median(values)
            factors[f"{side.b} against {side.a}"] = max(middle, 1 / middle)
    if not pairs:
        return Evidence(ABSENT, "Only one machine or setup was measured.")
    setting = pairs[0].a
    runs = _priced(known)
    runs = runs[runs["setting"] == setting]
    models = math.nan if runs.empty else _between_arms(runs)
    if not factors or math.isnan(models):
        runs = ranked(known.frames.runs)
        runs = runs[runs["setting"] == setting]
        return _evidence(runs, OPEN, "No ratio of joules between them is settled.")
    where, factor = max(factors.items(), key=lambda found: found[1])
    words = f"{where}: a factor of {digits(factor)}; between models {digits(models)}."
    return _evidence(runs, _beside(factor, models), words)


def _grid(known: Known) -> Evidence:
    intensities = [g.g_per_kwh for g in carbon.grids().values() if g.code != carbon.WORLD]
    low, high = (float(np.quantile(intensities, q)) for q in (0.1, 0.9))
    runs = _of_setting(_priced(known))
    models = math.nan if runs.empty else _between_arms(runs)
    words = (
        f"Nine in ten grids lie above {low:.0f} g/kWh and nine in ten below {high:.0f}: "
        f"a factor of {digits(high / low)}"
    )
    if math.isnan(models):
        return Evidence(ABSENT, f"{words}; no two arms of a task have valid joules.")
    words = f"{words}; between models {digits(models)}."
    return _evidence(runs, _beside(high / low, models), words)


def _beside(factor: float, models: float) -> str:
    return HOLDS if factor >= models else FAILS if factor < models / 2 else OPEN
