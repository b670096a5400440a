"""Was somebody else's work, or a slower machine, in these windows?"""

from collections.abc import Iterable

from neurojoule.record import State, Window

FOREIGN_SHARE_LIMIT = 0.05
"""Above this share of somebody else's CPU seconds, a window's energy is contaminated."""

STEAL_SHARE_LIMIT = 0.05
"""Likewise for seconds that the host took from this virtual machine."""

CANARY_RATIO_LIMIT = 1.25
"""How much slower the canary may be on one side of a run than on the other."""


def reasons(windows: Iterable[Window], before: State, after: State) -> list[str]:
    """Why the energy of these windows is not to be ranked; empty when nothing speaks against it."""
    found = []
    for window in windows:
        foreign = window.foreign_share
        if foreign is not None and foreign > FOREIGN_SHARE_LIMIT:
            found.append(f"contaminated: {foreign:.0%} of the CPU time was somebody else's")
        if window.steal_s is not None and window.steal_s > STEAL_SHARE_LIMIT * window.time_s:
            found.append(f"contaminated: the host took {window.steal_s / window.time_s:.0%}")
    slower = max(before.canary_s, after.canary_s)
    faster = min(before.canary_s, after.canary_s)
    if slower > CANARY_RATIO_LIMIT * faster:
        found.append(f"throttled: the canary changed by {slower / faster - 1:.0%} during the run")
    return list(dict.fromkeys(found))
