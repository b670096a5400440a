"""The judge of the suite: on planted records it says what was planted."""

import math

import msgspec
import numpy as np
import pytest

import records
from neurojoule.errors import UserError
from neurojoule_reports import selftest
from neurojoule_reports.selftest import Rate, evaluate


def run(label, seed, factor, *, repeat=None, valid=True):
    base = records.record(run_id=f"{label}-{repeat}-{seed}", energy_valid=valid)
    options = (("label", label),) if repeat is None else (("repeat", repeat),)
    spec = msgspec.structs.replace(
        base.spec, suite="selftest", task="digits", model="planted", options=options, seed=seed
    )
    train = msgspec.structs.replace(
        base.train, time_s=factor, energy_j={"cpu": 2 * factor, "ram": 9.0}
    )
    inference = msgspec.structs.replace(
        base.inference, time_s=factor, energy_j={"cpu": factor, "ram": 9.0}
    )
    return msgspec.structs.replace(base, spec=spec, train=train, inference=inference)


def session(*, noise=0.02, seeds=40, labels="abcde", bias=0.0):
    """Equal arms, the last with a bias, and two planted ones."""
    rng = np.random.default_rng(1)
    made = []
    for seed in range(seeds):
        for label in labels:
            slower = bias if label == labels[-1] else 0.0
            made.append(run(label, seed, math.exp(slower + rng.normal(0, noise))))
        for share in (0.05, 0.1):
            factor = (1 + share) * math.exp(rng.normal(0, noise))
            made.append(run("x", seed, factor, repeat=share))
    return made


def test_equals_are_called_different_about_as_often_as_promised():
    result = evaluate(session())
    energy = result.false_alarms["energy"]
    assert energy.of == 2 * 10 * 8  # two energies, ten pairs of labels, eight groups of five
    assert 0.01 <= energy.rate <= 0.09
    assert any("as promised" in line for line in selftest.lines(result))


def test_a_bias_between_equals_is_found_out():
    result = evaluate(session(bias=0.05))
    assert result.false_alarms["energy"].rate > 0.2
    assert any("NOT as promised" in line for line in selftest.lines(result))


def test_planted_costs_are_found_and_seen_at_their_size():
    result = evaluate(session())
    planted = {(p.share, p.figure): p for p in result.planted}
    for figure in ("training time", "training energy"):
        assert planted[0.1, figure].ratio == pytest.approx(1.1, rel=0.01)
        assert planted[0.1, figure].found.rate > 0.95
        assert planted[0.05, figure].ratio == pytest.approx(1.05, rel=0.01)
    assert planted[0.1, "training time"].found.of == 5 * 8


def test_too_much_noise_costs_power_and_not_honesty():
    result = evaluate(session(noise=0.3))
    assert result.planted[0].found.rate < 0.3
    assert result.false_alarms["energy"].rate <= 0.09


def test_energy_that_is_not_valid_is_not_compared():
    made = [msgspec.structs.replace(r, energy_valid=False) for r in session(seeds=5)]
    result = evaluate(made)
    assert result.false_alarms["energy"].of == 0
    assert result.false_alarms["training time"].of == 10
    assert result.valid == (0, 35)
    assert any("100 comparisons are needed" in x or "no comparison" in x for x in
               selftest.lines(result))  # fmt: skip


def test_few_comparisons_are_not_judged():
    lines = selftest.lines(evaluate(session(seeds=5)))
    assert any("100 comparisons are needed to judge" in line for line in lines)


def test_other_suites_and_failed_runs_are_passed_over():
    more = [records.record(), msgspec.structs.replace(run("a", 99, 1.0), status="failed")]
    assert evaluate([*session(seeds=5), *more]) == evaluate(session(seeds=5))


@pytest.mark.parametrize("made", [[], session(seeds=4), [run("a", s, 1.0) for s in range(9)]])
def test_too_few_runs_are_refused(made):
    with pytest.raises(UserError, match="too few runs of the suite 'selftest'"):
        evaluate(made)


def test_wilsons_interval_by_hand():
    # Wilson 1927 for 5 of 100: centre (0.05 + 0.019207) / 1.038415, half width 0.04557.
    rate = Rate.counted([True] * 5 + [False] * 95)
    assert (rate.low, rate.high) == pytest.approx((0.02154, 0.11175), abs=1e-4)
    assert Rate.counted([]).of == 0


def test_intervals_cover_the_truth_in_simulation():
    found = {(c.n, c.spread): c.held for c in selftest.simulate(sizes=(5,), trials=1500)}
    assert 0.93 <= found[5, "normal"].rate <= 0.97  # Student's t is exact here
    assert all(rate.rate >= 0.92 for rate in found.values())


def test_the_result_survives_being_written_and_read():
    result = evaluate(session(seeds=5), selftest.simulate(sizes=(3,), trials=20))
    assert selftest.decode(selftest.encode(result)) == result
    with pytest.raises(UserError, match="no result of"):
        selftest.decode(b"{}")
