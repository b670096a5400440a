"""The point neuron: leaky integrate-and-fire with a synaptic filter, advanced exactly each ms.

    dI/dt = -I/tau_s + sum_k w_k delta(t - t_k),   tau_m dV/dt = -(V - rest) + I,
    a spike and a reset when V reaches the threshold.

It hears the input of `l5_nmda`: one temporal filter, one threshold, no dendrite.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numba
import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.cell import Drive, Tree
from neurojoule.cells.inputs import check_packed
from neurojoule.cells.traces import Traces

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PointCell:
    """A leaky integrate-and-fire neuron.

    Attributes:
        trees, length_um: of the k dendritic compartments whose input it hears.
        weights_mv: (2 k) jump of I by an event: excitatory synapses, then inhibitory (negative).
    """

    name: str
    trees: tuple[Tree, ...]
    length_um: tuple[float, ...]
    drive: Drive
    weights_mv: tuple[float, ...]
    synaptic_ms: float = 5.0
    membrane_ms: float = 20.0
    rest_mv: float = -76.0
    threshold_mv: float = -55.0
    reset_mv: float = -76.0


def log_normal_weights(count: int, median_mv: float, spread: float, seed: int) -> tuple[float, ...]:
    """`count` weights exp(log median + spread z), z standard normal by inverse transform."""
    normal = NormalDist()
    uniform = np.random.default_rng(seed).random(count)
    return tuple(median_mv * math.exp(spread * normal.inv_cdf(float(u))) for u in uniform)


def lif(
    trees: Sequence[Tree], length_um: Sequence[float], drive: Drive, inhibition: float = 1.2
) -> PointCell:
    """The cell `lif`: log-normal weights, inhibitory ones larger by `inhibition`."""
    k = len(trees)
    weights = log_normal_weights(2 * k, MEDIAN_MV, SPREAD, seed=0)
    signed = (*weights[:k], *(-inhibition * w for w in weights[k:]))
    return PointCell("lif", tuple(trees), tuple(length_um), drive, signed)


MEDIAN_MV = 1.65
"""Chosen for an output of about 1.1 Hz (docs/experiments/solver.py)."""

SPREAD = 0.5


def simulate(cell: PointCell, bits: NDArray[np.uint8]) -> Traces:
    """Run the point neuron on packed input (simulations, ms, bytes); spikes fall at ends of ms.

    The voltage of a ms with a spike is the one that reached the threshold, before the reset.

    Raises:
        UserError: when the input has another number of synapses.
    """
    check_packed(bits, len(cell.weights_mv), 3, cell.name)
    weights = np.array(cell.weights_mv)
    drive = np.stack([_weighted(packed, weights) for packed in bits])
    soma_mv, spikes = np.empty(drive.shape), np.zeros(drive.shape, dtype=np.bool_)
    _run(
        drive,
        _factors(cell),
        (cell.rest_mv, cell.threshold_mv, cell.reset_mv),
        soma_mv,
        spikes,
    )
    return Traces(
        soma_mv, spikes, tuple(1.0 + np.flatnonzero(row).astype(np.float64) for row in spikes)
    )


def _factors(cell: PointCell) -> tuple[float, float, float]:
    """What is left of the current and of the potential after a ms, and what the one adds to it."""
    synaptic, membrane = math.exp(-1 / cell.synaptic_ms), math.exp(-1 / cell.membrane_ms)
    gain = cell.synaptic_ms / (cell.membrane_ms - cell.synaptic_ms) * (membrane - synaptic)
    return synaptic, membrane, gain


class Steps:
    """Simulations of a point neuron, side by side, whose input comes ms by ms."""

    def __init__(self, cell: PointCell, simulations: int) -> None:
        self._cell, self._simulations = cell, simulations
        self._weights = np.array(cell.weights_mv)
        self._factors = _factors(cell)
        self.reset()

    def reset(self) -> None:
        """Back to rest."""
        self._v = np.full(self._simulations, self._cell.rest_mv)
        self._current = np.zeros(self._simulations)

    def advance(self, bits: NDArray[np.uint8]) -> tuple[Floats, NDArray[np.bool_]]:
        """One ms of packed input (simulations, bytes): voltages before any reset, and spikes."""
        check_packed(bits, len(self._weights), 2, self._cell.name)
        synaptic, membrane, gain = self._factors
        rest = self._cell.rest_mv
        self._current += _weighted(bits, self._weights)
        v = rest + (self._v - rest) * membrane + self._current * gain
        self._current *= synaptic
        spikes = v >= self._cell.threshold_mv
        self._v = np.where(spikes, self._cell.reset_mv, v)
        return v, spikes


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _weighted(packed: NDArray[np.uint8], weights: Floats) -> Floats:
    """Sum of the weights of the synapses that are on, by ms, in a fixed order of addition."""
    total = np.zeros(len(packed))
    for t in range(len(packed)):
        for byte in range(packed.shape[1]):
            bits = packed[t, byte]
            if bits:
                first = 8 * byte
                for k in range(min(8, len(weights) - first)):
                    if (bits >> (7 - k)) & 1:
                        total[t] += weights[first + k]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _run(
    drive: Floats,
    factors: tuple[float, float, float],
    levels_mv: tuple[float, float, float],
    soma_mv: Floats,
    spikes: NDArray[np.bool_],
) -> None:
    synaptic, membrane, gain = factors
    rest, threshold, reset = levels_mv
    for b in range(drive.shape[0]):
        v, current = rest, 0.0
        for t in range(drive.shape[1]):
            current += drive[b, t]
            v = rest + (v - rest) * membrane + current * gain
            current *= synaptic
            soma_mv[b, t] = v
            if v >= threshold:
                spikes[b, t] = True
                v = reset
