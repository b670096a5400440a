"""Imitating one neuron: its output spikes and soma voltage from the spikes at its synapses.

D. Beniaguev, I. Segev & M. London, "Single cortical neurons as deep artificial neural networks",
Neuron 109 (2021). The cells are simulated here (`neurojoule.cells`, docs/neuron.md), once, and
kept; or they are read from the published NeuronIO files where the user has them.

A sample is a window of 1,600 ms: 500 in which nothing is asked, then 1,100 of which every ms is
asked for two numbers, a spike and the voltage. The asked parts of a simulation follow on one
another and leave out its first 500 ms. From 200 ms of lead not even the equations of the cell find
their way (AUC 0.956; from 500 0.983). Simulations, not windows, are divided into splits.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neurojoule import cache
from neurojoule.errors import UserError
from neurojoule.metrics import VOLTAGE_OFFSET_MV, VOLTAGE_SCALE_MV
from neurojoule.registry import Split, Task, add_task

if TYPE_CHECKING:
    from neurojoule.cells import Dataset
    from neurojoule.cells.data import Progress

LEAD_MS, ASKED_MS = 500, 1_100
WINDOW_MS = LEAD_MS + ASKED_MS

SECONDS = 6
"""Of a simulation, as published."""

SIMULATIONS: dict[Split, int] = {"train": 416, "validation": 64, "test": 96}
"""2,496 simulated seconds for training: whole shards of 32."""
LONG = 4
"""Times as many simulations for training have the tasks whose names end in `_long`."""
SEEDS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}

SYNAPSES = 320
CELLS = {
    "lif": (1.14, "A point neuron of 320 synapses: the easy case"),
    "l5_ampa": (3.2, "A layer-5 pyramidal cell with AMPA synapses alone: the middling case"),
    "l5_nmda": (2.09, "A layer-5 pyramidal cell with NMDA synapses: the hard case"),
    "l5_nmda-no_nmda_matched": (1.98, "l5_nmda without NMDA, AMPA raised until its rate is back"),
    "l5_nmda-passive_dendrites": (3.51, "l5_nmda with no channels in its dendrites"),
    "l5_nmda-no_calcium": (4.67, "l5_nmda without calcium channels"),
}
"""Output rate in Hz, which sets the chance level, and what the cell is for."""

SOLVED = 0.5
"""Share of the chance level that counts as having learned the cell."""

TELL_EVERY_S = 10.0

PUBLISHED_SYNAPSES = 1278
PUBLISHED = "NEUROJOULE_NEURON_IO"
SOURCE = "Beniaguev, Segev & London 2021; cells of docs/neuron.md"


def windows(data: "Dataset") -> tuple[Tensor, Tensor]:
    """All windows of a data set.

    Returns:
        x: bool (windows, synapses, 1600).
        y: float32 (windows, 2, 1100), whether there is a spike, and the scaled voltage.
    """
    from neurojoule.cells import BURN_IN_MS

    each = (data.duration_ms - BURN_IN_MS) // ASKED_MS
    first = BURN_IN_MS - LEAD_MS
    asked = slice(BURN_IN_MS, BURN_IN_MS + each * ASKED_MS)
    x = torch.empty(data.simulations, each, data.synapses, WINDOW_MS, dtype=torch.bool)
    y = torch.empty(data.simulations, each, 2, ASKED_MS)
    for some in _blocks(data):
        bits = data.unpacked(data.input_bits(some))  # (simulations, ms, synapses)
        by_synapse = torch.from_numpy(np.ascontiguousarray(bits.transpose(0, 2, 1)))
        for i in range(each):
            start = first + i * ASKED_MS
            x[some, i] = by_synapse[:, :, start : start + WINDOW_MS].view(torch.bool)
        shape = (-1, each, ASKED_MS)
        spikes = torch.from_numpy(data.spikes(some, asked)).reshape(shape)
        voltage_mv = torch.from_numpy(data.soma_mv(some, asked)).reshape(shape)
        y[some, :, 0] = spikes.float()
        y[some, :, 1] = (voltage_mv - VOLTAGE_OFFSET_MV) / VOLTAGE_SCALE_MV
    return x.flatten(0, 1), y.flatten(0, 1)


def _blocks(data: "Dataset") -> Iterator[slice]:
    for start in range(0, data.simulations, data.block):
        yield slice(start, min(start + data.block, data.simulations))


def simulated(cell: str, split: Split, *, long: bool = False) -> "Dataset":
    """The simulations of one split; those that are not kept yet are run, on all cores."""
    from neurojoule.cells import dataset

    more = LONG if long and split == "train" else 1
    return dataset(
        cell,
        simulations=more * SIMULATIONS[split],
        seconds=SECONDS,
        seed=SEEDS[split],
        cache_folder=cache.folder(),
        progress=_teller(f"simulating {cell}, {split}"),
    )


def _teller(what: str) -> "Progress":
    """Says how far it is, but nothing of what is done within seconds."""
    said_s = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= TELL_EVERY_S:
            said_s = time.monotonic()
            sys.stderr.write(f"{what}: {done} of {of} shards\n")

    return tell


def chance(rate_hz: float) -> float:
    """Log-loss in nats a ms of always answering the rate: the entropy of a spike."""
    p = rate_hz / 1000
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def _add(
    name: str,
    data: Callable[[Split], "Dataset"],
    *,
    summary: str,
    synapses: int,
    rate_hz: float,
    recordings: Callable[[], int],
    needs: Callable[[], str | None] = lambda: None,
) -> None:
    def make_ready() -> None:
        for split in SIMULATIONS:
            data(split)

    add_task(
        Task(
            name=name,
            summary=summary,
            source=SOURCE,
            inputs=(synapses, WINDOW_MS),
            axes=("channel", "time"),
            outputs=2,
            loss="spikes_and_voltage",
            metric="log_loss",
            chance=chance(rate_hz),
            target=SOLVED * chance(rate_hz),
            load=lambda split: windows(data(split)),
            binary=True,
            causal=True,
            needs=needs,
            make_ready=make_ready,
            recordings=recordings,
            steps=ASKED_MS,
        )
    )


def _files(split: Split) -> list[Path]:
    home = os.environ.get(PUBLISHED)
    return sorted(Path(home, split).glob("*.p")) if home else []


def why_absent() -> str | None:
    """Which published files are missing, and where to put them; None when they are there."""
    missing = [split for split in SIMULATIONS if not _files(split)]
    if not missing:
        return None
    return (
        f"neuron_io reads the published NeuronIO files (pickles *.p, about 115 GB on Kaggle). Name "
        f"a folder in the environment variable {PUBLISHED}, and divide some of them over its "
        "folders train, validation and test; a file takes 1.3 GB of memory. No file in: "
        f"{', '.join(missing)}."
    )


def _published(split: Split) -> "Dataset":
    from neurojoule.cells import neuron_io

    reason = why_absent()
    if reason is not None:
        raise UserError(reason)
    return neuron_io(
        _files(split), cache_folder=cache.folder(), progress=_teller(f"converting {split}")
    )


for _cell, (_rate_hz, _summary) in CELLS.items():
    for _long in (False, True):
        _add(
            f"neuron_{_cell}" + "_long" * _long,
            partial(simulated, _cell, long=_long),
            summary=_summary + ", four times the data" * _long,
            synapses=SYNAPSES,
            rate_hz=_rate_hz,
            recordings=lambda: SIMULATIONS["test"],
        )
_add(
    "neuron_io",
    _published,
    summary="The published layer-5 pyramidal cell of 639 segments, from its own files",
    synapses=PUBLISHED_SYNAPSES,
    rate_hz=1.0,
    recordings=lambda: _published("test").simulations,
    needs=why_absent,
)
