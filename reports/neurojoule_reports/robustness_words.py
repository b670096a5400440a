"""How findings on robustness are said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from neurojoule.quantities import signed
from neurojoule_reports.pairs import Comparison
from neurojoule_reports.wording import listed


@dataclass(frozen=True)
class Said:
    """How a probe is called, its axis, and how a level of it is written."""

    name: str
    axis: str
    level: Callable[[float], str]


PROBES = {
    "noise": Said(
        "Input noise",
        "Standard deviation of the noise, in that of the inputs",
        lambda x: f"{x:g} \u03c3",
    ),
    "flips": Said("Flipped inputs", "Inputs flipped", lambda x: f"{100 * x:g} %"),
    "loss": Said("Loss of synapses", "Weights set to 0", lambda x: f"{100 * x:g} %"),
    "switch": Said(
        "Task switching",
        "Asked for the first task",
        lambda x: "after the second task" if x else "before",
    ),
}
"""In the order in which they are shown."""


class Pair(Protocol):
    """A dendritic arm against a point arm, in the quality left and in the share of it kept."""

    @property
    def dendritic(self) -> str:
        """The one."""

    @property
    def point(self) -> str:
        """The other."""

    @property
    def quality(self) -> Comparison:
        """In the quality left."""

    @property
    def kept(self) -> Comparison:
        """In the share kept."""


def gap(c: Comparison, metric: str) -> str:
    """A difference with its interval, and whether it is clear: +4.1 points (+2.2 to +6.0)."""
    if c.refusal:
        return c.refusal
    scale, unit = (100, " points") if metric == "accuracy" else (1, "")
    # Rounded before it is written, or a difference of nothing would be one of rounding.
    value, low, high = (signed(round(scale * x, 9)) for x in (c.value, c.low, c.high))
    span = "" if c.low == c.high else f" ({low} to {high})"
    return f"{value}{unit}{span}{'' if c.clear else ', no clear difference'}"


QUALITY = ("is clearly better than", "is clearly worse than")
KEPT = ("keeps clearly more than", "keeps clearly less than")


def finding(name: str, pairs: Sequence[Pair]) -> str:
    """What a probe says of dendritic against point networks, in a sentence; "" without pairs."""
    if not pairs:
        return ""
    refused = [c for p in pairs for c in (p.quality, p.kept) if c.refusal]
    if len(refused) == 2 * len(pairs):
        fewest = min(refused, key=lambda c: c.n).refusal
        return f"{name}: {fewest} to compare dendritic with point networks."
    few = f" ({len(refused)} of {2 * len(pairs)} comparisons have too few runs)" if refused else ""
    quality = _measure(pairs, [p.quality for p in pairs], QUALITY)
    kept = _measure(pairs, [p.kept for p in pairs], KEPT)
    if not quality and not kept:
        return (
            f"{name}: no clear difference between dendritic and point networks of the same size, "
            f"neither in the quality left nor in the share of it kept{few}."
        )
    none = "no clear difference"
    return (
        f"{name}: in the quality left, {quality or none}; in the share kept, {kept or none}{few}."
    )


def _measure(pairs: Sequence[Pair], made: Sequence[Comparison], says: tuple[str, str]) -> str:
    """For each dendritic arm whom it differs from; "" where no difference is clear."""
    parts = []
    for arm in dict.fromkeys(p.dendritic for p in pairs):
        of_arm = [(p.point, c) for p, c in zip(pairs, made, strict=True) if p.dendritic == arm]
        above = [point for point, c in of_arm if c.clear and c.value > 0]
        below = [point for point, c in of_arm if c.clear and c.value < 0]
        rest = [point for point, c in of_arm if not c.refusal and not c.clear]
        said = [
            f"{say} {listed(few)}" for say, few in zip(says, (above, below), strict=True) if few
        ]
        if said and rest:
            said.append(f"no clear difference to {listed(rest)}")
        parts += [f"{arm} {', '.join(said)}"] if said else []
    return "; ".join(parts)
