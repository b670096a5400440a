"""Where a learning curve levels off: L(n) = a + b n^-c, and how sure its plateau a is.

A power law with a plateau describes losses over data and over compute (Hestness et al. 2017,
arXiv:1712.00409; Hoffmann et al. 2022, arXiv:2203.15556). For every exponent of a grid, a and b are
least squares of the relative errors, neither below 0; the best exponent wins.

The interval is a bootstrap over seeds: whole curves are drawn with replacement. Few seeds drawn
again vary too little, as their own standard deviation does, so that a draw's distance from the mean
curve is stretched by what Student's t is wider than a normal, and by sqrt(n / (n - 1)). Nothing in
it says that the law holds beyond what was measured: it is an extrapolation.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from neurojoule.quantities import digits
from neurojoule_reports.stats import CONFIDENCE, MIN_PAIRS

Floats = NDArray[np.float64]

MIN_POINTS = 4
"""Below this many amounts nothing is said: three unknowns would go through all of them."""

EXPONENTS = (0.05, 4.0)
"""Between which the exponent is looked for: on a grid, then on finer ones around the best."""
GRID, ROUNDS = 24, 5
RESAMPLES = 500
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Plateau:
    """A curve that falls towards a plateau.

    Attributes:
        value, low, high: the plateau a with its interval, in the unit of the loss; 0 is the lowest
            that is looked for.
        b, c: the rest of the law.
        points, seeds: what it was fitted to.
        refusal: why nothing can be said, or "".
    """

    points: int
    seeds: int
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    b: float = math.nan
    c: float = math.nan
    refusal: str = ""

    def at(self, amount: float) -> float:
        """The law's loss at an amount."""
        return float(self.value + self.b * amount**-self.c)

    @property
    def words(self) -> str:
        """The plateau with its interval, or why there is none."""
        if self.refusal:
            return self.refusal
        if self.low <= 0:
            return f"no plateau in sight: it lies at {digits(self.high)} or anywhere below"
        return f"levels off at {digits(self.value)} ({digits(self.low)} to {digits(self.high)})"


def fit(amounts: Floats, losses: Floats) -> Plateau:
    """Fit the law to the mean curve, and its plateau's interval to resampled ones.

    Args:
        amounts: (points,) data, joules or what else was spent, above 0.
        losses: (seeds, points), above 0, lower is better.

    Returns:
        With a refusal where points or seeds are too few, or the curve does not fall.
    """
    seeds, points = losses.shape
    if len(np.unique(amounts)) < MIN_POINTS:
        return Plateau(points, seeds, refusal=f"not enough points ({points} of {MIN_POINTS})")
    if seeds < MIN_PAIRS:
        return Plateau(points, seeds, refusal=f"not enough runs ({seeds} of {MIN_PAIRS})")
    mean = losses.mean(axis=0)
    (value,), (b,), (c,) = _laws(amounts, mean[None])
    if b <= 0:
        return Plateau(points, seeds, refusal="it does not fall")
    plateaus, _, _ = _laws(amounts, _resampled(losses))
    low, high = np.quantile(plateaus, TAILS)
    return Plateau(
        points, seeds, float(value), min(float(low), float(value)), max(float(high), float(value)),
        float(b), float(c),
    )  # fmt: skip


def foretold(amounts: Floats, losses: Floats, amount: float) -> tuple[float, float, float]:
    """What the law says of an amount, usually beyond those measured, with its interval.

    Args:
        amounts: as for `fit`, at least `MIN_POINTS`.
        losses: as for `fit`, of at least `MIN_PAIRS` seeds.
        amount: above 0.

    Returns:
        The low end, the mean curve's loss, and the high end.
    """

    def at(curves: Floats) -> Floats:
        a, b, c = _laws(amounts, curves)
        return a + b * amount**-c

    low, high = np.quantile(at(_resampled(losses)), TAILS)
    middle = float(at(losses.mean(axis=0)[None])[0])
    return min(float(low), middle), middle, max(float(high), middle)


def _resampled(losses: Floats) -> Floats:
    """Mean curves (draws, points) of seeds drawn with replacement, spread as wide as few allow."""
    seeds, mean = len(losses), losses.mean(axis=0)
    rng = np.random.default_rng(0)
    drawn = losses[rng.integers(0, seeds, (RESAMPLES, seeds))].mean(axis=1)
    curves: Floats = np.maximum(mean + _stretch(seeds) * (drawn - mean), 1e-3 * mean)
    return curves


def _stretch(seeds: int) -> float:
    """How much wider a mean of few values spreads than its own bootstrap says."""
    t, z = (float(q) for q in (
        scipy_stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1),
        scipy_stats.norm.ppf((1 + CONFIDENCE) / 2),
    ))  # fmt: skip
    return t / z * math.sqrt(seeds / (seeds - 1))


def _laws(amounts: Floats, curves: Floats) -> tuple[Floats, Floats, Floats]:
    """Plateau, amplitude and exponent of each of the curves (n, points)."""
    unit = math.exp(float(np.log(amounts).mean()))  # b of a curve in units of its middle
    low, high = (np.full(len(curves), end) for end in EXPONENTS)
    row = np.arange(len(curves))
    for _ in range(ROUNDS):
        c = np.exp(np.linspace(np.log(low), np.log(high), GRID, axis=1))  # (n, exponents)
        a, b, error = _linear(np.log(amounts / unit), curves, c)
        best = error.argmin(axis=1)
        low, high = c[row, np.maximum(best - 1, 0)], c[row, np.minimum(best + 1, GRID - 1)]
    return a[row, best], b[row, best] * unit ** c[row, best], c[row, best]


def _linear(log_amounts: Floats, curves: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares of the relative errors in a and b, neither below 0, for exponents given.

    Args:
        log_amounts: (points,).
        curves: (n, points).
        c: (n, exponents).

    Returns:
        a, b and the sum of the squared errors, (n, exponents) each.
    """
    relative = 1 / curves[:, None]  # (n, 1, points): of the plateau, in units of the curve
    falling = np.exp(-c[:, :, None] * log_amounts) * relative  # (n, exponents, points)
    s1, sx, sxx = (relative**2).sum(2), (relative * falling).sum(2), (falling**2).sum(2)
    sy, sxy = relative.sum(2), falling.sum(2)
    a = np.clip((sxx * sy - sx * sxy) / (s1 * sxx - sx**2), 0, None)
    b = np.clip((sxy - a * sx) / sxx, 0, None)
    a = np.where(b == 0, sy / s1, a)
    error = ((a[:, :, None] * relative + b[:, :, None] * falling - 1) ** 2).sum(2)
    return a, b, error
