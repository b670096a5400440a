"""What a neuron-second costs: each imitation beside the simulation, in every ledger.

A neuron-second is a second of the cell's life. A window of the tasks is 1.6 s of it, whatever a
model does with its first 0.5 s. Batched costs are those of a sample in a batch, streaming ones
those of a step of 1 ms of one cell.

A trained imitation has paid for its training when it has imitated for

    training joules / (joules a neuron-second of the simulation - those of the imitation)

seconds, and never where the simulation needs less. Its data were simulated, too: the second figure
adds that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec
import pandas as pd

from neurojoule import duel, ledger
from neurojoule.ledger import LEDGERS, Ledger, Stage
from neurojoule.record import Record
from neurojoule_reports import ladder, ledgers, stats
from neurojoule_reports.frames import groups
from neurojoule_reports.imitations import Value, simulation_arm
from neurojoule_reports.naming import teachers
from neurojoule_reports.wording import listed

LESS, MORE, OPEN = "less", "more", "open"


@dataclass(frozen=True)
class Cost:
    """One design's cost of a neuron-second; NaN where it is not known.

    Attributes:
        time_s, stream_time_s: wall seconds, in a batch and step by step.
        joules: median, least and most, by ledger; a ledger without a price is left out.
        stream_j: by the meter, step by step; None where it was not measured.
        dense, effective: FLOPs that the hardware was asked for, and those that meet no zero.
        against: by ledger, whether it needs less than the simulation, more, or that is open;
            `stream_against` likewise step by step, by the meter.
        ratio: its joules by the meter over the simulation's.
        trained_j: what its training took.
        pays_after_s: neuron-seconds after which that is paid; inf for never.
        pays_with_data_s: the same with the simulation of its training data.
    """

    arm: str
    label: str
    family: str
    seeds: int
    teacher: bool
    time_s: float
    stream_time_s: float
    joules: dict[Ledger, Value]
    stream_j: Value | None
    dense: float
    effective: float
    against: dict[Ledger, str]
    stream_against: str
    ratio: float
    trained_j: float
    pays_after_s: Value
    pays_with_data_s: Value


def break_even_s(trained_j: float, simulation_w: float, imitation_w: float) -> float:
    """Neuron-seconds after which training is paid; inf where the simulation needs no more.

    >>> break_even_s(1400, 2, 1), break_even_s(1400, 1, 2)
    (1400.0, inf)
    """
    if any(map(math.isnan, (trained_j, simulation_w, imitation_w))):
        return math.nan
    saved_w = simulation_w - imitation_w
    return trained_j / saved_w if saved_w > 0 else math.inf


def data_s(table: pd.DataFrame) -> float:
    """Simulated seconds of a task's training data; NaN where no record counts its samples."""
    learnt = table[~teachers(table)]
    return ladder.SIMULATED_S * float((learnt["training_samples"] / learnt["share"]).median())


def costs(table: pd.DataFrame, records: ledgers.Runs) -> list[Cost]:
    """A row a design, the cheapest by the meter first; what is imitated before all.

    Args:
        table: of `imitations.shown`, of one task in one setting.
        records: of `ledgers.by_arm`.
    """
    table = table[ladder.sample_s(table).notna()]
    if table.empty:
        return []
    where = tuple(str(table[name].iloc[0]) for name in ("suite", "task", "setting"))
    arm = simulation_arm(table)
    simulated = [] if arm is None else records.get((*where, arm), [])
    made_s = data_s(table)
    out = [
        _cost(part, records.get((*where, str(part["arm"].iloc[0])), []), simulated, made_s)
        for _, part in groups(table, ["label"])
    ]
    return sorted(out, key=lambda c: (not c.teacher, _first(c), c.label))


def _first(cost: Cost) -> float:
    return cost.joules["meter"].middle if "meter" in cost.joules else math.inf


def _cost(
    part: pd.DataFrame,
    runs: Sequence[Record],
    simulated: Sequence[Record],
    made_s: float,
) -> Cost:
    teacher = bool(teachers(part).iloc[0])
    itself = bool(simulated) and str(part["run_id"].iloc[0]) in {r.run_id for r in simulated}
    simulation_w = _priced(simulated, "infer", "meter")
    joules: dict[Ledger, Value] = {
        name: found for name in LEDGERS if (found := _priced(runs, "infer", name)) is not None
    }
    seconds = ladder.sample_s(part)
    own_w = part["infer_energy_j"] / seconds
    base_w = math.nan if simulation_w is None else simulation_w.middle
    trained = part["train_energy_j"]
    nothing = teacher or trained.isna().all()

    def pays(more_j: float) -> Value:
        if nothing:
            return Value.of([])
        pairs = zip(trained, own_w, strict=True)
        return Value.of([break_even_s(t + more_j, base_w, w) for t, w in pairs])

    def median(column: str, scale: float | pd.Series) -> float:
        return float((part[column] * scale).median())

    effective = (2 * part["effective_macs"] + part["effective_acs"]) / seconds
    return Cost(
        arm=str(part["arm"].iloc[0]),
        label=str(part["label"].iloc[0]),
        family=str(part["family"].iloc[0]),
        seeds=int(part["seed"].nunique()),
        teacher=teacher,
        time_s=median("infer_time_s", 1 / seconds),
        stream_time_s=median("stream_time_s", ladder.STEPS_PER_S),
        joules=joules,
        stream_j=_priced(runs, "stream", "meter"),
        dense=median("infer_flops", 1 / seconds),
        effective=float(effective.median()),
        against={} if itself else _against(runs, simulated, "infer"),
        stream_against="" if itself else _against(runs, simulated, "stream").get("meter", ""),
        ratio=joules["meter"].middle / base_w if "meter" in joules else math.nan,
        trained_j=math.nan if nothing else float(trained.median()),
        pays_after_s=pays(0.0),
        pays_with_data_s=pays(made_s * base_w),
    )


def _priced(runs: Sequence[Record], stage: Stage, name: Ledger) -> Value | None:
    """Median cost, least and most of some runs a neuron-second; None where none is priced."""
    found = []
    for r in runs:
        priced = ledger.cost(r, stage, name)
        steps = 1 if stage == "stream" else r.work and r.work.sample_steps
        if priced is not None and steps:
            scale = ladder.STEPS_PER_S / steps
            found.append([j * scale for j in (priced.central_j, priced.low_j, priced.high_j)])
    if not found:
        return None
    return Value(*(float(v) for v in pd.DataFrame(found).median()))


def _against(
    runs: Sequence[Record], simulated: Sequence[Record], stage: Stage
) -> dict[Ledger, str]:
    """Whether some runs cost less than the simulation, by ledger; empty where it was not run.

    The simulation does the same whatever the seed, so that one run of it is every seed's partner.
    The interval over seeds counts where there are seeds enough for one.
    """
    if not simulated or not runs:
        return {}
    partners = [_with_seed(simulated[i % len(simulated)], r.spec.seed) for i, r in enumerate(runs)]
    found = duel.compare(runs, partners, stage, interval=_interval, names=("it", "the simulation"))
    said = {"a": LESS, "b": MORE, None: OPEN}
    return {verdict.ledger: said[verdict.winner] for verdict in found if verdict.pairs}


def _with_seed(record: Record, seed: int) -> Record:
    spec = msgspec.structs.replace(record.spec, seed=seed)
    return msgspec.structs.replace(record, spec=spec)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Of a mean over seeds; the mean itself where a ledger has a price for too few of them."""
    try:
        found = stats.mean_interval(values)
    except stats.TooFewError:
        return fmean(values), fmean(values)
    return found.low, found.high


def words(found: Sequence[Cost]) -> list[str]:
    """Where an imitation is cheaper than the simulation and where not: a sentence a ledger."""
    if not found:
        return [
            "What a second of this cell costs is not known: no record says how long a sample is."
        ]
    others = [cost for cost in found if not cost.teacher]
    if not others:
        return []
    if not any(cost.against for cost in others):
        return ["The simulation was not run here, so that nothing can be set against it."]
    out = [
        _sentence(f"By the {name}", {c.label: c.against.get(name, "") for c in others})
        for name in LEDGERS
    ]
    out.append(_sentence("Step by step, by the meter", {c.label: c.stream_against for c in others}))
    return [sentence for sentence in out if sentence]


def _sentence(by: str, said: dict[str, str]) -> str:
    """By the meter, less than the simulation: a and b (2 of 3); more: c."""
    names = {how: [label for label, found in said.items() if found == how] for how in _SAID}
    total = sum(map(len, names.values()))
    parts = [
        f"{_SAID[how]}: {listed(labels)} ({len(labels)} of {total})"
        for how, labels in names.items()
        if labels
    ]
    return f"{by}, {'; '.join(parts)}." if parts else ""


_SAID = {LESS: "less than the simulation", MORE: "more than it", OPEN: "not settled"}
