"""Known joules go into a meter's back end, and the record's energy is right within 1 %."""

import shutil

import pytest

from neurojoule.meter import Meter, MeterSettings, detect
from power import XEON_TDP_W, Nvml, RaplTree, World

WITHIN = 0.01


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def steady(watts):
    return lambda t: watts * t


def ramp(watts_per_s):
    return lambda t: watts_per_s * t * t / 2


def measure(world, seconds, *, settings=None, inside=None, before=None):
    """One window of `seconds`; `inside` happens in its middle, `before` ahead of it."""
    settings = settings or MeterSettings()
    hardware = detect(settings)
    with Meter(hardware, settings) as meter:
        if before:
            before()
        with meter.window() as opened:
            world.run(seconds / 2)
            if inside:
                inside()
            world.run(seconds / 2)
    return opened.window, {c.name: c for c in opened.window.components}, meter.problems


def test_rapl_at_a_steady_power(world, tmp_path):
    RaplTree(world, tmp_path, steady(65.0))
    window, parts, problems = measure(world, 2.0)
    assert window.time_s == pytest.approx(2.0)
    assert parts["cpu"].energy_j == pytest.approx(130.0, rel=WITHIN)
    assert (parts["cpu"].grade, parts["cpu"].source) == ("measured", "RAPL")
    assert problems == []


def test_rapl_on_a_ramp(world, tmp_path):
    RaplTree(world, tmp_path, ramp(10.0))
    world.run(3.0)
    _, parts, _ = measure(world, 4.0)  # from 3 s to 7 s of 10 W more a second
    assert parts["cpu"].energy_j == pytest.approx(10 * (49 - 9) / 2, rel=WITHIN)


def test_rapl_whose_counter_wraps(world, tmp_path):
    RaplTree(world, tmp_path, steady(65.0), range_j=1000.0, start_j=950.0)
    _, parts, problems = measure(world, 2.0)
    assert parts["cpu"].energy_j == pytest.approx(130.0, rel=WITHIN)
    assert problems == []


def test_two_packages_add_up(world, tmp_path):
    RaplTree(world, tmp_path, steady(65.0), packages=2)
    _, parts, _ = measure(world, 2.0)
    assert parts["cpu"].energy_j == pytest.approx(260.0, rel=WITHIN)


def test_a_counter_that_could_wrap_twice_in_a_window_is_read_in_between(world, tmp_path):
    tree = RaplTree(world, tmp_path, steady(65.0), range_j=10_000.0)
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter:
        with meter.window() as opened:
            for _ in range(
                8
            ):  # the monitor of CodeCarbon ticks by the system's clock: here by hand
                world.run(60.0)
                meter._tracker._monitor_power()
        assert 3 * tree.range_j < 65.0 * 480
    assert opened.window.energy_j("cpu") == pytest.approx(65.0 * 480, rel=WITHIN)


def test_a_domain_that_vanishes_leaves_no_energy_and_a_reason(world, tmp_path):
    tree = RaplTree(world, tmp_path, steady(65.0), packages=2)
    window, parts, problems = measure(world, 2.0, inside=lambda: shutil.rmtree(tree.domains[1]))
    assert parts["cpu"].energy_j is None
    assert window.energy_j("cpu") is None
    assert parts["ram"].energy_j > 0  # the others are known still
    assert len(problems) == 1
    assert "intel-rapl:1" in problems[0]


def test_a_domain_that_was_away_between_two_readings_is_missed(world, tmp_path):
    tree = RaplTree(world, tmp_path, steady(65.0))
    hardware = detect(MeterSettings())
    with Meter(hardware, MeterSettings()) as meter, meter.window() as opened:
        world.run(100.0)
        (tree.domains[0] / "energy_uj").unlink()
        meter._tracker._monitor_power()
        world.run(100.0)  # it is back, and half of the window is lost
    assert opened.window.energy_j("cpu") is None
    assert "could not be read" in meter.problems[0]


def test_a_counter_that_stands_still_is_no_zero(world, tmp_path):
    RaplTree(world, tmp_path, steady(0.0))
    _, parts, problems = measure(world, 2.0)
    assert parts["cpu"].energy_j is None
    assert problems == ["cpu: RAPL gave 0 J"]


def test_nvml_at_a_steady_power_and_on_a_ramp(world):
    Nvml(world, steady(250.0))
    _, parts, problems = measure(world, 2.0)
    assert parts["gpu"].energy_j == pytest.approx(500.0, rel=WITHIN)
    assert (parts["gpu"].grade, parts["gpu"].source) == ("measured", "pynvml")
    assert problems == []


def test_nvml_on_a_ramp(world):
    fake = Nvml(world, ramp(50.0))
    start_s = []
    _, parts, _ = measure(
        world, 4.0, before=lambda: start_s.append(world.now_s - fake.base_s), inside=None
    )
    a = start_s[0]
    assert parts["gpu"].energy_j == pytest.approx(25 * ((a + 4) ** 2 - a**2), rel=WITHIN)


def test_nvml_that_updates_every_100_ms_is_right_in_a_long_window_and_says_so(world):
    Nvml(world, steady(250.0), period_s=0.1)
    _, parts, problems = measure(world, 20.0)
    assert parts["gpu"].energy_j == pytest.approx(5000.0, rel=WITHIN)
    assert parts["gpu"].update_period_s == pytest.approx(0.1, rel=0.05)
    assert problems == []


def test_nvml_that_updates_every_100_ms_has_no_energy_in_a_short_window(world):
    Nvml(world, steady(250.0), period_s=0.1)
    _, parts, problems = measure(world, 0.15)
    assert parts["gpu"].energy_j is None
    assert "too short for pynvml" in problems[0]


def test_a_gpu_whose_counter_vanishes_has_no_energy(world):
    fake = Nvml(world, steady(250.0))
    _, parts, problems = measure(world, 2.0, inside=lambda: setattr(fake, "counter", False))
    assert parts["gpu"].energy_j is None
    assert problems == ["gpu: the energy counter of GPU 0 could not be read"]


def test_a_gpu_without_a_counter_is_known_to_be_read_once_a_second(world):
    fake = Nvml(world, steady(0.0), counter=False)
    fake.power_w = 120.0
    _, parts, _ = measure(world, 10.0)
    assert parts["gpu"].energy_j == pytest.approx(1200.0, rel=WITHIN)
    assert parts["gpu"].update_period_s == 1.0


def test_a_known_cpu_by_load_is_modelled(world):
    _, parts, _ = measure(world, 10.0, inside=None, before=lambda: world.run(0, load=0.5))
    # CodeCarbon's curve: TDP (0.1 + 0.9 load^3)
    assert parts["cpu"].energy_j == pytest.approx(10 * XEON_TDP_W * (0.1 + 0.9 / 8), rel=WITHIN)
    assert parts["cpu"].grade == "modelled"
    assert "120 W known for this CPU" in parts["cpu"].source


def test_two_known_cpus_are_modelled_at_twice_the_power(monkeypatch):
    world = World(monkeypatch, sockets=2)
    _, parts, _ = measure(world, 10.0, before=lambda: world.run(0, load=1.0))
    assert parts["cpu"].energy_j == pytest.approx(10 * 2 * XEON_TDP_W, rel=WITHIN)
    assert parts["cpu"].grade == "modelled"


def test_an_unknown_cpu_is_guessed_at_4_w_a_thread(monkeypatch):
    world = World(monkeypatch, cpu_model="Quagga 9000", threads=6)
    _, parts, _ = measure(world, 10.0, before=lambda: world.run(0, load=1.0))
    assert parts["cpu"].energy_j == pytest.approx(10 * 6 * 4.0, rel=WITHIN)
    assert parts["cpu"].grade == "guessed"


def test_a_power_that_the_user_gave_is_the_users(monkeypatch):
    world = World(monkeypatch, cpu_model="Quagga 9000")
    settings = MeterSettings(cpu_tdp_w=45.0, ram_w=3.0)
    _, parts, _ = measure(world, 10.0, settings=settings, before=lambda: world.run(0, load=1.0))
    assert parts["cpu"].energy_j == pytest.approx(450.0, rel=WITHIN)
    assert parts["cpu"].grade == "user"
    assert parts["ram"].energy_j == pytest.approx(30.0, rel=WITHIN)
    assert parts["ram"].grade == "constant"


def test_apple_silicon_gets_a_generic_tdp_and_is_guessed(monkeypatch):
    world = World(monkeypatch, cpu_model="Apple M2 Pro", threads=10)
    monkeypatch.setattr("codecarbon.core.resource_tracker.is_linux_os", lambda: False)
    monkeypatch.setattr("codecarbon.core.resource_tracker.is_mac_os", lambda: True)
    _, parts, _ = measure(world, 10.0, before=lambda: world.run(0, load=1.0))
    assert parts["cpu"].energy_j == pytest.approx(850.0, rel=WITHIN)  # 85 W, whatever the chip
    assert parts["cpu"].grade == "guessed"
