"""Ladders over a budget: quality against parameters, operations, or a share of the training data.

A rung is an arm that was solved for a budget, or that saw a share of the data at one budget. A
ladder is drawn where some model stands on two rungs of it at least.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from neurojoule_reports.drawing import unit
from neurojoule_reports.frames import Frames, groups, ranked
from neurojoule_reports.points import SAME, XY


@dataclass(frozen=True)
class Ladder:
    """What is budgeted.

    Attributes:
        name: key in the page and in the names of files.
        label: in words.
        unit: SI unit that prefixes are put before; "%" for a share.
        column: of the arms frame: what the arm has of it, which the budget may miss by a little.
    """

    name: str
    label: str
    unit: str
    column: str

    def say(self, value: float) -> str:
        """A value as a person reads it."""
        return f"{100 * value:.3g} %" if self.unit == "%" else unit(self.unit)(value)


LADDERS = (
    Ladder("parameters", "Parameters", "", "parameters"),
    Ladder("operations", "Operations of an inference", "FLOP", "infer_flops"),
    Ladder("data", "Share of the training data", "%", "share"),
)

TASK = ["suite", "task", "setting"]


def standing(arms: pd.DataFrame) -> pd.DataFrame:
    """Which arms are rungs of which ladder: a column of booleans for each of `LADDERS`."""
    budget, whole = arms["size_budget"].astype(str), arms["share"] == 1
    of_model = [*TASK, "model", "size_budget"]
    rungs = {
        "parameters": budget.str.fullmatch(r"\d+p") & whole,
        "operations": budget.str.fullmatch(r"\d+op") & whole,
        "data": arms.groupby(of_model)["share"].transform("nunique") > 1,
    }
    out = pd.DataFrame(index=arms.index)
    for ladder in LADDERS:
        here = rungs[ladder.name] & arms["quality"].notna() & arms[ladder.column].notna()
        most = here.groupby([arms[k] for k in (*TASK, "model")]).transform("sum")
        most = most.groupby([arms[k] for k in TASK]).transform("max")
        out[ladder.name] = here & (most > 1)
    return out


def tasks(arms: pd.DataFrame) -> set[tuple[str, ...]]:
    """Suite, task and setting of every ladder that there is."""
    on_any = arms[standing(arms).any(axis=1)]
    return set(on_any[TASK].itertuples(index=False, name=None))


@dataclass(frozen=True)
class Rungs:
    """One ladder of one task in one setting.

    Attributes:
        where: suite, task, setting.
        arms: all arms there.
        points: a row a rung: columns as in `points.points` (never on the front: a ladder is read
            rung by rung), then training_samples and size_deviation.
        seeds: family, x and y of each run behind them.
    """

    where: tuple[str, ...]
    ladder: Ladder
    arms: pd.DataFrame
    points: pd.DataFrame
    seeds: pd.DataFrame


def rungs(frames: Frames, arms: pd.DataFrame) -> Iterator[Rungs]:
    """Every ladder that `arms` make, which are those of the frames or some of them."""
    runs = dict(groups(ranked(frames.runs), TASK))
    for where, part in groups(arms, TASK):
        on = standing(part)
        for ladder in LADDERS:
            table = part[on[ladder.name]].reset_index(drop=True)
            if not table.empty:
                kept = runs[where][runs[where]["arm"].isin(table["arm"])]
                seeds = pd.DataFrame(
                    {"family": kept["family"], "x": kept[ladder.column], "y": kept["quality"]}
                )
                yield Rungs(where, ladder, part, _points(table, ladder), seeds)


def _points(table: pd.DataFrame, ladder: Ladder) -> pd.DataFrame:
    exact = ladder.unit == "%"  # a share is the same in every run
    figures = {
        f"{axis}{suffix}": table[column if exact and axis == "x" else f"{column}{suffix}"]
        for axis, column in (("x", ladder.column), ("y", "quality"))
        for suffix in ("", "_low", "_high")
    }
    more = ["training_samples", "size_deviation"]
    out = table[[*SAME, *more]].assign(**figures, on_front=False)
    return out[[*SAME, *XY, "on_front", *more]]


def names(arms: pd.DataFrame) -> list[str]:
    """For each arm the names of the ladders that it stands on, with spaces between."""
    found = standing(arms)
    return [
        " ".join(name for name, on in zip(found.columns, row, strict=True) if on)
        for row in found.itertuples(index=False, name=None)
    ]
