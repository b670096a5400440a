"""Numbers as a person reads them: three figures and an SI prefix, 0.00213 J -> 2.13 mJ.

The report's page has the same rules in its script; a test holds the two together.
"""

import math

_PREFIXES = {
    -18: "a", -15: "f", -12: "p", -9: "n", -6: "\u00b5", -3: "m", 0: "", 3: "k", 6: "M", 9: "G",
    12: "T", 15: "P",
}  # fmt: skip

MISSING = "\u2013"


def digits(value: float, figures: int = 3) -> str:
    """`value` to some significant figures, without exponent.

    >>> digits(0.01234), digits(4.5), digits(12345)
    ('0.0123', '4.50', '12300')
    """
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, figures - 1 - magnitude)
    magnitude = math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, figures - 1 - magnitude)}f}".replace("-", "\u2212")


def si(value: float | None, unit: str) -> str:
    """`value` with the prefix that leaves 1 to 999 before the point; a dash when unknown.

    Whole numbers below 1,000 are not rounded.

    >>> si(0.00213, "J"), si(15210, "FLOP"), si(9, "")
    ('2.13 mJ', '15.2 kFLOP', '9')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == int(value) and abs(value) < 1000:
        return f"{int(value)} {unit}".replace("-", "\u2212").strip()
    rounded = float(f"{value:.2e}")
    exponent = math.floor(math.log10(abs(rounded)) / 3) * 3
    exponent = min(15, max(-18, exponent))
    return f"{digits(rounded / 10.0**exponent)} {_PREFIXES[exponent]}{unit}".strip()


def count(value: float | None) -> str:
    """A whole number with its thousands apart; a dash when unknown.

    >>> count(15210)
    '15\u202f210'
    """
    return MISSING if value is None else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def quality(value: float | None, metric: str) -> str:
    """A quality in the unit of its metric: per cent for accuracy, else three figures."""
    if value is None or math.isnan(value):
        return MISSING
    if metric == "accuracy":
        return f"{100 * value:.1f} %"
    return digits(value)


def percent(share: float | None) -> str:
    """A share as per cent with one decimal: 3.2 %."""
    return MISSING if share is None or math.isnan(share) else f"{100 * share:.1f} %"


ROUNDING = 1e-9
"""Differences under this are what sums in another order leave."""


def signed(value: float, figures: int = 2) -> str:
    """With its sign, a real minus: +1.2, \u22120.4; 0 for what is left of rounding too."""
    if abs(value) < ROUNDING:
        return "0"
    return ("+" if value > 0 else "") + digits(value, figures)
