import math

import msgspec
import pytest

import synthetic
from neurojoule_reports import curves, drawing, frames, neuron, overview, render, roofline


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def test_hypervolume_is_the_area_over_chance_up_to_the_dearest():
    records = [synthetic.make(seed=s, machine="m") for s in range(3)]
    records += [synthetic.make(model="dann", cost=10, seed=s, machine="m") for s in range(3)]
    made = load(records)
    (found,) = overview.volumes(made)
    rows = dict(found.rows)
    arms = made.arms.set_index("family")
    decades = math.log10(
        arms.loc["dendritic", "train_energy_j"] / arms.loc["point", "train_energy_j"]
    )
    assert rows["point"][0] == pytest.approx(decades * (arms.loc["point", "quality"] - 0.1))
    assert rows["dendritic"][0] == 0


def test_quality_at_equal_energy_is_the_best_so_far():
    records = [synthetic.make(seed=s, model=m) for s in range(3) for m in ("mlp", "dann")]
    made = load(records)
    medians = curves.median_curves(curves.curves(made.records, made.runs))
    (found,) = overview.equal_energy(made, medians)
    mlp = medians[medians["arm"] == "mlp 4000p"]
    for joules, value in zip(found.budgets_j, dict(found.rows)["mlp 4000p"], strict=True):
        within = mlp.loc[mlp["energy_j"] <= joules, "validation"]
        assert value == pytest.approx(within.max()) if len(within) else math.isnan(value)
    assert list(found.budgets_j) == sorted(found.budgets_j)


def test_an_arm_stands_under_the_roof_at_its_rate_and_intensity():
    made = load([synthetic.make(seed=s) for s in range(3)])
    (found,) = roofline.rooflines(made)
    (spot,) = found.spots
    rates = sorted(
        r.work.training_flops / (sum(r.train.repeats_time_s) / len(r.train.repeats_time_s))
        for r in made.records
    )
    assert spot.flops_per_s == pytest.approx(rates[1])
    assert spot.flops_a_byte == pytest.approx(0.5)  # 2 FLOPs and 4 bytes a parameter
    assert spot.share == pytest.approx(rates[1] / 6e10)
    assert "60.0 GFLOP/s" in found.words
    assert 'role="img"' in found.figure


def test_without_ceilings_there_is_no_roofline():
    bare = msgspec.structs.replace(synthetic.make(), ceilings=None)
    assert roofline.rooflines(load([bare])) == []


def test_the_neuron_section_says_what_is_missing_and_which_command_measures_it(tmp_path):
    runs = synthetic.save([synthetic.make()], tmp_path / "runs")
    text = render.report([runs], tmp_path / "out", formats=["html"]).path.read_text()
    assert "Not measured here: neuron_lif, neuron_l5_ampa, neuron_l5_nmda." in text
    assert "<code>neurojoule run neuron</code> measures them" in text


def test_the_living_cell_spends_what_its_atp_holds():
    # 3.29e9 ATP a second at 30.5 and 50 kJ a mole; Landauer: k T ln 2 at 300 K.
    low, high = (3.29e9 / 6.022e23 * joules for joules in (30.5e3, 50e3))
    assert pytest.approx((low, high), rel=0.03) == neuron.LIVING_W
    assert pytest.approx(1.380649e-23 * 300 * math.log(2), rel=0.001) == neuron.LANDAUER_J


def test_ticks_are_round_and_within():
    assert list(drawing.decades(3, 2000)) == [10, 100, 1000]
    assert list(drawing.fifths(0, 1)) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
