"""What is not beaten: the Pareto front of cost against quality, and its hypervolume."""

import math
from collections.abc import Sequence


def front(cost: Sequence[float], quality: Sequence[float]) -> list[int]:
    """Indices of the points that no other beats in both, in order of rising cost.

    A point is beaten when another costs no more and is at least as good, and is better in one of
    the two. Of equal points the first stays. Points with a NaN are left out. Quality is read as
    higher is better: negate an error before.
    """
    known = [i for i in range(len(cost)) if not (math.isnan(cost[i]) or math.isnan(quality[i]))]
    best = -math.inf
    kept = []
    for i in sorted(known, key=lambda i: (cost[i], -quality[i], i)):
        if quality[i] > best:
            kept.append(i)
            best = quality[i]
    return kept


def hypervolume(
    cost: Sequence[float],
    quality: Sequence[float],
    *,
    worst_cost: float,
    worst_quality: float,
) -> float:
    """Area between the front and a worst point, in decades of cost times quality.

    Cost is taken as log10, because costs differ by factors. Zitzler & Thiele 1998.

    Raises:
        ValueError: when a cost or `worst_cost` is not positive.
    """
    inside = [
        i for i in front(cost, quality) if cost[i] < worst_cost and quality[i] > worst_quality
    ]
    if worst_cost <= 0 or any(cost[i] <= 0 for i in inside):
        raise ValueError("The hypervolume takes the logarithm of cost: all costs are positive.")
    edges = [*(math.log10(cost[i]) for i in inside), math.log10(worst_cost)]
    return sum(
        (edges[step + 1] - edges[step]) * (quality[i] - worst_quality)
        for step, i in enumerate(inside)
    )
