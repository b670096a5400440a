"""Was somebody else's work, or a slower machine, in these windows?"""

from collections.abc import Iterable

from neurojoule.record import State, Window

FOREIGN_SHARE_LIMIT = 0.05
"""Above this share of somebody else's CPU seconds, a window's energy is contaminated."""

FOREIGN_TICKS_S = 0.03
"""So many foreign CPU seconds are within what the clocks are off by: `/proc/stat` counts ticks of
10 ms, the process's own clock does not."""

STEAL_SHARE_LIMIT = 0.05
"""Likewise for seconds that the host took from this virtual machine."""

CANARY_RATIO_LIMIT = 1.25
"""How much slower the canary may be on one side of a run than on the other."""

SWAP_LIMIT_BYTES = 16 * 2**20
"""So much may go to or come from swap during a run."""


def reasons(windows: Iterable[Window], before: State, after: State) -> list[str]:
    """Why the energy of these windows is not to be ranked; empty when nothing speaks against it."""
    found = [reason for window in windows for reason in of_window(window)]
    return list(dict.fromkeys([*found, *_of_speed(before, after), *_of_system(before, after)]))


def of_window(window: Window) -> list[str]:
    """What the CPU seconds of one window tell of neighbours, here and on the host."""
    found = []
    foreign, busy_s = window.foreign_share, window.machine_cpu_s
    if foreign is not None and busy_s is not None:
        foreign_s = max(0.0, busy_s - window.cpu_s)
        if foreign > FOREIGN_SHARE_LIMIT and foreign_s > FOREIGN_TICKS_S:
            found.append(f"contaminated: {foreign:.0%} of the CPU time was somebody else's")
    if window.steal_s is not None and window.steal_s > max(
        FOREIGN_TICKS_S, STEAL_SHARE_LIMIT * window.time_s
    ):
        found.append(f"contaminated: the host took {window.steal_s / window.time_s:.0%}")
    return found


def _of_speed(before: State, after: State) -> list[str]:
    found = []
    slower = max(before.canary_s, after.canary_s)
    faster = min(before.canary_s, after.canary_s)
    if slower > CANARY_RATIO_LIMIT * faster:
        found.append(f"throttled: the canary changed by {slower / faster - 1:.0%} during the run")
    if before.thermal_throttles is not None and after.thermal_throttles is not None:
        count = after.thermal_throttles - before.thermal_throttles
        if count > 0:
            found.append(f"throttled: the CPU was slowed {count} times for its heat")
    if before.gpu_slowed_s is not None and after.gpu_slowed_s is not None:
        slowed_s = after.gpu_slowed_s - before.gpu_slowed_s
        if slowed_s > 0:
            found.append(f"throttled: the GPU was slowed for {slowed_s:.2g} s for its heat")
    return found


def _of_system(before: State, after: State) -> list[str]:
    found = []
    if before.swap_used_bytes is not None and after.swap_used_bytes is not None:
        moved = abs(after.swap_used_bytes - before.swap_used_bytes)
        if moved > SWAP_LIMIT_BYTES:
            found.append(f"swapped: {moved / 2**20:.0f} MiB went to or came from the disk")
    if before.gpu_processes:  # this run had not opened the device yet
        found.append(f"contaminated: {before.gpu_processes} other processes were on the GPU")
    if before.on_battery != after.on_battery:
        found.append("throttled: the machine changed between mains and battery")
    return found
