"""CodeCarbon's tracker, with every parameter given, and told what it would swallow.

One offline tracker a process, used through tasks only. What is read here is private to CodeCarbon
3.3.2; tests/bench/test_meter_contract.py fails with the name when a new version renames it.

CodeCarbon reads energy counters at the edges of a task only, and reports zero joules for a counter
that it cannot read. So this tracker reads at least once a minute, before a counter can wrap twice
(32 bits of 61 microjoules are 262 kJ: 22 minutes at 200 W), and remembers what it could not read.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

from neurojoule.errors import UserError

READ_COUNTERS_EVERY_S = 60.0
READ_POWER_EVERY_S = 1.0
"""For back ends that know power only, which CodeCarbon reads once, at the end of a task."""

PARAMETERS: dict[str, Any] = {
    "country_iso_code": "USA",  # CO2 is not read from here; see neurojoule.carbon
    "region": None,
    "cloud_provider": None,
    "cloud_region": None,
    "country_2letter_iso_code": None,
    "output_methods": [],
    "output_handlers": [],
    "output_dir": tempfile.gettempdir(),  # must exist, even though nothing is written
    "emissions_endpoint": None,
    "electricitymaps_api_token": None,
    "force_carbon_intensity_g_co2e_kwh": None,
    "metadata": None,
    "log_level": "critical",
    "logging_logger": None,
    "tracking_mode": "machine",
    "measure_power_secs": 1.0,
    "api_call_interval": -1,
    "allow_multiple_runs": True,
    "force_mode_cpu_load": False,
    "rapl_include_dram": False,
    "rapl_prefer_psys": False,
    "gpu_ids": None,
    "pue": 1.0,
    "wue": 0.0,
    "save_to_file": False,
    "save_to_api": False,
    "save_to_logger": False,
    "save_to_prometheus": False,
    "save_to_logfire": False,
}
"""What is not given is taken from `~/.codecarbon.config`, from the one in the working folder and
from variables `CODECARBON_*`; so everything that could change a number is given."""


class MeterError(UserError):
    """The meter could not be started; runs go on, and their energy is null."""


def make(cpu_tdp_w: float | None, ram_w: float | None) -> Any:
    """A tracker that has not looked at the hardware yet.

    Raises:
        MeterError: when CodeCarbon's constructor failed, which it does without a word.
    """
    os.environ["CODECARBON_LOG_LEVEL"] = "critical"  # read when codecarbon is imported
    tracker = _tracker()(**PARAMETERS, force_cpu_power=cpu_tdp_w, force_ram_power=ram_w)
    if not all(hasattr(tracker, name) for name in ("_hardware", "_scheduler_monitor_power")):
        raise MeterError(
            "CodeCarbon's tracker did not start. Run `neurojoule doctor`, and check the "
            "`.codecarbon.config` files in your home and working folders."
        )
    return tracker


@cache
def _tracker() -> Any:
    from codecarbon import OfflineEmissionsTracker

    class Tracker(OfflineEmissionsTracker):
        """Reads often enough, and keeps in `lost` what it could not read: component -> why."""

        def __init__(self, **parameters: Any) -> None:
            self._turn = threading.RLock()  # the monitor's thread and the end of a task both read
            self.lost: dict[str, str] = {}
            super().__init__(**parameters)

        def _measure_power_and_energy(self) -> None:
            with self._turn:
                super()._measure_power_and_energy()
                self.lost |= lost(self._hardware)

        def _monitor_power(self) -> None:
            super()._monitor_power()
            waited_s = time.perf_counter() - self._last_measured_time
            if waited_s >= _read_every_s(self._hardware):
                self._measure_power_and_energy()

    return Tracker


def _read_every_s(parts: Iterable[Any]) -> float:
    known = {"CPU", "GPU", "RAM"}  # of these, CodeCarbon's own monitor samples power
    if all(type(part).__name__ in known for part in parts):
        return READ_COUNTERS_EVERY_S
    return READ_POWER_EVERY_S


def lost(parts: Iterable[Any]) -> dict[str, str]:
    """Components of CodeCarbon's hardware whose counter could not be read just now, and why."""
    found: dict[str, str] = {}
    for part in parts:
        match type(part).__name__:
            case "CPU" if part._mode == "intel_rapl":  # noqa: SLF001 - contract test
                files = part._intel_interface._rapl_files  # noqa: SLF001 - contract test
                gone = [file.path for file in files if file.sample_skipped]
                if gone or not files:
                    found["cpu"] = f"RAPL could not be read: {', '.join(gone) or 'no domain left'}"
            case "GPU":
                gone = [
                    str(device.gpu_index)
                    for device in part.devices.devices
                    if device._has_counter and device._use_power_fallback  # noqa: SLF001 - likewise
                ]
                if gone:
                    found["gpu"] = f"the energy counter of GPU {', '.join(gone)} could not be read"
            case _:
                pass
    return found
