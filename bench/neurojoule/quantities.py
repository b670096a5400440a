"""Numbers as a person reads them: three digits and an SI prefix, 0.00213 J -> 2.13 mJ."""

import math

_PREFIXES = {
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
    15: "P",
}


def si(value: float | None, unit: str) -> str:
    """`value` with three significant digits and the prefix that fits; a dash when unknown.

    >>> si(0.00213, "J")
    '2.13 mJ'
    >>> si(15210, "FLOP")
    '15.2 kFLOP'
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return f"0 {unit}".strip()
    exponent = min(15, max(-15, 3 * math.floor(math.log10(abs(value)) / 3)))
    scaled = value / 10.0**exponent
    if f"{scaled:.3g}" in {"1e+03", "-1e+03"} and exponent < 15:
        exponent, scaled = exponent + 3, scaled / 1000
    return f"{scaled:.3g} {_PREFIXES[exponent]}{unit}".strip()


def count(value: float | None) -> str:
    """A whole number with its thousands apart; a dash when unknown.

    >>> count(15210)
    '15\u202f210'
    """
    return "–" if value is None else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
