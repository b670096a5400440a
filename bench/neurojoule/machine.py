"""Who this machine is, what it is doing, and whether somebody else is benchmarking on it."""

import contextlib
import fcntl
import os
import platform
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO, TypeVar

import numpy as np
import psutil

from neurojoule.errors import UserError
from neurojoule.meter import Hardware
from neurojoule.record import Machine, State

T = TypeVar("T")

LIBRARIES = ("torch", "numpy", "numba", "codecarbon", "pytest-benchmark", "neurojoule")

_SPEED = ("cpu_model", "cpu_cores", "gpu_model", "gpu_driver", "gpu_power_limit_w", "python")
"""Facts that change how fast the same code runs; they are part of the resume key."""


def describe(
    name: str | None, hardware: Hardware | None, meter_problem: str | None = None
) -> Machine:
    """This machine under the name the user chose (its host name by default), and its facts.

    Args:
        name: what the user calls it.
        hardware: what the meter found; None when it did not start.
        meter_problem: why it did not.
    """
    facts: dict[str, str | int | float | bool | None] = {
        "os": platform.platform(),
        "python": platform.python_version(),
        "cpu_model": hardware.cpu_model if hardware else platform.processor() or "unknown",
        "cpu_cores": psutil.cpu_count(logical=False),
        "cpu_threads": psutil.cpu_count(),
        "ram_bytes": psutil.virtual_memory().total,
        "virtual": _virtual(),
        **_gpu(),
        **{f"version_{name}": version(name) for name in LIBRARIES},
    }
    if meter_problem is not None:
        facts["meter_problem"] = meter_problem
    if hardware is not None:
        facts["cpu_tdp_w"] = hardware.cpu_tdp_w
        for part, source in hardware.sources.items():
            facts[f"meter_{part}"] = source
            facts[f"grade_{part}"] = hardware.grades[part]
        if hardware.ignored_settings:
            facts["codecarbon_settings_ignored"] = "; ".join(hardware.ignored_settings)
    return Machine(name=name or socket.gethostname(), facts=facts)


def speed_facts(machine: Machine) -> dict[str, str | int | float | bool | None]:
    """The facts that a reused record must share: hardware that changes speed, and libraries."""
    return {
        key: value
        for key, value in machine.facts.items()
        if key in _SPEED or key.startswith(("version_", "meter_"))
    }


def _virtual() -> bool | None:
    """Whether this is a virtual machine, as far as the CPU's flags say (Linux on x86)."""
    try:
        return " hypervisor" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return None


def _gpu() -> dict[str, str | int | float | None]:
    """Model, driver and power limit of the first NVIDIA GPU, through NVML; empty without one."""
    with _nvml() as nvml:
        if nvml is None:
            return {}
        count = _told(nvml, nvml.nvmlDeviceGetCount)
        if not count:
            return {}
        device = nvml.nvmlDeviceGetHandleByIndex(0)
        limit_mw = _told(nvml, lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(device))
        return {
            "gpu_model": str(nvml.nvmlDeviceGetName(device)),
            "gpu_count": count,
            "gpu_driver": str(nvml.nvmlSystemGetDriverVersion()),
            "gpu_power_limit_w": None if limit_mw is None else limit_mw / 1000,
        }


@contextlib.contextmanager
def _nvml() -> Iterator[Any]:
    """NVIDIA's library, initialised, or None."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001 - no library or no driver: there is no GPU
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def state() -> State:
    """What the machine is doing now; takes 50 ms for the canary."""
    frequency = psutil.cpu_freq()
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    gpu_processes, gpu_slowed_s = _gpu_state()
    return State(
        load_1min=psutil.getloadavg()[0],
        cpu_frequency_mhz=frequency.current if frequency else None,
        temperature_c=_temperature_c(),
        swap_used_bytes=psutil.swap_memory().used,
        on_battery=None if battery is None else not battery.power_plugged,
        canary_s=canary_s(),
        thermal_throttles=_thermal_throttles(),
        gpu_processes=gpu_processes,
        gpu_slowed_s=gpu_slowed_s,
    )


def _gpu_state() -> tuple[int | None, float | None]:
    """Processes that compute on the GPUs, and seconds that they have been slowed for heat."""
    with _nvml() as nvml:
        if nvml is None:
            return None, None
        devices = list(map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount())))

        def processes() -> int:
            return sum(len(nvml.nvmlDeviceGetComputeRunningProcesses(one)) for one in devices)

        def slowed_s() -> float:
            policy = nvml.NVML_PERF_POLICY_THERMAL
            found = [nvml.nvmlDeviceGetViolationStatus(one, policy) for one in devices]
            return float(sum(status.violationTime for status in found)) / 1e9

        return _told(nvml, processes), _told(nvml, slowed_s)


def _told(nvml: Any, ask: Callable[[], T]) -> T | None:
    """What the library says; None where this card does not tell, as laptops and slices may not."""
    try:
        return ask()
    except nvml.NVMLError:
        return None


def _thermal_throttles(cpus: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """How often Linux saw Intel CPUs slowed for their heat; None where it does not count."""
    counts = [*cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    counts += cpus.glob("cpu[0-9]*/thermal_throttle/package_throttle_count")
    return sum(int(count.read_text()) for count in counts) if counts else None


def _temperature_c() -> float | None:
    sensors: dict[str, list[Any]] = getattr(psutil, "sensors_temperatures", dict)()
    readings = [sensor.current for group in sensors.values() for sensor in group]
    return max(readings, default=None)


def canary_s() -> float:
    """Seconds for a fixed piece of work, the fastest of five: it sings when the machine is slow.

    It catches what the shares of CPU time do not: neighbours on the host, frequency, caches. Its
    memory is its own and touched beforehand: an allocation costs page faults before a run and none
    after one, which is the allocator's doing and not the machine's.
    """
    x = np.linspace(0.0, 1.0, 100_000)
    y = np.ones_like(x)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(40):
            np.multiply(x, x, out=y)
            np.add(y, 1.0, out=y)
            np.sqrt(y, out=y)
        best = min(best, time.perf_counter() - start)
    return best


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the one lock of this machine while a benchmark runs.

    Raises:
        UserError: when another benchmark holds it, with its process number and start, or it cannot
            be opened.
    """
    path = Path(tempfile.gettempdir()) / "neurojoule.lock"
    with _open_shared(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text().strip() or "an unknown process"
            raise UserError(
                f"Another neurojoule benchmark is running on this machine ({holder}). Two at once "
                "would measure each other: wait for it, or stop it."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _open_shared(path: Path) -> TextIO:
    """Open for every user: opening with O_CREAT a file of another user's in /tmp is refused."""
    try:
        return path.open("r+")
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        os.fchmod(descriptor, 0o666)  # whatever the umask takes away
        return os.fdopen(descriptor, "r+")
    except PermissionError as error:
        raise UserError(
            f"The lock {path} of another user cannot be opened ({error}). Remove it, or have its "
            "owner do so: it keeps two benchmarks from measuring each other."
        ) from error
