import math

import numpy as np
import pandas as pd
import pytest

import synthetic
from neurojoule_reports import exchange, filters, frames, verdict
from neurojoule_reports.rates import DATA, Exchange, Rate

COLUMNS = ["arm", "family", "share", "size_budget", "parameters", "quality", "higher_is_better"]
FIGURES = ["arm", "seed", "quality", "share", "training_samples", "units", "parameters",
           "train_energy_j", "train_flops", "infer_energy_j"]  # fmt: skip


def made(*arms, seeds=4):
    """Exchange rates of (name, family, share, quality, parameters) at one budget; exact seeds."""
    table = [(name, f, share, "4000p", cost, q, True) for name, f, share, q, cost in arms]
    runs = [
        (name, seed, q, share, 3600 * share, cost / 10, cost, np.nan, cost, cost)
        for name, _, share, q, cost in arms
        for seed in range(seeds)
    ]
    return exchange.exchanges(
        pd.DataFrame(runs, columns=FIGURES), pd.DataFrame(table, columns=COLUMNS).assign(model="m")
    )


def price(quality, cost):
    """The rates of a dendritic arm in point arms, all with all the data."""
    (found,) = made(
        *(
            (f"arm{i}", "point" if i else "dendritic", 1.0, q, c)
            for i, (q, c) in enumerate(zip(quality, cost, strict=True))
        )
    )
    return {rate.currency: rate for rate in found.rates}


def test_between_two_sizes_the_cost_is_interpolated_in_its_logarithm():
    # Half way between 0.6 at 100 and 0.8 at 10,000 stands 0.7 at 1,000: ten times the arm's 100.
    rate = price([0.7, 0.6, 0.8], [100, 100, 10_000])["parameters"]
    assert rate.value == pytest.approx(10)
    assert (rate.low, rate.high) == pytest.approx((10, 10))


def test_an_equal_point_network_needs_its_own_cost():
    assert price([0.8, 0.6, 0.8], [100, 50, 300])["parameters"].value == pytest.approx(3)


def test_dearer_point_networks_that_are_worse_do_not_matter():
    rate = price([0.7, 0.6, 0.5, 0.8], [100, 100, 1_000, 10_000])["parameters"]
    assert rate.value == pytest.approx(10)


def test_where_no_point_network_is_as_good_there_is_only_a_bound():
    rate = price([0.9, 0.6, 0.8], [100, 100, 400])["parameters"]
    assert rate.value == math.inf
    assert rate.bound == pytest.approx(4)
    assert rate.full_words == "more than 4.00 times the parameters (beyond the ladder)"


def test_where_the_smallest_is_already_better_there_is_only_a_bound():
    rate = price([0.5, 0.6, 0.8], [100, 80, 400])["parameters"]
    assert rate.value == 0
    assert rate.full_words == "at most 0.800 times the parameters (below the ladder)"


def test_unknown_energy_is_refused_in_words():
    assert price([0.7, 0.6, 0.8], [1, 1, 2])["training energy"].refusal == "no valid figure"


def test_too_few_seeds_are_refused_in_words():
    (found,) = made(("d", "dendritic", 1, 0.5, 1), ("p", "point", 1, 0.5, 1), seeds=2)
    assert {rate.refusal for rate in found.rates} == {"not enough runs (2 of 3)"}


D, P = ("d", "dendritic"), ("p", "point")


def data(*arms):
    return {e.arm: e.rate(DATA) for e in made(*arms)}


def test_a_rate_in_training_data_by_hand():
    # Half way between 0.6 from a quarter and 0.8 from all stands 0.7 at sqrt(1/4 x 1) = 1/2.
    rate = data((*D, 1, 0.7, 1), (*P, 1, 0.8, 1), ("q", "point", 1 / 4, 0.6, 1))["d"]
    assert (rate.value, rate.low, rate.high) == pytest.approx((0.5, 0.5, 0.5))
    assert rate.amount == pytest.approx(1800)
    assert rate.full_words == (
        "0.500 times (0.500 to 0.500) the training data (1.80 k of 3.60 k samples)"
    )


def test_a_point_network_that_all_the_data_leaves_behind_is_beyond_the_ladder():
    rate = data((*D, 1, 0.9, 1), (*P, 1, 0.8, 1), ("q", "point", 1 / 4, 0.6, 1))["d"]
    assert (rate.value, rate.bound) == (math.inf, 1)
    assert rate.full_words == (
        "more than 1.00 times the training data (3.60 k of 3.60 k samples; beyond the ladder)"
    )


def test_a_dendritic_network_that_saw_a_share_is_priced_in_data_alone():
    # With a quarter it is as good as point networks with half of the data: twice as much.
    found = made(
        (*D, 1, 0.75, 1), ("e", "dendritic", 1 / 4, 0.7, 1),
        (*P, 1, 0.8, 1), ("q", "point", 1 / 4, 0.6, 1),
    )  # fmt: skip
    assert [(e.arm, e.share, len(e.rates)) for e in found] == [("d", 1, 6), ("e", 0.25, 1)]
    rate = found[1].rate(DATA)
    assert rate.value == pytest.approx(2)
    assert (rate.own, rate.amount) == pytest.approx((900, 1800))


def test_without_shares_there_is_no_currency_of_data():
    assert data((*D, 1, 0.7, 1), (*P, 1, 0.8, 1)) == {"d": None}


def test_what_one_dendritic_unit_buys_by_hand():
    # Equal quality at 1,000 parameters and 100 units, where the dendritic one has 100 and 10.
    found = Exchange(
        "d", 0.7, 5,
        (
            Rate("units", 10, 8, 12, own=10),
            Rate("parameters", 10, 9, math.inf, own=100),
            Rate("training energy", math.inf, math.inf, math.inf, bound=4, own=0.05),
        ),
    )  # fmt: skip
    assert found.words == (
        "At equal quality one dendritic unit of d buys 10 (8 to 12) point units, "
        "100 (90 to no bound) parameters and more than 20.0 mJ of training (beyond the ladder)."
    )


def test_a_cell_shows_the_rate_its_interval_and_what_the_point_network_costs():
    shown = filters.rate(Rate("parameters", 2.1, 1.8, 2.4, own=4000))
    assert shown == ("\u00d7\u202f2.10 <small>1.80\u20132.40</small> <small>8.40 k</small>")
    shown = filters.rate(Rate("training energy", math.inf, math.inf, math.inf, bound=3, own=2))
    assert shown == "&gt; \u00d7\u202f3.00 <small>beyond the ladder</small> <small>&gt; 6 J</small>"
    assert filters.rate(None) == "\u2013"


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def test_the_best_dendritic_arm_of_each_currency_speaks_in_the_verdict():
    records = [
        synthetic.make(suite="ladders", model=model, size=size, share=share, seed=seed, top=top)
        for model, top in (("mlp", 0.9), ("dann", 0.87))
        for size, share in ((1_000, 1.0), (4_000, 1.0), (4_000, 0.25), (16_000, 1.0))
        for seed in range(4)
    ]
    (v,) = verdict.verdicts(load(records))
    assert v.prices.best().arm == "dann 16000p"
    assert v.prices.best(DATA).arm == "dann 4000p"
    assert v.exchange_words.startswith("A point network as good as dann 16000p needs ")
    assert " A point network of the same size, as good as dann 4000p, needs 0." in v.exchange_words
    assert " of 4.00 k samples)." in v.exchange_words


def test_beside_convolutions_a_dendritic_network_is_priced_in_fully_connected_ones_alone_too():
    records = [
        synthetic.make(suite="ladders", model=model, size=size, seed=seed, top=top)
        for model, top in (("mlp", 0.8), ("cnn1d", 0.99), ("dann", 0.9))
        for size in (1_000, 4_000, 16_000)
        for seed in range(4)
    ]
    (v,) = verdict.verdicts(load(records))
    assert v.prices.best().rate("parameters").value < 1
    assert v.connected.words == (
        "No fully connected network that was measured reaches the median of dann 16000p: "
        "beyond the ladder."
    )
    assert " (beyond the ladder)" in v.connected.unit_words
    (alone,) = verdict.verdicts(load([r for r in records if r.spec.model != "cnn1d"]))
    assert alone.connected.unit_words == ""


def test_one_that_is_as_good_at_a_cost_nobody_knows_leaves_no_rate():
    # Not "beyond the ladder": it is on it, and may be the cheapest.
    assert price([0.9, 0.5, 0.6, 0.95], [100, 50, 100, np.nan])["units"].refusal == (
        "no valid figure"
    )
    assert price([0.9, 0.5, 0.6, 0.85], [100, 50, 100, np.nan])["units"].value == math.inf


def test_an_interval_that_comes_back_into_the_ladder_bounds_by_its_own_end():
    beyond = Rate("parameters", math.inf, 2, math.inf, bound=4, own=100)
    assert beyond.words == "at least 2.00 times the"
    assert "\u2265 \u00d7\u202f2.00" in filters.rate(beyond)
    below = Rate("parameters", 0, 0, 0.8, bound=0.5, own=100)
    assert below.words == "at most 0.800 times the"
    assert "\u2264 \u00d7\u202f0.800" in filters.rate(below)


def test_an_interval_from_nothing_to_no_bound_bounds_nothing():
    for value in (0.0, math.inf):
        rate = Rate("parameters", value, 0, math.inf, bound=2, own=100)
        assert rate.words == "any number of times the"
        assert "\u00d7\u202f0\u2013\u221e" in filters.rate(rate)


def test_samples_that_no_record_counted_are_not_known():
    rate = Rate(DATA, 0.5, 0.4, 0.6)
    assert "\u2013" in filters.rate(rate)
