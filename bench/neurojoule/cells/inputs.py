"""The input of Beniaguev, Segev & London (2021): spikes at every synapse, 1 ms a bin.

After the published generator (SelfishGene/neuron_as_deep_net, `simulate_L5PC_and_create_dataset`):
per simulation one interval and one smoothing width; per interval and tree a target of excitatory
spikes a 100 ms, and inhibition around it; spread over the compartments by (length + 10 um), times a
uniform factor of 0.5 ... 1.5 each; smoothed in time by a Gaussian, with nothing before the start
and after the end; each ms and synapse then fires with probability rate x Exponential(1).

That last draw is independent everywhere, so it is folded into one: a uniform U fires when
U < rate x E with probability rate (1 - exp(-1/rate)), exactly. Only `Generator.random()` is used,
whose stream NumPy keeps stable; all other distributions are inverse transforms written here.
"""

import math
from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.cell import Drive, Tree
from neurojoule.errors import UserError

Floats = NDArray[np.float64]

INTERVALS_MS = (25, 30, 35, 40, 45, 55, 60, 65, 70, 75, 80, 85, 90, 100, 150, 200, 300, 450)
SMOOTHING_MS = (25, 30, 35, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600)
JITTER_MS = 20
LENGTH_OFFSET_UM = 10.0
WINDOW_SIGMAS = 3.5
"""The Gaussian is cut off this many standard deviations from its middle."""


def input_bits(
    drive: Drive,
    trees: Sequence[Tree],
    length_um: Floats,
    duration_ms: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One simulation's input, for k compartments with synapses of these trees and lengths.

    Returns:
        (duration_ms, bytes) packed bits: k excitatory synapses, then k inhibitory ones.
    """
    interval = _option(INTERVALS_MS, rng)
    sigma = _option(SMOOTHING_MS, rng)
    rates = _interval_rates(drive, trees, length_um, -(-duration_ms // interval), rng)
    smooth = np.zeros((len(rates), duration_ms))
    template, before = _template(interval, sigma)
    _spread(rates, template, interval, before, smooth)
    fires = rng.random((duration_ms, len(rates))) < firing_probability(smooth).T
    return np.packbits(fires, axis=1)


def check_packed(bits: NDArray[np.uint8], synapses: int, dimensions: int, cell: str) -> None:
    """Refuse packed input that is not `dimensions` deep, the last one the bytes of `synapses` bits.

    The machine code that reads it checks no bounds. Bits beyond the last synapse stand for nothing.

    Raises:
        UserError: with what was given and what the cell takes.
    """
    width = -(-synapses // 8)
    if bits.ndim != dimensions or bits.shape[-1] != width or bits.dtype != np.uint8:
        takes = ("simulations", "ms")[: dimensions - 1]
        raise UserError(
            f"The input has the shape {bits.shape} and type {bits.dtype}; the cell {cell!r} has "
            f"{synapses} synapses and takes uint8 ({', '.join(takes)}, {width})."
        )


def firing_probability(rate_per_ms: Floats) -> Floats:
    """P(U < rate E) for U uniform and E exponential of mean 1: rate (1 - exp(-1/rate))."""
    with np.errstate(divide="ignore"):
        return np.asarray(-rate_per_ms * np.expm1(-1 / rate_per_ms), dtype=np.float64)


def _option(options: Sequence[int], rng: np.random.Generator) -> int:
    """One of the options, with a jitter cut off towards zero, as published."""
    choice = options[int(rng.random() * len(options))]
    return choice + math.trunc(JITTER_MS * (2 * rng.random() - 1))


def _interval_rates(
    drive: Drive,
    trees: Sequence[Tree],
    length_um: Floats,
    intervals: int,
    rng: np.random.Generator,
) -> Floats:
    """Spikes a ms by synapse and interval, (2 k, intervals), before smoothing."""
    rates = np.zeros((2, len(trees), intervals))
    for tree, of in (("basal", drive.basal), ("apical", drive.apical)):
        low, high = of.excitation
        excitation = low + (high - low) * rng.random(intervals)
        least, most = (excitation + d for d in of.inhibition_less_excitation)
        least = np.maximum(least, 0.0)
        most = np.maximum(most, least)
        inhibition = least + (most - least) * rng.random(intervals)
        here = np.array([t == tree for t in trees])
        weight = length_um[here] + LENGTH_OFFSET_UM
        share = weight / weight.sum()
        rates[0, here] = share[:, None] * (excitation / 100)
        rates[1, here] = share[:, None] * (inhibition / 100)
    return (rates * (0.5 + rng.random(rates.shape))).reshape(-1, intervals)


def _template(interval: int, sigma: int) -> tuple[Floats, int]:
    """An interval of height 1 after smoothing, and how many ms of it lie before its start."""
    half = int(WINDOW_SIGMAS * sigma)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return np.convolve(np.ones(interval), kernel / kernel.sum()), half


def _spread_rows(rates: Floats, template: Floats, interval: int, before: int, out: Floats) -> None:
    """Add every interval's template, times its rate, to the row of its synapse."""
    duration = out.shape[1]
    for s in range(rates.shape[0]):
        for k in range(rates.shape[1]):
            start = k * interval - before
            rate = rates[s, k]
            for t in range(max(0, start), min(duration, start + template.size)):
                out[s, t] += rate * template[t - start]


_spread = numba.njit(cache=True, nogil=True, error_model="numpy")(_spread_rows)
