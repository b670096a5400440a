"""Numbers as a person reads them."""

import math

import pytest

from neurojoule.progress import duration
from neurojoule.quantities import count, quality, si, signed


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00213, "J", "2.13 mJ"),
        (0.0123, "J", "12.3 mJ"),
        (4.5e-7, "g", "450 ng"),
        (2.5e-6, "J", "2.50 \u00b5J"),
        (0.99999, "s", "1.00 s"),
        (999.6, "J", "1.00 kJ"),
        (123456, "FLOP", "123 kFLOP"),
        (2.87e-18, "W", "2.87 aW"),
        (42.0, "", "42"),
        (4070, "", "4.07 k"),
        (0, "J", "0 J"),
        (-3.2e-3, "J", "\u22123.20 mJ"),
        (-0.5, "J", "\u2212500 mJ"),
        (1e20, "J", "100000 PJ"),
        (math.nan, "J", "\u2013"),
        (math.inf, "J", "\u2013"),
        (None, "J", "\u2013"),
    ],
)
def test_amounts_have_three_figures_and_a_prefix(value, unit, text):
    assert si(value, unit) == text


def test_qualities_are_in_the_unit_of_their_metric():
    assert quality(0.9273, "accuracy") == "92.7 %"
    assert quality(0.012345, "mean_squared_error") == "0.0123"
    assert quality(math.nan, "accuracy") == "\u2013"


def test_signs_are_shown():
    assert signed(0.0123) == "+0.012"
    assert signed(-4.56) == "\u22124.6"
    assert signed(0) == "0"


def test_thousands_stand_apart():
    assert count(1234567) == "1\u202f234\u202f567"
    assert count(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.4, "8 s"), (200, "3 min 20 s"), (3900, "1 h 5 min"), (59.7, "1 min 0 s")],
)
def test_seconds_as_a_person_says_them(seconds, text):
    assert duration(seconds) == text


def test_what_rounding_leaves_of_a_difference_is_nothing():
    assert signed(100 * (0.1 + 0.2 - 0.3)) == "0"
    assert signed(-2e-9) != "0"
