"""Three ledgers: what one run cost under a named model of cost. Pure functions of records.

- *meter*: joules as CodeCarbon reports them; where a CPU is only modelled, also recomputed from CPU
  seconds under other curves of power against load, with other powers when idle.
- *roofline*: the least time and energy at the machine's measured ceilings (Williams, Waterman &
  Patterson 2009, CACM 52(4):65): the longer of the operations at the fastest product and the bytes
  at the fastest copy.
- *technology*: effective operations and least bytes times published energies (`neurojoule.prices`).

Each ledger is a list of scenarios. What is the same for two runs of one scenario (a TDP, a price)
cancels in their ratio. The spread over scenarios is the systematic error; that over seeds is the
statistical one, and the two are never mixed (`neurojoule.duel`).
"""

import math
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Literal

from neurojoule.prices import (
    GRADE_FACTORS,
    IDLE_SHARES,
    LOAD_EXPONENTS,
    NEUROMORPHIC,
    TECHNOLOGIES,
    Technology,
)
from neurojoule.record import Grade, Inference, Phase, Record, Window, Work

Stage = Literal["train", "infer", "stream"]
"""One training, the inference of one sample, or one step of one that comes step by step."""

Ledger = Literal["meter", "roofline", "technology"]
LEDGERS: tuple[Ledger, ...] = ("meter", "roofline", "technology")

PICO = 1e-12


@dataclass(frozen=True)
class Cost:
    """Joules of one run in one ledger, with the range that its model of cost leaves."""

    central_j: float
    low_j: float
    high_j: float


def scenarios(record: Record, stage: Stage, ledger: Ledger) -> dict[str, float]:
    """Joules under every scenario of a ledger, the central one first; empty when not priced.

    Args:
        record: of a finished run.
        stage: what is priced.
        ledger: how.
    """
    if stage == "train" and record.train is not None and record.train.time_s <= 0:
        return {}  # nothing was trained, which is not a training that costs nothing
    match ledger:
        case "meter":
            return meter(record, stage)
        case "roofline":
            least = least_energy_j(record, stage)
            return {} if least is None else {"measured ceilings": least}
        case "technology":
            return technology(record, stage)


def cost(record: Record, stage: Stage, ledger: Ledger) -> Cost | None:
    """Central value and systematic range of one run's cost; None when it is not priced.

    In the ledger of the meter the range spans the load curves and, beyond them, the factor of the
    worst grade and what the edges of the window may be wrong by.
    """
    found = list(scenarios(record, stage, ledger).values())
    if not found:
        return None
    factor = off_by(record, stage) if ledger == "meter" else 1.0
    return Cost(found[0], min(found) / factor, max(found) * factor)


def off_by(record: Record, stage: Stage) -> float:
    """The factor by which reported joules may be off, for grade and window's edges."""
    window = _window(record, stage)
    assert window is not None, "only asked of a run that was measured"
    parts = [part for part in window.components if part.name != "ram"]
    grade = max((GRADE_FACTORS[part.grade] for part in parts), default=1.0)
    edges = max((part.update_period_s for part in parts), default=0.0) / window.time_s
    return grade * (1 + edges)


def worst_grade(record: Record, stage: Stage) -> Grade | None:
    """The grade of the least known component that is ranked."""
    window = _window(record, stage)
    parts = [part for part in window.components if part.name != "ram"] if window else []
    return max((part.grade for part in parts), key=GRADE_FACTORS.__getitem__, default=None)


# Meter -------------------------------------------------------------------------------------------


def meter(record: Record, stage: Stage) -> dict[str, float]:
    """CPU and GPU joules as reported and, for a modelled CPU, recomputed from CPU seconds."""
    energy_j = _reported(record, stage)
    ranked = {name: value for name, value in energy_j.items() if name != "ram"}
    if not record.energy_valid or not ranked:
        return {}
    known = [value for value in ranked.values() if value is not None]
    if len(known) < len(ranked):
        return {}
    found = {"as reported": sum(known)}
    modelled = modelled_cpu(record, stage)
    if modelled is not None:
        others_j = sum(value for name, value in ranked.items() if name != "cpu" and value)
        for idle, exponent in product((IDLE_SHARES.low, IDLE_SHARES.high), LOAD_EXPONENTS):
            curve = "linear" if exponent == 1 else "cubic"
            name = f"{curve} in load, {idle:.0%} when idle"
            found[name] = modelled.energy_j(idle, exponent) + others_j
    return found


@dataclass(frozen=True)
class ModelledCpu:
    """The raw figures behind the modelled energy of a CPU.

    Attributes:
        tdp_w: taken as its full power.
        time_s: of one execution.
        load: CPU seconds of the run over those that the machine had, in [0, 1].
    """

    tdp_w: float
    time_s: float
    load: float

    def energy_j(self, idle_share: float, exponent: float) -> float:
        """TDP x (idle + (1 - idle) load^exponent) x time; CodeCarbon's is 0.1 and 3."""
        busy = math.pow(self.load, exponent)
        return self.tdp_w * self.time_s * (idle_share + (1 - idle_share) * busy)


def modelled_cpu(record: Record, stage: Stage) -> ModelledCpu | None:
    """The raw figures of one execution; None when its CPU was measured or is not known."""
    window, time_s = _window(record, stage), _time_s(record, stage)
    tdp_w, threads = record.machine.facts.get("cpu_tdp_w"), record.machine.facts.get("cpu_threads")
    if window is None or time_s is None or not isinstance(tdp_w, int | float):
        return None
    if not isinstance(threads, int) or window.time_s <= 0:
        return None
    load = window.cpu_s / (window.time_s * threads)
    return ModelledCpu(float(tdp_w), time_s, min(1.0, load))


# Roofline ----------------------------------------------------------------------------------------


def operations(record: Record, stage: Stage) -> float | None:
    """Dense FLOPs of one execution; None for a step, whose operations are not counted."""
    work = record.work
    if work is None or stage == "stream":
        return None
    return work.training_flops if stage == "train" else work.forward_flops


def passes(record: Record, stage: Stage) -> float | None:
    """Forward passes of one sample with as many dense FLOPs: 1 for an inference.

    Training is priced as this many forward passes, since zeros and bytes are counted in those only.
    """
    flops = operations(record, stage)
    if record.work is None or flops is None or record.work.forward_flops <= 0:
        return None
    return flops / record.work.forward_flops


def least_time_s(record: Record, stage: Stage) -> float | None:
    """The roofline: no execution of this work on this setup was seen to be able to be faster."""
    parts = _roofline(record, stage)
    return None if parts is None else max(parts)


def least_energy_j(record: Record, stage: Stage) -> float | None:
    """Joules at the ceilings: the longer time, at the power that the probe drew."""
    parts, ceilings = _roofline(record, stage), record.ceilings
    if parts is None or ceilings is None:
        return None
    compute_s, memory_s = parts
    power_w = ceilings.product_power_w if compute_s >= memory_s else ceilings.copy_power_w
    return None if power_w is None else max(parts) * power_w


def _roofline(record: Record, stage: Stage) -> tuple[float, float] | None:
    """Seconds of the operations at the fastest product, and of the bytes at the fastest copy."""
    flops, repeats = operations(record, stage), passes(record, stage)
    if record.ceilings is None or record.work is None or flops is None or repeats is None:
        return None
    moved_bytes = record.work.forward_bytes * repeats
    rate = record.ceilings.bytes_per_s(held_bytes(record.work, stage))
    return flops / record.ceilings.flops_per_s, moved_bytes / rate


def held_bytes(work: Work, stage: Stage) -> float:
    """What is read again and again: weights and, in training, their gradients and two moments."""
    return work.state_bytes if stage == "train" else work.state_bytes / 4


def share_of_ceiling(record: Record, stage: Stage) -> float | None:
    """FLOP/s of the run over those of the fastest matrix product on its setup."""
    flops, time_s = operations(record, stage), _time_s(record, stage)
    if record.ceilings is None or flops is None or not time_s:
        return None
    return flops / time_s / record.ceilings.flops_per_s


# Technology --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bill:
    """What is multiplied with prices: counts of one execution."""

    macs: float
    acs: float
    moved_bytes: float


def bill(record: Record, stage: Stage) -> Bill | None:
    """Effective operations and least bytes of one execution; None when they are not known."""
    work, repeats = record.work, passes(record, stage)
    if work is None or repeats is None or work.effective_macs is None or work.effective_acs is None:
        return None
    return Bill(
        work.effective_macs * repeats, work.effective_acs * repeats, work.forward_bytes * repeats
    )


def technology(record: Record, stage: Stage) -> dict[str, float]:
    """Joules at the two ends of every price of every technology; the middle of the first, first."""
    items = bill(record, stage)
    dtype = record.spec.setup.dtype
    found: dict[str, float] = {}
    if items is None:
        return found
    for entry in TECHNOLOGIES:
        if dtype not in entry.mac_pj or entry.byte_pj is None:
            continue
        mac, ac = entry.mac_pj[dtype].middle, entry.ac_pj[dtype].middle
        if not found:
            found[entry.name] = _priced_j(items, mac, ac, entry.byte_pj.middle)
        for byte in (entry.byte_pj.low, entry.byte_pj.high):
            found[f"{entry.name} at {byte:.3g} pJ a byte"] = _priced_j(items, mac, ac, byte)
    return found


def neuromorphic(record: Record, stage: Stage) -> Cost | None:
    """Joules on chips of synaptic operations; None for a model that multiplies."""
    items = bill(record, stage)
    if items is None or items.macs > 0:
        return None
    price = NEUROMORPHIC.ac_pj[record.spec.setup.dtype]
    return Cost(*(items.acs * pj * PICO for pj in (price.middle, price.low, price.high)))


def byte_price_pj(a: Bill, b: Bill, entry: Technology, dtype: str) -> float | None:
    """The price of a byte at which two bills are equal; None when no positive one makes them so."""
    mac = next(price.middle for name, price in entry.mac_pj.items() if name == dtype)
    ac = next(price.middle for name, price in entry.ac_pj.items() if name == dtype)
    arithmetic = (a.macs - b.macs) * mac + (a.acs - b.acs) * ac
    moved = a.moved_bytes - b.moved_bytes
    if moved == 0 or arithmetic * moved >= 0:
        return None
    return -arithmetic / moved


def _priced_j(items: Bill, mac_pj: float, ac_pj: float, byte_pj: float) -> float:
    return PICO * (items.macs * mac_pj + items.acs * ac_pj + items.moved_bytes * byte_pj)


# Of every stage ----------------------------------------------------------------------------------


def measured(record: Record, stage: Stage) -> Phase | Inference | None:
    """The phase of the run in which a stage was measured; None when it was not."""
    match stage:
        case "train":
            return record.train
        case "infer":
            return record.inference
        case "stream":
            return record.streaming


def _window(record: Record, stage: Stage) -> Window | None:
    part = measured(record, stage)
    return None if part is None else part.window


def _reported(record: Record, stage: Stage) -> dict[str, float | None]:
    part = measured(record, stage)
    return {} if part is None else part.energy_j


def _time_s(record: Record, stage: Stage) -> float | None:
    """Wall seconds that the energy of one execution belongs to: the mean over its repeats."""
    part = measured(record, stage)
    if isinstance(part, Phase):
        return fmean(part.repeats_time_s)
    return None if part is None else part.time_s
