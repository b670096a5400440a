"""What an exchange rate is, and how it is said: of one currency, and of a dendritic arm in all."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from neurojoule.quantities import MISSING, digits, si
from neurojoule_reports.wording import listed

DATA = "training data"
"""The currency of data: which share of it an equally large point network needs to be as good."""

UNITS = {"training energy": "J", "training operations": "FLOP", "inference energy": "J"}
"""SI units of the currencies that have one; the others are counted."""

_BOUGHT = {"units": "point units", "parameters": "parameters", "training energy": "of training"}


def counted(value: float) -> str:
    """A number of things; a fraction of one is no milli-thing: 0.520, 31.0, 300, 15.2 k."""
    if math.isnan(value):
        return MISSING
    return si(value, "") if value >= 1000 or value == round(value) else digits(value)


@dataclass(frozen=True)
class Rate:
    """Cost of an equally good point network over that of a dendritic arm, in one currency.

    Attributes:
        value: the ratio; inf when no measured point network is as good, 0 when the smallest one
            already is.
        low, high: 95 % interval; either may be 0 or inf likewise.
        bound: the ratio of the dearest (or cheapest) point network measured, which the true rate
            is above (or below) where `value` is inf (or 0).
        own: what the dendritic arm itself costs: units, parameters, J, FLOP, or samples of the
            training data; NaN where it is not known.
        refusal: why there is no rate, or "".
    """

    currency: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    bound: float = math.nan
    own: float = math.nan
    refusal: str = ""

    @property
    def words(self) -> str:
        """2.1 times (1.8 to 2.4) the; more than 4.1 times the; at most 0.9 times the."""
        if self.refusal:
            return self.refusal
        return f"{self._say(digits, ' times')} the"

    @property
    def outside(self) -> str:
        """On which side the ladder of point networks ends before it is as good, or ""."""
        if math.isinf(self.value):
            return "beyond the ladder"
        return "below the ladder" if self.value == 0 else ""

    @property
    def full_words(self) -> str:
        """2.1 times (1.8 to 2.4) the parameters; more than 4.1 times the units (beyond the ladder).

        Of training data also how many samples that is.
        """
        notes = [self.outside] if self.outside else []
        if self.currency == DATA and math.isfinite(self.amount):
            notes = [f"{counted(self.amount)} of {counted(self.own)} samples", *notes]
        return f"{self.words} {self.currency}" + (f" ({'; '.join(notes)})" if notes else "")

    @property
    def amount(self) -> float:
        """What the equally good point network costs, or the bound where that is all there is."""
        return self.edge * self.own

    @property
    def edge(self) -> float:
        """The rate; outside the ladder the bound that is settled: its end, or the interval's."""
        if not self.outside:
            return self.value
        if self.settled:
            return self.bound
        return self.high if self.value == 0 else self.low

    def bought(self, units: float, name: str) -> str:
        """What one of so many dendritic units buys: 31 (28 to 35) parameters."""
        each, unit = self.own / units, UNITS.get(self.currency)
        said = self._say(lambda ratio: si(ratio * each, unit) if unit else counted(ratio * each))
        return f"{said} {name}" + (f" ({self.outside})" if self.outside else "")

    @property
    def settled(self) -> bool:
        """Whether the whole interval lies outside the ladder, so that its end is a bound."""
        return math.isinf(self.low) or self.high == 0

    @property
    def unbounded(self) -> bool:
        """Whether the rate lies outside the ladder by its value and the interval bounds nothing."""
        return bool(self.outside) and (self.edge == 0 or math.isinf(self.edge))

    def _say(self, say: Callable[[float], str], unit: str = "") -> str:
        if self.unbounded:
            return f"any number of{unit}"
        if self.outside and not self.settled:
            return f"at {'least' if self.value else 'most'} {say(self.edge)}{unit}"
        if self.outside:
            return f"{'more than' if self.value else 'at most'} {say(self.bound)}{unit}"
        high = "no bound" if math.isinf(self.high) else say(self.high)
        return f"{say(self.value)}{unit} ({say(self.low)} to {high})"


@dataclass(frozen=True)
class Exchange:
    """One dendritic arm priced in point networks; `share` is how much of the data it saw."""

    arm: str
    quality: float
    seeds: int
    rates: tuple[Rate, ...]
    share: float = 1.0

    def rate(self, currency: str) -> Rate | None:
        """The rate in a currency; None where there is none, refused or not."""
        return next((rate for rate in self.rates if rate.currency == currency), None)

    @property
    def words(self) -> str:
        """What one dendritic unit buys, in a sentence; "" where no rate in units is known."""
        units = self.rate("units")
        if units is None or units.refusal:
            return ""
        said = [
            rate.bought(units.own, name)
            for currency, name in _BOUGHT.items()
            if (rate := self.rate(currency)) is not None and not rate.refusal
        ]
        return f"At equal quality one dendritic unit of {self.arm} buys {listed(said)}."


@dataclass(frozen=True)
class Prices:
    """The exchange rates of a task in one setting.

    Attributes:
        network: what the dendritic arms are priced in, such as "point network".
        exchanges: every dendritic arm's.
        higher_is_better: direction of the metric.
    """

    network: str = "point network"
    exchanges: tuple[Exchange, ...] = ()
    higher_is_better: bool = True

    def best(self, currency: str = "units") -> Exchange | None:
        """The best dendritic arm that saw all the data and has a rate in this currency."""
        known = [
            e
            for e in self.exchanges
            if e.share == 1 and (rate := e.rate(currency)) is not None and not rate.refusal
        ]
        sign = 1 if self.higher_is_better else -1
        return max(known, key=lambda e: sign * e.quality, default=None)

    @property
    def words(self) -> str:
        """What a network as good as the best dendritic arm needs; "" when there is no rate."""
        best = self.best()
        if best is None:
            return ""
        rates = [r for r in best.rates if not r.refusal and r.currency != DATA]
        if all(math.isinf(r.low) for r in rates):
            return (
                f"No {self.network} that was measured reaches the median of {best.arm}: "
                f"beyond the ladder.{self.samples_words}"
            )
        if all(math.isinf(r.value) for r in rates):
            return (
                f"Whether a {self.network} that was measured reaches the median of {best.arm} is "
                f"open.{self.samples_words}"
            )
        said = [r.full_words for r in rates if r.currency in _BOUGHT]
        return f"A {self.network} as good as {best.arm} needs {listed(said)}." + self.samples_words

    @property
    def unit_words(self) -> str:
        """What one unit of the best dendritic arm buys; "" when there is no rate."""
        best = self.best()
        return "" if best is None else best.words + self.samples_words

    @property
    def samples_words(self) -> str:
        """The rate in data of the best dendritic arm that has one; "" when none has."""
        best = self.best(DATA)
        rate = None if best is None else best.rate(DATA)
        if best is None or rate is None:
            return ""
        return (
            f" A {self.network} of the same size, as good as {best.arm}, needs {rate.full_words}."
        )
