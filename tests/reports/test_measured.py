import pytest

import synthetic
from neurojoule_reports import frames, measured


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def test_joules_that_are_seconds_times_a_constant_are_called_that():
    made = load(list(synthetic.study(seeds=2)))
    for row in measured.redundancies(made):
        assert row.r2 > 0.99
        assert "joules add nothing to seconds" in row.words


def test_joules_that_follow_something_else_are_not():
    records = [synthetic.make(seed=seed, cost=1 + seed, machine=f"m{seed}") for seed in range(6)]
    # One setting, six powers: as if a meter had seen them.
    table = frames.runs(records)
    table["setting"] = "one"
    table["train_energy_j"] *= [1, 9, 2, 7, 3, 5]
    made = frames.Frames(table, frames.arms(table), (), tuple(records))
    (row,) = measured.redundancies(made)
    assert "joules say something" in row.words


def test_grades_are_said_in_plain_words():
    made = load([synthetic.make(), synthetic.make(machine="workstation", grade="measured")])
    words = {g.grade: g.words for g in measured.gradings(made)}
    assert "no meter was read" in words["guessed"]
    assert words["measured"] == "measured by a power meter in the hardware"


def test_reasons_and_failures_are_counted():
    records = [
        synthetic.make(seed=0, valid=False, reasons=("contaminated: 22 %",), foreign=0.22),
        synthetic.make(seed=1, valid=False, reasons=("contaminated: 22 %",), foreign=0.22),
        synthetic.make(seed=2, status="diverged", error="NaN"),
    ]
    made = load(records)
    assert measured.invalid(made) == [("contaminated: 22 %", 2)]
    assert measured.unfinished(made) == [("diverged", "mlp 4000p on digits", "NaN", 1)]


def test_the_benchmarks_own_footprint_is_summed():
    records = list(synthetic.study(seeds=1))
    (row,) = measured.spreads(load(records))
    assert row.footprint_j == pytest.approx(sum(r.footprint_j for r in records))
    assert row.valid == sum(r.energy_valid for r in records)


def test_older_runs_of_a_spec_count_neither_for_grades_nor_for_sums():
    older = synthetic.make(seed=0, grade="guessed")
    newer = synthetic.make(
        seed=0, grade="measured", version="1" * 16, started="2026-03-03T10:00:00Z"
    )
    made = load([older, newer])
    assert [g.grade for g in measured.gradings(made)] == ["measured"]
    assert [s.runs for s in measured.spreads(made)] == [1]


def test_one_energy_has_no_spread():
    records = [synthetic.make(seed=seed, valid=seed == 0, reasons=("x",)) for seed in range(3)]
    (bars,) = measured.error_bars(load(records))
    assert bars.arms == 0


def test_where_nothing_is_known_nothing_is_said_of_joules_and_seconds():
    row = measured.Redundancy("t", "s", 2, float("nan"), 0.0, "")
    assert not measured.adds_nothing(row)
