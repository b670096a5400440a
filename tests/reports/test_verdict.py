import msgspec
import pytest

import cells
import synthetic
from neurojoule_reports import frames, summary, verdict
from neurojoule_reports.pairs import by_seed, compare


def judge(records):
    table = frames.runs(records)
    made = frames.Frames(table, frames.arms(table), (), tuple(records))
    return made, verdict.verdicts(made)


def seeds(n, **facts):
    return [synthetic.make(seed=seed, **facts) for seed in range(n)]


def two(n, *, gain=0.0, cost=1.0, **facts):
    """A dendritic and a point model that differ by what is planted."""
    return [
        *seeds(n, model="dann", top=0.95 + gain, cost=cost, **facts),
        *seeds(n, model="mlp", top=0.95, **facts),
    ]


def test_a_planted_gain_is_found_and_said():
    _, (v,) = judge(two(6, gain=0.04))
    assert v.leader == "dann 4000p"
    assert "clearly ahead of mlp 4000p, by" in v.quality_words
    assert v.duels[0].quality.clear
    assert v.duels[0].quality.value == pytest.approx(0.04, abs=0.015)


def test_one_arm_with_too_few_runs_does_not_silence_the_others():
    both = two(6, gain=0.04)
    made, found = judge([*both, *seeds(1, model="tcn", top=0.9)])
    words = summary.sentences(made, found)[0]
    assert words == "Quality \u2013 digits: dann 4000p wins (not enough runs to compare 1 other)."
    made, found = judge([*seeds(2, model="dann", top=0.99), *seeds(2, model="mlp")])
    words = summary.sentences(made, found)[0]
    assert words == "Quality \u2013 digits: dann 4000p is ahead, with not enough runs (2 of 3)."


def test_no_planted_gain_is_no_clear_difference():
    _, (v,) = judge(two(6))
    assert v.peers == (({"dann 4000p", "mlp 4000p"} - {v.leader}).pop(),)
    assert "no clear difference to" in v.quality_words


def test_a_planted_cost_is_found_as_a_ratio():
    _, (v,) = judge(two(6, cost=1.3))
    energy = v.duels[0].costs["train energy"]
    assert energy.clear
    assert energy.value == pytest.approx(1.3, rel=0.08)
    assert energy.low < 1.3 < energy.high


def test_a_control_does_not_stand_for_dendritic_units():
    records = [
        *seeds(4, model="dann_linear", family="dendritic", top=0.99),
        *seeds(4, model="dann", top=0.9),
        *seeds(4, model="mlp"),
    ]
    _, (v,) = judge(records)
    assert v.leader == "dann_linear 4000p"
    assert [d.dendritic for d in v.duels] == ["dann 4000p"]
    assert {e.arm for e in v.prices.exchanges} == {"dann 4000p"}


def test_too_few_runs_are_refused_in_words():
    made, (v,) = judge(two(2, gain=0.04))
    assert "not enough runs (2 of 3)" in v.quality_words
    assert v.duels[0].quality.refusal == "not enough runs (2 of 3)"
    assert "not enough runs (2 of 3)" in summary.sentences(made, [v])[0]


def test_only_seeds_that_both_have_are_paired():
    _, (v,) = judge([*seeds(6, model="dann"), *seeds(4, model="mlp")])
    assert v.duels[0].quality.n == 4


def test_costs_are_compared_among_those_that_reach_the_target():
    records = [
        *seeds(4, model="dann", top=0.99, target=0.9),
        *seeds(4, model="mlp", top=0.99, target=0.9, cost=2),
        *seeds(4, model="perceptron", top=0.3, target=0.9, cost=0.1),
    ]
    _, (v,) = judge(records)
    assert set(v.qualified) == {"dann 4000p", "mlp 4000p"}
    energy = next(c for c in v.cheapest if c.what == "Training energy")
    assert energy.arm == "dann 4000p"
    assert energy.against.b == "mlp 4000p"
    assert energy.against.value == pytest.approx(0.5, rel=0.1)


def test_where_none_reaches_the_target_the_cheapest_nothing_does_not_win():
    records = [
        *seeds(5, model="mlp", top=0.9, target=0.99),
        *seeds(5, model="perceptron", top=0.3, target=0.99, cost=0.1),
    ]
    _, (v,) = judge(records)
    assert v.qualified == ("mlp 4000p",)
    assert "none reaches" in v.qualified_words


def test_energy_that_is_not_valid_does_not_win():
    reasons = ("contaminated",)
    records = [
        *seeds(4, model="dann", valid=False, reasons=reasons, cost=0.01, target=0.5),
        *seeds(4, model="mlp", target=0.5),
    ]
    _, (v,) = judge(records)
    energy = next(c for c in v.cheapest if c.what == "Training energy")
    assert energy.arm == "mlp 4000p"
    assert v.duels[0].costs["train energy"].refusal == "not enough runs (0 of 3)"


def test_all_failed_is_said():
    made, (v,) = judge(seeds(3, status="failed", error="boom"))
    assert v.quality_words == "None of 3 runs finished, so nothing can be said."
    assert "no run finished" in summary.sentences(made, [v])[0]


def test_no_runs_give_three_sentences_too():
    made, none = judge([])
    assert none == []
    assert len(summary.sentences(made, none)) == 3


def test_a_lower_error_is_the_better_one():
    def as_error(record):
        quality = msgspec.structs.replace(
            record.quality, metric="mean_squared_error", higher_is_better=False,
            test=1 - record.quality.test, target=0.0,
        )  # fmt: skip
        return msgspec.structs.replace(record, quality=quality)

    _, (v,) = judge([as_error(r) for r in two(6, gain=0.04)])
    assert v.leader == "dann 4000p"
    assert v.duels[0].quality.value > 0


def test_the_same_model_under_two_names_differs_about_as_often_as_it_should():
    """A/A: 200 comparisons of four pairs in energy, at the 5 % level."""
    wrong = 0
    for trial in range(200):
        records = [
            synthetic.make(model=name, seed=10 * trial + k, flops_per_parameter=2)
            for name in ("mlp", "twin")
            for k in range(4)
        ]
        table = frames.ranked(frames.runs(records))
        values = by_seed(table, "infer_latency_p50_s")
        wrong += compare(values, "infer_latency_p50_s", "mlp 4000p", "twin 4000p").p < 0.05
    assert 2 <= wrong <= 20


def with_test(record, value):
    return msgspec.structs.replace(
        record, quality=msgspec.structs.replace(record.quality, test=value)
    )


def test_the_leader_by_medians_may_be_behind_where_both_finished_and_that_is_said():
    ahead = zip(seeds(5, model="dann"), (0.70, 0.71, 0.90, 0.91, 0.92), strict=True)
    behind = zip(seeds(3, model="mlp"), (0.75, 0.76, 0.952), strict=True)
    records = [with_test(r, q) for r, q in (*ahead, *behind)]
    records += [synthetic.make(model="mlp", seed=seed, status="failed") for seed in (3, 4)]
    made, (v,) = judge(records)
    assert v.leader == "dann 4000p"
    assert v.quality_words.endswith("; behind mlp 4000p in the seeds that both finished.")
    assert v.peers == ("mlp 4000p",)
    assert summary.sentences(made, [v])[0] == (
        "Quality \u2013 digits: dann 4000p leads by its median and is behind mlp 4000p in the "
        "seeds that both finished."
    )


def test_imitations_that_all_failed_were_run():
    failed = synthetic.make(suite="neuron", task="neuron_lif", model="gru", status="failed")
    _, (v,) = judge([cells.simulation("neuron_lif"), failed])
    assert v.quality_words == "No run of an imitation finished, so nothing can be said."
    _, (v,) = judge([cells.simulation("neuron_lif")])
    assert v.quality_words == "Only what is to be imitated was run, and no imitation."
