"""`pytest --benchmark`, run for real in processes of its own, beside pytest-benchmark."""

import json
import re

import pytest

import foreign
from neurojoule.storage import read

RUN = ("--benchmark", "--nj-scale", "smoke", "-p", "no:cacheprovider")


@pytest.fixture
def project(pytester, monkeypatch):
    """A user's project: a test, and an installed package with a suite of three models."""
    env = foreign.install(pytester.path / "site", "<b>bold</b>", "dies", "sleeps", steps=3)
    monkeypatch.setenv("PYTHONPATH", env["PYTHONPATH"])
    pytester.makepyfile(test_mine="def test_mine():\n    pass\n")
    return pytester


def suite(project):
    return str(project.path / "site" / "bench_foreign.py")


def run(project, *arguments):
    return project.runpytest_subprocess(*RUN, *arguments, timeout=120)


def test_a_bare_pytest_runs_the_tests_only(project):
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_suite_named_without_the_option_is_not_run(project):
    result = project.runpytest_subprocess(suite(project))
    assert result.ret != 0 or result.parseoutcomes().get("passed", 0) == 0
    assert not (project.path / "runs").exists()


def test_every_row_is_an_item_and_every_seed_a_round(project):
    result = run(
        project, suite(project), "-k", "bold", "--nj-seeds", "2", "--benchmark-json=b.json"
    )
    result.assert_outcomes(passed=1, deselected=2)
    found = read([project.path / "runs"]).records
    assert len(found) == 2
    (bench,) = json.loads((project.path / "b.json").read_text())["benchmarks"]
    assert bench["stats"]["rounds"] == 2
    times_s = sorted(record.train.time_s for record in found)
    assert bench["stats"]["min"] == pytest.approx(times_s[0])  # the time is the training's
    assert bench["stats"]["max"] == pytest.approx(times_s[1])
    extra = bench["extra_info"]
    assert extra["parameters"] == 3
    assert extra["energy_j"] > 0
    assert sorted(extra["records"]) == sorted(record.run_id for record in found)
    result.stdout.fnmatch_lines(
        [
            "*= neurojoule =*",
            "*task*model*quality*energy*CO2e*parameters*",
            "*<b>bold</b>*J*g*FLOP*",
        ]
    )


def test_a_run_that_dies_fails_its_item_and_keeps_the_others(project):
    result = run(project, suite(project), "-k", "bold or dies")
    result.assert_outcomes(passed=1, failed=1, deselected=1)
    result.stdout.fnmatch_lines(["*signal 9*"])
    assert len(read([project.path / "runs"]).records) == 2


def test_finished_runs_are_reused_and_said_to_be(project):
    run(project, suite(project), "-k", "bold").assert_outcomes(passed=1, deselected=2)
    again = run(project, suite(project), "-k", "bold")
    again.assert_outcomes(passed=1, deselected=2)
    again.stdout.fnmatch_lines(["*1 records in runs, 1 of them from before*"])
    refused = run(project, suite(project), "-k", "bold", "--benchmark-autosave")
    assert refused.ret != 0
    refused.stderr.fnmatch_lines(["*Nothing was measured*--nj-rerun*"])
    saved = run(project, suite(project), "-k", "bold", "--benchmark-autosave", "--nj-rerun")
    saved.assert_outcomes(passed=1, deselected=2)
    compared = run(project, suite(project), "-k", "bold", "--benchmark-compare", "--nj-rerun")
    compared.assert_outcomes(passed=1, deselected=2)
    assert "machine_info is different" not in compared.stdout.str() + compared.stderr.str()


def test_node_ids_select(project):
    node = suite(project) + "::bench_foreign[xor-<b>bold</b>]"
    run(project, node).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--benchmark-disable"], "--benchmark-disable"),
        (["--benchmark-skip"], "--benchmark-skip"),
        (["--nj-setup", "cpux:1"], "'cpu'"),
        (["--nj-scale", "quikc"], "'quick'"),
        (["--nj-seeds", "0"], "asks for no run"),
        (["--nj-seeds", "-1"], "asks for no run"),
        (["--nj-setup", "cpu:4096"], "4096 threads"),
        (["--nj-runs", "site/bench_foreign.py/x"], "cannot be written"),
    ],
)
def test_what_cannot_go_together_is_refused_in_a_sentence(project, arguments, said):
    result = run(project, suite(project), "-k", "bold", *arguments)
    assert result.ret != 0
    text = result.stdout.str() + result.stderr.str()
    assert said in text
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    assert not list(project.path.glob("runs/*.json"))


def test_parallel_workers_are_refused(project):
    pytest.importorskip("xdist")
    result = run(project, suite(project), "-n", "2")
    assert result.ret != 0
    assert "-n (pytest-xdist)" in result.stdout.str() + result.stderr.str()


def test_the_installed_suites_are_collected_from_any_folder(project):
    (project.path / "bench.py").write_text("raise SystemExit('a hostile bench.py was imported')\n")
    (project.path / "reports.py").write_text("raise SystemExit('hostile')\n")
    result = run(project, "--collect-only", "-q")
    text = result.stdout.str()
    assert result.ret == 0, text + result.stderr.str()
    ids = re.findall(r"bench_\w+\.py::bench_\w+\[.*\]", text)
    assert any("xor" in name for name in ids)
    assert any("bench_foreign" in name for name in ids)
    assert "hostile" not in text + result.stderr.str()
    assert "test_mine" not in text


def test_the_names_of_the_options_leave_room_for_a_users_own(project):
    project.makeconftest(
        "def pytest_addoption(parser):\n"
        "    for name in ('--scale', '--setup', '--seeds', '--runs', '--rerun'):\n"
        "        parser.addoption(name)\n"
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)
