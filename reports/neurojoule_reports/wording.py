"""How findings on quality and cost are said."""

from collections.abc import Sequence

from neurojoule import quantities
from neurojoule.quantities import digits
from neurojoule_reports.pairs import Comparison


def quality_words(best: float, leader: str, quality: Sequence[Comparison], metric: str) -> str:
    """Who leads on quality, by how much, and who cannot be told from it, in a sentence."""
    value = quantities.quality(best, metric)
    first = f"{leader} has the best median {metric_words(metric)}, {value}"
    peers = [c.b for c in quality if not c.refusal and not c.clear]
    beaten = [c for c in quality if c.clear and c.value > 0]
    ahead = [c.b for c in quality if c.clear and c.value < 0]
    if not quality:
        return f"{first}; no other model finished."
    if len(beaten) == len(quality):
        nearest = min(quality, key=lambda c: c.value)
        if len(quality) == 1:
            return f"{first}: clearly ahead of {nearest.b}, by {_gap(nearest, metric)}."
        return (
            f"{first}: clearly ahead of all {len(quality)} others, "
            f"by {_gap(nearest, metric)} on {nearest.b}."
        )
    parts = []
    if peers:
        parts.append(f"no clear difference to {listed(peers)}")
    if ahead:
        parts.append(f"behind {listed(ahead)} in the seeds that both finished")
    if beaten:
        parts.append(f"clearly ahead of {len(beaten)} other{'s' * (len(beaten) > 1)}")
    refused = [c for c in quality if c.refusal]
    if refused:
        fewest = min(refused, key=lambda c: c.n)
        parts.append(f"{fewest.refusal} to compare it with {listed([c.b for c in refused])}")
    return f"{first}; {'; '.join(parts)}."


def metric_words(metric: str) -> str:
    """The metric without underscores."""
    return metric.replace("_", " ")


def _gap(c: Comparison, metric: str) -> str:
    if metric == "accuracy":
        low, high = 100 * c.low, 100 * c.high
        span = "" if c.low == c.high else f" ({digits(low, 2)} to {digits(high, 2)})"
        return f"{digits(100 * c.value, 2)} points{span}"
    return f"{digits(c.value)} ({digits(c.low)} to {digits(c.high)})"


def listed(names: Sequence[str], most: int = 3) -> str:
    """a, b and c; beyond `most` names only how many more there are."""
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
