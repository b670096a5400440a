"""Two models in every ledger: who costs less, by how much, how sure, and at which point it flips.

Runs are paired by task, seed, setup and scale. A ratio of costs (a over b) is taken in every
scenario of a ledger. It has two error bars, kept apart: *systematic*, the spread of the ratio over
scenarios, and *statistical*, its interval over seeds. A winner is named only where neither, nor
both together, reaches 1 (interval dominance); otherwise the answer is "not settled".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from neurojoule import ledger
from neurojoule.errors import UserError
from neurojoule.ledger import Bill, Ledger, ModelledCpu, Stage
from neurojoule.prices import TECHNOLOGIES
from neurojoule.record import Record
from neurojoule.spec import Spec

IntervalOf = Callable[[Sequence[float]], tuple[float, float]]
"""The interval of a mean of log-ratios, such as Student's; raises nothing for few values."""

Winner = Literal["a", "b"]


@dataclass(frozen=True)
class Verdict:
    """What one ledger says of a pair.

    Attributes:
        ledger: which.
        winner: who costs less; None where it is not settled, or not priced.
        pairs: runs of both with a price.
        ratio: cost of a over cost of b in the central scenario, geometric mean over pairs.
        systematic: the least and the largest ratio over scenarios.
        statistical: the interval of the ratio over seeds, in the central scenario; None where it
            was not asked for.
        words: the verdict and where it flips, in a sentence.
    """

    ledger: Ledger
    winner: Winner | None
    pairs: int
    ratio: float
    systematic: tuple[float, float]
    statistical: tuple[float, float] | None
    words: str


Pairs = list[tuple[Record, Record]]

SAME = "both do the same work"


def compare(
    a: Sequence[Record],
    b: Sequence[Record],
    stage: Stage,
    interval: IntervalOf | None = None,
    names: tuple[str, str] | None = None,
) -> list[Verdict]:
    """The verdict of every ledger on two arms.

    Args:
        a: the runs of one arm; those without a partner are left out.
        b: the runs of the other.
        stage: training, or the inference of a sample.
        interval: of a mean over seeds; without it the systematic spread alone decides.
        names: what the words call the two; by their specs unless said.

    Raises:
        UserError: when the two have no run in common.
    """
    pairs = _paired(a, b)
    called = names or (pairs[0][0].spec.arm, pairs[0][1].spec.arm)
    return [_verdict(pairs, stage, name, interval, called) for name in ledger.LEDGERS]


def _paired(a: Sequence[Record], b: Sequence[Record]) -> Pairs:
    def key(spec: Spec) -> tuple[object, ...]:
        return (spec.task, spec.seed, spec.scale)

    partners = {key(record.spec): record for record in b}
    pairs = [(record, partners[key(record.spec)]) for record in a if key(record.spec) in partners]
    if not pairs:
        raise UserError(
            "The two have no run of the same task, seed and scale in common, so nothing can be "
            "compared. Run both with the same seeds."
        )
    return pairs


def _verdict(
    pairs: Pairs, stage: Stage, name: Ledger, interval: IntervalOf | None, names: tuple[str, str]
) -> Verdict:
    priced = [
        (record_a, record_b)
        for record_a, record_b in pairs
        if ledger.scenarios(record_a, stage, name) and ledger.scenarios(record_b, stage, name)
    ]
    if not priced:
        words = f"The ledger of the {name} has no price for them."
        return Verdict(name, None, 0, math.nan, (math.nan, math.nan), None, words)
    ratios = _log_ratios(priced, stage, name)
    means = [fmean(values) for values in ratios]
    bars = [interval(values) for values in ratios] if interval else []
    lowest = min([*means, *(low for low, _ in bars)])
    highest = max([*means, *(high for _, high in bars)])
    winner: Winner | None = "a" if highest < 0 else "b" if lowest > 0 else None
    return Verdict(
        ledger=name,
        winner=winner,
        pairs=len(priced),
        ratio=math.exp(means[0]),
        systematic=(math.exp(min(means)), math.exp(max(means))),
        statistical=(math.exp(bars[0][0]), math.exp(bars[0][1])) if bars else None,
        words=_words(priced, stage, name, winner, names),
    )


def _log_ratios(pairs: Pairs, stage: Stage, name: Ledger) -> list[list[float]]:
    """For every scenario the log-ratio of every pair, the central one first.

    Runs that share machine, setup and grade share what a scenario supposes; others are each at
    any end of their own range.
    """
    if name != "meter" or all(_alike(a, b, stage) for a, b in pairs):
        each = [
            (ledger.scenarios(a, stage, name), ledger.scenarios(b, stage, name)) for a, b in pairs
        ]
        shared = [key for key in each[0][0] if all(key in x and key in y for x, y in each)]
        return [[math.log(x[key] / y[key]) for x, y in each] for key in shared]
    costs = [(ledger.cost(a, stage, name), ledger.cost(b, stage, name)) for a, b in pairs]
    known = [(x, y) for x, y in costs if x is not None and y is not None]
    return [
        [math.log(x.central_j / y.central_j) for x, y in known],
        [math.log(x.low_j / y.high_j) for x, y in known],
        [math.log(x.high_j / y.low_j) for x, y in known],
    ]


def _alike(a: Record, b: Record, stage: Stage) -> bool:
    """Whether a wrong TDP, or a wrong calibration, is wrong by the same factor for both."""
    return (
        a.machine.name == b.machine.name
        and a.spec.setup.device == b.spec.setup.device
        and ledger.worst_grade(a, stage) == ledger.worst_grade(b, stage)
    )


def _words(
    pairs: Pairs, stage: Stage, name: Ledger, winner: Winner | None, names: tuple[str, str]
) -> str:
    a, b = names
    match name:
        case "meter":
            told = _idle_flip(pairs, stage, a, b)
        case "roofline":
            told = _balance_flip(pairs, stage, a, b)
        case "technology":
            told = _price_flips(pairs, stage, a, b)
    verdict = {"a": f"{a} costs less", "b": f"{b} costs less", None: "Not settled"}[winner]
    return f"{verdict}: {told}."


def _unless(cheaper: str, condition: str | None, otherwise: str) -> str:
    return f"{cheaper} wins {otherwise}" if condition is None else f"{cheaper} wins {condition}"


# Where the ledger of the meter flips: the power of an idle CPU ------------------------------------


def _idle_flip(pairs: Pairs, stage: Stage, a: str, b: str) -> str:
    cpus = [(ledger.modelled_cpu(x, stage), ledger.modelled_cpu(y, stage)) for x, y in pairs]
    known = [(x, y) for x, y in cpus if x is not None and y is not None]
    if len(known) < len(pairs):
        return "the joules were measured, so that no curve of load enters"
    parts = []
    for exponent, curve in ((1.0, "linear"), (3.0, "cubic")):
        share = idle_share(known, exponent)
        busy_a, busy_b = (_mean_j([pair[i] for pair in known], 0.0, exponent) for i in (0, 1))
        cheaper = a if busy_a < busy_b else b
        condition = None if share is None else f"unless an idle CPU draws over {share:.0%} of full"
        parts.append(f"{_unless(cheaper, condition, 'at any')} power with a {curve} curve of load")
    return "; ".join(parts)


def idle_share(cpus: Sequence[tuple[ModelledCpu, ModelledCpu]], exponent: float) -> float | None:
    """The idle power, as a share of the full, at which both cost the same; None in none of [0, 1].

    Energy is linear in that share, so two points give the line.
    """
    gap_0, gap_1 = (
        _mean_j([x for x, _ in cpus], share, exponent)
        - _mean_j([y for _, y in cpus], share, exponent)
        for share in (0.0, 1.0)
    )
    if gap_0 * gap_1 >= 0:
        return None
    return gap_0 / (gap_0 - gap_1)


def _mean_j(cpus: Sequence[ModelledCpu], share: float, exponent: float) -> float:
    return fmean(cpu.energy_j(share, exponent) for cpu in cpus)


# Where the roofline flips: bytes a FLOP -----------------------------------------------------------


def _balance_flip(pairs: Pairs, stage: Stage, a: str, b: str) -> str:
    bills = _bills(pairs, stage)
    flops = [fmean(ledger.operations(pair[i], stage) or 0.0 for pair in pairs) for i in (0, 1)]
    moved = [bill.moved_bytes for bill in bills]
    ceilings = pairs[0][0].ceilings
    work = pairs[0][0].work
    assert ceilings is not None
    assert work is not None
    here = ceilings.bytes_per_s(ledger.held_bytes(work, stage)) / ceilings.flops_per_s
    if (flops[0], moved[0]) == (flops[1], moved[1]):
        return SAME
    flip = balance(flops[0], moved[0], flops[1], moved[1])
    starved = a if (moved[0], flops[0]) < (moved[1], flops[1]) else b  # wins where bytes are slow
    if flip is None:
        return f"{starved} wins however many bytes a machine moves a FLOP"
    return (
        f"{starved} wins unless a machine moves more than {flip:.2g} bytes a FLOP "
        f"(this one: {here:.2g})"
    )


def balance(flops_a: float, bytes_a: float, flops_b: float, bytes_b: float) -> float | None:
    """Bytes a FLOP at which two rooflines are equal and beyond which the other is lower, or None.

    Time in units of one FLOP is max(F, B / balance). With slow memory fewer bytes win, with fast
    memory fewer FLOPs; where both are fewer for one, nothing flips.
    """
    if (flops_a - flops_b) * (bytes_a - bytes_b) >= 0:
        return None
    # The one with fewer bytes has more FLOPs and is bound by them where the other still waits.
    (more_flops, _), (_, more_bytes) = sorted(
        ((flops_a, bytes_a), (flops_b, bytes_b)), key=lambda pair: pair[1]
    )
    return more_bytes / more_flops


# Where the technology flips: the price of a byte --------------------------------------------------


def _price_flips(pairs: Pairs, stage: Stage, a: str, b: str) -> str:
    bill_a, bill_b = _bills(pairs, stage)
    dtype = pairs[0][0].spec.setup.dtype
    if bill_a == bill_b:
        return SAME
    parts = []
    for entry in TECHNOLOGIES[:2]:
        if dtype not in entry.mac_pj or entry.byte_pj is None:
            continue
        flip = ledger.byte_price_pj(bill_a, bill_b, entry, dtype)
        if flip is None:
            cheaper = a if _cheaper_at_any_price(bill_a, bill_b) else b
            parts.append(f"{cheaper} wins at any price of a byte of {entry.memory}")
        else:
            cheaper = a if bill_a.moved_bytes > bill_b.moved_bytes else b  # while bytes are cheap
            parts.append(
                f"{cheaper} wins unless a byte of {entry.memory} costs more than {flip:.3g} pJ "
                f"(published: {entry.byte_pj})"
            )
    return "; ".join(parts)


def _cheaper_at_any_price(a: Bill, b: Bill) -> bool:
    return (a.moved_bytes, a.macs, a.acs) < (b.moved_bytes, b.macs, b.acs)


def _bills(pairs: Pairs, stage: Stage) -> tuple[Bill, Bill]:
    """Mean counts of both arms; zeros differ from seed to seed."""

    def mean(records: Sequence[Record]) -> Bill:
        bills = [found for x in records if (found := ledger.bill(x, stage)) is not None]
        return Bill(
            fmean(x.macs for x in bills),
            fmean(x.acs for x in bills),
            fmean(x.moved_bytes for x in bills),
        )

    return mean([x for x, _ in pairs]), mean([y for _, y in pairs])
