"""Two forms taking turns: who is called when, and what the ratio is."""

import pytest

from neurojoule import turns


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the forms move."""

    class Clock:
        now_s = 0.0

    monkeypatch.setattr(turns.time, "perf_counter", lambda: Clock.now_s)
    return Clock


def form(clock, name, log, each_s):
    def run():
        log.append(name)
        clock.now_s += each_s

    return run


def test_the_forms_take_turns_and_each_is_timed_for_as_long(clock):
    log = []
    plain, fast = form(clock, "plain", log, 0.5), form(clock, "fast", log, 0.125)
    found = turns.take(plain, fast, turns=2, turn_s=1.0)
    assert found.plain_s == (0.5, 0.5)
    assert found.fast_s == (0.125, 0.125)
    assert found.ratio() == (4, 4, 4)
    turn = 3 * ["plain"] + 9 * ["fast"]  # the first call of each is not timed
    assert log[-24:] == 2 * turn


def test_the_ratio_is_the_median_turn_with_its_quartiles():
    found = turns.Turns(plain_s=(1.0, 4.0, 2.0, 8.0, 3.0), fast_s=(1.0, 2.0, 2.0, 2.0, 1.0))
    assert found.ratio() == (1, 2, 3)


def test_the_device_is_waited_for_at_both_edges(clock):
    log = []
    waits = form(clock, "wait", log, 0.25)
    assert turns.each_s(form(clock, "call", log, 0.5), 2, waits) == pytest.approx((1.0 + 0.25) / 2)
    assert log == ["call", "wait", "call", "call", "wait"]


def test_the_fastest_of_at_least_three_calls_counts(clock):
    log = []
    times_s = iter((9.0, 3.0, 2.0, 4.0))

    def run():
        log.append("call")
        clock.now_s += next(times_s)

    assert turns.least_s(run, spend_s=0.0) == 2
    assert len(log) == 4
