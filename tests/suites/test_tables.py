"""The tables of the suites: fair, complete, and the same question at every scale."""

import dataclasses
from collections import defaultdict
from functools import partial

import msgspec
import pytest

from neurojoule import views
from neurojoule.prepare import operations
from neurojoule.registry import get_model, get_task
from neurojoule.sizing import TOLERANCE, solve
from neurojoule.spec import SCALES, Setup
from neurojoule.suite import available, suites
from neurojoule_suites import bench_ladders

ALL = [(suite, scale) for suite in suites().values() for scale in SCALES.values()]


def label(case):
    return getattr(case, "name", str(case))


@pytest.mark.parametrize(("suite", "scale"), ALL, ids=label)
def test_every_row_can_run(suite, scale):
    rows = suite.rows(scale)
    assert rows
    for row in rows:
        model, task = get_model(row.model), get_task(row.task)
        assert views.why_not(model, task) is None
        assert set(row.options) <= set(model.options)


@pytest.mark.parametrize(("suite", "scale"), ALL, ids=label)
def test_no_row_stands_twice(suite, scale):
    specs = [suite.specs(row, scale.name, 1, Setup())[0] for row in suite.rows(scale)]
    names = [(spec.task, spec.arm) for spec in specs]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("suite", "scale"), ALL, ids=label)
def test_every_family_has_the_same_budget_on_a_task(suite, scale):
    recipes = defaultdict(set)
    for row in suite.rows(scale):
        if get_model(row.model).family == "biophysical":
            continue  # the cell itself is not trained
        recipes[row.task].add(msgspec.structs.replace(row.recipe, learning_rate=0.0))
    assert {task: len(found) for task, found in recipes.items()} == dict.fromkeys(recipes, 1)


@pytest.mark.parametrize("suite", suites().values(), ids=label)
def test_sized_models_meet_their_budget_within_five_per_cent_and_rungs_within_ten(suite):
    limit = bench_ladders.NEAR if suite is bench_ladders.SUITE else TOLERANCE
    for row in suite.rows(SCALES["quick"]):
        if row.size.budget is None:
            continue
        model, task = get_model(row.model), get_task(row.task)
        shape = views.shape(model, task)
        solved = solve(model, shape, row.size, row.options, count=partial(operations, shape))
        assert abs(solved.deviation) <= limit, (row.task, row.model, row.size, solved)


def test_a_task_without_its_data_is_left_out_and_says_why(monkeypatch):
    for name in ("NEUROJOULE_DATA", "NEUROJOULE_MNIST"):
        monkeypatch.delenv(name, raising=False)
    rows = suites()["vision"].rows(SCALES["quick"])
    here, missing = available(rows)
    assert {row.task for row in here} == {"digits"}
    assert len(missing) == 1
    assert missing[0].startswith("mnist: ")
    assert "NEUROJOULE_MNIST" in missing[0]


def test_rows_are_frozen():
    row = suites()["logic"].rows(SCALES["quick"])[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.task = "another"
