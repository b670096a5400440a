"""What makes a window's energy invalid, and what does not."""

import msgspec
import pytest

from neurojoule.contamination import reasons
from records import STATE, WINDOW


def window(**changes):
    return msgspec.structs.replace(WINDOW, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cpu_s": 2.0}, []),
        ({"cpu_s": 1.92}, []),
        ({"cpu_s": 1.0}, ["50% of the CPU time was somebody else's"]),
        ({"cpu_s": 2.0, "steal_s": 0.5}, ["the host took 25%"]),
        ({"machine_cpu_s": None, "steal_s": None}, []),
    ],
)
def test_a_window_is_contaminated_above_five_per_cent(changes, said):
    found = reasons([window(**changes)], STATE, STATE)
    assert len(found) == len(said)
    assert all(text in reason for text, reason in zip(said, found, strict=True))


def test_a_canary_that_sings_slower_on_either_side_means_throttling():
    slow = msgspec.structs.replace(STATE, canary_s=STATE.canary_s * 1.5)
    clean = [window(cpu_s=2.0)]
    assert reasons(clean, STATE, STATE) == []
    for before, after in ((STATE, slow), (slow, STATE)):
        (reason,) = reasons(clean, before, after)
        assert "50%" in reason
