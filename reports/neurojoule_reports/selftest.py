"""What the suite's test of itself found: false alarms, power, coverage. Pure functions of records.

The suite `selftest` trains one model under several labels and with planted slow-downs. Runs are cut
into groups of `GROUP` seeds, as many as a modest user would run, and every group is judged as the
report judges: a paired interval of log-ratios. Equals must be called different at about the 5 %
that the intervals promise; what was planted must be found.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from neurojoule.errors import UserError
from neurojoule.record import Inference, Phase, Record, ranked_j
from neurojoule_reports import stats

SUITE = "selftest"
RESULT = "result.json"
"""File of the result, in the folder above the records."""

GROUP = 5
"""Seeds in a comparison."""


def _valid_j(record: Record, part: Phase | Inference | None) -> float | None:
    return ranked_j(part.energy_j) if part is not None and record.energy_valid else None


FIGURES: dict[str, Callable[[Record], float | None]] = {
    "training time": lambda r: None if r.train is None else r.train.time_s,
    "training energy": lambda r: _valid_j(r, r.train),
    "inference time": lambda r: None if r.inference is None else r.inference.time_s,
    "inference energy": lambda r: _valid_j(r, r.inference),
}
ENERGY = ("training energy", "inference energy")

FALSE_ALARMS = (0.01, 0.09)
"""The rate of false alarms that is as promised, give or take what a hundred comparisons tell."""

LEAST_COMPARISONS = 100


class Rate(msgspec.Struct, frozen=True):
    """How often something was said, with Wilson's 95 % interval (Wilson 1927, JASA 22:209).

    The interval takes comparisons as independent; those that share an arm are not quite.
    """

    said: int
    of: int
    rate: float
    low: float
    high: float

    @classmethod
    def counted(cls, answers: Sequence[bool]) -> "Rate":
        """The rate of True among the answers; NaN is never stored, so none gives zeros and ones."""
        said, of = sum(answers), len(answers)
        if of == 0:
            return cls(0, 0, 0.0, 0.0, 1.0)
        z, p = 1.959964, said / of
        centre = (p + z * z / (2 * of)) / (1 + z * z / of)
        half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
        return cls(said, of, p, max(0.0, centre - half), min(1.0, centre + half))


class Planted(msgspec.Struct, frozen=True):
    """What became of one planted slow-down.

    Attributes:
        share: of the updates that were done twice.
        figure: the cost that was compared.
        found: groups in which the slower arm was called dearer.
        ratio: geometric mean of its cost over that of the first label, over all seeds.
    """

    share: float
    figure: str
    found: Rate
    ratio: float


class Coverage(msgspec.Struct, frozen=True):
    """How often an interval of `n` simulated pairs held the truth."""

    n: int
    spread: str
    held: Rate


class SelfTest(msgspec.Struct, frozen=True):
    """The whole result, as it is written to a file and printed.

    Attributes:
        machine: where the runs were made.
        measured_utc: when the last of them started.
        seeds: how many of each arm.
        group: seeds in a comparison.
        valid: runs whose energy may be ranked, and all.
        false_alarms: by figure, and over the energies together.
        planted: by share and figure.
        coverage: by simulation.
    """

    machine: str
    measured_utc: str
    seeds: int
    group: int
    valid: tuple[int, int]
    false_alarms: dict[str, Rate]
    planted: tuple[Planted, ...]
    coverage: tuple[Coverage, ...]


def evaluate(records: Iterable[Record], coverage: Sequence[Coverage] = ()) -> SelfTest:
    """Judge the runs of the suite `selftest`; other runs are passed over.

    Raises:
        UserError: when there are too few runs for one comparison.
    """
    runs = [r for r in records if r.spec.suite == SUITE and r.status == "ok"]
    labels, slower = _arms(runs)
    figures = {name: _figures(runs, of) for name, of in FIGURES.items()}
    if len(labels) < 2 or not any(_groups(labels[0], labels[1], v) for v in figures.values()):
        raise UserError(
            f"There are too few runs of the suite {SUITE!r}: two labels with {GROUP} seeds each "
            "are the least. Run `neurojoule selftest`."
        )
    alarms = {name: _alarms(labels, values) for name, values in figures.items()}
    energy = [answer for name in ENERGY for answer in alarms[name]]
    return SelfTest(
        machine=runs[0].machine.name,
        measured_utc=max(r.started_utc for r in runs),
        seeds=len({r.spec.seed for r in runs}),
        group=GROUP,
        valid=(sum(r.energy_valid for r in runs), len(runs)),
        false_alarms={name: Rate.counted(answers) for name, answers in alarms.items()}
        | {"energy": Rate.counted(energy)},
        planted=tuple(
            _planted(share, arm, labels, name, figures[name])
            for share, arm in slower
            for name in ("training time", "training energy")
        ),
        coverage=tuple(coverage),
    )


Values = dict[str, dict[int, float]]
"""Arm -> seed -> cost."""


def _arms(runs: Sequence[Record]) -> tuple[list[str], list[tuple[float, str]]]:
    """The labels of the one model, and the slower arms with their planted share."""
    labels, slower = set(), set()
    for run in runs:
        options = dict(run.spec.options)
        share = float(options.get("repeat", 0.0))
        if share:
            slower.add((share, run.spec.arm))
        else:
            labels.add(run.spec.arm)
    return sorted(labels), sorted(slower)


def _figures(runs: Sequence[Record], of: Callable[[Record], float | None]) -> Values:
    values: Values = defaultdict(dict)
    for run in runs:
        value = of(run)
        if value is not None and value > 0:
            values[run.spec.arm][run.spec.seed] = value
    return values


def _groups(a: str, b: str, values: Values) -> list[list[float]]:
    """Log-ratios of the seeds that both have, in whole groups."""
    both = sorted(set(values.get(a, {})) & set(values.get(b, {})))
    ratios = [math.log(values[a][seed] / values[b][seed]) for seed in both]
    return [ratios[i : i + GROUP] for i in range(0, len(ratios) - GROUP + 1, GROUP)]


def _alarms(labels: Sequence[str], values: Values) -> list[bool]:
    """For every pair of labels and group of seeds, whether they were called different."""
    return [
        _different(group) for a, b in combinations(labels, 2) for group in _groups(a, b, values)
    ]


def _different(ratios: Sequence[float]) -> bool:
    interval = stats.mean_interval(ratios)
    return interval.low > 0 or interval.high < 0


def _planted(share: float, arm: str, labels: Sequence[str], figure: str, values: Values) -> Planted:
    groups = [group for label in labels for group in _groups(arm, label, values)]
    found = [stats.mean_interval(group).low > 0 for group in groups]
    every = [ratio for group in groups for ratio in group]
    ratio = math.exp(sum(every) / len(every)) if every else 1.0
    return Planted(share, figure, Rate.counted(found), ratio)


SPREADS: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "normal": lambda rng, n: rng.normal(0.0, 1.0, n),
    "bursty": lambda rng, n: rng.laplace(0.0, 1.0, n),
    "outliers": lambda rng, n: rng.standard_t(3, n),
}
"""Log-ratios with a mean of 0: noise as hoped for, bursts in either arm, and rare large ones."""


def simulate(
    sizes: Sequence[int] = (3, 5, 10, 20), trials: int = 600, seed: int = 0
) -> list[Coverage]:
    """How often the report's interval of a mean holds the truth, by simulation."""
    found = []
    for n in sizes:
        for name, draw in SPREADS.items():
            rng = np.random.default_rng([seed, n, len(name)])
            held = []
            for _ in range(trials):
                interval = stats.mean_interval(draw(rng, n))
                held.append(interval.low <= 0 <= interval.high)
            found.append(Coverage(n, name, Rate.counted(held)))
    return found


def lines(result: SelfTest) -> list[str]:
    """The result in words, for the terminal and the report."""
    valid, runs = result.valid
    head = (
        f"{runs} runs on {result.machine}, {valid} with valid energy; comparisons of "
        f"{result.group} seeds each"
    )
    alarms = (
        f"equals called different, {name}: {_rate(rate)}{_alarm_verdict(name, rate)}"
        for name, rate in result.false_alarms.items()
    )
    planted = (
        f"{plant.share:.0%} planted, {plant.figure}: found in {_rate(plant.found)}, "
        f"seen as {plant.ratio - 1:+.1%}"
        for plant in result.planted
    )
    coverage = (
        f"95 % intervals of {item.n} pairs with {item.spread} noise held the truth in "
        f"{_rate(item.held)}"
        for item in result.coverage
    )
    return [head, *alarms, *planted, *coverage]


def _rate(rate: Rate) -> str:
    if not rate.of:
        return "no comparison"
    return (
        f"{rate.said} of {rate.of} ({rate.rate:.1%}, 95 % interval {rate.low:.1%} to "
        f"{rate.high:.1%})"
    )


def _alarm_verdict(name: str, rate: Rate) -> str:
    if name != "energy":
        return ""
    if rate.of < LEAST_COMPARISONS:
        return f"; {LEAST_COMPARISONS} comparisons are needed to judge"
    low, high = FALSE_ALARMS
    return "; as promised" if low <= rate.rate <= high else "; NOT as promised (1 to 9 %)"


def encode(result: SelfTest) -> bytes:
    """The result as JSON."""
    return msgspec.json.encode(result)


def decode(data: bytes) -> SelfTest:
    """The result that a file holds.

    Raises:
        UserError: when it is no such file.
    """
    try:
        return msgspec.json.decode(data, type=SelfTest)
    except msgspec.DecodeError as error:
        raise UserError(f"This is no result of `neurojoule selftest`: {error}") from error
