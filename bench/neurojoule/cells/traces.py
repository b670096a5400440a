"""What a simulation leaves: the soma's voltage and its spikes, whatever simulated it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Traces:
    """What a cell did.

    Attributes:
        soma_mv: (simulations, ms) voltage of the soma at the end of each ms, not clipped.
        spikes: (simulations, ms) whether the soma crossed the threshold upwards in that ms.
        spike_ms: per simulation, the times of the steps that crossed.
    """

    soma_mv: NDArray[np.float64]
    spikes: NDArray[np.bool_]
    spike_ms: tuple[NDArray[np.float64], ...]

    @property
    def rate_hz(self) -> float:
        """Mean output rate."""
        return float(self.spikes.mean() * 1000)
