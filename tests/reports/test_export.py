import csv
import json
import math

import pytest

import synthetic
from neurojoule import carbon
from neurojoule.errors import UserError
from neurojoule_reports import cards, render


@pytest.fixture
def made(tmp_path):
    def make(records, *formats):
        folder = synthetic.save(records, tmp_path / "runs")
        return render.report([folder], tmp_path / "report", formats=list(formats))

    return make


def test_json_is_strict_and_holds_every_run(made):
    records = list(synthetic.study(seeds=2))
    path = made(records, "json").path / "report.json"
    value = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert {row["run_id"] for row in value["runs"]} == {r.run_id for r in records}
    assert len(value["verdict"]) == 3


def test_parquet_holds_what_csv_holds(made):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    home = made(list(synthetic.study(seeds=2)), "parquet", "csv").path
    table = pd.read_parquet(home / "runs.parquet")
    with (home / "runs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(table["run_id"]) == [row["run_id"] for row in rows]
    energies = [float(row["train_energy_j"] or "nan") for row in rows]
    assert table["train_energy_j"].tolist() == pytest.approx(energies, nan_ok=True)


def test_parquet_without_pyarrow_says_what_to_install(made, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install pyarrow"):
        made([synthetic.make()], "parquet")


def test_markdown_has_a_table_a_task_and_no_live_markup(made):
    hostile = [synthetic.make(model="<img src=x> | `b`", seed=s) for s in range(3)]
    text = (made([*synthetic.study(seeds=2), *hostile], "markdown").path / "summary.md").read_text(
        encoding="utf-8"
    )
    assert text.count("### ") == 3
    assert "<img" not in text
    widths = {line.count(" | ") for line in text.splitlines() if line.startswith("| ")}
    assert widths == {7}


def test_a_model_card_states_grams_of_the_training():
    record = synthetic.make(grade="measured")
    card = cards.model_card(record, carbon.grid("FRA"))
    lines = dict(line.strip().split(": ", 1) for line in card.splitlines() if line.startswith("  "))
    grams = carbon.co2e_g(record.train.energy_j["cpu"], carbon.grid("FRA"))
    assert float(lines["emissions"]) == pytest.approx(grams, rel=1e-3)
    assert json.loads(lines["source"]) == "neurojoule with CodeCarbon; cpu measured (RAPL)"
    assert json.loads(lines["geographical_location"]).startswith("France")
    assert card.startswith("---\nco2_eq_emissions:\n")


def test_invalid_energy_makes_no_card():
    record = synthetic.make(valid=False, reasons=("contaminated",))
    for make in (cards.model_card, cards.boamps):
        with pytest.raises(UserError, match="contaminated"):
            make(record, carbon.grid("WLD"))


def test_a_boamps_report_has_what_its_schema_requires():
    record = synthetic.make(grade="measured")
    report = cards.boamps(record, carbon.grid("DEU"))
    # Required by BoAmps' report, dataset and hardware schemas.
    assert {"task", "measures", "infrastructure"} <= set(report)
    assert "reportDatetime" in report["header"]
    assert {"taskStage", "taskFamily", "algorithms", "dataset"} <= set(report["task"])
    assert {"infraType", "components"} <= set(report["infrastructure"])
    assert {"componentType", "nbComponent"} <= set(report["infrastructure"]["components"][0])
    assert {"dataUsage", "dataType"} <= set(report["task"]["dataset"][0])
    (measure,) = report["measures"]
    assert measure["powerConsumption"] * 3.6e6 == pytest.approx(record.train.energy_j["cpu"])
    billions = report["task"]["algorithms"][0]["parametersNumber"]
    assert math.isclose(billions * 1e9, record.work.parameters)
    assert report["environment"]["country"] == "Germany"
    assert "environment" not in cards.boamps(record, carbon.grid("WLD"))


def test_boamps_files_are_written_for_valid_runs_only(made):
    records = [synthetic.make(seed=0), synthetic.make(seed=1, valid=False, reasons=("x",))]
    report = made(records, "boamps")
    assert [path.stem for path in report.files] == [records[0].run_id]
