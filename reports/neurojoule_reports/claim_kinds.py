"""The kinds of test that a claim may name in `claims.toml`, and what one finds."""

from dataclasses import dataclass

import msgspec

HOLDS, FAILS, OPEN, ABSENT = "holds", "does not hold", "not settled", "not measured"


class _Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A kind of test, chosen by `kind` in the file."""


class Reaches(_Kind, frozen=True, tag="reaches"):
    """Some models solve a task in at least a share of their runs, others never do."""

    task: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    share: float


class DepthAtMost(_Kind, frozen=True, tag="depth_at_most"):
    """The smallest depth that is good enough is at most `depth`."""

    task: str
    model: str
    depth: int
    margin: float


class DepthOrder(_Kind, frozen=True, tag="depth_order"):
    """One task needs more depth than another."""

    deeper: str
    shallower: str
    model: str
    margin: float


class UnitsBetween(_Kind, frozen=True, tag="units_between"):
    """The least units that are good enough lie in a range."""

    task: str
    model: str
    low: int
    high: int
    margin: float


class Exchange(_Kind, frozen=True, tag="exchange"):
    """An exchange rate lies above a value on most tasks."""

    currency: str
    above: float
    suites: tuple[str, ...]


class Published(_Kind, frozen=True, tag="published"):
    """Published figures against each other; nothing is measured."""

    claimed_t: float
    stated_t: float
    least_t: float


class Living(_Kind, frozen=True, tag="living"):
    """The cheapest good imitation needs more power than the living cell."""

    task: str
    watts: float
    margin: float


class Hardware(_Kind, frozen=True, tag="hardware"):
    """Machines differ as much as models do."""


class Grid(_Kind, frozen=True, tag="grid"):
    """Grids differ as much as models do."""


Test = (
    Reaches | DepthAtMost | DepthOrder | UnitsBetween | Exchange | Published | Living | Hardware
    | Grid
)  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """What a test found.

    Attributes:
        status: by the rule, as if there were runs enough.
        words: the numbers that decide.
        runs: seeds of the arm that has fewest.
        run_ids: the runs that were used.
        setting: where, or "".
        tasks: as suite and task, whose figures show it.
    """

    status: str
    words: str
    runs: int = 0
    run_ids: tuple[str, ...] = ()
    setting: str = ""
    tasks: tuple[tuple[str, str], ...] = ()
