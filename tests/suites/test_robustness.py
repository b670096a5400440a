"""The suite of robustness: one protocol for all, asked for by it alone, and not run unasked."""

import pytest

from neurojoule.spec import PROBES, SCALES
from neurojoule.suite import get_suites, suites

ROBUSTNESS = suites()["robustness"]


@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)
def test_all_arms_have_one_budget_and_one_recipe_with_its_rate(scale):
    for task in {row.task for row in ROBUSTNESS.rows(scale)}:
        rows = [row for row in ROBUSTNESS.rows(scale) if row.task == task]
        assert len({row.size for row in rows}) == 1
        assert len({row.recipe for row in rows}) == 1  # the rate decides who forgets
        assert {row.probes for row in rows} == {PROBES}


def test_every_control_of_the_dendritic_network_stands_beside_it_at_quick():
    for task, convolution in (("digits", "cnn2d"), ("mnist1d", "cnn1d")):
        models = {row.model for row in ROBUSTNESS.rows(SCALES["quick"]) if row.task == task}
        controls = {"mlp", "mlp_sparse", "dann_linear", "dann_dense", convolution}
        assert models == controls | {"dann", "active_dendrites"}


def test_no_other_suite_pays_for_probes_and_nobody_runs_them_unasked():
    assert ROBUSTNESS not in get_suites([])
    for name, suite in suites().items():
        if name != "robustness":
            assert not any(row.probes for row in suite.rows(SCALES["quick"]))
