"""Everything of CodeCarbon's insides that is relied on; a new version that renames it fails here.

Each failure says what is gone and which module of neurojoule reads it.
"""

import importlib
import inspect
from dataclasses import fields
from importlib.metadata import version

import pytest
from codecarbon import OfflineEmissionsTracker
from codecarbon.core import hardware_cache
from codecarbon.core.rapl import RAPLFile
from codecarbon.core.resource_tracker import ResourceTracker
from codecarbon.emissions_tracker import BaseEmissionsTracker
from codecarbon.external import hardware as codecarbon_hardware
from codecarbon.external.ram import RAM
from codecarbon.output_methods.emissions_data import EmissionsData

from neurojoule import tracker
from neurojoule.hardware import UPDATE_PERIODS_S, detect
from neurojoule.meter import Meter, MeterSettings
from power import Nvml, RaplTree, World

HARMLESS = {
    "api_endpoint", "api_key", "co2_signal_api_token", "experiment_id", "experiment_name",
    "logger_preamble", "on_csv_write", "output_file", "project_name", "prometheus_url",
}  # fmt: skip
"""Parameters that nobody gives: they name things in outputs that are switched off."""


def gone(what, reader):
    return f"CodeCarbon {version('codecarbon')} has no {what} any more; {reader} reads it"


@pytest.mark.parametrize(
    ("module", "names", "reader"),
    [
        ("core.hardware_cache", ("_plans", "make_key", "get_cached_tdp"), "neurojoule.hardware"),
        ("core.config", ("get_hierarchical_config_with_sources",), "neurojoule.hardware"),
        ("core.cpu", ("TDP",), "neurojoule.hardware"),
        (
            "external.hardware",
            ("CPU", "GPU", "AppleSiliconChip", "Raspberry"),
            "neurojoule.tracker",
        ),
    ],
)
def test_modules_have_what_is_read(module, names, reader):
    found = importlib.import_module(f"codecarbon.{module}")
    for name in names:
        assert hasattr(found, name), gone(f"codecarbon.{module}.{name}", reader)


def test_the_tracker_has_what_is_called_and_overridden():
    made = tracker.make(None, None)
    for name in (
        "_ensure_hardware_ready", "_hardware", "_last_measured_time", "_measure_power_and_energy",
        "_monitor_power", "_scheduler_monitor_power", "start_task", "stop_task", "stop",
    ):  # fmt: skip
        assert hasattr(made, name), gone(f"tracker attribute {name}", "neurojoule.tracker")
    source = inspect.getsource(OfflineEmissionsTracker) + inspect.getsource(BaseEmissionsTracker)
    for call in (
        "function=self._monitor_power",
        "self._measure_power_and_energy()",
        "self._scheduler_monitor_power.start()",
    ):
        assert call in source, gone(f"call `{call}`", "the override in neurojoule.tracker")


def test_every_parameter_is_given_or_harmless():
    known = set(tracker.PARAMETERS) | HARMLESS | {"force_cpu_power", "force_ram_power"}
    for owner in (OfflineEmissionsTracker, BaseEmissionsTracker):
        names = set(inspect.signature(owner.__init__).parameters) - {"self", "args", "kwargs"}
        new = names - known
        assert not new, (
            f"CodeCarbon {version('codecarbon')} has new parameters {sorted(new)}, which a "
            "configuration file could set: give them in neurojoule.tracker.PARAMETERS"
        )
        known -= names
    left = known & set(tracker.PARAMETERS)
    assert not left, gone(f"parameters {sorted(left)}", "neurojoule.tracker.PARAMETERS")


def test_what_a_task_returns_has_the_fields_that_are_read():
    names = {field.name for field in fields(EmissionsData)}
    for name in ("cpu_energy", "gpu_energy", "ram_energy", "duration"):
        assert name in names, gone(f"EmissionsData.{name}", "neurojoule.meter")


def test_the_plan_describes_the_cpu(monkeypatch):
    World(monkeypatch)
    plan = detect(MeterSettings()).plan
    for name in ("cpu_tracker", "gpu_tracker", "conf", "hardware_specs"):
        assert hasattr(plan, name), gone(f"hardware plan attribute {name}", "neurojoule.hardware")
    for name in ("cpu_model", "cpu_physical_count"):
        assert name in plan.conf, gone(f"plan.conf[{name!r}]", "neurojoule.hardware")
    (cpu,) = (spec for spec in plan.hardware_specs if spec["kind"] == "cpu")
    assert {"mode", "model", "tdp"} <= set(cpu), gone("mode, model or tdp", "neurojoule.hardware")
    tdp = hardware_cache.get_cached_tdp(importlib.import_module("codecarbon.core.cpu"))
    assert tdp._get_cpu_power_from_registry("Intel Core i7-9700K") == 95  # Intel ARK


def test_back_ends_are_called_what_the_grades_expect(monkeypatch, tmp_path):
    world = World(monkeypatch)
    plan = detect(MeterSettings()).plan
    assert (plan.cpu_tracker, plan.gpu_tracker) == ("cpu_load", "Unspecified")
    hardware_cache.clear_cache()
    RaplTree(world, tmp_path, lambda t: t)
    Nvml(world, lambda t: t)
    plan = detect(MeterSettings()).plan
    assert (plan.cpu_tracker, plan.gpu_tracker) == ("RAPL", "pynvml")
    source = inspect.getsource(ResourceTracker)
    for name in set(UPDATE_PERIODS_S) - {"cpu_load"}:
        assert f'"{name}"' in source, gone(f"back end called {name!r}", "neurojoule.hardware")


def test_meters_say_when_they_could_not_be_read(monkeypatch, tmp_path):
    world = World(monkeypatch)
    RaplTree(world, tmp_path, lambda t: t)
    Nvml(world, lambda t: t)
    made = tracker.make(None, None)
    made._ensure_hardware_ready()
    parts = {type(part).__name__: part for part in made._hardware}
    assert set(parts) == {"CPU", "GPU", "RAM"}, gone("class CPU, GPU or RAM", "neurojoule.tracker")
    assert parts["CPU"]._mode == "intel_rapl"
    (file,) = parts["CPU"]._intel_interface._rapl_files
    assert isinstance(file, RAPLFile)
    for name in ("sample_skipped", "path"):
        assert hasattr(file, name), gone(f"RAPLFile.{name}", "neurojoule.tracker")
    (device,) = parts["GPU"].devices.devices
    for name in (
        "_has_counter", "_use_power_fallback", "gpu_index", "_get_total_energy_consumption",
    ):  # fmt: skip
        assert hasattr(device, name), gone(f"GPUDevice.{name}", "neurojoule.tracker")


@pytest.mark.parametrize("load", [0.0, 0.5, 1.0])
def test_the_load_curve_is_the_one_that_the_ledger_recomputes(monkeypatch, load):
    world = World(monkeypatch, threads=2)
    cpu = codecarbon_hardware.CPU(".", "cpu_load", "x", 100.0, tracking_mode="machine")
    cpu.start()
    world.run(1.0, load=load)
    watts = cpu._get_power_from_cpu_load().W
    assert watts == pytest.approx(100 * (0.1 + 0.9 * load**3), rel=1e-3), (
        "CodeCarbon's curve of load is not TDP (0.1 + 0.9 load^3) any more: neurojoule.ledger"
    )


def test_ram_is_a_constant(monkeypatch):
    World(monkeypatch)
    ram = RAM(tracking_mode="machine")
    assert ram.total_power().W == ram.total_power().W > 0


def test_a_later_tracker_takes_the_plan_and_detects_nothing(monkeypatch):
    World(monkeypatch)
    hardware = detect(MeterSettings())
    hardware_cache.clear_cache()

    def detected(*_):
        raise AssertionError(gone("use of hardware_cache._plans", "neurojoule.meter"))

    monkeypatch.setattr(ResourceTracker, "_run_full_hardware_setup", detected)
    with Meter(hardware, MeterSettings()) as meter:
        assert meter.problems == []


def test_the_last_stop_ends_the_monitors_thread():
    with Meter(detect(MeterSettings()), MeterSettings()) as meter, meter.window():
        scheduler = meter._tracker._scheduler_monitor_power
        assert not scheduler._stopped
    assert scheduler._stopped, gone("stop of the monitor in stop()", "neurojoule.meter")
