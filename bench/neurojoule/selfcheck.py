"""A one-minute examination of the meter: does energy follow work, on this machine, now?

Idle, one and two busy threads, and a fixed piece of work in windows of three lengths. The figures
are measured in one process; what is judged, and by which rule, is pure.
"""

import statistics
import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurojoule import contamination
from neurojoule.hardware import Hardware, MeterSettings
from neurojoule.meter import Meter
from neurojoule.record import Window

STEADY_S = 8.0
WINDOW_LENGTHS_S = (0.5, 2.0, 6.0)
REPEATS = 3

SPREAD_LIMIT = 0.05
"""Energy of the same work may vary by this much, as a coefficient of variation."""

LENGTH_LIMIT = 0.05
"""Power of the same work in a short and a long window may differ by this much."""


@dataclass(frozen=True)
class Findings:
    """What was measured.

    Attributes:
        idle: a window in which this process slept.
        busy: threads that worked -> that window.
        works: length of the window -> windows that each hold as much work as fits into it.
        rounds: how many pieces of work each of `works` held.
    """

    idle: Window
    busy: dict[int, Window]
    works: dict[float, tuple[Window, ...]]
    rounds: dict[float, tuple[int, ...]]


def measure(hardware: Hardware, settings: MeterSettings, *, share: float = 1.0) -> Findings:
    """Measure for about a minute; `share` shortens every window alike."""
    busy: dict[int, Window] = {}
    works: dict[float, tuple[Window, ...]] = {}
    rounds: dict[float, tuple[int, ...]] = {}
    with Meter(hardware, settings) as meter:
        with meter.window() as idle:
            time.sleep(STEADY_S * share)
        for threads in (1, 2):
            with meter.window() as opened:
                _work_in(threads, STEADY_S * share)
            busy[threads] = opened.window
        for length_s in WINDOW_LENGTHS_S:
            windows, counts = [], []
            for _ in range(REPEATS):
                with meter.window() as opened:
                    counts.append(_work_for(length_s * share))
                windows.append(opened.window)
            works[length_s], rounds[length_s] = tuple(windows), tuple(counts)
    return Findings(idle.window, busy, works, rounds)


def _piece(x: NDArray[np.float64]) -> None:
    """One piece of work, about a millisecond; NumPy lets other threads run meanwhile."""
    np.sqrt(x * x + 1.0).sum()


def _work_for(seconds: float) -> int:
    x = np.linspace(0.0, 1.0, 200_000)
    until_s, pieces = time.perf_counter() + seconds, 0
    while time.perf_counter() < until_s:
        _piece(x)
        pieces += 1
    return pieces


def _work_in(threads: int, seconds: float) -> None:
    workers = [threading.Thread(target=_work_for, args=(seconds,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


@dataclass(frozen=True)
class Judgement:
    """One question and its answer.

    Attributes:
        component: cpu, gpu or ram; "clocks" where no joule is judged.
        question: what was asked.
        good: whether the answer is the one to be wished for; None where it cannot be told.
        answer: in words, with the figure.
    """

    component: str
    question: str
    good: bool | None
    answer: str


def judge(findings: Findings, hardware: Hardware) -> list[Judgement]:
    """The verdict on every component (pure)."""
    judgements = [_neighbours(findings)]
    for name in hardware.grades:
        if hardware.grades[name] == "constant":
            judgements.append(_constant(name, findings))
        else:
            judgements += [
                _follows_load(name, findings),
                _spread(name, findings),
                _lengths(name, findings),
            ]
    return judgements


def _power_w(window: Window, name: str) -> float | None:
    energy_j = window.energy_j(name)
    return None if energy_j is None or window.time_s <= 0 else energy_j / window.time_s


def _neighbours(findings: Findings) -> Judgement:
    windows = [*findings.busy.values(), *(w for group in findings.works.values() for w in group)]
    dirty = sum(bool(contamination.of_window(window)) for window in windows)
    answer = "none was seen" if not dirty else f"in {dirty} of {len(windows)} windows"
    return Judgement("clocks", "somebody else's work", dirty == 0, answer)


def _constant(name: str, findings: Findings) -> Judgement:
    powers = [_power_w(w, name) for w in (findings.idle, *findings.busy.values())]
    known = [power for power in powers if power is not None]
    if len(known) < len(powers):
        return Judgement(name, "power", None, "not known in every window")
    return Judgement(
        name,
        "power",
        None,
        f"{known[0]:.1f} W idle, {known[-1]:.1f} W busy: a constant, left out of rankings",
    )


def _follows_load(name: str, findings: Findings) -> Judgement:
    question = "power follows the load"
    powers = [_power_w(w, name) for w in (findings.idle, findings.busy[1], findings.busy[2])]
    idle, one, two = powers
    if idle is None or one is None or two is None:
        return Judgement(name, question, False, "no: energy is missing in a window")
    figures = f"{idle:.2f} W idle, {one:.2f} W with one busy thread, {two:.2f} W with two"
    if name == "gpu":
        return Judgement(name, question, None, f"{figures}; the GPU had no work")
    good = idle < one <= two * 1.02
    return Judgement(name, question, good, f"{'yes' if good else 'no'}: {figures}")


def _spread(name: str, findings: Findings) -> Judgement:
    question = "the same work costs the same"
    middle = WINDOW_LENGTHS_S[1]
    energies = [window.energy_j(name) for window in findings.works[middle]]
    counts = findings.rounds[middle]
    if None in energies or 0 in counts:
        return Judgement(name, question, False, "no: energy is missing in a window")
    each = [value / n for value, n in zip(energies, counts, strict=True) if value is not None]
    cv = statistics.stdev(each) / statistics.fmean(each)
    good = cv <= SPREAD_LIMIT
    return Judgement(
        name, question, good, f"{'yes' if good else 'no'}: it varies by {cv:.1%} (limit 5 %)"
    )


def _lengths(name: str, findings: Findings) -> Judgement:
    question = "a short window tells what a long one does"
    powers = {
        length: [_power_w(w, name) for w in group] for length, group in findings.works.items()
    }
    if any(None in group for group in powers.values()):
        return Judgement(name, question, False, "no: energy is missing in a window")
    means = {
        length: statistics.fmean(power for power in group if power is not None)
        for length, group in powers.items()
    }
    long_w = means[max(means)]
    off = {length: mean / long_w - 1 for length, mean in means.items() if length < max(means)}
    good = all(abs(value) <= LENGTH_LIMIT for value in off.values())
    told = ", ".join(f"{value:+.1%} at {length:g} s" for length, value in off.items())
    return Judgement(name, question, good, f"{'yes' if good else 'no'}: {told} (limit 5 %)")
