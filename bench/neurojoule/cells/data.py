"""Input and output of a cell as data: simulated once, cached, read in slices.

Every simulation has its own seed, `default_rng([seed, index])`, so what a shard holds depends
neither on how many there are nor on who made it. The key of the cache is a hash of the cell with
its kinetics, the time step, the seed, the duration and the generator's version.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells import catalogue
from neurojoule.cells.catalogue import AnyCell
from neurojoule.cells.cell import Cell
from neurojoule.cells.channels import POOL, SK_TAU_MS, channel
from neurojoule.cells.shards import Header, Shard, stored
from neurojoule.cells.solver import DT_MS
from neurojoule.errors import UserError
from neurojoule.spec import canonical_json

GENERATOR_VERSION = 1
"""Raised whenever the inputs or the solver's output change for equal parameters."""

BLOCK = 32
"""Simulations a shard, and lanes of the solver's widest block."""

CLIP_MV = -55.0
"""The voltage to be predicted is clipped here (Beniaguev, Segev & London 2021)."""

BURN_IN_MS = 500
"""Left out of every score: the state before has not died away yet."""

Progress = Callable[[int, int], None]
"""Called with the shards that are ready and all shards."""


@dataclass(frozen=True)
class Dataset:
    """Simulations of one cell.

    Attributes:
        name: of the cell, or of the files.
        simulations: how many.
        duration_ms: of each.
        block: simulations a shard.
        shards: the content, in order.
    """

    name: str
    simulations: int
    duration_ms: int
    block: int
    shards: tuple[Shard, ...]

    @property
    def synapses(self) -> int:
        """Input bits a ms: excitatory ones in the first half, then inhibitory ones."""
        return self.shards[0].synapses

    def input_bits(self, simulations: slice, ms: slice = slice(None)) -> NDArray[np.uint8]:
        """Packed input, (simulations, ms, bytes); see `unpacked`."""
        return np.concatenate([s.bits[here, ms] for s, here in self._parts(simulations)])

    def spikes(self, simulations: slice, ms: slice = slice(None)) -> NDArray[np.bool_]:
        """Output spikes, (simulations, ms)."""
        packed = np.concatenate([s.spikes[here] for s, here in self._parts(simulations)])
        return np.unpackbits(packed, axis=1, count=self.duration_ms)[:, ms].astype(np.bool_)

    def soma_mv(self, simulations: slice, ms: slice = slice(None)) -> NDArray[np.float32]:
        """Soma voltage clipped at -55 mV, (simulations, ms); stored to 0.03 mV."""
        parts = [s.soma_mv[here, ms] for s, here in self._parts(simulations)]
        return np.concatenate(parts).astype(np.float32)

    def unpacked(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Packed input as 0 and 1: (..., bytes) to (..., synapses)."""
        return np.unpackbits(bits, axis=-1, count=self.synapses)

    @cached_property
    def rate_hz(self) -> float:
        """Mean output rate."""
        return float(self.spikes(slice(None)).mean() * 1000)

    def _parts(self, simulations: slice) -> Iterator[tuple[Shard, slice]]:
        start, stop, step = simulations.indices(self.simulations)
        if step != 1 or start >= stop:
            raise UserError(
                f"The simulations {start}:{stop}:{step} of {self.name!r} are no forward slice with "
                f"something in it; there are {self.simulations}."
            )
        for k in range(start // self.block, -(-stop // self.block)):
            offset = k * self.block
            yield self.shards[k], slice(max(start - offset, 0), min(stop - offset, self.block))


def dataset(
    cell_name: str,
    *,
    simulations: int,
    seconds: int,
    seed: int,
    cache_folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    dt_ms: float = DT_MS,
) -> Dataset:
    """Simulations of a named cell, from the cache as far as it is whole, the rest simulated.

    `cell_name` is a name of `catalogue.get_cell`, `workers` defaults to the CPUs of this process;
    an interrupted call goes on where it stopped, as every shard is written as soon as it is done.

    Raises:
        UserError: an unknown cell, or no simulation asked for.
    """
    return dataset_of(
        catalogue.get_cell(cell_name),
        simulations=simulations,
        seconds=seconds,
        seed=seed,
        cache_folder=cache_folder,
        workers=workers,
        progress=progress,
        dt_ms=dt_ms,
    )


def dataset_of(
    cell: AnyCell,
    *,
    simulations: int,
    seconds: int,
    seed: int,
    cache_folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    dt_ms: float = DT_MS,
) -> Dataset:
    """The same for any cell, such as the user's own."""
    if simulations < 1 or seconds < 1:
        raise UserError(f"Ask for 1 or more simulations and seconds, not {simulations}, {seconds}.")
    key = cache_key(cell, seconds, seed, dt_ms)
    folder = cache_folder / "cells" / f"{cell.name}-{key[:16]}"
    counts = [min(BLOCK, simulations - start) for start in range(0, simulations, BLOCK)]

    def ready(block: int) -> Shard:
        wanted = Header(key, block, counts[block])
        path = folder / f"block-{block:05d}.cells"
        first = block * BLOCK
        indices = range(first, first + counts[block])
        return stored(path, wanted, lambda: _simulated(cell, indices, seconds * 1000, seed, dt_ms))

    shards = _in_parallel(ready, len(counts), workers or _cpus(), progress)
    return Dataset(cell.name, simulations, seconds * 1000, BLOCK, shards)


def cache_key(cell: AnyCell, seconds: int, seed: int, dt_ms: float) -> str:
    """SHA-256 of all that the data depend on, kinetics included."""
    kinetics = {}
    if isinstance(cell, Cell):
        used = sorted({name for section in cell.sections for name in section.densities})
        kinetics = {name: _kinetics(name) for name in used}
    described = {
        "version": GENERATOR_VERSION,
        "cell": cell,
        "kinetics": kinetics,
        "pool": (POOL, SK_TAU_MS),
        "seconds": seconds,
        "seed": seed,
        "dt_ms": dt_ms,
    }
    return hashlib.sha256(canonical_json(described)).hexdigest()


def _kinetics(name: str) -> list[str]:
    """A channel in numbers, rounded so that another platform's last digit changes nothing."""
    kind = channel(name)
    grid = np.arange(-100.0, 60.0, 10.0)
    values = [x for gate in kind.gates for pair in gate.kinetics(grid) for x in pair]
    powers = [gate.power for gate in kind.gates]
    return [f"{x:.6g}" for x in (kind.reversal_mv, *powers, *values)]


def _simulated(cell: AnyCell, indices: range, duration_ms: int, seed: int, dt_ms: float) -> Shard:
    bits = np.stack([catalogue.inputs(cell, duration_ms, seed, index) for index in indices])
    traces = catalogue.simulate(cell, bits, dt_ms)
    clipped = np.minimum(traces.soma_mv, CLIP_MV).astype(np.float16)
    synapses = 2 * len(catalogue.synapse_places(cell)[0])
    return Shard(synapses, bits, np.packbits(traces.spikes, axis=1), clipped)


def _in_parallel(
    ready: Callable[[int], Shard], blocks: int, workers: int, progress: Progress | None
) -> tuple[Shard, ...]:
    """All shards in order. Threads are enough: the compiled loops release the GIL."""
    with ThreadPoolExecutor(max_workers=min(workers, blocks)) as pool:
        futures = [pool.submit(ready, block) for block in range(blocks)]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                if progress is not None:
                    progress(done, blocks)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(future.result() for future in futures)


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
