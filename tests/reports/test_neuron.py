"""The neuron's section, on planted records whose costs are calculated by hand."""

import csv
import json
import math
import re

import msgspec
import pytest

import cells
from cells import AMPA, NMDA, cell, halving, imitation, rung, simulation
from neurojoule import record as rec
from neurojoule.cells import BURN_IN_MS
from neurojoule.tasks.neuron import ASKED_MS, SECONDS, SIMULATIONS
from neurojoule_reports import frames, imitations, neuron, neuron_costs, render, verdict
from neurojoule_reports.imitations import Value
from neurojoule_reports.ladder import SIMULATED_S
from neurojoule_reports.neuron_costs import LESS, MORE, break_even_s

TASK = "neuron_l5_nmda"


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def section(records, task=TASK):
    return {c.task: c for c in neuron.section(load(records)).cells}[task]


def costs(records):
    return {c.label: c for c in section(records).costs}


def three(model, validation=0.3, **facts):
    facts.setdefault("family", "recurrent")
    return [imitation(TASK, model, validation, seed, **facts) for seed in range(3)]


# Maps ---------------------------------------------------------------------------------------------


def test_a_cells_map_shows_which_network_is_surely_enough():
    found = neuron.section(load(cell(TASK, NMDA) + cell("neuron_l5_ampa", AMPA)))
    assert found.missing == ("neuron_lif",)
    nmda = next(c for c in found.cells if c.task == TASK)
    assert nmda.map.widths == (128,)
    assert [(depth, squares[0].good) for depth, squares in nmda.map.rows] == [
        (1, False), (3, False), (5, True), (7, True),
    ]  # fmt: skip
    assert "depth 5, 640 units" in nmda.map.words
    assert "italics" not in nmda.map.words


def test_a_map_shows_what_was_given_up_as_such_and_shades_none_of_it():
    found = section(halving()).map
    squares = {
        (depth, width): square
        for depth, row in found.rows
        for width, square in zip(found.widths, row, strict=True)
    }
    assert squares[1, 8].given_up == "1 seed, 60 updates"
    assert squares[1, 32].given_up == "1 seed, 300 updates"
    assert squares[1, 32].value == "0.700"
    assert [shape for shape, s in squares.items() if s.good] == [(3, 32)]
    assert "3 that were given up on the way" in found.words


def test_what_was_given_up_stands_in_no_table():
    found = section(halving())
    assert [i.label for i in found.imitations] == ["tcn_surrogate 3 \u00d7 32"]
    assert [c.label for c in found.costs] == ["tcn_surrogate 3 \u00d7 32"]
    assert found.contrast is None


def test_costs_a_second_go_by_the_samples_of_the_record():
    steps = {"gru": cells.SAMPLE_MS, "elm": cells.SAMPLE_MS // 2}
    found = costs(
        [imitation(TASK, m, 0.3, 0, sample_steps=n, step_j=1e-3) for m, n in steps.items()]
    )
    gru, elm = found["gru"], found["elm"]
    for name in ("time_s", "dense", "effective"):
        assert getattr(elm, name) == pytest.approx(2 * getattr(gru, name)), name
    assert elm.joules["meter"].middle == pytest.approx(2 * gru.joules["meter"].middle)
    assert elm.stream_j == gru.stream_j  # a step of a stream is a millisecond in both


def test_records_that_do_not_say_how_long_a_sample_is_are_not_priced_a_second():
    found = section([imitation(TASK, "gru", 0.3, 0, sample_steps=None)])
    assert found.costs == found.powers == ()
    assert found.cost_figure is found.power_figure is None
    assert "no record says how long a sample is" in found.cost_words[0]


def test_an_arm_is_called_by_no_more_than_tells_it_apart():
    shared = {"first_taps": 200, "bins": 10, "norm_first": True}  # named nowhere, being long
    ladder = [{"layers": depth, "width": 32} | shared for depth in (3, 7)]
    window = {"layers": 2, "taps": 1} | shared
    records = [
        *(imitation(TASK, "tcn_surrogate", 0.3, 0, options=o) for o in (*ladder, window)),
        imitation(TASK, "elm", 0.3, 0, options={"branches": 4}),
        imitation(TASK, "dann_temporal", 0.3, 0, options={"dendrites": 4}),
        imitation(TASK, "dann_temporal", 0.3, 0, options={"dendrites": 8}),
    ]
    assert {i.label for i in section(records).imitations} == {
        "tcn_surrogate 3 \u00d7 32",
        "tcn_surrogate 7 \u00d7 32",
        "tcn_surrogate layers=2 taps=1",
        "elm",
        "dann_temporal dendrites=4",
        "dann_temporal dendrites=8",
    }


def test_two_rates_of_one_design_are_told_apart():
    records = three("gru")
    for record in three("gru", 0.2):
        recipe = msgspec.structs.replace(record.spec.recipe, learning_rate=0.1)
        spec = msgspec.structs.replace(record.spec, recipe=recipe)
        records.append(
            msgspec.structs.replace(record, spec=spec, run_id=f"b{record.run_id}", spec_hash="b")
        )
    assert [i.label for i in section(records).imitations] == ["gru, rate 0.1", "gru, rate 0.003"]


# Quality ------------------------------------------------------------------------------------------


def test_the_table_of_quality_holds_medians_with_the_whole_range_of_three_seeds():
    aucs = (0.90, 0.94, 0.91)
    records = [imitation(TASK, "gru", 0.3, seed, auc=auc) for seed, auc in enumerate(aucs)]
    found = section([*records, simulation()])
    teacher, gru = found.imitations
    assert (teacher.label, teacher.teacher, teacher.judged, teacher.seeds) == (
        "simulation", True, 256, 1,
    )  # fmt: skip
    values = dict(zip([c for c, _ in imitations.MEASURES], gru.values, strict=True))
    assert values["auc"] == Value(0.91, 0.90, 0.94)
    assert values["auc_log_odds"].middle == pytest.approx(math.log(0.91 / 0.09))
    assert values["voltage_variance_explained_rescaled"].middle == 0.79
    assert values["voltage_variance_explained_published"].middle == 0.85
    assert gru.judged == 0


def test_one_layer_is_set_against_the_best_deep_network_seed_by_seed():
    shallow = [0.90, 0.91, 0.92]
    gains = [0.03, 0.05, 0.04]
    records = [rung(TASK, 1, 32, 0.4, s, auc=a) for s, a in enumerate(shallow)]
    records += [rung(TASK, 3, 32, 0.3, s, auc=shallow[s] + g) for s, g in enumerate(gains)]
    records += [rung(TASK, 7, 32, 0.35, s, auc=0.5) for s in range(3)]
    found = section(records).contrast
    assert (found.shallow, found.deep) == ("tcn_surrogate 1 \u00d7 32", "tcn_surrogate 3 \u00d7 32")
    auc, odds, loss = found.differences
    assert (auc.n, auc.value) == (3, pytest.approx(0.04))
    half = 4.302653 * 0.01 / math.sqrt(3)  # Student's t, 2 degrees of freedom
    assert (auc.low, auc.high) == pytest.approx((0.04 - half, 0.04 + half), rel=1e-5)
    by_hand = [
        math.log((a + g) / (1 - a - g)) - math.log(a / (1 - a))
        for a, g in zip(shallow, gains, strict=True)
    ]
    assert odds.value == pytest.approx(sum(by_hand) / 3)
    assert loss.value == pytest.approx(-0.1)
    assert "AUC +0.040 (+0.015 to +0.065)" in found.words


def test_two_seeds_are_too_few_for_an_interval_and_it_says_so():
    records = [rung(TASK, depth, 32, 0.4, s) for depth in (1, 3) for s in range(2)]
    assert section(records).contrast.words.endswith("paired by seed: not enough runs (2 of 3).")


# Costs --------------------------------------------------------------------------------------------


def test_a_neuron_second_is_a_window_over_its_length_and_a_thousand_steps():
    found = costs([*three("gru", watts=1, seconds=0.1, step_j=2e-3, flops=1.6e7), simulation()])
    gru = found["gru"]
    assert gru.joules["meter"].middle == pytest.approx(1.0)
    assert gru.time_s == pytest.approx(0.1)
    assert gru.stream_j.middle == pytest.approx(2.0)
    assert gru.stream_time_s == pytest.approx(0.2)
    assert gru.dense == pytest.approx(1e7)
    assert gru.effective == pytest.approx(2e6)  # 1.6 M multiply-accumulates in 1.6 s
    # At 60 GFLOP/s and 14 W: 16 MFLOP; 1 MB at 40 GB/s is shorter than the other.
    compute_s, copy_s = 1.6e7 / 6e10, 1e6 / 4e10
    assert compute_s > copy_s
    assert gru.joules["roofline"].middle == pytest.approx(compute_s * 14 / 1.6)
    assert "technology" in gru.joules
    assert gru.ratio == pytest.approx(0.5)


def test_training_is_paid_after_its_joules_over_what_a_second_saves():
    # 1,400 J of training; the simulation takes 2 W, the imitation 1 W.
    assert break_even_s(1400, 2, 1) == 1400
    assert break_even_s(1400, 1, 2) == math.inf
    assert break_even_s(1400, 2, 2) == math.inf
    gru = costs([*three("gru", watts=1), simulation(watts=2)])["gru"]
    assert gru.pays_after_s.middle == pytest.approx(1400)
    # 2,496 s of training data at 2 W are 4,992 J more.
    assert gru.pays_with_data_s.middle == pytest.approx(1400 + 4992)


def test_training_never_pays_where_the_simulation_needs_less():
    elm = costs([*three("elm", watts=4), simulation(watts=2)])["elm"]
    assert elm.pays_after_s == Value(math.inf, math.inf, math.inf)
    assert elm.ratio == pytest.approx(2.0)


def test_a_break_even_has_the_range_of_its_seeds():
    watts = (1, 1.75, 2)  # against 2 W
    records = [imitation(TASK, "gru", 0.3, s, watts=w) for s, w in enumerate(watts)]
    gru = costs([*records, simulation(watts=2)])["gru"]
    assert gru.pays_after_s.low == pytest.approx(1400)
    assert gru.pays_after_s.middle == pytest.approx(1400 / (2 - 1.75))
    assert gru.pays_after_s.high == math.inf


def test_the_data_are_as_long_as_what_the_samples_were_cut_from():
    windows = (1000 * SECONDS - BURN_IN_MS) // ASKED_MS  # of a simulation
    assert SECONDS / windows == pytest.approx(SIMULATED_S)
    runs = load(three("gru", share=1 / 4)).runs
    assert neuron_costs.data_s(runs) == pytest.approx(SIMULATIONS["train"] * SECONDS)
    gru = imitation(TASK, "gru", 0.3, 0)
    uncounted = msgspec.structs.replace(
        gru, work=msgspec.structs.replace(gru.work, training_samples=None)
    )
    assert math.isnan(neuron_costs.data_s(load([uncounted]).runs))


def test_who_costs_less_than_the_simulation_is_said_by_ledger():
    found = section(
        [
            *three("gru", watts=1, flops=7e5, macs=3e5, step_j=1e-4),
            *three("elm", watts=4, flops=7e5, macs=3e5, step_j=9e-3),
            simulation(watts=2, flops=7e8, macs=3e8, step_j=2e-3),
            simulation(watts=20, flops=7e8, macs=3e8, model="neuron_simulator"),
        ]
    )
    by_label = {c.label: c for c in found.costs}
    assert by_label["gru"].against == {"meter": LESS, "roofline": LESS, "technology": LESS}
    assert by_label["elm"].against["meter"] == MORE
    assert by_label["elm"].against["technology"] == LESS
    assert (by_label["gru"].stream_against, by_label["elm"].stream_against) == (LESS, MORE)
    assert by_label["simulation"].against == {}
    assert by_label["neuron_simulator"].against["meter"] == MORE
    assert found.cost_words[0] == (
        "By the meter, less than the simulation: gru (1 of 2); more than it: elm (1 of 2)."
    )
    assert found.cost_words[-1].startswith("Step by step, by the meter, less than the simulation")


def test_seeds_that_disagree_settle_nothing():
    watts = (1, 2, 8)
    records = [imitation(TASK, "gru", 0.3, s, watts=w) for s, w in enumerate(watts)]
    found = section([*records, simulation(watts=2)])
    assert "not settled: gru (1 of 1)" in found.cost_words[0]


def test_without_the_simulation_nothing_is_set_against_it():
    found = section(three("gru"))
    assert found.cost_words == (
        "The simulation was not run here, so that nothing can be set against it.",
    )
    gru = found.costs[0]
    assert math.isnan(gru.ratio)
    assert math.isnan(gru.pays_after_s.middle)
    assert gru.joules["meter"].middle == pytest.approx(1.0)


def test_a_simulation_that_was_not_trained_is_priced_all_the_same():
    plain, bare = simulation(), cells.untrained(simulation())
    found = costs([*three("gru"), bare])
    assert found["gru"].pays_after_s.middle == pytest.approx(1400)
    assert found["simulation"].joules == costs([*three("gru"), plain])["simulation"].joules
    assert math.isnan(found["simulation"].trained_j)


def test_energy_that_is_not_valid_is_not_set_against_anything():
    records = [
        msgspec.structs.replace(r, energy_valid=False, energy_invalid_reasons=("contaminated",))
        for r in three("gru", flops=7e5)
    ]
    gru = costs([*records, simulation(flops=7e8)])["gru"]
    assert "meter" not in gru.joules
    assert math.isnan(gru.pays_after_s.middle)
    assert gru.against["roofline"] == LESS


def test_one_valid_energy_of_three_is_compared_by_itself():
    spoilt = [
        msgspec.structs.replace(r, energy_valid=False, energy_invalid_reasons=("contaminated",))
        for r in three("gru", watts=1)[:2]
    ]
    gru = costs([*spoilt, three("gru", watts=1)[2], simulation(watts=2)])["gru"]
    assert gru.against["meter"] == LESS


# Learning curves ----------------------------------------------------------------------------------


def law(n, a=0.2, b=0.05, c=0.7):
    return a + b * n**-c


def shares(values, seeds=3, noise=0.001):
    family = "recurrent"
    return [
        imitation(TASK, "gru", law(n) * (1 + noise * (seed - 1)), seed, share=n, family=family)
        for n in values
        for seed in range(seeds)
    ]


def test_a_plateau_over_data_is_found_with_its_interval():
    found = section(shares((1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)))
    (curve,) = found.learning[0].rows
    assert found.learning[0].title == "data"
    assert curve.amounts == pytest.approx([2496 / 16, 312, 624, 1248, 2496])
    assert curve.losses[-1] == pytest.approx(0.25)
    assert curve.plateau.low <= 0.2 <= curve.plateau.high
    assert curve.plateau.value == pytest.approx(0.2, rel=0.02)
    assert curve.plateau.words.startswith("levels off at 0.2")


def test_too_few_shares_are_refused_in_words_and_drawn_all_the_same():
    found = section(shares((1 / 4, 1 / 2, 1))).learning[0]
    assert found.rows[0].plateau.words == "not enough points (3 of 4)"
    assert 'role="img"' in found.figure


def test_shares_of_another_recipe_are_another_curve():
    records = shares((1 / 2, 1))
    records += [
        imitation(TASK, "gru", 0.3, seed, share=share, steps=60, family="recurrent")
        for share in (1 / 4, 1)
        for seed in range(3)
    ]
    rows = section(records).learning[0].rows
    assert sorted(len(curve.amounts) for curve in rows) == [2, 2]


def test_less_data_validated_more_often_is_on_the_same_curve():
    records = []
    for record in shares((1 / 8, 1 / 4, 1 / 2, 1)):
        often = max(1, round(160 * record.spec.share))
        recipe = msgspec.structs.replace(record.spec.recipe, evaluate_every=often)
        spec = msgspec.structs.replace(record.spec, recipe=recipe)
        records.append(msgspec.structs.replace(record, spec=spec))
    (curve,) = section(records).learning[0].rows
    assert len(curve.amounts) == 4


def test_a_plateau_over_joules_is_found_from_the_curves_of_the_runs():
    steps = (0, 50, 100, 200, 400, 700, 1000)

    def curve(seed):
        return tuple(
            rec.CurvePoint(
                step=s, time_s=140.0 * s / 1000, cpu_s=1.0, flops=1.0, loss=None,
                validation=0.9 if s == 0 else law(1.4 * s / 1000) * (1 + 0.001 * (seed - 1)),
            )
            for s in steps
        )  # fmt: skip

    records = [
        imitation(TASK, "gru", 0.25, seed, family="recurrent", curve=curve(seed))
        for seed in range(3)
    ]
    (found,) = section(records).learning
    assert found.title == "joules of training"
    (row,) = found.rows
    # 1,400 J in 1,000 steps; what lies below a thirtieth of that, the first 0 J, is left out.
    assert row.amounts == pytest.approx([70, 140, 280, 560, 980, 1400])
    assert row.plateau.value == pytest.approx(0.2, rel=0.02)
    assert row.plateau.low <= 0.2 <= row.plateau.high


# The page -----------------------------------------------------------------------------------------


def test_one_figure_holds_networks_simulations_the_living_cell_and_the_limit():
    records = [
        *three("gru", watts=1, step_j=1e-3),
        simulation(step_j=2e-3),
        simulation(watts=57, model="neuron_simulator"),
    ]
    figure = str(section(records).cost_figure)
    for label in ("gru", "simulation", "neuron_simulator"):
        for ledger in ("meter", "roofline", "technology"):
            assert f"<title>{label}, {ledger}: " in figure
    for label in ("gru", "simulation"):
        assert f"<title>{label}, step by step: " in figure
    assert 'class="living"' in figure
    assert "one bit erased a ms" in figure


def test_the_page_holds_every_table_of_the_cell(tmp_path):
    records = [
        *halving(),
        *three("gru", watts=1, step_j=1e-3),
        *three("elm", watts=4),
        *shares((1 / 8, 1 / 4, 1 / 2)),
        simulation(step_j=2e-3),
        simulation(watts=57, model="neuron_simulator"),
    ]
    runs = cells.synthetic.save(records, tmp_path / "runs")
    text = render.report([runs], tmp_path / "out", formats=["html"]).path.read_text()
    part = text[text.index('aria-labelledby="neuron"') :]
    part = part[: part.index("</section>")]
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))
    for words in (
        "judged by 256 windows",
        "1 seed, 60 updates",
        "Joules a neuron-second",
        "The living cell",
        "Landauer\u2019s limit",
        "By the meter, less than the simulation: gru",
        "Paid after",
        "never",
        "levels off at",
    ):
        assert words in plain, words
    assert "nan" not in plain.lower().replace("nano", "")
    assert part.count('role="img"') == 3
    assert part.index("neuron_simulator") > 0


def test_every_format_copes_with_a_run_that_was_not_trained(tmp_path):
    bare = [cells.untrained(r) for r in (simulation(), simulation("neuron_l5_ampa"))]
    records = [*three("gru"), *cells.synthetic.study(seeds=2, sizes=(4_000,)), *bare]
    runs = cells.synthetic.save(records, tmp_path / "runs")
    formats = [name for name in render.FORMATS if name not in {"png", "svg", "parquet"}]
    made = render.report([runs], tmp_path / "out", formats=formats)
    assert "not enough runs" in made.path.read_text()
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["runs"]
    (row,) = (r for r in rows if r["task"] == TASK and r["arm"].startswith("simulation"))
    assert row["train_energy_j"] is None
    assert row["infer_energy_j"] == 2 * cells.WINDOW_S


def test_the_columns_of_the_measures_are_in_the_csv(tmp_path):
    runs = cells.synthetic.save([simulation(step_j=2e-3)], tmp_path / "runs")
    render.report([runs], tmp_path / "out", formats=["csv"])
    with (tmp_path / "out" / "runs.csv").open(newline="") as file:
        (values,) = csv.DictReader(file)
    assert values["auc"] == "0.95"
    assert values["judged_samples"] == "256.0"
    assert values["stream_energy_j"] == "0.002"


def test_nothing_competes_with_what_it_imitates():
    made = load([*three("gru"), *three("elm", 0.31), simulation()])
    (found,) = verdict.verdicts(made)
    assert found.leader == "gru"
    assert "simulation" not in {c.b for c in found.quality}
    (alone,) = verdict.verdicts(load([simulation()]))
    assert "no imitation" in alone.quality_words
    assert frames.ranked(made.runs)["arm"].nunique() == 3


def test_rungs_of_one_shape_that_are_built_in_two_ways_have_two_names():
    shape = {"layers": 3, "width": 32}
    records = [
        imitation(TASK, "tcn_surrogate", 0.3 + more["norm_first"] / 10, seed, options=shape | more)
        for more in ({"norm_first": 0}, {"norm_first": 1})
        for seed in range(3)
    ]
    labels = [i.label for i in section(records).imitations]
    assert len(labels) == 2
    assert all("norm_first" in label for label in labels)
