"""How the page's template writes numbers."""

import math
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from neurojoule import quantities
from neurojoule_reports.imitations import Value
from neurojoule_reports.machines import Ratio
from neurojoule_reports.pairs import Comparison
from neurojoule_reports.rates import UNITS, Rate, counted
from neurojoule_reports.robustness_words import gap


def times(c: Comparison | Ratio) -> Markup:
    """A ratio with its interval: \u00d7 0.31, 0.28\u20130.35; with a dot when it is not clear."""
    if c.refusal:
        return Markup("<i>{}</i>").format(c.refusal)
    value = Markup("\u00d7\u202f{}").format(quantities.digits(c.value))
    if isinstance(c, Comparison) and not c.clear:
        value += Markup('<abbr title="no clear difference">\u00b7</abbr>')
    if c.low == c.high:
        return value
    return value + Markup(" <small>{}\u2013{}</small>").format(
        quantities.digits(c.low), quantities.digits(c.high)
    )


def rate(r: Rate | None) -> Markup:
    """An exchange rate: \u00d7 2.1 with its interval, > \u00d7 4.1, or why there is none.

    Below it stands what the point network costs, and on which side the ladder ends.
    """
    if r is None:
        return Markup(quantities.MISSING)  # noqa: S704 - a dash
    if r.refusal:
        return Markup("<i>{}</i>").format(r.refusal)
    unit = UNITS.get(r.currency)
    amount = quantities.si(r.amount, unit) if unit else counted(r.amount)
    if r.unbounded:
        return Markup("\u00d7\u202f0\u2013\u221e <small>{}</small>").format(r.outside)
    if r.outside:
        sign = "<" if r.value == 0 else ">"
        if not r.settled:
            sign = "\u2264" if r.value == 0 else "\u2265"
        return Markup("{} \u00d7\u202f{} <small>{}</small> <small>{} {}</small>").format(
            sign, quantities.digits(r.edge), r.outside, sign, amount
        )
    high = "\u221e" if math.isinf(r.high) else quantities.digits(r.high)
    return Markup("\u00d7\u202f{} <small>{}\u2013{}</small> <small>{}</small>").format(
        quantities.digits(r.value), quantities.digits(r.low), high, amount
    )


def span(ends: tuple[float, float] | None) -> str:
    """From one ratio to another; "no bound" where too few runs give one."""
    if ends is None or math.isnan(ends[0]):
        return quantities.MISSING
    if ends[0] == 0 and math.isinf(ends[1]):
        return "too few runs"
    return f"{quantities.digits(ends[0])}\u2013{quantities.digits(ends[1])}"


def spread(value: Value | None, unit: str | None = None) -> Markup:
    """A median and its interval: 0.952 with 0.948\u20130.957; what is infinite never comes.

    With a unit, numbers have its prefixes.
    """
    if value is None or math.isnan(value.middle):
        return Markup("{}").format(quantities.MISSING)

    def say(x: float) -> str:
        if math.isinf(x):
            return "never"
        return quantities.digits(x) if unit is None else quantities.si(x, unit)

    middle, low, high = (say(x) for x in (value.middle, value.low, value.high))
    if low == high == middle:
        return Markup("{}").format(middle)
    return Markup("{} <small>{}\u2013{}</small>").format(middle, low, high)


def anchor(where: tuple[str, str]) -> str:
    """The id of a task's figure in the page."""
    text = "-".join(where)
    return "figure-" + "".join(c if c.isalnum() else f"_{ord(c):x}" for c in text)


def p_value(p: float) -> str:
    """A p-value to two figures; below a thousandth only that."""
    return quantities.MISSING if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.2g}"


def heat(log2: float) -> str:
    """The class of a cell in a ratio map: how many doublings up or down."""
    if math.isnan(log2) or abs(log2) < 0.5:
        return ""
    return f"{'up' if log2 > 0 else 'down'}{1 if abs(log2) < 1.5 else 2 if abs(log2) < 3 else 3}"


FILTERS: dict[str, Callable[..., Any]] = {
    "si": quantities.si,
    "digits": quantities.digits,
    "quality": quantities.quality,
    "signed": quantities.signed,
    "percent": quantities.percent,
    "times": times,
    "rate": rate,
    "span": span,
    "anchor": anchor,
    "p": p_value,
    "heat": heat,
    "gap": gap,
    "spread": spread,
}
