"""Numbers as a person reads them."""

import math

import pytest

from neurojoule.progress import duration
from neurojoule.quantities import count, si


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00213, "2.13 mJ"),
        (999.6, "1 kJ"),
        (0.9996, "1 J"),
        (15210, "15.2 kJ"),
        (2.6e-10, "260 pJ"),
        (-0.5, "-500 mJ"),
        (0, "0 J"),
        (None, "–"),
        (math.nan, "–"),
        (1e20, "1e+05 PJ"),
    ],
)
def test_three_digits_and_a_prefix(value, text):
    assert si(value, "J") == text


def test_thousands_stand_apart():
    assert count(1234567) == "1\u202f234\u202f567"
    assert count(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.4, "8 s"), (200, "3 min 20 s"), (3900, "1 h 5 min"), (59.7, "1 min 0 s")],
)
def test_seconds_as_a_person_says_them(seconds, text):
    assert duration(seconds) == text
