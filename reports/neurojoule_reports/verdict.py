"""What may be said, in words: who wins on quality, at which cost, and how far that can be trusted.

Rules. An arm wins on quality when it is better than another in paired comparison at the 5 % level
after Holm's correction over all the arms of the task; otherwise there is no clear difference.
Costs are compared among the arms that reach the target (or, where none does, those that cannot be
told from the best), because the cheapest model of all is the one that learns nothing. Dendritic
units are set against point units of the same size.
"""

from dataclasses import dataclass, field

import pandas as pd

from neurojoule.ledger import Stage
from neurojoule_reports import costs, ledgers
from neurojoule_reports.costs import Cheapest, Duel
from neurojoule_reports.exchange import exchanges
from neurojoule_reports.frames import Frames, groups, ranked
from neurojoule_reports.ledgers import Priced, Runs
from neurojoule_reports.naming import dendritic, registered, teachers
from neurojoule_reports.pairs import Comparison, by_seed, compare, corrected
from neurojoule_reports.rates import Prices
from neurojoule_reports.wording import quality_words

_CONNECTED = "mlp"
_ENERGIES: dict[str, Stage] = {"Training energy": "train", "Inference energy": "infer"}


@dataclass(frozen=True)
class TaskVerdict:
    """All that is said of one task in one setting.

    Attributes:
        leader: the arm with the best median quality; "" when no run finished.
        peers: arms that it is not clearly ahead of; `undecided`: arms with too few runs.
        quality: the leader against every other arm.
        ledgers: the two cheapest in training and in inference energy, in every ledger.
        qualified: the arms that are good enough to compare costs, and why in `qualified_words`.
        prices: dendritic arms priced in point networks; `connected`: in fully connected ones alone,
            where there are others, such as convolutions, whose weights are shared.
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
    prices: Prices = field(default_factory=Prices)
    connected: Prices = field(default_factory=Prices)
    uses_words: str = ""
    ledgers: tuple[Priced, ...] = ()

    @property
    def exchange_words(self) -> str:
        """The exchange rate of the best dendritic arm, in a sentence; "" when there is none."""
        return self.prices.words


def verdicts(frames: Frames) -> list[TaskVerdict]:
    """One for each task in each setting, in the order of the frames."""
    if frames.runs.empty:
        return []
    key = ["suite", "task", "setting"]
    counted = dict(groups(ranked(frames.runs), key))
    records = ledgers.by_arm(frames)
    return [
        _verdict((suite, task, setting), arms, counted.get((suite, task, setting)), records)
        for (suite, task, setting), arms in groups(frames.arms, key)
    ]


def _verdict(
    where: tuple[str, str, str], arms: pd.DataFrame, runs: pd.DataFrame | None, records: Runs
) -> TaskVerdict:
    known = arms[arms["quality"].notna() & ~teachers(arms)]
    if runs is None or known.empty:
        total = int(arms["runs"].sum())
        words = f"None of {total} runs finished, so nothing can be said."
        if teachers(arms).all():
            words = "Only what is to be imitated was run, and no imitation."
        elif arms["quality"].notna().any():
            words = "No run of an imitation finished, so nothing can be said."
        return TaskVerdict(*where, "", "", words)
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
    # Ahead by its median over all seeds and behind in those that both finished: not ahead.
    peers = tuple(c.b for c in quality if not c.refusal and not (c.clear and c.value > 0))
    undecided = tuple(c.b for c in quality if c.refusal)
    good, qualified_words = costs.qualified(order, leader, peers, metric, higher=higher)
    table = known.set_index("arm")
    cheapest = tuple(
        costs.cheapest(axis, phase, table.loc[list(good)], runs)
        for phase in ("train", "infer")
        for axis in costs.COSTS
        if not (axis.train == axis.infer and phase == "infer")
    )
    return TaskVerdict(
        *where,
        metric,
        leader,
        quality_words(float(order["quality"].iloc[0]), leader, quality, metric),
        peers,
        undecided,
        tuple(quality),
        good,
        qualified_words,
        cheapest,
        tuple(costs.duels(table, runs, records, where, higher=higher)),
        Prices("point network", tuple(exchanges(runs, arms)), higher),
        _connected(runs, arms, higher=higher),
        costs.uses_words(table.loc[list(good)]),
        tuple(priced for c in cheapest if (priced := _priced(c, records, where))),
    )


def _connected(runs: pd.DataFrame, arms: pd.DataFrame, *, higher: bool) -> Prices:
    point = set(registered(arms[arms["family"] == "point"]))
    if point <= {_CONNECTED} or _CONNECTED not in point:
        return Prices()
    some = arms[dendritic(arms) | (registered(arms) == _CONNECTED)]
    return Prices("fully connected network", tuple(exchanges(runs, some)), higher)


def _priced(found: Cheapest, records: Runs, where: tuple[str, str, str]) -> Priced | None:
    """The cheapest in energy and the next, in every ledger."""
    stage = _ENERGIES.get(found.what)
    if stage is None or not found.arm or found.against is None:
        return None
    return ledgers.price(records, where, found.arm, found.against.b, stage)
