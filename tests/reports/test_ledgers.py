import math

import msgspec
import pytest

import synthetic
from neurojoule_reports import frames, ledgers, machines, measured, render, selftest, verdict

WHERE = ("vision", "digits", "laptop \u00b7 cpu:1 \u00b7 quick")


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def priced(records, a, b, stage="train"):
    return ledgers.price(ledgers.by_arm(load(records)), WHERE, a, b, stage)


def worked(record, times):
    """The same run with other operations and bytes, and the time that it took."""
    work = record.work
    return msgspec.structs.replace(
        record,
        work=msgspec.structs.replace(
            work,
            forward_flops=work.forward_flops * times,
            training_flops=work.training_flops * times,
            effective_macs=work.effective_macs * times,
            forward_bytes=work.forward_bytes * times,
        ),
    )


def pair(cost, work, seeds=5):
    """dann takes `cost` times the seconds of mlp and does `work` times what it does."""
    return [worked(synthetic.make(model="dann", seed=s, cost=cost), work) for s in range(seeds)] + [
        synthetic.make(model="mlp", seed=s) for s in range(seeds)
    ]


def test_a_verdict_that_survives_every_ledger_says_so():
    found = priced(pair(cost=2, work=3), "dann 4000p", "mlp 4000p")
    assert found.survives
    assert found.words.startswith(
        "Training: mlp 4000p costs less than dann 4000p in all three ledgers."
    )


def test_a_verdict_that_flips_between_ledgers_names_them():
    found = priced(pair(cost=2, work=1 / 3), "dann 4000p", "mlp 4000p")
    assert not found.survives
    assert "dann 4000p costs less than mlp 4000p by the roofline and the technology" in found.words
    assert "mlp 4000p costs less than dann 4000p by the meter" in found.words


def test_the_flip_point_stands_in_the_words():
    records = [
        msgspec.structs.replace(
            r,
            work=msgspec.structs.replace(
                r.work,
                effective_macs=1000.0 if r.spec.model == "dann" else 0.0,
                effective_acs=0.0,
                forward_bytes=0.0 if r.spec.model == "dann" else 1690 / 38.0,
            ),
        )
        for r in pair(cost=1, work=1)
    ]
    found = priced(records, "dann 4000p", "mlp 4000p", "infer")
    technology = {v.ledger: v for v in found.verdicts}["technology"]
    # As in the ledger's own test: 1,000 multiply-accumulates against 44.47 bytes.
    assert "costs more than 38 pJ" in technology.words
    assert " unless " in found.words


def test_few_seeds_settle_nothing():
    found = priced(pair(cost=2, work=3, seeds=2), "dann 4000p", "mlp 4000p")
    assert {v.winner for v in found.verdicts} == {None}
    assert found.words.startswith("Training: which of dann 4000p and mlp 4000p costs less is not")


def test_arms_without_a_common_seed_have_no_price():
    records = [synthetic.make(model="dann", seed=1), synthetic.make(seed=2)]
    assert priced(records, "dann 4000p", "mlp 4000p") is None


def test_the_words_call_arms_as_the_report_does():
    records = pair(cost=2, work=3)
    found = ledgers.price(ledgers.by_arm(load(records)), WHERE, "mlp 4000p", "dann 4000p", "train")
    assert all("4000p costs less" in v.words for v in found.verdicts)


def test_every_duel_is_priced_in_training_and_inference():
    (found,) = verdict.verdicts(load(pair(cost=2, work=3)))
    assert [p.stage for p in found.duels[0].ledgers] == ["train", "infer"]


def test_the_systematic_error_bar_is_the_grades_factor_and_the_curves():
    made = load([synthetic.make(seed=s) for s in range(4)])
    (bars,) = measured.error_bars(made)
    row = made.runs.iloc[0]
    # One of four threads busy: 48 W x (idle + (1 - idle) load^k), times 4 for a guessed joule.
    curves = [48 * (i + (1 - i) * 0.25**k) for i in (0.1, 0.5) for k in (1, 3)]
    assert row["train_energy_high_j"] == pytest.approx(
        4 * max(curves) * row["train_mean_time_s"], rel=1e-6
    )
    assert bars.low == pytest.approx(min(*curves, 12) / 12 / 4)
    assert bars.high == pytest.approx(max(*curves, 12) / 12 * 4)
    assert 0 < bars.statistical < 0.2


def sides(cost):
    made = load(
        [synthetic.make(seed=s) for s in range(4)]
        + [
            synthetic.make(seed=s, machine="workstation", grade="measured", cost=cost)
            for s in range(4)
        ]
    )
    (found,) = machines.pairs_of_settings(made)
    return found.rows[0].ratios["train_energy_j"]


def test_between_grades_only_what_dominates_is_settled():
    assert sides(cost=1).refusal.startswith("not settled (")
    ratio = sides(cost=1000)
    assert not ratio.refusal
    # Both were made with the same work: 0.35 x 45 W against 1 x 12 W, a thousand times longer.
    assert ratio.value == pytest.approx(1000 * 0.35 * 45 / 12, rel=0.1)
    assert ratio.low < ratio.value / 4
    assert ratio.high > ratio.value * 4


def test_the_result_of_the_selftest_beside_the_records_is_printed(tmp_path):
    runs = synthetic.save([synthetic.make()], tmp_path / "runs")
    result = selftest.SelfTest(
        machine="laptop",
        measured_utc="2026-03-02T10:00:00Z",
        seeds=40,
        group=5,
        valid=(270, 280),
        false_alarms={"energy": selftest.Rate.counted([True] * 5 + [False] * 95)},
        planted=(),
        coverage=(),
    )
    (runs / "selftest").mkdir()
    (runs / "selftest" / selftest.RESULT).write_bytes(selftest.encode(result))
    text = render.report([runs], tmp_path / "out", formats=["html"]).path.read_text()
    assert "equals called different, energy: 5 of 100" in text
    (runs / "selftest" / selftest.RESULT).write_text("{}")
    text = render.report([runs], tmp_path / "out", formats=["html"]).path.read_text()
    assert "It has not been tested here" in text
    assert "<code>result.json</code>" in text


def test_an_interval_of_too_few_is_without_bounds():
    assert ledgers._interval([0.1, 0.2]) == (-math.inf, math.inf)
