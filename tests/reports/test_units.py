import math

import pytest

from neurojoule_reports import units


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "J", "12.3 mJ"),
        (4.5e-7, "g", "450 ng"),
        (2.5e-6, "J", "2.50 \u00b5J"),
        (0.99999, "s", "1.00 s"),
        (999.6, "J", "1.00 kJ"),
        (123456, "FLOP", "123 kFLOP"),
        (42.0, "", "42"),
        (4070, "", "4.07 k"),
        (0, "J", "0 J"),
        (-3.2e-3, "J", "\u22123.20 mJ"),
        (1e20, "J", "100000 PJ"),
        (math.nan, "J", "\u2013"),
        (None, "J", "\u2013"),
    ],
)
def test_amounts_have_three_figures_and_a_prefix(value, unit, text):
    assert units.si(value, unit) == text


def test_qualities_are_in_the_unit_of_their_metric():
    assert units.quality(0.9273, "accuracy") == "92.7 %"
    assert units.quality(0.012345, "mean_squared_error") == "0.0123"
    assert units.quality(math.nan, "accuracy") == "\u2013"


def test_signs_are_shown():
    assert units.signed(0.0123) == "+0.012"
    assert units.signed(-4.56) == "\u22124.6"
    assert units.signed(0) == "0"
