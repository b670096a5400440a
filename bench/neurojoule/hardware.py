"""What CodeCarbon can measure on this machine, and how a joule of each component is known.

Hardware is detected once a session (`detect`) in a process of its own and handed on as data, since
detection takes more than a second and, with a GPU, opens the device.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from neurojoule import tracker
from neurojoule.errors import UserError
from neurojoule.record import Grade

UPDATE_PERIODS_S: dict[str, float] = {
    "RAPL": 0.001,  # Intel SDM vol. 3B, 15.10: "approximately 1 ms"
    "Windows EMI": 0.001,  # the same registers
    "cpu_load": 0.01,  # /proc/stat counts ticks of 10 ms
    "PowerMetrics": tracker.READ_POWER_EVERY_S,
    "Power Gadget": tracker.READ_POWER_EVERY_S,
    "raspberry": tracker.READ_POWER_EVERY_S,
}
"""How old a reading of a CPU back end may be, by CodeCarbon's name of it."""

NO_COUNTER_PERIOD_S = 1.0
"""A GPU without an energy counter: CodeCarbon samples its power once a second."""


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
        update_periods_s: component -> how old a reading of its meter may be.
    """

    plan: Any
    grades: dict[str, Grade]
    sources: dict[str, str]
    cpu_model: str
    cpu_tdp_w: float | None
    ignored_settings: tuple[str, ...]
    update_periods_s: dict[str, float] = field(default_factory=dict)


def detect(settings: MeterSettings) -> Hardware:
    """Ask CodeCarbon what it can measure here. Takes a second or two, may open a GPU.

    Raises:
        MeterError: when CodeCarbon does not start.
    """
    found = tracker.make(settings.cpu_tdp_w, settings.ram_w)
    from codecarbon.core import hardware_cache
    from codecarbon.core.config import get_hierarchical_config_with_sources

    try:
        found._ensure_hardware_ready()  # noqa: SLF001 - see tests/bench/test_meter_contract.py
    except Exception as error:
        raise tracker.MeterError(f"CodeCarbon could not look at the hardware: {error}") from error
    plan = hardware_cache._plans[hardware_cache.make_key(found)]  # noqa: SLF001 - likewise
    cpu = next((spec for spec in plan.hardware_specs if spec["kind"] == "cpu"), {})
    load = cpu.get("mode") == "cpu_load"
    cpu_model = str(plan.conf.get("cpu_model", "unknown"))
    known_w = None
    if load and settings.cpu_tdp_w is None:
        known_w = _registered_tdp_w(cpu_model, int(plan.conf.get("cpu_physical_count") or 1))
    grades, sources = grade(plan.cpu_tracker, plan.gpu_tracker, cpu, settings, known_w=known_w)
    config, origins = get_hierarchical_config_with_sources()
    periods_s = {"cpu": UPDATE_PERIODS_S.get("cpu_load" if load else plan.cpu_tracker, 0.0)}
    for part in found._hardware:  # noqa: SLF001 - contract test
        if type(part).__name__ == "GPU":
            periods_s["gpu"] = max(map(_gpu_period_s, part.devices.devices), default=0.0)
    return Hardware(
        plan=plan,
        grades=grades,
        sources=sources,
        cpu_model=cpu_model,
        cpu_tdp_w=float(cpu["tdp"]) if load else None,
        ignored_settings=tuple(
            sorted(f"{key} from {origins[key]}" for key in config if key != "log_level")
        ),
        update_periods_s=periods_s,
    )


def _registered_tdp_w(cpu_model: str, sockets: int) -> float | None:
    """The TDP that CodeCarbon's registry holds for these CPUs; None when it would guess."""
    from codecarbon.core import cpu as codecarbon_cpu
    from codecarbon.core import hardware_cache

    tdp = hardware_cache.get_cached_tdp(codecarbon_cpu)  # type: ignore[no-untyped-call]
    power_w = tdp._get_cpu_power_from_registry(cpu_model)  # noqa: SLF001 - contract test
    return None if power_w is None else float(power_w) * sockets


def _gpu_period_s(device: Any) -> float:
    """How often the energy counter of a GPU moves."""
    if not device._has_counter:  # noqa: SLF001 - contract test
        return NO_COUNTER_PERIOD_S
    return update_period_s(device._get_total_energy_consumption)  # noqa: SLF001 - contract test


def update_period_s(read: Callable[[], Any], *, limit_s: float = 0.6, changes: int = 6) -> float:
    """Median seconds between two changes of what `read` gives, watched for at most `limit_s`.

    Half of that limit at least when it never changes twice.
    """
    start_s, value = time.perf_counter(), read()
    at_s: list[float] = []
    while time.perf_counter() - start_s < limit_s and len(at_s) < changes:
        latest = read()
        if latest != value:
            value = latest
            at_s.append(time.perf_counter())
    if len(at_s) < 2:
        return limit_s / 2
    return statistics.median(b - a for a, b in pairwise(at_s))


def grade(
    cpu_tracker: str,
    gpu_tracker: str,
    cpu: dict[str, Any],
    settings: MeterSettings,
    *,
    known_w: float | None,
) -> tuple[dict[str, Grade], dict[str, str]]:
    """How a joule of each component is known, and by which back end (pure).

    Args:
        cpu_tracker: CodeCarbon's name for its CPU back end.
        gpu_tracker: likewise for the GPU; "Unspecified" where there is none.
        cpu: CodeCarbon's specification of the CPU (mode, model, tdp).
        settings: what the user told.
        known_w: watts in CodeCarbon's registry for these CPUs, None when it has none.
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
    elif cpu.get("mode") == "cpu_load" and known_w is not None and known_w == tdp:
        grades["cpu"], sources["cpu"] = "modelled", f"load x {tdp:g} W known for this CPU"
    elif cpu.get("mode") == "cpu_load":
        grades["cpu"], sources["cpu"] = "guessed", f"load x {tdp:g} W, a default: CPU unknown"
    else:
        grades["cpu"], sources["cpu"] = "constant", f"{cpu_tracker}: a constant power"
    if gpu_tracker not in {"Unspecified", ""}:
        grades["gpu"], sources["gpu"] = "measured", gpu_tracker
    return grades, sources
