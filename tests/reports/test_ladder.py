"""What a ladder is read from when not all of its arms were trained to the end."""

import msgspec
import pytest

import cells
import synthetic
from cells import AMPA, NMDA, cell, halving, rung
from neurojoule_reports import frames, ladder

MODEL = "tcn_surrogate"


def table(records):
    return frames.ranked(frames.runs(records))


def test_an_arm_stands_for_its_longest_training_and_what_was_given_up_is_marked():
    found = {(r.depth, r.width): r for r in ladder.rungs(table(halving()), MODEL)}
    assert {shape: (r.steps, r.seeds, r.given_up) for shape, r in found.items()} == {
        (1, 8): (60, 1, True),
        (1, 32): (300, 1, True),
        (3, 8): (60, 1, True),
        (3, 32): (1000, 3, False),
    }
    assert found[1, 32].validation == pytest.approx(0.7)


def test_the_least_network_is_read_from_those_that_were_not_given_up():
    least = ladder.least(table(halving()), MODEL, 10.0)  # a margin that all would be within
    assert least.depth == (3, 3)
    assert least.units == (96, 96)
    assert set(ladder.compared(table(halving()), MODEL)["steps"]) == {1000}


def test_with_one_seed_each_more_rounds_outlive_fewer():
    records = [r for r in halving() if r.spec.seed == 0]
    kept = ladder.compared(table(records), MODEL)
    assert [(int(w), int(s)) for w, s in zip(kept["width"], kept["steps"], strict=True)] == [
        (32, 1000)
    ]


def test_a_last_round_that_is_under_way_compares_those_that_have_come_as_far():
    records = [r for r in halving() if r.spec.seed < 2]
    records += [rung("neuron_l5_nmda", 7, 8, 0.5, seed, steps=700) for seed in range(2)]
    kept = ladder.compared(table(records), MODEL)
    assert {(int(s), int(n)) for s, n in zip(kept["steps"], kept["seed"], strict=True)} == {
        (1000, 0), (1000, 1), (700, 0), (700, 1),
    }  # fmt: skip


def test_arms_of_one_budget_of_joules_have_other_numbers_of_updates_and_are_compared():
    records = [
        rung("neuron_lif", layers, 32, loss, seed, steps=steps)
        for (layers, steps), loss in {(1, 4000): 0.2, (7, 300): 0.1}.items()
        for seed in range(3)
    ]
    assert not any(r.given_up for r in ladder.rungs(table(records), MODEL))


def test_nothing_is_given_up_in_a_ladder_of_one_round():
    for seeds in (1, 3):
        records = [r for r in cell("neuron_lif", NMDA) if r.spec.seed < seeds]
        assert len(ladder.compared(table(records), MODEL)) == 4 * seeds


def test_what_is_good_enough_on_one_seed_is_not_surely_so():
    records = [r for r in cell("neuron_lif", AMPA) if r.spec.seed == 0]
    assert ladder.least(table(records), MODEL, 0.02).depth == (1, float("inf"))


def test_shares_of_the_data_are_no_rungs():
    records = cell("neuron_lif", NMDA)
    less = [rung("neuron_lif", 5, 128, 0.1, seed, share=0.25) for seed in range(3)]
    assert ladder.rungs(table(records + less), MODEL) == ladder.rungs(table(records), MODEL)


def test_a_perceptron_on_a_sliding_window_is_no_rung():
    assert ladder.depth_of("layers=2 first_taps=200 taps=1 bins=10") is None
    assert ladder.depth_of("layers=2 first_taps=196 taps=5 bins=10") == 2
    assert ladder.depth_of("layers=1 first_taps=200 taps=1") == 1
    assert ladder.depth_of("") is None


def test_a_ladder_is_read_from_options_that_its_names_leave_out():
    options = {"layers": 3, "receptive_field_ms": 200, "norm_first": "yes"}
    runs = table(
        [cells.imitation("neuron_lif", MODEL, 0.1, seed, options=options) for seed in range(3)]
    )
    assert set(runs["arm"]) == {MODEL}
    assert [(r.depth, r.seeds) for r in ladder.rungs(runs, MODEL)] == [(3, 3)]


def test_the_simulation_sets_no_margin_for_its_imitations():
    records = [*cell("neuron_l5_nmda", NMDA), cells.simulation()]
    found = ladder.powers(table(records), margin=0.02)
    assert [p.arm.split()[0] for p in found] == ["tcn_surrogate", "tcn_surrogate"]
    assert any(p.arm == "simulation" for p in ladder.powers(table(records)))
    assert [p.watts for p in ladder.powers(table(records))] == pytest.approx([2, 1, 1, 1, 1])


def test_a_second_is_as_long_as_it_was_in_the_record():
    now, before, unsaid = (
        cells.imitation("neuron_lif", model, 0.3, 0, watts=3.0, sample_steps=steps)
        for model, steps in (("gru", cells.SAMPLE_MS), ("elm", cells.SAMPLE_MS // 2), ("tcn", None))
    )  # all took the same joules a sample
    found = ladder.powers(table([now, before, unsaid]))
    assert {p.arm: p.watts for p in found} == pytest.approx({"gru": 3.0, "elm": 6.0})


def test_a_run_that_was_not_trained_has_no_cost_of_training():
    record = cells.untrained(cells.simulation())
    row = frames.runs([record]).iloc[0]
    for name in ("train_time_s", "train_energy_j", "train_energy_low_j", "train_repeat_cv"):
        assert row[name] != row[name], name
    assert row["infer_energy_j"] == 2 * cells.WINDOW_S
    reached = msgspec.structs.replace(record.quality, target=0.3, reached=True)
    row = frames.runs([msgspec.structs.replace(record, quality=reached)]).iloc[0]
    assert (row["target_step"], row["target_time_s"], row["target_energy_j"]) == (0, 0, 0)


def test_the_measures_of_a_quality_are_columns_and_absent_ones_are_not_known():
    known, without = frames.runs([cells.simulation(), synthetic.make()]).to_dict("records")
    if known["task"] != "neuron_l5_nmda":
        known, without = without, known
    assert known["auc"] == 0.95
    assert known["judged_samples"] == 256
    assert without["auc"] != without["auc"]
    assert without["judged_samples"] != without["judged_samples"]


def test_a_design_is_an_arm_whatever_its_recipe_and_share():
    records = [*halving(), rung("neuron_l5_nmda", 3, 32, 0.5, 0, share=0.5, steps=1000)]
    designs = table(records)[["design", "arm"]].drop_duplicates()
    assert designs["design"].nunique() == 4
    assert designs["arm"].nunique() == 8
    assert "tcn_surrogate layers=3 width=32" in set(designs["design"])


def test_a_rung_that_lost_a_seed_of_the_last_round_was_not_given_up():
    records = halving() + [rung("neuron_l5_nmda", 1, 32, 0.5, seed, steps=900) for seed in range(3)]
    lost = [r for r in records if (r.spec.recipe.steps, r.spec.seed) != (1000, 2)]
    kept = ladder.compared(table(lost), MODEL)
    assert set(kept["steps"]) == {900, 1000}
    assert [r.given_up for r in ladder.rungs(table(lost), MODEL)] == [True, False, True, False]
