"""What makes a window's energy invalid, and what does not."""

import os
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from neurojoule.contamination import of_window, reasons
from neurojoule.meter import Meter, MeterSettings
from records import STATE, WINDOW


def window(**changes):
    return msgspec.structs.replace(WINDOW, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cpu_s": 2.0}, []),
        ({"cpu_s": 1.92}, []),
        ({"cpu_s": 1.0}, ["50% of the CPU time was somebody else's"]),
        ({"cpu_s": 2.0, "steal_s": 0.5}, ["the host took 25%"]),
        ({"machine_cpu_s": None, "steal_s": None}, []),
    ],
)
def test_a_window_is_contaminated_above_five_per_cent(changes, said):
    found = reasons([window(**changes)], STATE, STATE)
    assert len(found) == len(said)
    assert all(text in reason for text, reason in zip(said, found, strict=True))


def test_a_canary_that_sings_slower_on_either_side_means_throttling():
    slow = msgspec.structs.replace(STATE, canary_s=STATE.canary_s * 1.5)
    clean = [window(cpu_s=2.0)]
    assert reasons(clean, STATE, STATE) == []
    for before, after in ((STATE, slow), (slow, STATE)):
        (reason,) = reasons(clean, before, after)
        assert "50%" in reason


def state(**changes):
    return msgspec.structs.replace(STATE, **changes)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"thermal_throttles": 7}, {"thermal_throttles": 9}, "slowed 2 times for its heat"),
        ({"gpu_slowed_s": 1.0}, {"gpu_slowed_s": 1.5}, "the GPU was slowed for 0.5 s"),
        ({"gpu_processes": 2}, {"gpu_processes": 3}, "2 other processes were on the GPU"),
        ({"swap_used_bytes": 0}, {"swap_used_bytes": 2**26}, "64 MiB went to or came from"),
        ({"on_battery": False}, {"on_battery": True}, "between mains and battery"),
    ],
)
def test_what_the_system_tells_speaks_against_the_energy(before, after, said):
    (reason,) = reasons([window(cpu_s=2.0)], state(**before), state(**after))
    assert said in reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"thermal_throttles": 7}, {"thermal_throttles": 7}),
        ({"thermal_throttles": None}, {"thermal_throttles": 7}),
        ({"gpu_processes": 0}, {"gpu_processes": 1}),  # that one is the run itself
        ({"swap_used_bytes": 0}, {"swap_used_bytes": 2**20}),
        ({"on_battery": True}, {"on_battery": True}),
    ],
)
def test_what_is_ordinary_does_not(before, after):
    assert reasons([window(cpu_s=2.0)], state(**before), state(**after)) == []


def test_a_few_ticks_of_a_short_window_are_nobodys():
    short = window(time_s=0.1, cpu_s=0.09, machine_cpu_s=0.11)
    assert of_window(short) == []
    spun = window(time_s=0.1, cpu_s=0.1, machine_cpu_s=0.2)
    assert len(of_window(spun)) == 1


def work(seconds):
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass


def shares(seconds):
    with Meter(None, MeterSettings()) as meter, meter.window() as opened:
        work(seconds)
    return opened.window


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="a spinner needs a CPU of its own")
def test_a_spinner_on_another_cpu_is_caught():
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        found = [shares(0.3) for _ in range(3)]
    finally:
        spinner.kill()
        spinner.wait()
    assert all(any("somebody else's" in reason for reason in of_window(w)) for w in found)


def test_quiet_work_is_not_called_contaminated():
    def busy_s():
        times = psutil.cpu_times()
        return times.user + times.system + getattr(times, "nice", 0.0)  # the polite work too

    before_s = busy_s()
    time.sleep(0.5)
    others_s = busy_s() - before_s
    if others_s > 0.02:
        pytest.skip(f"the machine is not quiet: others used {others_s:.2f} s of half a second")
    assert [] in [of_window(shares(0.3)) for _ in range(5)]
