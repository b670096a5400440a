"""What is shown of arms that were trained in rounds, each time from the start and for longer."""

import csv
import re

import msgspec
import pytest

import synthetic
from cells import halving, imitation, rung
from neurojoule_reports import budgets, frames, naming, render, rounds, verdict

TASK = "neuron_l5_nmda"
SETTING = "laptop \u00b7 cpu:1 \u00b7 quick"


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def recipes(tables):
    return {(r.design, int(r.steps)) for r in tables.runs.itertuples()}


def gru(steps, loss, seed=0, **facts):
    return imitation(TASK, "gru", loss, seed, family="recurrent", steps=steps, **facts)


# Which runs ---------------------------------------------------------------------------------------


def test_where_every_arm_has_one_recipe_nothing_is_touched():
    tables = load(list(synthetic.study(seeds=2)))
    assert rounds.shown(tables) is tables
    assert rounds.left_out(tables) == {}


def test_an_arm_is_shown_by_its_longest_training_only():
    found = rounds.shown(load([gru(60, 0.5), gru(300, 0.4), *(gru(900, 0.3, s) for s in range(3))]))
    assert list(found.runs["steps"]) == [900, 900, 900]
    assert list(found.arms["arm"]) == ["gru, 900 steps"]


def test_the_longest_counts_even_where_it_is_worse():
    found = rounds.shown(load([gru(60, 0.3), gru(900, 0.5)]))
    assert recipes(found) == {("gru", 900)}


def test_rungs_that_were_given_up_are_left_out_with_what_was_outdone():
    tables = load([*halving(), gru(60, 0.5), gru(400, 0.4)])
    assert recipes(rounds.shown(tables)) == {
        ("tcn_surrogate layers=3 width=32", 1000), ("gru", 400),
    }  # fmt: skip
    # Of 11 runs 4 are shown; (1, 8), (3, 8) and (1, 32) were given up, the last after two rounds.
    assert rounds.left_out(tables) == {
        SETTING: "Every arm stands for its longest training: 4 shorter runs of the same arms and 3 "
        "arms given up after few updates are not drawn or compared, and listed among all arms."
    }


def test_a_single_run_is_counted_in_the_singular():
    said = rounds.left_out(load([gru(60, 0.3), gru(900, 0.5)]))[SETTING]
    assert "1 shorter run of the same arms is not drawn" in said


def test_a_ladder_under_way_that_was_not_trained_in_rounds_loses_no_arm():
    records = [rung(TASK, layers, 32, 0.4, 0) for layers in (1, 3)]
    records += [rung(TASK, 1, 32, 0.4, seed) for seed in (1, 2)]
    tables = load([*records, gru(60, 0.5), gru(400, 0.4)])
    assert {d for d, _ in recipes(rounds.shown(tables))} == {
        "gru", "tcn_surrogate layers=1 width=32", "tcn_surrogate layers=3 width=32",
    }  # fmt: skip


def test_a_longer_training_that_failed_hides_none_that_finished():
    failed = msgspec.structs.replace(gru(900, 0.3), status="failed", quality=None)
    found = rounds.shown(load([gru(60, 0.5), gru(300, 0.4), failed]))
    assert recipes(found) == {("gru", 300), ("gru", 900)}
    assert list(found.arms["quality"].dropna()) == [0.4]


def test_each_share_of_the_data_keeps_its_own_longest_training():
    records = [gru(60, 0.5), gru(400, 0.3), gru(400, 0.4, share=0.5), gru(200, 0.45, share=0.25)]
    found = rounds.shown(load(records))
    assert {(float(r.share), int(r.steps)) for r in found.runs.itertuples()} == {
        (1.0, 400), (0.5, 400), (0.25, 200),
    }  # fmt: skip


# What they are called -----------------------------------------------------------------------------


def test_shares_of_the_data_make_a_ladder_although_all_of_it_was_trained_on_in_rounds():
    tables = load([gru(60, 0.5), gru(400, 0.3), gru(400, 0.4, share=0.5)])
    assert not budgets.standing(tables.arms)["data"].any()
    assert budgets.standing(rounds.shown(tables).arms)["data"].all()


def test_recipes_that_are_equally_long_keep_their_names():
    rate = msgspec.structs.replace(gru(400, 0.3).spec.recipe, learning_rate=0.1)
    other = gru(400, 0.2)
    spec = msgspec.structs.replace(other.spec, recipe=rate)
    other = msgspec.structs.replace(other, spec=spec, spec_hash=spec.hash, run_id="other")
    found = rounds.shown(load([gru(60, 0.5), gru(400, 0.3), other]))
    assert len(set(found.arms["model"])) == 2
    assert all("rate" in model for model in found.arms["model"])


@pytest.mark.parametrize(
    ("models", "called"),
    [
        (["mlp", "dann kinds=2"], ["mlp", "dann kinds=2"]),
        (
            [f"tcn_surrogate layers={n} taps={t} bins=10" for n, t in ((1, 200), (7, 176))],
            ["tcn_surrogate layers=1", "tcn_surrogate layers=7"],
        ),
        (["dann_temporal fields=local kinds=2 taps=200", "gru"], ["dann_temporal", "gru"]),
        (
            ["elm slowest_ms=300.0, rate 0.01", "elm slowest_ms=300.0, rate 0.001"],
            ["elm, rate 0.01", "elm, rate 0.001"],
        ),
    ],
)
def test_long_names_keep_what_tells_models_apart(models, called):
    assert list(naming.labels(models).values()) == called


# What is written ----------------------------------------------------------------------------------


def test_figures_and_verdict_show_the_longest_and_the_table_of_runs_shows_all(tmp_path):
    folder = synthetic.save([*halving(), gru(60, 0.5), gru(400, 0.3)], tmp_path / "runs")
    report = render.report([folder], tmp_path / "report", formats=["html", "png", "csv"])
    page = report.path.read_text(encoding="utf-8")
    standing = {"gru, 400 steps", "tcn_surrogate layers=3 width=32, 1000 steps"}
    (drawn,) = (tmp_path / "report" / "figures").glob("*.csv")
    with drawn.open(encoding="utf-8", newline="") as file:
        assert {row["arm"] for row in csv.DictReader(file)} == standing
    with (tmp_path / "report" / "runs.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 11
    assert page.count("4 shorter runs of the same arms and 3 arms given up") == 2
    said = re.search('<article class="verdict".*?</article>', page, re.DOTALL)
    assert said is not None
    assert "60 steps" not in said.group()


def test_a_verdict_compares_arms_at_their_longest():
    (found,) = verdict.verdicts(rounds.shown(load([*halving(), gru(60, 0.5), gru(400, 0.3)])))
    assert found.leader == "gru, 400 steps"
    assert [c.b for c in found.quality] == ["tcn_surrogate layers=3 width=32, 1000 steps"]
