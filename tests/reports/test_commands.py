"""What the report package adds to the command line, from records on the disk."""

import msgspec
import pytest

from neurojoule.cli import main
from neurojoule.storage import write
from records import record


@pytest.fixture
def runs(tmp_path):
    """Two folders: a baseline, and the same with one arm a fifth dearer in operations."""

    def fill(name, factor):
        folder = tmp_path / name
        folder.mkdir()
        for seed in range(5):
            whole = record()
            work = msgspec.structs.replace(
                whole.work, training_flops=whole.work.training_flops * factor
            )
            spec = msgspec.structs.replace(whole.spec, seed=seed)
            write(
                record(run_id=f"r{seed}", resume_key=f"{name}{seed}", spec=spec, work=work), folder
            )
        return folder

    return fill("before", 1.0), fill("after", 1.2)


def test_a_report_is_written_where_asked_in_the_formats_asked(runs, tmp_path, capsys):
    out = tmp_path / "report"
    arguments = ["report", str(runs[0]), "-o", str(out), "--format", "html", "--format", "json"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert (out / "index.html").as_uri() in printed
    assert {path.suffix for path in out.iterdir() if path.is_file()} == {".html", ".json"}


def test_an_unknown_format_or_country_names_the_nearest(runs, tmp_path, capsys):
    out = str(tmp_path / "report")
    assert main(["report", str(runs[0]), "-o", out, "--format", "htlm"]) == 2
    assert "'html'" in capsys.readouterr().err
    assert main(["report", str(runs[0]), "-o", out, "--country", "FRZ"]) == 2
    assert "FRA" in capsys.readouterr().err


def test_the_gate_closes_on_a_dearer_arm_and_opens_for_the_same(runs, capsys):
    before, after = map(str, runs)
    assert main(["gate", before, before]) == 0
    capsys.readouterr()
    assert main(["gate", before, after, "--annotate"]) == 1
    printed = capsys.readouterr().out
    assert "1.20" in printed
    assert "::error" in printed


def test_the_gate_appends_its_table_to_a_summary(runs, tmp_path, capsys):
    before, after = map(str, runs)
    summary = tmp_path / "summary.md"
    summary.write_text("what was there\n")
    assert main(["gate", before, after, "--summary", str(summary)]) == 1
    text = summary.read_text()
    assert text.startswith("what was there\n## neurojoule gate\n")
    assert "| worse, fails |" in text
    assert main(["gate", before, before, "--summary", str(tmp_path / "no" / "x.md")]) == 2
    assert "--summary" in capsys.readouterr().err


def test_the_gate_is_no_answer_where_nothing_can_be_compared(runs, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["gate", str(tmp_path / "empty"), str(runs[0])]) == 2
    assert "baseline holds no record" in capsys.readouterr().err


def test_compare_prints_a_ratio_of_two_folders(runs, capsys):
    assert main(["compare", *map(str, runs)]) == 0
    assert capsys.readouterr().out.strip()


def test_a_card_carries_the_grams_of_one_run(runs, capsys):
    path = next(runs[0].glob("*.json"))
    assert main(["card", str(path), "--country", "FRA"]) == 0
    assert "co2_eq_emissions" in capsys.readouterr().out
    assert main(["card", str(runs[0] / "nothing.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err
