import csv
import html as html_module
import json
import re
import time

import msgspec
import pytest

import synthetic
from neurojoule.errors import UnknownNameError, UserError
from neurojoule_reports import render
from neurojoule_reports.columns import RUN_COLUMNS

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u05e0\u05d5\u05d9\u05e8\u05d5\u05df \u202eevil",
    "\U0001f9e0\U0001f525 brain",
    "x" * 300,
    '"; alert(1); "&amp;',
    "\u2028line\u2029separators",
    "{{ 7 * 7 }} $x^2$ %s \\",
]


def make(records, folder, **options):
    folder.mkdir(exist_ok=True)
    return render.report([synthetic.save(records, folder / "runs")], folder / "report", **options)


def page_of(report):
    return report.path.read_text(encoding="utf-8")


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))


def test_the_page_the_figures_and_the_table_are_written(tmp_path):
    report = make(synthetic.study(seeds=2), tmp_path)
    assert report.path == tmp_path / "report" / "index.html"
    assert len(report.verdict) == 3
    endings = {path.suffix for path in report.files}
    assert endings == {".html", ".png", ".svg", ".csv"}
    assert all(path.stat().st_size > 0 for path in report.files)


def test_the_same_records_give_the_same_bytes(tmp_path):
    records = list(synthetic.study(seeds=2))
    first = make(records, tmp_path / "a").path.parent
    second = make(reversed(records), tmp_path / "b").path.parent
    assert synthetic.digest(first) == synthetic.digest(second)


def test_runs_csv_holds_every_run_in_full(tmp_path):
    records = list(synthetic.study(seeds=2))
    report = make(records, tmp_path, formats=["csv"])
    assert report.path == tmp_path / "report"
    with (report.path / "runs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [column.name for column in RUN_COLUMNS]
    by_id = {row["run_id"]: row for row in rows}
    assert len(by_id) == len(records)
    for record in records:
        if record.train is not None:
            assert float(by_id[record.run_id]["train_time_s"]) == record.train.time_s
    assert not (tmp_path / "report" / "index.html").exists()


def test_a_thousand_runs_make_a_page_below_two_megabytes_in_ten_seconds(tmp_path):
    records = list(synthetic.study(seeds=25))
    assert len(records) >= 1000
    begun = time.process_time()
    report = make(records, tmp_path)
    assert time.process_time() - begun < 10
    assert report.path.stat().st_size < 2_000_000


def test_nothing_can_be_loaded_and_only_the_pages_own_script_runs(tmp_path):
    import base64
    import hashlib

    text = page_of(make([synthetic.make()], tmp_path))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    policy = html_module.unescape(policy)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("script", "style"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r'(?:src|href)="(?!#)', text)


def test_hostile_names_are_text(tmp_path):
    records = [synthetic.make(model=name, seed=seed) for name in HOSTILE for seed in range(3)]
    records += [synthetic.make(task=HOSTILE[0], machine=HOSTILE[1], suite=HOSTILE[2])]
    records += [synthetic.make(family="<b>unheard of</b>", seed=9)]
    records += [synthetic.make(seed=8, status="failed", error=HOSTILE[0])]
    text = page_of(make(records, tmp_path))
    assert text.count("<script") == 2
    assert "<img" not in text
    assert "<b>unheard" not in text
    names = set(data_of(text)["arms"]["model"])
    assert set(HOSTILE) <= names


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ([], "No runs were found"),
        ([synthetic.make()], "no other model finished"),
        (
            [synthetic.make(model=m) for m in ("mlp", "dann")],
            "not enough runs (1 of 3) to compare it with",
        ),
        (
            [synthetic.make(seed=s, status="failed", error="boom") for s in range(3)],
            "None of 3 runs finished",
        ),
        (
            [synthetic.make(seed=s, valid=False) for s in range(3)],
            "no valid energy",
        ),
    ],
    ids=["no runs", "one run", "one seed", "all failed", "no valid energy"],
)
def test_the_page_says_the_truth_about_too_little(tmp_path, records, sentence):
    assert sentence in page_of(make(records, tmp_path))


def test_graded_energy_is_called_what_it_is_beside_the_numbers(tmp_path):
    text = page_of(make([synthetic.make(grade="guessed")], tmp_path))
    assert "Energy here is guessed" in text
    text = page_of(make([synthetic.make(grade="measured")], tmp_path / "b"))
    assert "Energy here is" not in text


def test_bad_files_are_named_and_the_rest_is_used(tmp_path):
    folder = synthetic.save([synthetic.make()], tmp_path / "runs")
    (folder / "half.json").write_text('{"schema": 1')
    (folder / "foreign.json").write_text('{"hello": "world"}')
    text = page_of(render.report([folder], tmp_path / "report"))
    assert "<code>half.json</code>" in text
    assert "<code>foreign.json</code>" in text
    assert str(tmp_path) not in text


def test_records_of_another_schema_are_named_with_what_to_do(tmp_path):
    folder = synthetic.save([synthetic.make()], tmp_path / "runs")
    (path,) = folder.glob("*.json")
    for name, schema in (("older", 0), ("newer", 2)):
        other = json.loads(path.read_text()) | {"schema": schema, "gone": 1}
        del other["fingerprint"]
        (folder / f"{name}.json").write_text(json.dumps(other))
    text = page_of(render.report([folder], tmp_path / "report"))
    assert "older.json has schema 0; this version reads schema 1. Run again" in text
    assert "newer.json has schema 2" in text
    assert data_of(text)["arms"]["runs"] == [1]


def test_two_records_that_contradict_are_named_and_one_is_used(tmp_path):
    one = synthetic.make()
    two = msgspec.structs.replace(one, footprint_j=1e9)
    folders = [synthetic.save([r], tmp_path / n) for r, n in ((one, "a"), (two, "b"))]
    text = page_of(render.report(folders, tmp_path / "report"))
    assert f"{one.run_id}.json contradicts another record with the id {one.run_id}" in text
    assert data_of(text)["arms"]["runs"] == [1]


def test_a_family_that_nobody_knows_is_shown_under_its_own_name(tmp_path):
    families = {"odd": "quantum <foam>", "mlp": "point"}
    records = [
        synthetic.make(model=m, family=f, seed=s) for m, f in families.items() for s in range(3)
    ]
    text = page_of(make(records, tmp_path))
    assert set(data_of(text)["arms"]["family"]) == {"quantum <foam>", "point"}
    assert "<foam>" not in re.sub(r'id="data">.*?</script>', "", text, flags=re.DOTALL)


def test_any_country_can_be_the_first_grid(tmp_path):
    text = page_of(make([synthetic.make()], tmp_path, country="France"))
    assert data_of(text)["grid"] == "FRA"
    assert "France, 56 g CO2e/kWh" in text
    with pytest.raises(UserError, match="FRA \\(France\\)"):
        make([synthetic.make()], tmp_path, country="FRE")


def test_an_unknown_format_names_the_known(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'html'"):
        make([synthetic.make()], tmp_path, formats=["htm"])


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "report").write_text("a file is in the way")
    with pytest.raises(UserError, match="cannot be written"):
        make([synthetic.make()], tmp_path)


def test_figures_and_page_show_the_same_numbers(tmp_path):
    report = make(synthetic.study(seeds=3), tmp_path)
    embedded = data_of(page_of(report))["arms"]
    page = {
        (suite, task, setting, arm): (x, y)
        for suite, task, setting, arm, x, y in zip(
            *(embedded[k] for k in ("suite", "task", "setting", "arm")),
            embedded["train_energy_j"],
            embedded["quality"],
            strict=True,
        )
    }
    drawn = 0
    for path in (tmp_path / "report" / "figures").glob("*.csv"):
        suite, task = path.stem.split("-")[:2]
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["phase"] == "train":
                    key = (suite, task, "laptop \u00b7 cpu:1 \u00b7 quick", row["arm"])
                    assert page[key] == pytest.approx((float(row["x"]), float(row["y"])), rel=1e-5)
                    drawn += 1
    assert drawn == len(page)
