"""What goes wrong with a meter becomes a reason and a null, never a wrong number."""

import time
from dataclasses import replace

import pytest

from neurojoule import machine, tracker
from neurojoule.errors import UserError
from neurojoule.hardware import update_period_s
from neurojoule.meter import LEAST_UPDATES, Meter, MeterError, MeterSettings, detect
from power import RaplTree, World


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def energies(window):
    return {part.name: part.energy_j for part in window.components}


def test_a_meter_that_does_not_start_leaves_clocks_and_nulls(world, monkeypatch):
    hardware = detect(MeterSettings())
    monkeypatch.setattr(tracker, "_tracker", lambda: lambda **_: object())
    with Meter(hardware, MeterSettings()) as meter, meter.window() as opened:
        world.run(2.0)
    assert opened.window.time_s == pytest.approx(2.0, rel=1e-3)
    assert energies(opened.window) == {"cpu": None, "ram": None}
    assert "did not start" in meter.problems[0]


def test_a_meter_that_breaks_when_a_window_starts_leaves_the_work_alone(world, monkeypatch):
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter:
        monkeypatch.setattr(meter._tracker, "start_task", lambda _: 1 / 0)
        with meter.window() as opened:
            world.run(2.0)
    assert energies(opened.window) == {"cpu": None, "ram": None}
    assert meter.problems[0] == "the meter did not start a window: division by zero"


def test_a_meter_that_breaks_when_a_window_ends_leaves_the_work_alone(world, monkeypatch):
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter:
        with meter.window() as opened:
            monkeypatch.setattr(meter._tracker, "stop_task", lambda _: 1 / 0)
            world.run(2.0)
        with meter.window() as after:
            world.run(2.0)
    assert energies(opened.window) == energies(after.window) == {"cpu": None, "ram": None}
    assert "did not close a window" in meter.problems[0]


@pytest.mark.usefixtures("world")
def test_the_shortest_window_goes_by_the_slowest_component():
    hardware = detect(MeterSettings())
    slow = replace(hardware, update_periods_s={"cpu": 1.0, "gpu": 0.1})
    assert Meter(slow, MeterSettings()).least_window_s == LEAST_UPDATES * 1.0
    assert Meter(None, MeterSettings()).least_window_s == 0


def test_without_a_meter_there_are_no_components(world):
    with Meter(None, MeterSettings()) as meter, meter.window() as opened:
        world.run(2.0)
    assert opened.window.components == ()
    assert opened.window.energy_j() is None
    assert meter.problems == ["no meter was found"]


def test_hardware_that_cannot_be_looked_at_is_a_meter_error(monkeypatch):
    World(monkeypatch)

    def broken(_):
        raise OSError("no such bus")

    monkeypatch.setattr("codecarbon.core.resource_tracker.ResourceTracker.set_GPU_tracking", broken)
    with pytest.raises(MeterError, match="no such bus"):
        detect(MeterSettings())


def test_a_machine_without_a_meter_says_why(monkeypatch):
    World(monkeypatch)
    facts = machine.describe("here", None, "CodeCarbon's tracker did not start.").facts
    assert facts["meter_problem"] == "CodeCarbon's tracker did not start."
    assert "grade_cpu" not in facts


@pytest.mark.parametrize("jump_s", [-3600.0, 0.9, 86_400.0])
def test_a_clock_that_jumps_costs_the_window_its_energy(world, jump_s):
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter, meter.window() as opened:
        world.run(2.0)
        world.calendar_offset_s += jump_s
    assert energies(opened.window) == {"cpu": None, "ram": None}
    assert opened.window.time_s == pytest.approx(2.0, rel=1e-3)
    assert "the clock jumped" in meter.problems[0]


def test_a_meter_that_saw_another_duration_is_not_believed(world):
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter:
        with meter.window() as opened:
            world.run(2.0)
            task = meter._tracker._tasks[meter._tracker._active_task]
            task.start_time -= 10.0
        assert energies(opened.window) == {"cpu": None, "ram": None}
        assert "the meter saw 12" in meter.problems[0]


def test_a_window_of_zero_length_has_no_energy(monkeypatch):
    World(monkeypatch)
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter:
        now_s = time.perf_counter()
        monkeypatch.setattr(time, "perf_counter", lambda: now_s)
        with meter.window() as opened:
            pass
    assert opened.window.time_s == 0
    assert all(value is None for value in energies(opened.window).values())
    assert "a window of zero length was measured" in meter.problems


def test_a_window_shorter_than_two_ticks_of_the_load_has_no_cpu_energy(world):
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter, meter.window() as opened:
        world.run(0.015)
    assert energies(opened.window)["cpu"] is None
    assert "too short" in meter.problems[0]


def test_every_problem_is_told_once(world, tmp_path):
    RaplTree(world, tmp_path, lambda _: 0.0)
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter:
        for _ in range(3):
            with meter.window():
                world.run(1.0)
    assert len(meter.problems) == 1


def measured(world, tdp_w=None):
    settings = MeterSettings(cpu_tdp_w=tdp_w)
    hardware = detect(settings)
    with Meter(hardware, settings) as meter, meter.window() as opened:
        world.run(10.0, load=0.5)
    return hardware, opened.window


def test_settings_of_codecarbon_found_elsewhere_change_no_number(world, monkeypatch, tmp_path):
    _, plain = measured(world)
    for name, value in {
        "FORCE_CPU_POWER": "999",
        "FORCE_RAM_POWER": "999",
        "TRACKING_MODE": "process",
        "PUE": "3",
        "FORCE_MODE_CPU_LOAD": "true",
        "GPU_IDS": "7",
        "OUTPUT_METHODS": "csv,api",
        "OUTPUT_DIR": "/nowhere",
        "EMISSIONS_ENDPOINT": "http://127.0.0.1:9/",
        "MEASURE_POWER_SECS": "never",
    }.items():
        monkeypatch.setenv(f"CODECARBON_{name}", value)
    (tmp_path / ".codecarbon.config").write_text(
        "[codecarbon]\nrapl_prefer_psys = true\nsave_to_file = true\nforce_cpu_power = 7\n"
    )
    monkeypatch.chdir(tmp_path)
    hardware, contradicted = measured(world)
    assert energies(contradicted) == pytest.approx(energies(plain), rel=1e-3)
    assert [part.grade for part in contradicted.components] == ["modelled", "constant"]
    assert "force_cpu_power from CODECARBON_FORCE_CPU_POWER" in hardware.ignored_settings
    assert any("rapl_prefer_psys from " in text for text in hardware.ignored_settings)
    assert {path.name for path in tmp_path.iterdir()} == {".codecarbon.config"}  # nothing written


def test_the_users_own_power_wins_over_a_variable(world, monkeypatch):
    monkeypatch.setenv("CODECARBON_FORCE_CPU_POWER", "999")
    _, window = measured(world, tdp_w=40.0)
    assert energies(window)["cpu"] == pytest.approx(10 * 40 * (0.1 + 0.9 / 8), rel=0.01)


@pytest.mark.parametrize("power_w", [0.0, -5.0, float("nan"), float("inf")])
def test_a_power_that_is_none_is_refused(power_w):
    with pytest.raises(UserError, match="cpu_tdp_w is a power in watts"):
        MeterSettings(cpu_tdp_w=power_w)


def test_the_update_period_of_a_counter_is_found(world):
    def read():
        world.now_s += 0.001
        return world.now_s // 0.02

    assert update_period_s(read) == pytest.approx(0.02, rel=0.1)


def test_a_counter_that_never_moves_is_taken_as_slow(world):
    def read():
        world.now_s += 0.01
        return 7

    assert update_period_s(read) == pytest.approx(0.3)


def test_counters_are_read_each_minute_and_powers_each_second():
    parts = [type(name, (), {})() for name in ("CPU", "GPU", "RAM")]
    assert tracker._read_every_s(parts) == 60.0
    assert tracker._read_every_s([*parts, type("AppleSiliconChip", (), {})()]) == 1.0
