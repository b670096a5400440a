"""Which ledgers a verdict on cost survives, and where it flips (`neurojoule.duel`, MEASURING 6).

On a machine without a power meter joules are seconds times a constant. So a pair is priced three
times: by the meter, at the ceilings of the machine, and at published prices of an operation and a
byte.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurojoule import duel
from neurojoule.ledger import LEDGERS, Stage
from neurojoule.record import Record
from neurojoule_reports import stats
from neurojoule_reports.frames import ARM_KEY, Frames
from neurojoule_reports.stats import TooFewError

Runs = dict[tuple[str, ...], list[Record]]
"""The records that count, by `ARM_KEY`."""

STAGES: tuple[tuple[Stage, str], ...] = (("train", "Training"), ("infer", "Inference"))


@dataclass(frozen=True)
class Priced:
    """Two arms in every ledger.

    Attributes:
        a, b: the arms.
        stage: training, or the inference of a sample.
        verdicts: one a ledger, in the order of `LEDGERS`.
    """

    a: str
    b: str
    stage: Stage
    verdicts: tuple[duel.Verdict, ...]

    @property
    def survives(self) -> bool:
        """Whether every ledger names the same winner."""
        winners = {v.winner for v in self.verdicts}
        return len(winners) == 1 and None not in winners

    @property
    def words(self) -> str:
        """Who costs less in which ledgers, and the first flip point, in a sentence or two."""
        names = {"a": (self.a, self.b), "b": (self.b, self.a)}
        parts = []
        for winner, (cheaper, dearer) in names.items():
            by = [v.ledger for v in self.verdicts if v.winner == winner]
            if by:
                how = "in all three ledgers" if len(by) == len(LEDGERS) else _in_ledgers(by)
                parts.append(f"{cheaper} costs less than {dearer} {how}")
        unpriced = [v.ledger for v in self.verdicts if not v.pairs]
        unsettled = [v.ledger for v in self.verdicts if v.winner is None and v.pairs]
        if unsettled:
            who = "" if parts else f"which of {self.a} and {self.b} costs less is "
            parts.append(f"{who}not settled {_in_ledgers(unsettled)}")
        if unpriced:
            who = "" if parts else f" of {self.a} and {self.b}"
            parts.append(f"no price{who} {_in_ledgers(unpriced)}")
        return f"{dict(STAGES)[self.stage]}: {'; '.join(parts)}.{self._flip()}"

    def _flip(self) -> str:
        for v in self.verdicts:
            for part in v.words.rstrip(".").partition(": ")[2].split("; "):
                if " unless " in part:
                    return f" By the {v.ledger}, {part}."
        return ""


def _in_ledgers(names: Sequence[str]) -> str:
    head = ", ".join(f"the {name}" for name in names[:-1])
    return f"by {head} and the {names[-1]}" if head else f"by the {names[-1]}"


def by_arm(frames: Frames) -> Runs:
    """The finished and current records of every arm."""
    runs = frames.runs
    kept = runs[(runs["status"] == "ok") & ~runs["superseded"]]
    keys = dict(zip(kept["run_id"], kept[ARM_KEY].itertuples(index=False, name=None), strict=True))
    out: Runs = {}
    for record in frames.records:
        key = keys.get(record.run_id)
        if key is not None:
            out.setdefault(key, []).append(record)
    return out


def price(runs: Runs, where: tuple[str, str, str], a: str, b: str, stage: Stage) -> Priced | None:
    """Two arms of one task in one setting in every ledger; None when no seed is in both.

    Args:
        runs: of `by_arm`.
        where: suite, task, setting.
        a: one arm.
        b: the other.
        stage: training, or the inference of a sample.
    """
    of_a, of_b = (runs.get((*where, arm), []) for arm in (a, b))
    if not {r.spec.seed for r in of_a} & {r.spec.seed for r in of_b}:
        return None
    found = duel.compare(of_a, of_b, stage, interval=_interval, names=(a, b))
    return Priced(a, b, stage, tuple(found))


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """The interval of a mean; without bounds where there are too few values for one."""
    try:
        found = stats.mean_interval(values)
    except TooFewError:
        return -math.inf, math.inf
    return found.low, found.high
