"""Every number of docs/neuron.md: `python docs/experiments/solver.py [SECTION ...]`.

Sections: cells, ablations, judge, convergence, speed, data. One thread, except `data`. Times are
CPU seconds: on a quiet machine the same as the clock's, on a busy one without the wait for a core.
Where two programs are compared they take turns, and the ratio is the median over the turns. What
NEURON compiles, and the data of `data`, go into the cache folder and are used again.
"""

import hashlib
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from neurojoule import cache
from neurojoule.cells import (
    ABLATIONS,
    BURN_IN_MS,
    CLIP_MV,
    Cell,
    Drive,
    Traces,
    TreeDrive,
    catalogue,
    dataset,
    get_cell,
    inputs,
    judge,
    names,
    simulate,
    solver,
)
from neurojoule.cells.compartments import compartments
from neurojoule.cells.operations import operations_per_step

SEED = 0


def driven(name: str, simulations: int, ms: int, seed: int = SEED) -> NDArray[np.uint8]:
    """Packed input of the first simulations of a seed."""
    cell = get_cell(name)
    return np.stack([inputs(cell, ms, seed, index) for index in range(simulations)])


def matched(mine: Traces, other: Traces, within_ms: float) -> int:
    """Spikes of `other` that have one of `mine` within so many ms."""
    return sum(
        int(np.sum(np.abs(a[:, None] - b[None, :]).min(axis=0, initial=np.inf) <= within_ms))
        for a, b in zip(mine.spike_ms, other.spike_ms, strict=True)
    )


def variance_explained(mine: Traces, other: Traces) -> float:
    """Of the voltage of `other`, both clipped at -55 mV."""
    a, b = np.minimum(mine.soma_mv, CLIP_MV), np.minimum(other.soma_mv, CLIP_MV)
    return float(1 - np.var(a - b) / np.var(b))


def cells(simulations: int = 192) -> None:
    """Output and input of the three cells, 6 s a simulation."""
    print(f"\ncells: {simulations} simulations of 6 s, seed {SEED}, without the first 500 ms")
    print("  cell      output Hz  +-    silent  intervals < 10 ms  exc. Hz  inh. Hz  clipped mV sd")
    for name in names():
        bits = driven(name, simulations, 6000)
        traces = simulate(get_cell(name), bits)
        spikes = traces.spikes[:, BURN_IN_MS:]
        per_simulation = spikes.mean(axis=1) * 1000
        error = per_simulation.std() / np.sqrt(simulations)
        short = np.mean(np.concatenate([np.diff(times) for times in traces.spike_ms]) < 10)
        on = [np.unpackbits(row, axis=1).mean(axis=0) * 1000 for row in bits]
        excitation, inhibition = np.mean(on, axis=0).reshape(2, -1).mean(axis=1)
        deviation = np.minimum(traces.soma_mv, CLIP_MV)[:, BURN_IN_MS:].std()
        print(
            f"  {name:9} {per_simulation.mean():8.2f} {error:5.2f} {np.mean(~spikes.any(1)):8.1%} "
            f"{short:14.1%} {excitation:13.1f} {inhibition:8.1f} {deviation:10.2f}"
        )


def ablations(simulations: int = 128) -> None:
    """Output of `l5_nmda` without one part, and the AMPA that gives the rate back."""
    whole = get_cell("l5_nmda")
    assert isinstance(whole, Cell)
    bits = driven("l5_nmda", simulations, 6000)
    target = simulate(whole, bits).rate_hz
    print(f"\nablations: {simulations} simulations of 6 s, seed {SEED}")
    print(f"  l5_nmda whole            {target:6.2f} Hz")
    for ablation in ABLATIONS:
        cell = get_cell("l5_nmda", ablation)
        own = bits if cell.drive == whole.drive else driven(cell.name, simulations, 6000)
        print(f"  {cell.name:24} {simulate(cell, own).rate_hz:6.2f} Hz")
    low, high = 12e-4, 14e-4
    for _ in range(4):
        middle = (low + high) / 2
        synapses = replace(whole.synapses, nmda_us=0.0, ampa_us=middle)
        rate = simulate(replace(whole, synapses=synapses), bits).rate_hz
        low, high = (middle, high) if rate < target else (low, middle)
    print(
        f"  AMPA for the same rate without NMDA: {1e3 * low:.3f} ... {1e3 * high:.3f} nS; "
        f"in use {1e3 * catalogue.MATCHED_AMPA_US:.3f} nS"
    )


def judged(folder: Path) -> None:
    """Agreement with NEURON: below threshold, and on simulations that fire."""
    print("\njudge: the same cell, input and dt in NEURON 9.0.2")
    calm = Drive(TreeDrive((0, 200), (-100, 100)), TreeDrive((0, 200), (-100, 100)))
    for name in ("l5_ampa", "l5_nmda"):
        quiet = replace(get_cell(name), drive=calm)
        assert isinstance(quiet, Cell)
        bits = np.stack([inputs(quiet, 2000, 3, index) for index in range(4)])
        ours, theirs = simulate(quiet, bits, 0.05), judge.simulate(quiet, bits, 0.05, folder).traces
        print(
            f"  {name} below threshold, 4 x 2 s, dt 0.05: {theirs.spikes.sum()} spikes, voltage "
            f"{np.ptp(theirs.soma_mv):.1f} mV peak to peak, largest difference "
            f"{np.abs(ours.soma_mv - theirs.soma_mv).max():.1e} mV"
        )
    for name in ("l5_ampa", "l5_nmda"):
        cell = get_cell(name)
        assert isinstance(cell, Cell)
        for dt in (0.1, 0.05):
            bits = driven(name, 14, 2000)
            ours, theirs = simulate(cell, bits, dt), judge.simulate(cell, bits, dt, folder).traces
            fire = sum(1 for times in theirs.spike_ms if len(times))
            print(
                f"  {name} 14 x 2 s, dt {dt}: {fire} simulations fire; spikes {ours.spikes.sum()} "
                f"here, {theirs.spikes.sum()} there, {matched(ours, theirs, 1.0)} within 1 ms; "
                f"variance explained {variance_explained(ours, theirs):.6f}"
            )


def convergence(simulations: int = 32, ms: int = 3000) -> None:
    """Spikes and voltage at each dt against 0.0125 ms."""
    print(f"\nconvergence: {simulations} simulations of {ms / 1000:g} s against dt 0.0125")
    print("  cell      dt     spikes  of      within 1 ms  2 ms    5 ms   variance explained")
    for name in ("l5_ampa", "l5_nmda"):
        bits, cell = driven(name, simulations, ms), get_cell(name)
        fine = simulate(cell, bits, 0.0125)
        total = int(fine.spikes.sum())
        for dt in (0.2, 0.1, 0.05, 0.025):
            with patch.object(solver, "LARGEST_DT_MS", 0.2):  # to show why it is 0.1
                coarse = simulate(cell, bits, dt)
            shares = [matched(coarse, fine, within) / total for within in (1, 2, 5)]
            print(
                f"  {name:9} {dt:<6} {coarse.spikes.sum():6} {total:4} "
                + "".join(f"{share:10.1%}" for share in shares)
                + f"{variance_explained(coarse, fine):16.4f}"
            )


def speed(folder: Path, turns: int = 7) -> None:
    """Simulated seconds a CPU second, here and in NEURON, taking turns."""
    print(f"\nspeed: simulated seconds a CPU second, one core, medians of {turns} turns [min, max]")
    for name in ("l5_ampa", "l5_nmda"):
        cell = get_cell(name)
        assert isinstance(cell, Cell)
        bits = driven(name, 32, 500)
        simulate(cell, bits[:, :1])
        judge.simulate(cell, bits[:1, :10], 0.05, folder)
        for dt in (0.1, 0.05, 0.025):
            here, there = [], []
            for turn in range(turns):
                started = time.thread_time()
                simulate(cell, bits, dt)
                here.append(16 / (time.thread_time() - started))
                there.append(0.5 / judge.simulate(cell, bits[turn : turn + 1], dt, folder).cpu_s)
            ratios = [a / b for a, b in zip(here, there, strict=True)]
            print(
                f"  {name} dt {dt:<5}: {statistics.median(here):5.1f} here (32 at a time), "
                f"{statistics.median(there):5.2f} NEURON, ratio {statistics.median(ratios):.1f} "
                f"[{min(ratios):.1f}, {max(ratios):.1f}]"
            )
    cell = get_cell("l5_nmda")
    bits = driven("l5_nmda", 33, 300)
    together, alone = simulate(cell, bits).soma_mv[5], simulate(cell, bits[5:6]).soma_mv[0]
    print(
        "  simulation 5 of a batch of 33 and alone: SHA-256 of the voltage "
        f"{hashlib.sha256(together.tobytes()).hexdigest()[:12]} and "
        f"{hashlib.sha256(alone.tobytes()).hexdigest()[:12]}"
    )


def data() -> None:
    """1,200 simulated seconds a cell in an empty cache; the tasks take 3,456 of a cell."""
    print("\ndata: 200 simulations of 6 s, two workers, empty cache; then once more from the cache")
    for name in names():
        with tempfile.TemporaryDirectory() as empty:
            for what in ("made", "read"):
                wall, cpu = time.perf_counter(), time.process_time()
                found = dataset(
                    name,
                    simulations=200,
                    seconds=6,
                    seed=SEED,
                    cache_folder=Path(empty),
                    workers=2,
                )
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                size = sum(f.stat().st_size for f in Path(empty).rglob("*.cells")) / 1e6
                print(
                    f"  {name:8} {what}: {wall:6.1f} s by the clock, {cpu:6.1f} CPU s, "
                    f"{size:.1f} MB, {found.rate_hz:.2f} Hz"
                )


def main(asked: list[str]) -> None:
    """Run the sections asked for, or all."""
    folder = cache.folder() / "nmodl"
    for name in ("l5_ampa", "l5_nmda"):
        cell = get_cell(name)
        assert isinstance(cell, Cell)
        tree, flop = compartments(cell), operations_per_step(cell)
        print(
            f"{name}: {len(tree.parent)} compartments, {2 * len(tree.dendritic)} synapses, "
            f"{flop / 1e3:.1f} kFLOP a step, {flop / solver.DT_MS / 1e3:.0f} MFLOP a simulated "
            f"second at dt {solver.DT_MS}"
        )
    sections = {
        "cells": cells,
        "ablations": ablations,
        "judge": lambda: judged(folder),
        "convergence": convergence,
        "speed": lambda: speed(folder),
        "data": data,
    }
    reason = judge.why_not()
    for name in asked or sections:
        if reason is not None and name in {"judge", "speed"}:
            print(f"\n{name}: left out. {reason}")
        else:
            sections[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
