"""Who the machine is, what it is doing, and that one benchmark runs at a time."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from neurojoule import machine, meter
from neurojoule.errors import UserError
from neurojoule.meter import MeterSettings


@pytest.fixture(scope="module")
def here():
    return machine.describe("desk", meter.detect(MeterSettings()))


def test_the_facts_are_flat_and_name_the_meter(here):
    assert here.name == "desk"
    assert here.facts["cpu_threads"] == psutil.cpu_count()
    assert here.facts["grade_cpu"] in {"measured", "modelled", "guessed"}
    assert here.facts["version_torch"]
    assert all(
        value is None or isinstance(value, str | int | float) for value in here.facts.values()
    )


def test_facts_that_change_speed_are_part_of_the_resume_key_and_others_are_not(here):
    speed = machine.speed_facts(here)
    assert {"cpu_model", "version_torch", "meter_cpu"} <= set(speed)
    assert not {"os", "ram_bytes", "cpu_tdp_w"} & set(speed)


def test_the_host_name_is_the_name_by_default():
    assert machine.describe(None, None).name


def test_the_state_is_what_the_system_tells():
    state = machine.state()
    assert state.canary_s > 0
    assert state.load_1min == pytest.approx(psutil.getloadavg()[0], abs=1.0)
    assert state.swap_used_bytes == pytest.approx(psutil.swap_memory().used, rel=0.2, abs=2**24)


def test_the_canary_sings_slower_when_there_is_more_to_sing(monkeypatch):
    quick = machine.canary_s()
    real = machine.np.sqrt

    def eightfold(x, out):
        for _ in range(7):
            real(x, out=out)
        return real(x, out=out)

    monkeypatch.setattr(machine.np, "sqrt", eightfold)
    assert machine.canary_s() > 1.5 * quick


def test_the_canary_does_not_hear_what_the_allocator_does():
    # A temporary of its own would cost page faults in a fresh process and none in one whose
    # allocator keeps freed memory, as after a run: four times the time, and no machine was slower.
    code = (
        "import numpy as np\nfrom neurojoule.machine import canary_s\n"
        "fresh = min(canary_s() for _ in range(3))\n"
        "kept = [np.ones(20_000_000 >> i) for i in range(8)]\ndel kept\n"
        "print(max(fresh, used := min(canary_s() for _ in range(3))) / min(fresh, used))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 2  # of 4, on a machine that may be busy


def test_throttles_are_summed_over_cpus_and_packages(tmp_path):
    assert machine._thermal_throttles(tmp_path) is None
    for cpu, core, package in ((0, 3, 1), (1, 4, 1)):
        folder = tmp_path / f"cpu{cpu}" / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{core}\n")
        (folder / "package_throttle_count").write_text(f"{package}\n")
    assert machine._thermal_throttles(tmp_path) == 9


def stand_in(*, violation=True):
    class NVMLError(Exception):
        pass

    def status(*_):
        if not violation:
            raise NVMLError
        return SimpleNamespace(violationTime=2_500_000_000)

    return SimpleNamespace(
        NVMLError=NVMLError,
        NVML_PERF_POLICY_THERMAL=1,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetComputeRunningProcesses=lambda i: [SimpleNamespace(pid=1)] * i,
        nvmlDeviceGetViolationStatus=status,
        nvmlDeviceGetName=lambda _: "Stand-in",
        nvmlSystemGetDriverVersion=lambda: "1.2",
        nvmlDeviceGetEnforcedPowerLimit=lambda _: 300_000,
    )


def test_the_gpus_tell_who_else_computes_and_how_long_they_were_slowed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", stand_in())
    state = machine.state()
    assert state.gpu_processes == 1
    assert state.gpu_slowed_s == 5.0
    assert machine.describe("x", None).facts["gpu_power_limit_w"] == 300


def test_a_gpu_that_does_not_tell_is_unknown_and_no_gpu_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(violation=False))
    assert machine.state().gpu_slowed_s is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    state = machine.state()
    assert (state.gpu_processes, state.gpu_slowed_s) == (None, None)


def test_a_card_that_keeps_a_fact_to_itself_costs_that_fact_alone(monkeypatch):
    nvml = stand_in()

    def refuse(*_):
        raise nvml.NVMLError

    nvml.nvmlDeviceGetEnforcedPowerLimit = nvml.nvmlDeviceGetComputeRunningProcesses = refuse
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    facts = machine.describe("x", None).facts
    assert (facts["gpu_model"], facts["gpu_power_limit_w"]) == ("Stand-in", None)
    state = machine.state()
    assert (state.gpu_processes, state.gpu_slowed_s) == (None, 5.0)
    nvml.nvmlDeviceGetCount = lambda: 0
    assert "gpu_model" not in machine.describe("x", None).facts


def test_the_lock_is_for_every_user_and_one_that_is_not_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path))
    path = tmp_path / "neurojoule.lock"
    before = os.umask(0o077)
    try:
        with machine.exclusive():
            assert path.stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(before)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.Path, "open", refuse)  # root may open anything
    with pytest.raises(UserError, match=r"neurojoule\.lock of another user"), machine.exclusive():
        pass


def test_the_lock_is_given_back_and_can_be_taken_again(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path))
    for _ in range(2):
        with machine.exclusive():
            text = (tmp_path / "neurojoule.lock").read_text()
            assert f"process {os.getpid()}" in text
    assert (tmp_path / "neurojoule.lock").read_text() == ""


def test_a_second_benchmark_is_told_who_holds_the_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path))
    with (
        machine.exclusive(),
        pytest.raises(UserError, match=r"process .* since .*UTC"),
        machine.exclusive(),
    ):
        pass


def test_the_lock_is_given_back_when_the_benchmark_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match="broken"), machine.exclusive():
        raise ValueError("broken")
    with machine.exclusive():
        pass
