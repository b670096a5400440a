"""The workflow in docs/gate.md: valid YAML, and its commands are commands that do what it says."""

import re
import shlex
from pathlib import Path

import pytest

import synthetic
from neurojoule import spec, suite
from neurojoule.cli import _parser, main

DOCS = Path(__file__).parents[2] / "docs" / "gate.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)


def commands(script):
    lines = [shlex.split(line, comments=True) for line in script.splitlines()]
    return [line for line in lines if line and line[0] == "neurojoule"]


@pytest.fixture(scope="module")
def job():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    (text,) = blocks("yaml")
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # what YAML 1.1, and so PyYAML, makes of the word `on`
    assert set(triggers) == {"push", "pull_request"}
    (job,) = workflow["jobs"].values()
    return job


def steps(job, word):
    found = [c for step in job["steps"] for c in commands(step.get("run", "")) if c[1] == word]
    assert found
    return found


def test_every_step_runs_something_and_says_when(job):
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    assert job["runs-on"] == "ubuntu-latest"
    order = [step.get("name") for step in job["steps"]]
    assert order.index("Measure") < order.index("Gate") < order.index("Rename for the cache")


def test_what_is_measured_is_a_suite_and_a_scale_that_exist(job):
    (text,) = blocks("sh")
    for command in [*steps(job, "run"), *[c for c in commands(text) if c[1] == "run"]]:
        options = _parser().parse_args(command[1:])
        assert [s.name for s in suite.get_suites(options.suites)] == ["logic"]
        assert spec.scale(options.scale).name == "smoke"
        assert options.seeds >= 3  # fewer settle nothing


def test_the_gate_is_given_what_was_measured_and_fetched(job):
    (measured,) = steps(job, "run")
    (gate,) = steps(job, "gate")
    fetched = next(s for s in job["steps"] if s.get("id") == "baseline")
    kept = next(s for s in job["steps"] if s.get("uses", "").startswith("actions/cache/save"))
    options = _parser().parse_args(gate[1:])
    assert str(options.runs) == str(_parser().parse_args(measured[1:]).runs)
    assert str(options.baseline) == fetched["with"]["path"] == kept["with"]["path"]
    prefix = fetched["with"]["restore-keys"]
    assert kept["with"]["key"].startswith(prefix)
    assert fetched["with"]["key"].startswith(prefix)


def test_gate_and_report_do_in_a_folder_what_the_page_says(job, tmp_path, monkeypatch):
    for name, flops in (("baseline", 2), ("runs", 3)):
        made = [synthetic.make(seed=s, flops_per_parameter=flops) for s in range(3)]
        synthetic.save(made, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    (gate,) = steps(job, "gate")
    (report,) = steps(job, "report")
    given = ["summary.md" if word == "$GITHUB_STEP_SUMMARY" else word for word in gate]
    assert given != gate
    assert main(given[1:]) == 1
    assert "| worse, fails |" in Path("summary.md").read_text()
    assert main(report[1:]) == 0
    assert Path("report/summary.md").read_text().startswith("## neurojoule")


def test_the_figures_of_the_page_are_those_of_the_code():
    from neurojoule_reports import findings, stats

    text = DOCS.read_text()
    assert f"more than {findings.COUNTED_MARGIN * 100:g} %" in text
    assert f"above +{findings.MEASURED_MARGIN:.0%}".replace("%", " %") in text
    assert f"{stats.CONFIDENCE:.0%}".replace("%", " %") + " interval" in text
    assert stats.MIN_PAIRS == 3
    assert "Three pairs are the least" in text
