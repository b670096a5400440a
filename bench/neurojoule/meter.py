"""Windows over CodeCarbon, clocks and CPU seconds.

CodeCarbon's offline tracker is used through tasks only, every parameter passed, one tracker a
process; docs/measuring.md says how each was learned. Energy and duration are read
from what `stop_task` returns; failures inside CodeCarbon are swallowed there, so a window without a
duration, or shorter than the clock says, has no energy here: null, not zero.

Hardware is detected once a session (`detect`) in a process of its own and handed on as data, since
detection takes more than a second and, with a GPU, opens the device.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import msgspec
import psutil

from neurojoule.errors import UserError
from neurojoule.record import Component, Grade, Window

JOULES_PER_KWH = 3.6e6

_TRACKER: dict[str, Any] = {
    "country_iso_code": "USA",  # CO2 is not read from here; see neurojoule.carbon
    "output_methods": [],
    "log_level": "critical",
    "tracking_mode": "machine",
    "measure_power_secs": 1.0,
    "api_call_interval": -1,
    "allow_multiple_runs": True,
    "force_mode_cpu_load": False,
    "rapl_include_dram": False,
    "rapl_prefer_psys": False,
    "gpu_ids": None,
    "wue": 0.0,
    "save_to_file": False,
    "save_to_api": False,
}


class MeterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user may tell the meter.

    Attributes:
        cpu_tdp_w: thermal design power of the whole CPU, where CodeCarbon does not know it.
        ram_w: power of the memory modules.
    """

    cpu_tdp_w: float | None = None
    ram_w: float | None = None

    def __post_init__(self) -> None:
        for name in ("cpu_tdp_w", "ram_w"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e5:
                raise UserError(f"{name} is a power in watts; given {value}.")


@dataclass(frozen=True)
class Hardware:
    """What CodeCarbon detected, as data that travels to the processes that measure.

    Attributes:
        plan: CodeCarbon's own description of its back ends (`codecarbon.core.hardware_cache`).
        grades: component -> how a joule of it is known.
        sources: component -> the back end in words.
        cpu_model: as CodeCarbon found it.
        cpu_tdp_w: what it multiplies the load with; None where power is measured.
        ignored_settings: CodeCarbon settings found in files or the environment, which are not used.
    """

    plan: Any
    grades: dict[str, Grade]
    sources: dict[str, str]
    cpu_model: str
    cpu_tdp_w: float | None
    ignored_settings: tuple[str, ...]


def _tracker(settings: MeterSettings) -> Any:
    os.environ["CODECARBON_LOG_LEVEL"] = "critical"  # read when codecarbon is imported
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        **_TRACKER,
        force_cpu_power=settings.cpu_tdp_w,
        force_ram_power=settings.ram_w,
        pue=1.0,
    )
    if not hasattr(tracker, "_hardware"):  # its __init__ swallows every exception
        raise MeterError(
            "CodeCarbon's tracker did not start. Run `neurojoule doctor`, and check the "
            "`.codecarbon.config` files in your home and working folders."
        )
    return tracker


class MeterError(UserError):
    """The meter could not be started; the run goes on, its energy is null."""


def detect(settings: MeterSettings) -> Hardware:
    """Ask CodeCarbon what it can measure here. Takes a second or two, may open a GPU."""
    tracker = _tracker(settings)
    from codecarbon.core import hardware_cache
    from codecarbon.core.config import get_hierarchical_config_with_sources

    tracker._ensure_hardware_ready()  # noqa: SLF001 - see tests/bench/test_meter_contract.py
    plan = hardware_cache._plans[hardware_cache.make_key(tracker)]  # noqa: SLF001 - likewise
    specs = {spec["kind"]: spec for spec in plan.hardware_specs}
    cpu = specs.get("cpu", {})
    known = None
    if cpu.get("mode") == "cpu_load" and settings.cpu_tdp_w is None:
        known = _registered_tdp(str(plan.conf.get("cpu_model", "")))
    grades, sources = grade(plan.cpu_tracker, plan.gpu_tracker, cpu, settings, known_tdp=known)
    config, origins = get_hierarchical_config_with_sources()
    return Hardware(
        plan=plan,
        grades=grades,
        sources=sources,
        cpu_model=str(plan.conf.get("cpu_model", "unknown")),
        cpu_tdp_w=float(cpu["tdp"]) if cpu.get("mode") == "cpu_load" else None,
        ignored_settings=tuple(
            sorted(f"{key} from {origins[key]}" for key in config if key != "log_level")
        ),
    )


def _registered_tdp(cpu_model: str) -> float | None:
    """The TDP that CodeCarbon's registry holds for this CPU; None when it would guess."""
    from codecarbon.core import cpu as codecarbon_cpu
    from codecarbon.core import hardware_cache

    tdp = hardware_cache.get_cached_tdp(codecarbon_cpu)  # type: ignore[no-untyped-call]
    power = tdp._get_cpu_power_from_registry(cpu_model)  # noqa: SLF001 - contract test
    return None if power is None else float(power)


def grade(
    cpu_tracker: str,
    gpu_tracker: str,
    cpu: dict[str, Any],
    settings: MeterSettings,
    *,
    known_tdp: float | None,
) -> tuple[dict[str, Grade], dict[str, str]]:
    """How a joule of each component is known, and by which back end (pure).

    Args:
        cpu_tracker: CodeCarbon's name for its CPU back end.
        gpu_tracker: likewise for the GPU; "Unspecified" where there is none.
        cpu: CodeCarbon's specification of the CPU (mode, model, tdp).
        settings: what the user told.
        known_tdp: watts in CodeCarbon's registry for this CPU, None when it has none.
    """
    grades: dict[str, Grade] = {"ram": "constant"}
    sources = {
        "ram": f"{settings.ram_w:g} W given by the user"
        if settings.ram_w is not None
        else "CodeCarbon's estimate from the number of memory modules"
    }
    measured = {"RAPL", "Power Gadget", "Windows EMI", "PowerMetrics", "raspberry"}
    tdp = cpu.get("tdp")
    if cpu_tracker in measured:
        grades["cpu"], sources["cpu"] = "measured", cpu_tracker
    elif settings.cpu_tdp_w is not None:
        grades["cpu"] = "user"
        sources["cpu"] = f"load x {settings.cpu_tdp_w:g} W given by the user"
    elif cpu.get("mode") == "cpu_load" and known_tdp is not None and known_tdp == tdp:
        grades["cpu"], sources["cpu"] = "modelled", f"load x {tdp:g} W known for this CPU"
    elif cpu.get("mode") == "cpu_load":
        grades["cpu"], sources["cpu"] = "guessed", f"load x {tdp:g} W, a default: CPU unknown"
    else:
        grades["cpu"], sources["cpu"] = "constant", f"{cpu_tracker}: a constant power"
    if gpu_tracker not in {"Unspecified", ""}:
        grades["gpu"], sources["gpu"] = "measured", gpu_tracker
    return grades, sources


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
            self.problems.append("no meter was found")
            return self
        try:
            self._tracker = _tracker(self._settings)
            from codecarbon.core import hardware_cache

            key = hardware_cache.make_key(self._tracker)
            hardware_cache._plans[key] = self._hardware.plan  # noqa: SLF001 - contract test
        except Exception as error:  # noqa: BLE001 - a meter that fails must not fail the run
            self._tracker = None
            self.problems.append(f"the meter did not start: {error}")
        return self

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
        if self._tracker is not None:
            self._tracker.start_task(name)
        before = _clocks()
        try:
            yield opened
        finally:
            self.synchronise()
            after = _clocks()
            data = None if self._tracker is None else self._tracker.stop_task(name)
            opened.result = self._close(before, after, data)

    def _close(self, before: "_Clocks", after: "_Clocks", data: Any) -> Window:
        time_s = after.time_s - before.time_s
        energy = self._energies(data, time_s)
        return Window(
            time_s=time_s,
            cpu_s=after.cpu_s - before.cpu_s,
            machine_cpu_s=_difference(after.machine_cpu_s, before.machine_cpu_s),
            steal_s=_difference(after.steal_s, before.steal_s),
            components=energy,
        )

    def _energies(self, data: Any, time_s: float) -> tuple[Component, ...]:
        hardware = self._hardware
        if hardware is None:
            return ()
        problem = None
        if data is None:
            problem = "the meter returned nothing for a window"
        elif not data.duration > 0 or abs(data.duration - time_s) > 0.05 + 0.05 * time_s:
            problem = f"the meter saw {data.duration:g} s of a window of {time_s:g} s"
        if problem is not None:
            self.problems.append(problem)
        names: tuple[Literal["cpu", "gpu", "ram"], ...] = ("cpu", "gpu", "ram")
        return tuple(
            Component(
                name=name,
                energy_j=None if problem else getattr(data, f"{name}_energy") * JOULES_PER_KWH,
                grade=hardware.grades[name],
                source=hardware.sources[name],
            )
            for name in names
            if name in hardware.grades
        )


@dataclass(frozen=True)
class _Clocks:
    time_s: float
    cpu_s: float
    machine_cpu_s: float | None
    steal_s: float | None


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
        cpu_s=own_cpu_s(),
        machine_cpu_s=sum(machine) - idle - extra,
        steal_s=getattr(machine, "steal", None),
    )


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
