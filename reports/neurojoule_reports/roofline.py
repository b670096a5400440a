"""The roofline of each setting: what the machine can do, and how near each arm comes to it.

Williams, Waterman & Patterson 2009, CACM 52(4):65. The roof is the fastest matrix product, the
slopes are copies from buffers of several sizes; an arm stands at its operations a byte and the
operations a second of its training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from neurojoule import ledger
from neurojoule.quantities import percent, si
from neurojoule.record import Ceilings, Record
from neurojoule_reports.drawing import LogPlot, around, unit
from neurojoule_reports.frames import Frames
from neurojoule_reports.ledgers import by_arm


@dataclass(frozen=True)
class Spot:
    """One arm's training under the roof; medians over its runs."""

    task: str
    arm: str
    family: str
    flops_a_byte: float
    flops_per_s: float
    share: float


@dataclass(frozen=True)
class Roofline:
    """One setting: its ceilings in words, the figure, and its numbers."""

    setting: str
    words: str
    figure: Markup
    spots: tuple[Spot, ...]


def rooflines(frames: Frames) -> list[Roofline]:
    """One for each setting whose ceilings were probed."""
    ceilings: dict[str, Ceilings] = {}
    spots: dict[str, list[Spot]] = {}
    for (_, task, setting, arm), records in sorted(by_arm(frames).items()):
        probed = [r.ceilings for r in records if r.ceilings is not None]
        known = [spot for r in records if (spot := _spot(r, task, arm)) is not None]
        if probed and known:
            ceilings[setting] = max([*probed, *filter(None, [ceilings.get(setting)])], key=_height)
            spots.setdefault(setting, []).append(_median(known))
    return [
        Roofline(name, _words(ceilings[name], found), _draw(name, ceilings[name], found), (*found,))
        for name, found in sorted(spots.items())
    ]


def _height(ceilings: Ceilings) -> float:
    return ceilings.flops_per_s


def _spot(record: Record, task: str, arm: str) -> Spot | None:
    work, share = record.work, ledger.share_of_ceiling(record, "train")
    if work is None or not share or record.ceilings is None or work.forward_bytes <= 0:
        return None
    rate = share * record.ceilings.flops_per_s
    intensity = work.forward_flops / work.forward_bytes
    return Spot(task, arm, record.family, intensity, rate, share) if intensity > 0 else None


def _median(spots: list[Spot]) -> Spot:
    first = spots[0]
    figures = (
        median(getattr(s, name) for s in spots) for name in ("flops_a_byte", "flops_per_s", "share")
    )
    return Spot(first.task, first.arm, first.family, *figures)


def _words(ceilings: Ceilings, spots: list[Spot]) -> str:
    best = max(spots, key=lambda s: s.share)
    copies = sorted(ceilings.copies, key=lambda c: c.buffer_bytes)
    return (
        f"At most {si(ceilings.flops_per_s, 'FLOP/s')} in a matrix product and "
        f"{si(copies[-1].bytes_per_s, 'B/s')} in a copy of {si(copies[-1].buffer_bytes, 'B')} "
        f"({si(copies[0].bytes_per_s, 'B/s')} of {si(copies[0].buffer_bytes, 'B')}). "
        f"Nearest to the roof comes {best.arm} on {best.task}, with {percent(best.share)} of it; "
        f"the median is {percent(median(s.share for s in spots))}."
    )


def _draw(setting: str, ceilings: Ceilings, spots: list[Spot]) -> Markup:
    x_low, x_high = around([s.flops_a_byte for s in spots], 4)
    slopes = [c.bytes_per_s for c in ceilings.copies]
    x_high = max(x_high, 2 * ceilings.flops_per_s / min(slopes))
    plot = LogPlot(
        (x_low, x_high),
        (min(s.flops_per_s for s in spots) / 3, 3 * ceilings.flops_per_s),
        "Operations a byte",
        "Operations a second, training",
        unit(""),
        unit(""),
    )
    for copy in sorted(ceilings.copies, key=lambda c: -c.bytes_per_s):
        ridge = ceilings.flops_per_s / copy.bytes_per_s
        start = max(x_low, plot.y_range[0] / copy.bytes_per_s)
        if start < ridge:
            ends = (plot.x(start), plot.x(ridge), plot.y(start * copy.bytes_per_s))
            plot.add(
                '<line class="level" x1="{}" x2="{}" y1="{}" y2="{}"/>',
                *ends, plot.y(ceilings.flops_per_s),
            )  # fmt: skip
    ridge = ceilings.flops_per_s / max(slopes)
    plot.add(
        '<path class="front" d="M{},{}H{}"/>',
        plot.x(min(max(ridge, x_low), x_high)), plot.y(ceilings.flops_per_s), plot.x(x_high),
    )  # fmt: skip
    plot.text(x_high, ceilings.flops_per_s, "fastest matrix product", anchor="end")
    for spot in spots:
        plot.marker(spot.flops_a_byte, spot.flops_per_s, spot.family, f"{spot.arm}, {spot.task}")
    return plot.svg(
        f"Roofline of {setting}: operations a second of {len(spots)} arms against operations a "
        "byte, under the fastest product and copies. All numbers are in the table below."
    )


def families(found: Roofline) -> Iterator[str]:
    """Families in the figure, in order of name."""
    yield from sorted({spot.family for spot in found.spots})
