"""The Mackey-Glass series: a chaotic oscillation to be foretold.

    dx/dt = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x,   beta 0.2, gamma 0.1, n 10, tau 17

M. C. Mackey & L. Glass, "Oscillation and chaos in physiological control systems", Science 197
(1977). Scored as in NeuroBench (J. Yik et al. 2025), by the symmetric mean absolute percentage
error.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurojoule.cache import Arrays, arrays
from neurojoule.registry import Split, task

BETA, GAMMA, EXPONENT, DELAY = 0.2, 0.1, 10, 17
STEPS_A_UNIT = 10
WINDOW, HORIZON = 40, 20

SIZES: dict[Split, int] = {"train": 4_000, "validation": 500, "test": 1_000}
SEEDS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}
UNSETTLED = 1_000
"""Units of time that are left out, until the start is forgotten."""


@task(
    "mackey_glass",
    summary="A chaotic series of 40 points: its value 20 points later",
    source="Mackey & Glass 1977; scored as in NeuroBench, Yik et al. 2025",
    inputs=(WINDOW,),
    axes=("time",),
    outputs=1,
    loss="mean_squared_error",
    metric="smape",
    chance=21.6,
    target=3.0,
)
def mackey_glass(split: Split) -> tuple[Tensor, Tensor]:
    """Windows (samples, 40), one unit of time between points, and values (samples, 1).

    Every split is a trajectory of its own, from a start of its own. Chance is the error in per cent
    of always answering the mean of the training targets.
    """
    data = arrays("mackey_glass-1", _make)
    return torch.from_numpy(data[f"x_{split}"]), torch.from_numpy(data[f"y_{split}"])


def trajectory(points: int, start: float) -> NDArray[np.float64]:
    """The series at 0, 1, 2, ... from a constant history: classical Runge-Kutta, 10 steps a unit.

    Within a step the delayed value is interpolated linearly at its middle.
    """
    lag, h = DELAY * STEPS_A_UNIT, 1 / STEPS_A_UNIT
    x = np.full(lag + 1 + (points - 1) * STEPS_A_UNIT, start)
    past = x.tolist()[: lag + 1]

    def slope(now: float, delayed: float) -> float:
        return BETA * delayed / (1 + delayed**EXPONENT) - GAMMA * now

    for i in range(lag, len(x) - 1):
        now, old, next_old = past[i], past[i - lag], past[i - lag + 1]
        middle = (old + next_old) / 2
        k1 = slope(now, old)
        k2 = slope(now + h / 2 * k1, middle)
        k3 = slope(now + h / 2 * k2, middle)
        k4 = slope(now + h * k3, next_old)
        past.append(now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    x[:] = past
    return x[lag::STEPS_A_UNIT]


def _make() -> Arrays:
    made: Arrays = {}
    for split, count in SIZES.items():
        start = float(np.random.default_rng(SEEDS[split]).uniform(0.5, 1.3))
        series = trajectory(UNSETTLED + count + WINDOW + HORIZON, start)[UNSETTLED:]
        windows = np.lib.stride_tricks.sliding_window_view(series, WINDOW)[:count]
        made[f"x_{split}"] = windows.astype(np.float32)
        after = WINDOW - 1 + HORIZON
        made[f"y_{split}"] = series[after : after + count, None].astype(np.float32)
    return made
