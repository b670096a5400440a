"""Power meters that emit known joules through real CodeCarbon, on a clock that tests move.

A `World` replaces the clocks and the CPU times of the system; a `RaplTree` is a folder as the
kernel lays it out; an `Nvml` stands in for the driver's library. CodeCarbon's own code reads them.
"""

import functools
import time
from types import SimpleNamespace

import psutil
from codecarbon.core import cpu, gpu, gpu_nvidia, hardware_cache, resource_tracker
from codecarbon.core.cpu import IntelRAPL
from codecarbon.external import hardware

XEON = "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz"
XEON_TDP_W = 120.0  # Intel ARK, product 91754


# The real ones, before a world hides them.
_is_rapl_available = cpu.is_rapl_available
_cpu_times = psutil.cpu_times


class World:
    """A clock that moves a microsecond a look until it is moved, and what depends on it."""

    def __init__(self, monkeypatch, *, cpu_model=XEON, sockets=1, threads=2):
        self.monkeypatch = monkeypatch
        self.now_s = 1000.0
        self.calendar_offset_s = 1.7e9
        self.busy_s = 0.0
        self.load = 0.0
        self.threads = threads
        self.followers = []
        hardware_cache.clear_cache()
        for module in (cpu, hardware, resource_tracker):
            monkeypatch.setattr(module, "detect_cpu_model", lambda: cpu_model)
        monkeypatch.setattr("codecarbon.emissions_tracker.count_physical_cpus", lambda: sockets)
        monkeypatch.setattr(cpu, "count_cpus", lambda: threads)
        monkeypatch.setattr(cpu, "is_rapl_available", lambda: False)
        monkeypatch.setattr(time, "perf_counter", self.perf_counter)
        monkeypatch.setattr(time, "time", lambda: self.now_s + self.calendar_offset_s)
        monkeypatch.setattr(psutil, "cpu_times", self.cpu_times)

    def perf_counter(self):
        self.now_s += 1e-6  # CodeCarbon divides by the time since its start
        return self.now_s

    def cpu_times(self):
        total_s = self.now_s * self.threads
        real = _cpu_times()
        shown = {"user": self.busy_s, "idle": total_s - self.busy_s}
        return type(real)(**dict.fromkeys(real._fields, 0.0) | shown)

    def run(self, seconds, *, load=None, steps=20):
        """Let time pass, in steps; everything that follows the clock is told."""
        self.load = self.load if load is None else load
        for _ in range(steps):
            self.now_s += seconds / steps
            self.busy_s += seconds / steps * self.load * self.threads
            for follower in self.followers:
                follower()


class RaplTree:
    """Package domains whose counters follow a power, in whole microjoules, and wrap.

    Args:
        energy_j: seconds since the tree was made -> joules since then, of each package.
    """

    def __init__(self, world, folder, energy_j, *, packages=1, range_j=262_143.0, start_j=None):
        self.world, self.energy_j, self.range_j = world, energy_j, range_j
        self.base_s = world.now_s
        self.starts_j = [start_j or 1000.0 * (i + 1) for i in range(packages)]
        self.domains = []
        for i in range(packages):
            domain = folder / "powercap" / "intel-rapl" / f"intel-rapl:{i}"
            domain.mkdir(parents=True)
            (domain / "name").write_text(f"package-{i}\n")
            (domain / "max_energy_range_uj").write_text(f"{range_j * 1e6:.0f}\n")
            self.domains.append(domain)
        self.write()
        world.followers.append(self.write)
        base = str(folder / "powercap")
        world.monkeypatch.setattr(
            cpu, "is_rapl_available", functools.partial(_is_rapl_available, base)
        )

        def interface(rapl_dir, **options):
            assert rapl_dir in {base, hardware_cache.DEFAULT_RAPL_DIR}
            return IntelRAPL(rapl_dir=base, **options)

        world.monkeypatch.setattr(hardware, "IntelRAPL", interface)

    def write(self):
        spent_j = self.energy_j(self.world.now_s - self.base_s)
        for domain, start_j in zip(self.domains, self.starts_j, strict=True):
            if domain.exists():
                count = (start_j + spent_j) % self.range_j
                (domain / "energy_uj").write_text(f"{count * 1e6:.0f}\n")


class Nvml:
    """One GPU whose counter follows an energy in millijoules, updated every `period_s`."""

    class NVMLError(Exception):
        """As the library's."""

    NVMLError_NotSupported = type("NVMLError_NotSupported", (NVMLError,), {})
    READ_S = 0.0005

    def __init__(self, world, energy_j, *, period_s=0.0, counter=True):
        self.world, self.energy_j, self.period_s = world, energy_j, period_s
        self.base_s = world.now_s
        self.counter = counter
        self.power_w = 100.0
        for module in (gpu_nvidia, gpu):
            world.monkeypatch.setattr(module, "pynvml", self, raising=False)
        world.monkeypatch.setattr(gpu, "PYNVML_AVAILABLE", True)
        world.monkeypatch.setattr(gpu, "is_nvidia_system", lambda: True)

    def nvmlDeviceGetTotalEnergyConsumption(self, _):  # noqa: N802 - the library's name
        self.world.now_s += self.READ_S  # a call takes time
        if not self.counter:
            raise self.NVMLError("not supported")
        at_s = self.world.now_s - self.base_s
        if self.period_s:
            at_s = at_s // self.period_s * self.period_s
        return int(self.energy_j(at_s) * 1000)

    def nvmlDeviceGetPowerUsage(self, _):  # noqa: N802
        if self.power_w is None:
            raise self.NVMLError("gone")
        return self.power_w * 1000

    def __getattr__(self, name):
        answers = {
            "nvmlDeviceGetCount": 1,
            "nvmlDeviceGetName": "Stand-in",
            "nvmlDeviceGetUUID": "GPU-0",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=1, free=1, used=0),
            "nvmlDeviceGetEnforcedPowerLimit": 300_000,
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=50),
        }
        if not name.startswith("nvml"):
            raise AttributeError(name)
        return lambda *_: answers.get(name)
