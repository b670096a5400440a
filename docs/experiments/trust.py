"""How far to trust a joule on this machine: the figures of docs/trust.md.

Each experiment prints one line and runs in a minute or two on a quiet machine. What is contaminated
is set aside by the suite's own rules, and counted.

    python docs/experiments/trust.py [spread] [spinner] [quiet] [overhead] [curves] [coverage]
"""

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from neurojoule import contamination, machine, meter, workers
from neurojoule.meter import Hardware, Meter, MeterSettings
from neurojoule.record import Window, ranked_j
from neurojoule_reports import selftest

SETTINGS = MeterSettings()
PIECES = 6_000
"""Pieces of fixed work: about two seconds, the window of the scale `quick`."""


def work(pieces: int) -> None:
    """A fixed amount of it, on one thread."""
    x = np.linspace(0.0, 1.0, 200_000)
    for _ in range(pieces):
        np.sqrt(x * x + 1.0).sum()


def window_of(hardware: Hardware, pieces: int) -> Window:
    """Fixed work in a process of its own, after a tenth of it to warm up."""
    work(pieces // 10)
    with Meter(hardware, SETTINGS) as opened_meter:
        with opened_meter.window() as opened:
            work(pieces)
        return opened.window


@dataclass(frozen=True)
class Bench:
    """What the experiments share: the meter's findings, and how to start clean processes."""

    hardware: Hardware
    processes: workers.Context

    def fresh(self, pieces: int = PIECES) -> Window:
        """A window of fixed work in a fresh process."""
        found: Window = workers.ask(self.processes, window_of, self.hardware, pieces)
        return found


def spread(bench: Bench, runs: int = 10) -> str:
    """Coefficient of variation of the CPU energy of fixed work in fresh processes."""
    energies: list[float] = []
    set_aside = 0
    while len(energies) < runs and set_aside < 3 * runs:
        window = bench.fresh()
        energy_j = ranked_j({part.name: part.energy_j for part in window.components})
        if contamination.of_window(window) or energy_j is None:
            set_aside += 1
        else:
            energies.append(energy_j)
    if len(energies) < runs:
        return f"only {len(energies)} of {runs} windows were clean: the machine is not quiet"
    cv = statistics.stdev(energies) / statistics.fmean(energies)
    return (
        f"{statistics.fmean(energies):.3g} J, coefficient of variation {cv:.2%} over {runs} fresh "
        f"processes; {set_aside} contaminated ones set aside (at most 5 %)"
    )


def spinner(bench: Bench, runs: int = 10) -> str:
    """How often a busy neighbour on another core is noticed."""
    caught = 0
    for _ in range(runs):
        neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            caught += bool(contamination.of_window(bench.fresh()))
        finally:
            neighbour.kill()
            neighbour.wait()
    return f"a spinner on another core was caught in {caught} of {runs} runs"


def quiet(bench: Bench, runs: int = 20) -> str:
    """How often quiet work is called contaminated."""
    alarms = [reasons for _ in range(runs) if (reasons := contamination.of_window(bench.fresh()))]
    told = f" ({'; '.join(sorted({reason for found in alarms for reason in found}))})"
    return f"{len(alarms)} false alarms in {runs} runs without a spinner (at most 1)" + (
        told if alarms else ""
    )


def overhead(bench: Bench, pairs: int = 90) -> str:
    """What a window costs: its edges, the threads of the meter, and the work between them.

    Seconds of two seconds' work differ by more than 0.2 % from time to time by themselves, mostly
    in a few bursts of the machine's own. So the work is clocked in 200 parts, of which the middle
    four fifths are compared between a window and no window, in alternating pairs; the time of the
    edges and the CPU time of all threads but the working one are added.
    """
    log_ratios, other_cpu_s = [], []
    with Meter(bench.hardware, SETTINGS) as opened_meter:
        work(PIECES // 10)
        for pair in range(pairs):
            typical_s = {}
            for inside in (pair % 2 == 0, pair % 2 == 1):
                around: AbstractContextManager[object]
                around = opened_meter.window() if inside else nullcontext()
                with around:
                    cpu_s, own_s = time.process_time(), time.thread_time()
                    typical_s[inside] = _typical_s(parts=200)
                    others_s = time.process_time() - cpu_s - (time.thread_time() - own_s)
                if inside:
                    other_cpu_s.append(others_s)
            log_ratios.append(np.log(typical_s[True] / typical_s[False]))
        empty_s = []
        for _ in range(100):
            start_s = time.perf_counter()
            with opened_meter.window():
                pass
            empty_s.append(time.perf_counter() - start_s)
    edges, others = statistics.median(empty_s) / 2, statistics.mean(other_cpu_s) / 2
    slower = float(np.mean(log_ratios))
    half = float(scipy_stats.t.ppf(0.975, pairs - 1)) * statistics.stdev(log_ratios) / pairs**0.5
    added = edges + others
    return (
        f"a window adds {slower + added:+.3%} to 2 s, 95 % interval {slower - half + added:+.3%} "
        f"to {slower + half + added:+.3%} (at most 0.2 %), over {pairs} alternating pairs: its "
        f"edges {edges:.3%}, other threads {others:.3%}, the work between {slower:+.3%}"
    )


def _typical_s(parts: int) -> float:
    """Mean seconds of the middle four fifths of the parts of two seconds' work."""
    seconds = []
    for _ in range(parts):
        start_s = time.perf_counter()
        work(PIECES // parts)
        seconds.append(time.perf_counter() - start_s)
    return float(scipy_stats.trim_mean(seconds, 0.1))


def curves(bench: Bench, seconds: float = 5.0) -> str:
    """Power with no, one and two busy threads, as the meter sees it."""
    told = []
    with Meter(bench.hardware, SETTINGS) as opened_meter:
        for threads in (0, 1, 2):
            with opened_meter.window() as opened:
                _busy(threads, seconds)
            window = opened.window
            energy_j = ranked_j({part.name: part.energy_j for part in window.components})
            power = "no energy" if energy_j is None else f"{energy_j / window.time_s:.2f} W"
            told.append(f"{threads} busy threads {power} ({window.cpu_s / window.time_s:.2f} CPUs)")
    return ", ".join(told)


def _busy(threads: int, seconds: float) -> None:
    until_s = time.perf_counter() + seconds

    def spend() -> None:
        while time.perf_counter() < until_s:
            work(5)

    started = [threading.Thread(target=spend) for _ in range(threads)]
    for thread in started:
        thread.start()
    time.sleep(seconds)
    for thread in started:
        thread.join()


def coverage(_: Bench) -> str:
    """How often 95 % intervals hold the truth, by simulation."""
    found = selftest.simulate(trials=2_000)
    ours = [f"t, n = {c.n}, {c.spread}: {c.held.rate:.1%}" for c in found]
    return "; ".join(
        [*ours, *(f"BCa, n = 20, {name}: {_bca(name):.1%}" for name in selftest.SPREADS)]
    )


def _bca(spread: str, n: int = 20, trials: int = 500) -> float:
    """How often scipy's BCa bootstrap holds the truth: why the report uses Student's t."""
    rng = np.random.default_rng([1, n, len(spread)])
    held = 0
    for _ in range(trials):
        x = selftest.SPREADS[spread](rng, n)
        low, high = scipy_stats.bootstrap(
            (x,), np.mean, n_resamples=1_000, rng=rng
        ).confidence_interval
        held += low <= 0 <= high
    return held / trials


EXPERIMENTS: dict[str, Callable[[Bench], str]] = {
    "spread": spread,
    "spinner": spinner,
    "quiet": quiet,
    "overhead": overhead,
    "curves": curves,
    "coverage": coverage,
}


def main() -> None:
    """Run the named experiments, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    names = parser.parse_args().which or list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        parser.error(f"no experiment is called {unknown[0]!r}; known: {', '.join(EXPERIMENTS)}")
    with machine.exclusive():
        bench = Bench(meter.detect(SETTINGS), workers.context(fresh=True))
        for name in names:
            print(f"{name}: {EXPERIMENTS[name](bench)}", flush=True)


if __name__ == "__main__":
    main()
