"""Planted pairs: one that flips between ledgers, one that does not, one that nobody can settle."""

import math

import msgspec
import pytest

import records
from neurojoule import duel, ledger
from neurojoule.errors import UserError
from neurojoule.ledger import Bill, ModelledCpu
from neurojoule.prices import TECHNOLOGIES
from neurojoule.record import Component, Machine
from neurojoule.storage import read, write
from priced import CEILINGS, FACTS, replace


def run(
    model, *, seed=0, time_s=0.5, joules=2.0, cpu_s=1.9, macs=4.0, acs=2.0, flops=14.0,
    moved=36.0, machine="here", grade="guessed",
):  # fmt: skip
    """A run of `model` whose costs are all given."""
    base = records.record(machine=Machine(name=machine, facts=FACTS), ceilings=CEILINGS)
    part = Component(name="cpu", energy_j=4 * joules, grade=grade, source="s")
    window = replace(base.train.window, components=(part,), cpu_s=cpu_s)
    phase = replace(
        base.train, window=window, energy_j={"cpu": joules}, repeats_time_s=(time_s,) * 4
    )
    work = replace(
        base.work, effective_macs=macs, effective_acs=acs, forward_flops=flops,
        training_flops=100 * flops, forward_bytes=moved,
    )  # fmt: skip
    spec = replace(base.spec, model=model, seed=seed)
    return replace(base, spec=spec, train=phase, work=work)


def verdicts(a, b, **options):
    return {v.ledger: v for v in duel.compare(a, b, "train", **options)}


def test_a_pair_that_flips_between_ledgers():
    # The dense one takes half the time; the sparse one does a tenth of the work.
    dense = [run("dense", time_s=0.25, joules=1.0, macs=1e4, flops=2e4, moved=4e4)]
    sparse = [run("sparse", time_s=0.5, joules=2.0, macs=1e3, flops=2e3, moved=4e3)]
    found = verdicts(dense, sparse)
    assert found["meter"].winner == "a"
    assert found["roofline"].winner == "b"
    assert found["technology"].winner == "b"
    assert found["meter"].ratio == pytest.approx(0.5)
    assert found["meter"].systematic == pytest.approx((0.5, 0.5))  # a wrong TDP cancels
    assert found["roofline"].ratio == pytest.approx(10)
    assert "sparse wins at any price" in found["technology"].words


def test_a_pair_that_does_not_flip():
    small = [run("small", time_s=0.25, joules=1.0, macs=1e3, flops=2e3, moved=4e3)]
    large = [run("large", time_s=0.5, joules=2.0, macs=1e4, flops=2e4, moved=4e4)]
    found = verdicts(small, large)
    assert {v.winner for v in found.values()} == {"a"}
    assert all(v.words.startswith("small costs less") for v in found.values())


def test_a_price_of_a_byte_decides_and_the_words_say_which():
    # 1,000 multiply-accumulates more against 44.47 bytes more: equal at 38 pJ a byte.
    heavy = [run("heavy", macs=1000.0, acs=0.0, moved=0.0)]
    moving = [run("moving", macs=0.0, acs=0.0, moved=1690 / 38.0)]
    found = verdicts(heavy, moving)["technology"]
    assert "moving wins unless a byte of DRAM costs more than 38 pJ (published: 31.2 to 162)" in (
        found.words
    )
    assert "moving wins unless a byte of SRAM costs more than 38 pJ" in found.words
    assert found.winner is None  # on the chip one wins, beside it the other
    assert found.words.startswith("Not settled")


def test_the_flip_of_a_byte_by_hand():
    a, b = Bill(1000, 0, 0), Bill(0, 0, 1690 / 38.0)
    assert ledger.byte_price_pj(a, b, TECHNOLOGIES[0], "float32") == pytest.approx(38.0)
    assert ledger.byte_price_pj(b, a, TECHNOLOGIES[0], "float32") == pytest.approx(38.0)
    assert ledger.byte_price_pj(Bill(2, 0, 2), Bill(1, 0, 1), TECHNOLOGIES[0], "float32") is None


def test_a_curve_of_load_decides_between_one_thread_and_two():
    # Two threads take 0.6 of the time at twice the load: cheaper on a linear curve with a high
    # idle power, dearer on CodeCarbon's cubic one.
    one = [run("one", time_s=1.0, joules=1.7, cpu_s=2.0)]
    two = [run("two", time_s=0.6, joules=4.8, cpu_s=4.0)]
    found = verdicts(one, two)["meter"]
    assert found.winner is None
    assert found.systematic[0] < 1 < found.systematic[1]
    # By hand, linear: 1.0 (i + (1 - i) / 2) = 0.6 gives i = 0.2; cubic: i + (1 - i) / 8 = 0.6
    # gives i = 0.542857.
    assert "one wins unless an idle CPU draws over 20% of full power with a linear" in found.words
    assert "one wins unless an idle CPU draws over 54% of full power with a cubic" in found.words


def test_the_idle_power_at_which_two_are_equal_by_hand():
    pair = [(ModelledCpu(8.0, 1.0, 0.5), ModelledCpu(8.0, 0.6, 1.0))]
    assert duel.idle_share(pair, 1.0) == pytest.approx(0.2)
    assert duel.idle_share(pair, 3.0) == pytest.approx(0.475 / 0.875)
    assert duel.idle_share([(ModelledCpu(8.0, 1.0, 0.5), ModelledCpu(8.0, 0.5, 0.5))], 1.0) is None


def test_the_balance_of_two_rooflines_by_hand():
    # 100 FLOPs and 10 bytes against 50 FLOPs and 40 bytes: at 0.4 bytes a FLOP both take 100.
    assert duel.balance(100, 10, 50, 40) == pytest.approx(0.4)
    assert duel.balance(50, 40, 100, 10) == pytest.approx(0.4)
    assert duel.balance(100, 40, 50, 10) is None


def test_a_machines_balance_decides_and_the_words_say_which():
    lean = [run("lean", flops=100.0, moved=10.0)]
    quick = [run("quick", flops=50.0, moved=40.0)]
    found = verdicts(lean, quick)["roofline"]
    assert "lean wins unless a machine moves more than 0.4 bytes a FLOP" in found.words
    # This machine: 4e9 bytes a second over 1e10 FLOP/s.
    assert "(this one: 0.4)" in found.words


def test_a_modelled_and_a_measured_joule_are_set_side_by_side_by_dominance_only():
    guessed = [run("a", joules=2.0, machine="laptop")]
    twice = [run("b", joules=4.0, machine="server", grade="measured")]
    assert verdicts(guessed, twice)["meter"].winner is None  # 2 J may be 12
    far = [run("b", joules=400.0, machine="server", grade="measured")]
    far = [replace(far[0], machine=Machine(name="server", facts={}))]
    assert verdicts(guessed, far)["meter"].winner == "a"


def test_a_difference_that_seeds_do_not_bear_out_is_not_settled():
    a = [run("a", seed=s, joules=j) for s, j in enumerate((1.0, 3.0, 1.0, 3.1))]
    b = [run("b", seed=s, joules=2.0) for s in range(4)]

    def interval(values):
        mean, spread = sum(values) / len(values), max(values) - min(values)
        return mean - spread, mean + spread

    alone, both = verdicts(a, b)["meter"], verdicts(a, b, interval=interval)["meter"]
    assert alone.statistical is None
    assert both.winner is None
    assert both.statistical[0] < both.ratio < both.statistical[1]
    assert both.systematic == alone.systematic  # the two error bars are never mixed
    assert both.pairs == 4


def test_the_same_runs_are_not_settled_and_say_why():
    a, b = [run("a")], [run("b")]
    for verdict in verdicts(a, b).values():
        assert verdict.winner is None
        assert verdict.ratio == pytest.approx(1.0)
        assert verdict.words.startswith("Not settled")
    assert "both do the same work" in verdicts(a, b)["technology"].words


def test_what_has_no_price_says_so():
    a, b = ([replace(run(name), ceilings=None)] for name in ("a", "b"))
    found = verdicts(a, b)["roofline"]
    assert (found.winner, found.pairs) == (None, 0)
    assert math.isnan(found.ratio)
    assert "no price" in found.words


def test_runs_without_a_common_seed_cannot_be_compared():
    with pytest.raises(UserError, match="no run of the same task, seed and scale"):
        duel.compare([run("a", seed=1)], [run("b", seed=2)], "train")


def test_verdicts_are_recomputed_from_records_alone(tmp_path):
    for record in (run("a", joules=1.0), run("b")):
        write(msgspec.structs.replace(record, run_id=record.spec.model), tmp_path)
    again = {record.spec.model: [record] for record in read([tmp_path]).records}
    assert verdicts(again["a"], again["b"]) == verdicts([run("a", joules=1.0)], [run("b")])
