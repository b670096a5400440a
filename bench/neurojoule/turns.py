"""Two forms of one computation taking turns, so that a slow moment of the machine falls on both."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Call = Callable[[], object]


@dataclass(frozen=True)
class Turns:
    """Seconds a call of either form, turn by turn."""

    plain_s: tuple[float, ...]
    fast_s: tuple[float, ...]

    def ratio(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of plain over fast, turn by turn."""
        ratios = np.divide(self.plain_s, self.fast_s)
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        return float(low), float(middle), float(high)


def take(
    plain: Call,
    fast: Call,
    *,
    turns: int,
    turn_s: float,
    synchronise: Callable[[], None] = lambda: None,
) -> Turns:
    """Time both, each for about `turn_s` a turn; the first call of a turn is not timed.

    That call brings back what the other form pushed out of the caches.
    """
    forms = (plain, fast)
    calls = [_calls(form, turn_s, synchronise) for form in forms]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for form, count, found in zip(forms, calls, times, strict=True):
            found.append(each_s(form, count, synchronise))
    return Turns(tuple(times[0]), tuple(times[1]))


def least_s(form: Call, spend_s: float, synchronise: Callable[[], None] = lambda: None) -> float:
    """Seconds of the fastest of the calls that fit into `spend_s`, at least three."""
    form()
    synchronise()
    found: list[float] = []
    until_s = time.perf_counter() + spend_s
    while len(found) < 3 or time.perf_counter() < until_s:
        start_s = time.perf_counter()
        form()
        synchronise()
        found.append(time.perf_counter() - start_s)
    return min(found)


def each_s(form: Call, calls: int, synchronise: Callable[[], None] = lambda: None) -> float:
    """Seconds a call, of `calls` calls after one that is not timed."""
    form()
    synchronise()
    start_s = time.perf_counter()
    for _ in range(calls):
        form()
    synchronise()
    return (time.perf_counter() - start_s) / calls


def _calls(form: Call, turn_s: float, synchronise: Callable[[], None]) -> int:
    return max(1, round(turn_s / max(each_s(form, 1, synchronise), 1e-7)))
