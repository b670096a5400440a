"""The simulation itself as a model: what an imitation has to be cheaper than.

`simulation` is the batched solver of `neurojoule.cells`, which made the data; `neuron_simulator` is
NEURON on the same cell. Both see the same windows as every other model and know nothing else: the
cell starts at rest where the window starts, 500 ms before the first answer. Its slow states (Ih,
calcium, NMDA) have then not quite forgotten the rest, so that not even the true equations give the
true answers, and their quality is measured like anyone's (docs/neuron.md).

The voltage is the simulated one. For the spikes there is a rule of reading out, the same for both:
the simulated present falls into a cell of a table, by the time since the last simulated spike and
by the voltage, and a spike is expected as often as the data had one there. Counting is all that
they learn; before they have counted, `EXPECTED` stands for 20 ms of counting.
"""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule import cache
from neurojoule.cells import CLIP_MV, Cell, get_cell, judge, simulate, steps
from neurojoule.cells.operations import operations_per_ms
from neurojoule.cells.solver import DT_MS
from neurojoule.errors import UserError
from neurojoule.kernels.steps import check_input
from neurojoule.metrics import PRIOR_LOGIT, VOLTAGE_OFFSET_MV, VOLTAGE_SCALE_MV
from neurojoule.registry import Shape, Task, model
from neurojoule.tasks.neuron import CELLS

PREFIX, LONG = "neuron_", "_long"

SINCE_MS = (1, 2, 4, 8, 16, 32, 64)
"""Edges of the classes of time since the last simulated spike; before the first is this ms."""

LEVELS_MV = tuple(float(v) for v in range(-76, -51, 3))
"""Edges of the classes of simulated soma voltage."""

EXPECTED = (1 / 4, 1 / 16, 1 / 64, 1 / 256, *4 * (1 / 1024,))
"""Probability of a spike by time since the simulated one, before anything was counted."""
EXPECTED_MS = 20.0


def cell_of(task: str) -> str | None:
    """The simulated cell that a task asks about, or None."""
    name = task.removeprefix(PREFIX).removesuffix(LONG)
    return name if task.startswith(PREFIX) and name in CELLS else None


def not_simulated(task: Task) -> str | None:
    """A simulation answers for its own cell only."""
    if cell_of(task.name) is not None:
        return None
    return f"{task.name} is none of the cells that are simulated here ({', '.join(CELLS)})."


def not_in_neuron(task: Task) -> str | None:
    """The judge knows cells of compartments only."""
    reason = not_simulated(task)
    if reason is None and not isinstance(get_cell(cell_of(task.name) or ""), Cell):
        return f"{task.name} is a point neuron, and NEURON is the judge of cells with compartments."
    return reason


class _Simulated(nn.Module):
    """A cell, from rest at the start of every window, and the table that reads its spikes out.

    Args:
        shape: inputs (synapses, ms) of a cell's task, outputs 2 at each of the last ms.
        dt_ms: step of the simulation, a whole fraction of 1 ms and at most 0.1.

    Raises:
        UserError: for a task that is no simulated cell's.
    """

    reads_spikes = True

    def __init__(self, shape: Shape, dt_ms: float) -> None:
        super().__init__()
        name = cell_of(shape.task)
        if name is None:
            raise UserError(
                f"A simulation is built for the task of a cell; {shape.task or 'this'!r} is none. "
                f"Cells: {', '.join(CELLS)}."
            )
        self.cell = get_cell(name)
        self.dt_ms = dt_ms
        self.steps = shape.steps
        table = torch.zeros(len(SINCE_MS) + 1, len(LEVELS_MV) + 1, dtype=torch.int64)
        self.register_buffer("counted_ms", table)
        self.register_buffer("counted_spikes", table.clone())

    def soma_and_spikes(
        self, bits: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Simulate packed windows (batch, ms, bytes); voltages and spikes, (batch, ms) each."""
        raise NotImplementedError

    def simulated_flops(self, x: Tensor) -> int:
        """FLOPs of simulating x (batch, synapses, ms), by the count of our own solver."""
        return len(x) * x.shape[2] * operations_per_ms(self.cell, self.dt_ms)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, synapses, ms) to (batch, 2, steps): spike logit and scaled voltage."""
        place, soma_mv = self._placed(x)
        logit = self.logits().flatten()[place]  # (batch, steps)
        return torch.stack([logit, scaled(soma_mv)], 1).float()

    def logits(self) -> Tensor:
        """The table (time since the spike, voltage) as logits, less what the metric adds."""
        counted_ms, counted_spikes = (
            cast("Tensor", part).double() for part in (self.counted_ms, self.counted_spikes)
        )
        expected = torch.tensor(EXPECTED, dtype=torch.float64)[:, None]
        p = (counted_spikes + EXPECTED_MS * expected) / (counted_ms + EXPECTED_MS)
        return torch.logit(p) - PRIOR_LOGIT

    def learn(self, x: Tensor, y: Tensor) -> Tensor:
        """Count the spikes of y (batch, 2, steps); gives the log-loss before."""
        place, _ = self._placed(x)
        logit = self.logits().flatten()[place] + PRIOR_LOGIT
        spike = y[:, 0].double()
        for counts, hits in ((self.counted_ms, None), (self.counted_spikes, spike.flatten())):
            table = cast("Tensor", counts)
            found = torch.bincount(place.flatten(), hits, table.numel())
            table += found.reshape(table.shape).to(table.dtype)
        return F.binary_cross_entropy_with_logits(logit, spike)

    def _placed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where in the table each of the asked steps falls, and its voltage; (batch, steps)."""
        if x.device.type != "cpu":
            raise UserError(
                f"A simulation runs on the CPU, and the setup asks for {x.device}. Use cpu:1."
            )
        soma_mv, spikes = self.soma_and_spikes(packed(x))
        since = since_spike(spikes)[:, -self.steps :]
        return place(since, soma_mv[:, -self.steps :]), torch.from_numpy(soma_mv[:, -self.steps :])

    def units(self) -> dict[str, int]:
        """One cell."""
        return {"cell": 1}


def packed(x: Tensor) -> NDArray[np.uint8]:
    """Windows (batch, synapses, ms) of 0 and 1 as the cells take them, (batch, ms, bytes)."""
    return np.packbits((x != 0).numpy().transpose(0, 2, 1), axis=2)


def since_spike(spikes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ms since the last spike, 0 where there is one, for (batch, ms); many before the first."""
    ms = np.arange(spikes.shape[1])
    last = np.maximum.accumulate(np.where(spikes, ms, -max(SINCE_MS)), axis=1)
    return np.asarray(ms - last, dtype=np.int64)


def place(since_ms: NDArray[np.int64], soma_mv: NDArray[np.float64]) -> Tensor:
    """Index in the flat table, of the same shape as both."""
    row = np.digitize(since_ms, SINCE_MS)
    column = np.digitize(soma_mv, LEVELS_MV)
    return torch.from_numpy(row * (len(LEVELS_MV) + 1) + column)


def scaled(soma_mv: Tensor) -> Tensor:
    """The voltage as the tasks ask for it: clipped, shifted and scaled."""
    return (soma_mv.clamp(max=CLIP_MV) - VOLTAGE_OFFSET_MV) / VOLTAGE_SCALE_MV


@model(
    "simulation",
    family="biophysical",
    takes="sequence",
    summary="The cell itself, simulated from rest by the batched solver that made the data",
    source="neurojoule.cells, docs/neuron.md",
    sized=False,
    default_width=1,
    learns="own",
    refuses=not_simulated,
    answers_steps=True,
    samples=128,
    batch=32,
)
class Simulation(_Simulated):
    """Backward Euler on the tree, 32 windows at a time; the point neuron exactly.

    Args:
        shape, dt_ms: as of `_Simulated`; the data were made at 0.05 ms.
        width: not used; there is one cell.
    """

    kernel = "batched solver"

    def __init__(self, shape: Shape, width: int, *, dt_ms: float = DT_MS) -> None:  # noqa: ARG002 - it has one size
        super().__init__(shape, dt_ms)

    def soma_and_spikes(
        self, bits: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """By `neurojoule.cells.simulate`."""
        traces = simulate(self.cell, bits, self.dt_ms)
        return traces.soma_mv, traces.spikes

    def stream(self, samples: int) -> "SimulationSteps":
        """The cell one ms a call, for some simulations side by side."""
        return SimulationSteps(self, samples)


class SimulationSteps:
    """A simulation whose input comes ms by ms.

    Args:
        of: the model, whose table as it is now reads the spikes out.
        samples: simulations side by side.
    """

    def __init__(self, of: Simulation, samples: int) -> None:
        self._steps = steps(of.cell, samples, of.dt_ms)
        self._logits = of.logits().flatten()
        self._samples, self._since = samples, np.zeros(samples, dtype=np.int64)
        self.kernel = of.kernel
        self.reset()

    def reset(self) -> None:
        """Back to rest."""
        self._steps.reset()
        self._since = np.full(self._samples, max(SINCE_MS), dtype=np.int64)

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Advance by one ms: x (samples, synapses) -> (samples, 2)."""
        check_input(x, self._samples, x.shape[1])
        soma_mv, spikes = self._steps.advance(np.packbits((x != 0).numpy(), axis=1))
        self._since = np.where(spikes, 0, self._since + 1)
        logit = self._logits[place(self._since, soma_mv)]
        answer = torch.stack([logit, scaled(torch.from_numpy(soma_mv))], 1)
        return answer.float()


@model(
    "neuron_simulator",
    family="biophysical",
    takes="sequence",
    summary="The same cell in NEURON, one window after the other",
    source="NEURON 9 (Carnevale & Hines 2006); neurojoule.cells.judge",
    sized=False,
    default_width=1,
    learns="own",
    refuses=not_in_neuron,
    answers_steps=True,
    needs=judge.why_not,
    samples=16,
    batch=8,
)
class NeuronSimulator(_Simulated):
    """NEURON with fixed steps; its channels are compiled on first use and kept in the cache.

    Its operations are those of our own solver for the same equations: NEURON computes exponentials
    where that reads tables, so it does rather more.

    Args:
        shape, dt_ms: as of `_Simulated`; the data were made at 0.05 ms.
        width: not used; there is one cell.

    Raises:
        NoJudgeError: NEURON or a compiler is missing.
    """

    kernel = "NEURON"

    def __init__(self, shape: Shape, width: int, *, dt_ms: float = DT_MS) -> None:  # noqa: ARG002 - it has one size
        super().__init__(shape, dt_ms)
        judge.load(cache.folder())

    def soma_and_spikes(
        self, bits: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """By NEURON."""
        cell = cast("Any", self.cell)
        traces = judge.simulate(cell, bits, self.dt_ms, cache.folder()).traces
        return traces.soma_mv, traces.spikes
