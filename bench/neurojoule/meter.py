"""Windows over CodeCarbon, clocks and CPU seconds.

Energy and duration are read from what CodeCarbon's `stop_task` returns. It swallows its failures
and reports zero joules for a counter that it cannot read. So a component has no energy in a window
(null, not zero, with the reason in `Meter.problems`) when its counter vanished or did not move,
when the window is shorter than two updates of its meter, and when clocks disagree.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import psutil

from neurojoule import tracker
from neurojoule.hardware import Hardware, MeterSettings, detect
from neurojoule.record import Component, Window
from neurojoule.tracker import MeterError

__all__ = ["Hardware", "Meter", "MeterError", "MeterSettings", "Open", "detect", "own_cpu_s"]

JOULES_PER_KWH = 3.6e6

LEAST_UPDATES = 2
"""A window holds at least so many updates of a meter, or its energy may be half wrong or more."""

CLOCK_TOLERANCE = 0.05
CLOCK_TOLERANCE_S = 0.05
CALENDAR_TOLERANCE_S = 0.5


@dataclass
class Open:
    """A window that is being measured; `result` is set when it closes."""

    result: Window | None = field(default=None)

    @property
    def window(self) -> Window:
        """The closed window."""
        assert self.result is not None, "the window is still open"
        return self.result


class Meter:
    """One tracker for the life of a process; use it as a context manager.

    Args:
        hardware: what `detect` found; None measures clocks only, and energy is null.
        settings: the same that `detect` was given.
        synchronise: waits for the device, so that a window ends when the work does.

    Attributes:
        problems: why energy is missing, each reason once; empty when none is.
    """

    def __init__(
        self,
        hardware: Hardware | None,
        settings: MeterSettings,
        synchronise: Callable[[], None] = lambda: None,
    ) -> None:
        self._hardware = hardware
        self._settings = settings
        self.synchronise = synchronise
        self._tracker: Any = None
        self._count = 0
        self.problems: list[str] = []

    def __enter__(self) -> Self:
        if self._hardware is None:
            self._note("no meter was found")
            return self
        try:
            self._tracker = tracker.make(self._settings.cpu_tdp_w, self._settings.ram_w)
            from codecarbon.core import hardware_cache

            key = hardware_cache.make_key(self._tracker)
            hardware_cache._plans[key] = self._hardware.plan  # noqa: SLF001 - contract test
            self._tracker._ensure_hardware_ready()  # noqa: SLF001 - contract test
        except Exception as error:  # noqa: BLE001 - a meter that fails must not fail the run
            self._fail("the meter did not start", error)
        return self

    @property
    def least_window_s(self) -> float:
        """The shortest window that means something: so many updates of the slowest component."""
        periods = () if self._hardware is None else self._hardware.update_periods_s.values()
        return LEAST_UPDATES * max(periods, default=0.0)

    def __exit__(self, *_: object) -> None:
        if self._tracker is not None:
            self._tracker.stop()

    @contextmanager
    def window(self) -> Iterator[Open]:
        """Measure what happens inside; `opened.window` holds the figures afterwards."""
        opened = Open()
        self._count += 1
        name = f"window-{self._count}"
        self.synchronise()
        self._start(name)
        before = _clocks()
        try:
            yield opened
        finally:
            self.synchronise()
            after = _clocks()
            opened.result = self._close(before, after, self._stop(name))

    def _start(self, name: str) -> None:
        if self._tracker is None:
            return
        self._tracker.lost.clear()
        try:
            self._tracker.start_task(name)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail("the meter did not start a window", error)

    def _stop(self, name: str) -> Any:
        if self._tracker is None:
            return None
        try:
            return self._tracker.stop_task(name)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail("the meter did not close a window", error)
            return None

    def _fail(self, what: str, error: Exception) -> None:
        self._tracker = None
        self._note(f"{what}: {error or type(error).__name__}")

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _close(self, before: "_Clocks", after: "_Clocks", data: Any) -> Window:
        time_s = after.time_s - before.time_s
        problem = _clock_problem(time_s, after.calendar_s - before.calendar_s, data)
        if problem is not None and self._hardware is not None:
            self._note(problem)
        return Window(
            time_s=max(0.0, time_s),
            cpu_s=max(0.0, after.cpu_s - before.cpu_s),
            machine_cpu_s=_difference(after.machine_cpu_s, before.machine_cpu_s),
            steal_s=_difference(after.steal_s, before.steal_s),
            components=self._components(data if problem is None else None, time_s),
        )

    def _components(self, data: Any, time_s: float) -> tuple[Component, ...]:
        hardware = self._hardware
        if hardware is None:
            return ()
        names: tuple[Literal["cpu", "gpu", "ram"], ...] = ("cpu", "gpu", "ram")
        return tuple(
            Component(
                name=name,
                energy_j=None if data is None else self._energy_j(name, data, time_s),
                grade=hardware.grades[name],
                source=hardware.sources[name],
                update_period_s=hardware.update_periods_s.get(name, 0.0),
            )
            for name in names
            if name in hardware.grades
        )

    def _energy_j(self, name: str, data: Any, time_s: float) -> float | None:
        """Joules of one component; None when they cannot be right, with a note of the reason."""
        assert self._hardware is not None
        energy_j = float(getattr(data, f"{name}_energy")) * JOULES_PER_KWH
        period_s = self._hardware.update_periods_s.get(name, 0.0)
        lost = self._tracker.lost.get(name)
        problem = None
        if lost is not None:
            problem = f"{name}: {lost}"
        elif time_s < LEAST_UPDATES * period_s:
            problem = (
                f"{name}: a window of {time_s:.3g} s is too short for "
                f"{self._hardware.sources[name]}, whose readings are up to {period_s:.3g} s old"
            )
        elif not math.isfinite(energy_j) or energy_j <= 0:
            problem = f"{name}: {self._hardware.sources[name]} gave {energy_j:g} J"
        if problem is None:
            return energy_j
        self._note(problem)
        return None


@dataclass(frozen=True)
class _Clocks:
    """Readings at one moment.

    Attributes:
        time_s: the clock that all durations come from.
        calendar_s: the wall clock, which betrays a machine that slept or a clock that was set.
        cpu_s: of this process and its ended children.
        machine_cpu_s: busy CPU seconds of the machine, without steal.
        steal_s: CPU seconds that the host took.
    """

    time_s: float
    calendar_s: float
    cpu_s: float
    machine_cpu_s: float | None
    steal_s: float | None


def _clock_problem(time_s: float, calendar_s: float, data: Any) -> str | None:
    """Why a window's energy cannot be trusted, seen from the clocks and CodeCarbon's answer."""
    if time_s <= 0:
        return "a window of zero length was measured"
    if abs(calendar_s - time_s) > CALENDAR_TOLERANCE_S + CLOCK_TOLERANCE * time_s:
        return (
            f"the clock jumped: {calendar_s:.3g} s by the calendar in a window of {time_s:.3g} s; "
            "the machine slept, or its clock was set"
        )
    if data is None:
        return "the meter returned nothing for a window"
    if not data.duration > 0 or (
        abs(data.duration - time_s) > CLOCK_TOLERANCE_S + CLOCK_TOLERANCE * time_s
    ):
        return f"the meter saw {data.duration:g} s of a window of {time_s:g} s"
    return None


def own_cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _clocks() -> _Clocks:
    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    # Guest time is part of user time on Linux; steal is the host's, not the machine's, work.
    extra = sum(getattr(machine, name, 0.0) for name in ("guest", "guest_nice", "steal"))
    return _Clocks(
        time_s=time.perf_counter(),
        calendar_s=time.time(),
        cpu_s=own_cpu_s(),
        machine_cpu_s=sum(machine) - idle - extra,
        steal_s=getattr(machine, "steal", None),
    )


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else max(0.0, after - before)
