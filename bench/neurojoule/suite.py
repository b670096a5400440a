"""A suite: a question, and a table of rows that answer it.

    SUITE = Suite("mine", "Is my unit better than a point neuron?", rows=my_rows)

    def bench_mine(measure, row):
        measure(row)

in a file `bench_mine.py` is all that `pytest --benchmark` needs. The rows are a function of the
scale, which may change sizes and budgets but never the rules.
"""

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points

import msgspec

from neurojoule.errors import UnknownNameError, UserError
from neurojoule.record import Record
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Option, Probe, Recipe, Scale, Setup, Size, Spec, scale

Measure = Callable[[Sequence[Spec]], None]
"""The fixture `measure`: publishes the finished records of a row."""


@dataclass(frozen=True)
class Row:
    """What is trained in one row of a suite's table, for every seed and setup.

    `seeds` is how many at the most, where a row wants fewer than its scale gives.
    """

    task: str
    model: str
    recipe: Recipe
    options: dict[str, Option] = field(default_factory=dict)
    size: Size = Size()
    share: float = 1.0
    probes: tuple[Probe, ...] = ()
    seeds: int | None = None


def no_further_rows(scale: Scale, records: Sequence[Record]) -> Sequence[Row]:  # noqa: ARG001
    """All rows of most suites are known beforehand."""
    return ()


@dataclass(frozen=True)
class Suite:
    """Tasks x models x sizes and the question asked of them.

    Attributes:
        name: how the user asks for it.
        question: what it settles, in a sentence.
        rows: the table at a scale.
        default: whether it runs when no suite is named.
        further_rows: the rows that follow from the records on one setup so far, such as the next
            round of a successive halving; asked again until it has none that is new. It says the
            same of the same records, so that a call that was broken off goes on where it stopped.
    """

    name: str
    question: str
    rows: Callable[[Scale], Sequence[Row]]
    default: bool = True
    further_rows: Callable[[Scale, Sequence[Record]], Sequence[Row]] = no_further_rows

    def specs(self, row: Row, scale_name: str, seeds: int, setup: Setup) -> list[Spec]:
        """One spec a seed for one row on one setup."""
        return [
            Spec(
                suite=self.name,
                task=row.task,
                model=row.model,
                options=tuple(row.options.items()),
                size=row.size,
                share=row.share,
                seed=seed,
                setup=setup,
                recipe=row.recipe,
                scale=scale_name,
                probes=row.probes or msgspec.UNSET,
            )
            for seed in range(min(seeds, row.seeds or seeds))
        ]


def available(rows: Iterable[Row]) -> tuple[list[Row], list[str]]:
    """The rows whose data and model are here, and for each that is not, why."""
    here: list[Row] = []
    missing: dict[str, str] = {}
    for row in rows:
        reasons = {row.task: get_task(row.task).needs(), row.model: get_model(row.model).needs()}
        absent = {name: f"{name}: {why}" for name, why in reasons.items() if why is not None}
        if absent:
            missing |= absent
        else:
            here.append(row)
    return here, list(missing.values())


def suites() -> dict[str, Suite]:
    """All installed suites by name, from the entry points in the group `neurojoule.suites`.

    An entry point names a module or package with a sequence `SUITES`.
    """
    found: dict[str, Suite] = {}
    for entry in entry_points(group="neurojoule.suites"):
        for suite in importlib.import_module(entry.value).SUITES:
            if suite.name in found:
                raise UserError(f"Two suites are called {suite.name!r}. Rename yours.")
            found[suite.name] = suite
    return dict(sorted(found.items()))


def get_suites(names: Sequence[str]) -> list[Suite]:
    """The named suites, or all that run by default when none is named.

    Raises:
        UnknownNameError: with the nearest names.
    """
    known = suites()
    for name in names:
        if name not in known:
            raise UnknownNameError("suite", name, known)
    wanted = dict.fromkeys(names) or [key for key in known if known[key].default]
    return [known[name] for name in wanted]


def plan(
    chosen: Sequence[Suite],
    *,
    scale_name: str,
    seeds: int | None,
    setups: Sequence[Setup],
    keep: Callable[[Row], bool] = lambda _: True,
) -> tuple[list[Spec], list[str]]:
    """All specs of the chosen suites, and why some tasks are left out."""
    size = scale(scale_name)
    specs: list[Spec] = []
    left_out: list[str] = []
    for suite in chosen:
        rows, missing = available(row for row in suite.rows(size) if keep(row))
        left_out += missing
        for setup in setups:
            for row in rows:
                specs += suite.specs(row, scale_name, seeds or size.seeds, setup)
    return specs, list(dict.fromkeys(left_out))


def further(
    chosen: Sequence[Suite],
    records: Sequence[Record],
    *,
    scale_name: str,
    seeds: int | None,
    setups: Sequence[Setup],
    keep: Callable[[Row], bool] = lambda _: True,
) -> list[Spec]:
    """The specs that follow from the records and have none among them yet."""
    size = scale(scale_name)
    specs: list[Spec] = []
    for suite in chosen:
        for setup in setups:
            so_far = [r for r in records if (r.spec.suite, r.spec.setup) == (suite.name, setup)]
            for row in suite.further_rows(size, so_far):
                if keep(row):
                    specs += suite.specs(row, scale_name, seeds or size.seeds, setup)
    known = {record.spec for record in records}
    return [spec for spec in dict.fromkeys(specs) if spec not in known]


def claims_hash() -> str | None:
    """Hash of the claims fixed before measuring; None when no suite brings any.

    An entry point in the group `neurojoule.claims` names a function that gives it.
    """
    for entry in entry_points(group="neurojoule.claims"):
        digest: str = entry.load()()
        return digest
    return None
