import math

import msgspec
import pytest

import synthetic
from neurojoule import record as rec
from neurojoule_reports import curves, frames, rows


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def with_curve(record, points, target):
    """The record with a curve of (step, seconds, validation) and a target."""
    quality = msgspec.structs.replace(record.quality, target=target)
    curve = tuple(
        rec.CurvePoint(step=s, time_s=t, cpu_s=t, flops=10.0 * s, loss=0.1, validation=v)
        for s, t, v in points
    )
    train = msgspec.structs.replace(record.train, time_s=4.0, energy_j={"cpu": 8.0, "ram": 80.0})
    return msgspec.structs.replace(record, curve=curve, quality=quality, train=train)


POINTS = ((1, 1.0, 0.5), (2, 2.0, 0.8), (3, 3.0, 0.7), (4, 4.0, 0.9))


def test_the_target_is_reached_at_the_first_validation_that_is_as_good():
    got = rows.at_target(with_curve(synthetic.make(), POINTS, 0.8))
    # Half of the training time, so half of its 8 J; RAM is apart.
    expected = {"target_step": 2, "target_time_s": 2.0, "target_energy_j": 4.0}
    assert got == {**expected, "target_flops": 20.0}


def test_a_run_that_never_reaches_it_is_censored():
    record = with_curve(synthetic.make(), POINTS, 0.95)
    assert set(rows.at_target(record).values()) == {None}


def test_for_an_error_lower_reaches_the_target():
    record = with_curve(synthetic.make(), POINTS, 0.6)
    quality = msgspec.structs.replace(record.quality, higher_is_better=False)
    record = msgspec.structs.replace(record, quality=quality)
    assert rows.at_target(record)["target_step"] == 1


def test_censored_runs_count_as_more_than_any_other():
    records = [
        with_curve(synthetic.make(seed=seed), POINTS, target)
        for seed, target in enumerate((0.5, 0.8, 0.99))
    ]
    row = curves.to_target(load(records)).iloc[0]
    assert (row["tried"], row["reached"]) == (3, 2)
    assert row["target_energy_j"] == 4.0
    row = curves.to_target(load([records[0], records[2]])).iloc[0]
    assert row["target_energy_j"] == math.inf


def test_diverged_runs_are_tries_that_never_reached():
    records = [
        with_curve(synthetic.make(seed=0), POINTS, 0.5),
        synthetic.make(seed=1, status="diverged"),
        synthetic.make(seed=2, status="diverged"),
    ]
    row = curves.to_target(load(records)).iloc[0]
    assert (row["tried"], row["reached"], row["target_time_s"]) == (3, 1, math.inf)


def test_joules_are_apportioned_by_the_clock():
    record = with_curve(synthetic.make(), POINTS, 0.8)
    table = curves.curves([record], frames.runs([record]))
    assert table["energy_j"].tolist() == [2.0, 4.0, 6.0, 8.0]


def test_curves_are_medians_over_the_runs_that_got_so_far():
    long = [(s, float(s), 0.1 * s) for s in range(1, 9)]
    records = [
        with_curve(synthetic.make(seed=0), long, 0.9),
        with_curve(synthetic.make(seed=1), long[:4], 0.9),
        with_curve(synthetic.make(seed=2), long[:4], 0.9),
    ]
    made = load(records)
    median = curves.median_curves(curves.curves(made.records, made.runs))
    assert median["step"].tolist() == [1, 2, 3, 4]
    assert median["validation"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_long_curves_are_thinned_and_keep_their_end():
    long = [(s, float(s), 0.5) for s in range(1, 1001)]
    made = load([with_curve(synthetic.make(), long, 0.9)])
    median = curves.median_curves(curves.curves(made.records, made.runs))
    assert len(median) <= curves.MAX_POINTS
    assert median["step"].iloc[-1] == 1000


def test_no_curve_gives_an_empty_frame():
    made = load([])
    assert curves.median_curves(curves.curves(made.records, made.runs)).empty
    assert curves.to_target(made).empty


def test_the_clock_of_a_run_beside_others_is_not_ranked():
    made = load([with_curve(synthetic.make(foreign=0.2), POINTS, 0.8)])
    table = curves.curves(made.records, made.runs)
    assert table["time_s"].isna().all()
    assert list(table["step"]) == [1, 2, 3, 4]
    assert curves.to_target(made)["target_time_s"].isna().all()
    quiet = load([with_curve(synthetic.make(foreign=0.01), POINTS, 0.8)])
    assert list(curves.to_target(quiet)["target_time_s"]) == [2.0]
