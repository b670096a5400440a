"""The ladders: every rung asked for, by every family that reaches it, and fair shares of data."""

import tomllib
from itertools import pairwise

import pytest
import torch

from neurojoule.cards import card
from neurojoule.prepare import load, prepare
from neurojoule.registry import get_model
from neurojoule.spec import SCALES, Recipe, Size, Spec
from neurojoule.suite import get_suites, suites
from neurojoule.train import batches
from neurojoule_suites import bench_ladders
from neurojoule_suites.bench_ladders import CONVOLUTION, FULL, HELD, NEAR, reaches, rows
from neurojoule_suites.recipes import TUNED


def rungs(scale, task, model):
    """Budgets of each kind and shares of one model's rows."""
    found = {"parameters": [], "operations": [], "share": []}
    for row in rows(SCALES[scale]):
        if (row.task, row.model) == (task, model):
            key = row.size.of if row.share == 1 else "share"
            found[key].append(row.size.budget if row.share == 1 else row.share)
    return found


def test_it_runs_only_when_it_is_named():
    assert bench_ladders.SUITE not in get_suites([])
    assert get_suites(["ladders"]) == [suites()["ladders"]]


@pytest.mark.parametrize("task", ["digits", "mnist1d"])
@pytest.mark.parametrize("model", ["mlp", "dann", "cnn"])
def test_quick_climbs_three_rungs_by_fours_and_three_shares_by_fours(task, model):
    found = rungs("quick", task, CONVOLUTION[task] if model == "cnn" else model)
    assert found["parameters"] == found["operations"] == [1_000, 4_000, 16_000]
    assert found["share"] == [1 / 16, 1 / 4]
    assert HELD[task] in found["parameters"]  # the whole of the data


@pytest.mark.parametrize("task", HELD)
def test_full_climbs_from_1_k_to_256_k_and_from_a_64th_of_the_data(task):
    found = rungs("full", task, "dann")
    assert found["parameters"] == found["operations"] == [1_000 * 4**i for i in range(5)]
    assert found["share"] == [1 / 64, 1 / 16, 1 / 4]
    assert all(b == 4 * a for a, b in pairwise(found["share"]))


def test_every_family_that_has_a_width_and_can_learn_a_signal_climbs():
    families = {get_model(row.model).family for row in rows(SCALES["full"])}
    assert families == {"point", "dendritic", "recurrent", "surrogate", "spiking"}


def test_its_card_lists_every_rung():
    text = card("ladders")
    assert "4000p, 0.0625 of the data" in text
    assert "16000op" in text


def test_a_rung_that_no_width_meets_is_left_out():
    # One unit reads 784 inputs: 2 x 785 operations and more, where 1,000 are allowed.
    assert not reaches("mnist", "mlp", Size(1_000, "operations"))
    # A bidirectional GRU on 40 steps: 3 H (H + 3) 2 + 800 H + 10, 4,250 at H = 5: 6.2 % over.
    assert reaches("mnist1d", "gru", Size(4_000))
    assert pytest.approx(0.0625) == 4_250 / 4_000 - 1 <= NEAR
    # 834 at H = 1 and 1,690 at H = 2.
    assert not reaches("mnist1d", "gru", Size(1_000))


def test_spiking_networks_stop_where_a_run_takes_an_hour():
    assert reaches("mnist1d", "lif_snn", Size(4_000))
    assert not reaches("mnist1d", "lif_snn", Size(16_000))


def test_a_share_is_learnt_with_as_many_updates_in_batches_of_what_there_is():
    (row,) = (r for r in rows(SCALES["smoke"]) if r.model == "mlp" and r.share < 1)
    whole = next(r for r in rows(SCALES["smoke"]) if r.model == "mlp" and r.size == row.size)
    assert row.recipe == whole.recipe
    spec = Spec(
        suite="ladders", task="digits", model="mlp", seed=3, share=1 / 64, size=row.size,
        recipe=Recipe(steps=20, batch_size=64),
    )  # fmt: skip
    some, everything = load(spec, "train"), load(spec_of_all(spec), "train")
    assert len(some) == round(len(everything) / 64)
    x, _ = next(batches(some, spec.recipe.batch_size, seed=0))
    assert len(x) == len(some) < spec.recipe.batch_size
    assert prepare(spec).learn().steps == 20


def spec_of_all(spec):
    return Spec(suite="ladders", task=spec.task, model=spec.model, seed=3, recipe=spec.recipe)


def test_every_model_learns_from_the_same_share_and_is_judged_on_the_same_splits():
    spec = Spec(
        suite="ladders", task="mnist1d", model="mlp", seed=1, share=1 / 16,
        recipe=Recipe(steps=1, batch_size=8),
    )  # fmt: skip
    other = Spec(
        suite="ladders", task="mnist1d", model="dann", seed=1, share=1 / 16, recipe=spec.recipe
    )
    assert torch.equal(load(spec, "train").x, load(other, "train").x)
    assert torch.equal(load(spec, "validation").x, load(spec_of_all(spec), "validation").x)


def test_every_pair_of_quick_has_a_rate_that_was_searched_for():
    rates = tomllib.loads(TUNED.read_text())["learning_rate"]
    missing = {
        (row.task, row.model) for row in rows(SCALES["quick"]) if row.model not in rates[row.task]
    }
    assert missing == set()


def test_the_held_budgets_stand_on_the_ladder_of_parameters():
    assert set(HELD.values()) <= set(FULL.rungs)
