import math

import numpy as np
import pandas as pd
import pytest

from neurojoule_reports import exchange


def price(quality, cost):
    """The rate in parameters of a dendritic arm in point arms; rows are (quality, cost)."""
    runs, arms = [], []
    for i, (q, c) in enumerate(zip(quality, cost, strict=True)):
        family = "point" if i else "dendritic"
        arms.append((f"arm{i}", family, 1.0, f"{i}", c, q, True))
        runs += [(f"arm{i}", seed, q, c, c, np.nan, c, c) for seed in range(4)]
    columns = ["arm", "family", "share", "size_budget", "parameters", "quality", "higher_is_better"]
    names = ["arm", "seed", "quality", *(column for column, _ in exchange.CURRENCIES)]
    (made,) = exchange.exchanges(
        pd.DataFrame(runs, columns=names),
        pd.DataFrame(arms, columns=columns).assign(model="m"),
    )
    return {rate.currency: rate for rate in made.rates}


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
    assert rate.words == "more than 4.00 times the"


def test_where_the_smallest_is_already_better_there_is_only_a_bound():
    rate = price([0.5, 0.6, 0.8], [100, 80, 400])["parameters"]
    assert rate.value == 0
    assert rate.words == "at most 0.800 times the"


def test_unknown_energy_is_refused_in_words():
    assert price([0.7, 0.6, 0.8], [1, 1, 2])["training energy"].refusal == "no valid figure"


def test_too_few_seeds_are_refused_in_words():
    runs = pd.DataFrame(
        [(arm, seed, 0.5, *[1.0] * 5) for arm in ("d", "p") for seed in range(2)],
        columns=["arm", "seed", "quality", *(column for column, _ in exchange.CURRENCIES)],
    )
    arms = pd.DataFrame(
        [("d", "dendritic", 1.0, "", 1, 0.5, True), ("p", "point", 1.0, "", 1, 0.5, True)],
        columns=[
            "arm",
            "family",
            "share",
            "size_budget",
            "parameters",
            "quality",
            "higher_is_better",
        ],
    )
    (made,) = exchange.exchanges(runs, arms.assign(model="m"))
    assert {rate.refusal for rate in made.rates} == {"not enough runs (2 of 3)"}


def test_data_is_a_currency_where_shares_were_run():
    runs, arms = [], []
    for arm, family, share, quality in [
        ("d", "dendritic", 1.0, 0.7),
        ("p", "point", 1.0, 0.8),
        ("q", "point", 0.25, 0.6),
    ]:
        arms.append((arm, family, share, "4000p", 1, quality, True))
        runs += [(arm, seed, share, quality, *[1.0] * 5) for seed in range(4)]
    names = ["arm", "seed", "share", "quality", *(column for column, _ in exchange.CURRENCIES)]
    columns = ["arm", "family", "share", "size_budget", "parameters", "quality", "higher_is_better"]
    (made,) = exchange.exchanges(
        pd.DataFrame(runs, columns=names),
        pd.DataFrame(arms, columns=columns).assign(model="m"),
    )
    rate = next(r for r in made.rates if r.currency == exchange.DATA)
    assert rate.value == pytest.approx(0.5)
