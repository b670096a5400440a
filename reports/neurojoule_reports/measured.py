"""How far the numbers can be trusted: grades, contamination, spread, what joules add to time."""

import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurojoule_reports.frames import Frames, groups, ranked
from neurojoule_reports.stats import r_squared

GRADE_WORDS: dict[str, str] = {
    "measured": "measured by a power meter in the hardware",
    "user": "load times a TDP that the user gave",
    "modelled": "load times the TDP known for this CPU; no meter was read",
    "guessed": "load times a default TDP; no meter was read, and the CPU is unknown",
    "constant": "a constant power whatever the load",
}

ADDS_NOTHING = 0.99
"""R\u00b2 of log energy against log time above which joules add nothing to seconds (MEASURING)."""

SAME_POWER = 0.03
"""Or below which spread of power: where times hardly differ, R\u00b2 means little."""


@dataclass(frozen=True)
class Grading:
    """How the joules of one setting are known."""

    setting: str
    grade: str
    source: str
    runs: int
    words: str


@dataclass(frozen=True)
class Redundancy:
    """Whether energy says anything that time does not, on one task in one setting.

    Attributes:
        r2: of log energy against log time.
        power_cv: spread of power: standard deviation of its logarithm.
    """

    task: str
    setting: str
    n: int
    r2: float
    power_cv: float
    words: str


@dataclass(frozen=True)
class ErrorBars:
    """How far the training energies of one setting may be off, two ways that do not mix.

    Attributes:
        arms: with an energy.
        statistical: half the interval of an arm's median over its seeds, as a share of it; median.
        low, high: systematic, the factor from the reported joules to the least and the most that
            they may be, by grade and under other curves of power against load; medians over runs.
    """

    setting: str
    arms: int
    statistical: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """Figures of one setting, medians over its runs; shares in [0, 1], NaN when not known."""

    setting: str
    runs: int
    valid: int
    foreign_share: float
    idle_share: float
    idle_power_w: float
    repeat_cv: float
    gross_j: float
    net_j: float
    ram_j: float
    footprint_j: float
    repeated: int


def gradings(frames: Frames) -> list[Grading]:
    """One row for each setting, grade and source."""
    known = frames.runs[frames.runs["grade"].notna() & ~frames.runs["superseded"]]
    return [
        Grading(setting, grade, source, len(part), GRADE_WORDS[grade])
        for (setting, grade, source), part in groups(known, ["setting", "grade", "energy_source"])
    ]


def redundancies(frames: Frames) -> list[Redundancy]:
    """Whether joules say more than seconds, for each task in each setting."""
    out = []
    for (_, task, setting), part in groups(ranked(frames.runs), ["suite", "task", "setting"]):
        both = part[["train_mean_time_s", "train_energy_j"]].dropna()
        both = both[(both > 0).all(axis=1)]
        time_s, energy_j = both.to_numpy(dtype=float).T
        r2 = r_squared(time_s, energy_j)
        cv = float(np.std(np.log(energy_j / time_s), ddof=1)) if len(both) > 1 else math.nan
        out.append(Redundancy(task, setting, len(both), r2, cv, _redundant(r2, cv)))
    return out


def _redundant(r2: float, power_cv: float) -> str:
    if math.isnan(r2):
        return "Too few runs with valid energy, or no difference in time, to say."
    if r2 > ADDS_NOTHING:
        return "On this machine joules add nothing to seconds: read energy as time."
    if power_cv < SAME_POWER:
        return "Power is the same in all runs: joules add nothing to seconds, read energy as time."
    return "Energy differs from time: joules say something that seconds do not."


def spreads(frames: Frames) -> list[Spread]:
    """One row a setting."""
    out = []
    for (setting,), part in groups(frames.runs[~frames.runs["superseded"]], ["setting"]):
        valid = part[part["energy_valid"]]
        gross, net = valid["train_energy_j"], valid["train_net_j"]
        out.append(
            Spread(
                setting,
                len(part),
                len(valid),
                _median(part["foreign_share"]),
                _median(1 - net / gross),
                _median(valid["idle_power_w"]),
                _median(valid["train_repeat_cv"]),
                float(gross.sum()),
                float(net.sum()) if net.notna().any() else math.nan,
                float(valid["train_ram_j"].sum()),
                float(part["footprint_j"].sum()),
                int((part["attempts"] > 1).sum()),
            )
        )
    return out


def error_bars(frames: Frames) -> list[ErrorBars]:
    """One row a setting that has joules."""
    out = []
    runs = dict(groups(ranked(frames.runs), ["setting"]))
    for (setting,), arms in groups(frames.arms, ["setting"]):
        known = arms[arms["energy_runs"] > 1]
        half = (known["train_energy_j_high"] - known["train_energy_j_low"]) / 2
        part = runs.get((setting,))
        if part is None or part["train_energy_j"].notna().sum() == 0:
            continue
        low, high = (
            _median(part[f"train_energy_{end}_j"] / part["train_energy_j"])
            for end in ("low", "high")
        )
        share = _median(half / known["train_energy_j"])
        out.append(ErrorBars(setting, len(known), share, low, high))
    return out


def _median(values: pd.Series) -> float:
    known = values.dropna()
    return float(known.median()) if len(known) else math.nan


def invalid(frames: Frames) -> list[tuple[str, int]]:
    """Why energies are not ranked, with how often; of runs that finished.

    Reasons that differ in their numbers only are one row, with the range of each number.
    """
    runs = frames.runs
    bad = runs[(runs["status"] == "ok") & ~runs["energy_valid"] & ~runs["superseded"]]
    alike: dict[str, list[list[str]]] = {}
    for text in bad["energy_reasons"]:
        for reason in str(text).split("; ") if text else ["no reason was recorded"]:
            alike.setdefault(_NUMBER.sub("{}", reason), []).append(_NUMBER.findall(reason))
    counted = [(_ranged(pattern, found), len(found)) for pattern, found in alike.items()]
    return sorted(counted, key=lambda row: (-row[1], row[0]))


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _ranged(pattern: str, found: list[list[str]]) -> str:
    """The pattern with each number as its range over the rows: 22\u201351."""
    spans = []
    for numbers in zip(*found, strict=True):
        ordered = sorted(numbers, key=float)
        low, high = ordered[0], ordered[-1]
        spans.append(low if low == high else f"{low}\u2013{high}")
    parts = pattern.split("{}")
    return "".join(part + span for part, span in zip(parts, [*spans, ""], strict=True))


def unfinished(frames: Frames) -> list[tuple[str, str, str, int]]:
    """Runs that did not finish: status, arm and task, error, how often."""
    runs = frames.runs[(frames.runs["status"] != "ok") & ~frames.runs["superseded"]]
    told = runs.assign(
        where=runs["arm"] + " on " + runs["task"],
        error=runs["error"].fillna("no message").astype(str),
    )
    return [
        (status, where, error, len(part))
        for (status, where, error), part in groups(told, ["status", "where", "error"])
    ]


def adds_nothing(row: Redundancy) -> bool:
    """Whether energy may be read as time there."""
    known = not math.isnan(row.r2)
    return known and (row.r2 > ADDS_NOTHING or row.power_cv < SAME_POWER)
