"""The section on robustness: its numbers, its words, its files, and the page in a browser."""

import csv
import json
import re

import msgspec
import pytest

import browser
import robust
import synthetic
from neurojoule.record import Perturbed
from neurojoule_reports import frames, render
from neurojoule_reports.pairs import Comparison
from neurojoule_reports.robustness import Contrast, section
from neurojoule_reports.robustness_figures import short_names, spread
from neurojoule_reports.robustness_table import table
from neurojoule_reports.robustness_words import finding


def loaded(records, folder):
    return frames.load([synthetic.save(records, folder / "runs")])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    tables = loaded(robust.study(seeds=5), tmp_path_factory.mktemp("robust"))
    return tables, section(tables)


def test_the_table_has_a_row_for_each_run_probe_and_level(found):
    rows = table(found[0])
    per_run = len(robust.NOISE) + len(robust.LOST) + 1
    assert len(rows) == 4 * 5 * per_run
    one = rows[(rows["arm"] == "mlp 4000p") & (rows["seed"] == 1)].set_index(["probe", "level"])
    noise = one.loc[("noise", 1.0)]
    assert noise["quality"] == pytest.approx(0.96 - 0.20)
    # Above the chance of 0.1: (0.76 - 0.1) / (before - 0.1).
    assert noise["kept"] == pytest.approx(0.66 / (noise["quality_before"] - 0.1))
    switched = rows[(rows["probe"] == "switch") & (rows["arm"] == "dann 4000p")]
    assert set(switched["quality_second"]) == {0.9}
    assert switched["level"].isna().all()


def test_runs_that_were_not_probed_and_older_runs_of_a_spec_do_not_count(tmp_path):
    run = robust.run("mlp", 0)
    older = msgspec.structs.replace(run, run_id="older", started_utc="2020-01-01T00:00:00Z")
    rows = table(loaded([run, older, synthetic.make(suite="vision", seed=1)], tmp_path))
    assert set(rows["run_id"]) == {run.run_id}


def test_lower_is_better_keeps_the_share_of_what_was_gained_over_chance(tmp_path):
    run = robust.run("mlp", 0)
    quality = msgspec.structs.replace(
        run.quality, metric="mean_squared_error", higher_is_better=False, chance=1.0, test=0.2
    )
    worse = Perturbed(kind="noise", level=1.0, quality=0.6, draws=5)
    unknown = Perturbed(kind="noise", level=2.0, quality=None, draws=5)
    probed = msgspec.structs.replace(run.robustness, perturbed=(worse, unknown), switched=None)
    changed = msgspec.structs.replace(run, quality=quality, robustness=probed)
    tables = loaded([changed], tmp_path)
    rows = table(tables).set_index("level")
    assert rows.loc[1.0, "kept"] == pytest.approx((1 - 0.6) / (1 - 0.2))
    assert rows[["quality", "kept"]].loc[2.0].isna().all()
    assert section(tables)[0].forgetting == ()


def test_nothing_is_kept_of_what_was_never_above_chance(tmp_path):
    run = robust.run("mlp", 0)
    quality = msgspec.structs.replace(run.quality, test=run.quality.chance)
    rows = table(loaded([msgspec.structs.replace(run, quality=quality)], tmp_path))
    assert rows["kept"].isna().all()


def test_planted_differences_are_found_paired_and_controls_do_not_stand_for_dendrites(found):
    (task,) = found[1]
    noise = next(p for p in task.probes if p.probe == "noise")
    assert {(c.dendritic, c.point) for c in noise.contrasts} == {
        ("dann 4000p", "mlp 4000p"),
        ("dann 4000p", "cnn2d 4000p"),
    }
    to_mlp = next(c for c in noise.contrasts if c.point == "mlp 4000p")
    mean = sum(robust.NOISE) / len(robust.NOISE)
    # The seeds' common shift cancels: exactly what the two laws differ by.
    assert to_mlp.quality.value == pytest.approx((0.95 - 0.10 * mean) - (0.96 - 0.20 * mean))
    assert to_mlp.quality.n == 5
    assert to_mlp.quality.clear
    assert to_mlp.kept.value > to_mlp.quality.value  # it started lower, and kept more of it
    assert "dann 4000p is clearly better than cnn2d 4000p and mlp 4000p" in noise.words


def test_forgetting_is_before_less_after_least_first(found):
    (task,) = found[1]
    assert task.forgetting[0].arm == "dann 4000p"
    worst = task.forgetting[-1]
    assert worst.arm == "mlp 4000p"
    assert worst.forgotten == pytest.approx(0.70, abs=0.001)
    assert worst.second == 0.9
    assert worst.rate == "rate 0.003"


def test_two_names_for_one_behaviour_are_not_told_apart(tmp_path, monkeypatch):
    monkeypatch.setitem(robust.MODELS, "mlp", ("point", 0.95, 0.10, 0.40))
    records = []
    for model in ("mlp", "dann"):
        for seed in range(5):
            run = robust.run(model, seed)
            # Noise of the seed alone, in opposite ways.
            wiggle = 0.01 * (seed - 2) * (1 if model == "mlp" else -1)
            moved = [
                msgspec.structs.replace(p, quality=p.quality + wiggle)
                for p in run.robustness.perturbed
            ]
            probed = msgspec.structs.replace(run.robustness, perturbed=tuple(moved), switched=None)
            records.append(msgspec.structs.replace(run, robustness=probed))
    (task,) = section(loaded(records, tmp_path))
    for probe in task.probes:
        assert "no clear difference between dendritic and point networks" in probe.words


def test_two_seeds_are_too_few_and_say_so(tmp_path):
    (task,) = section(loaded(robust.study(seeds=2), tmp_path))
    assert all("not enough runs (2 of 3)" in probe.words for probe in task.probes)


def test_arms_of_another_size_are_not_compared(tmp_path):
    records = [robust.run("mlp", seed) for seed in range(3)]
    for seed in range(3):
        run = robust.run("dann", seed)
        larger = synthetic.make(
            suite="robustness", model="dann", family="dendritic", seed=seed, size=16_000
        )
        records.append(msgspec.structs.replace(larger, robustness=run.robustness))
    (task,) = section(loaded(records, tmp_path))
    assert [probe.contrasts for probe in task.probes] == [(), (), ()]
    assert [probe.words for probe in task.probes] == ["", "", ""]


def test_names_at_the_ends_of_lines_stay_apart_and_inside():
    assert spread([10, 11, 12, 200], 14, 300) == [10, 24, 38, 200]
    assert spread([290, 295, 299], 14, 300) == [272, 286, 300]


def test_names_are_as_short_as_tells_them_apart():
    assert short_names(["mlp 4000p", "dann 4000p", "dann fields=local 4000p"]) == [
        "mlp",
        "dann 4000p",
        "dann fields=local 4000p",
    ]


def test_csv_json_and_page_hold_it_and_a_report_without_probes_does_not(tmp_path):
    runs = synthetic.save(robust.study(seeds=3), tmp_path / "runs")
    home = render.report([runs], tmp_path / "a", formats=["csv", "json", "html"]).path.parent
    with (home / "robustness.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    value = json.loads((home / "report.json").read_text(encoding="utf-8"))
    assert len(rows) == len(value["robustness"]) == 4 * 3 * 6
    assert float(rows[0]["quality"]) == pytest.approx(value["robustness"][0]["quality"], rel=1e-5)
    text = (home / "index.html").read_text(encoding="utf-8")
    numbers = [int(n) for n in re.findall(r"<h2 id=\"[a-z]+\"><span>(\d+)</span>", text)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "No model was told which task it was asked" in text
    other = synthetic.save([synthetic.make()], tmp_path / "other")
    home = render.report([other], tmp_path / "b", formats=["csv", "html"]).path.parent
    assert not (home / "robustness.csv").exists()
    assert 'id="robustness"' not in (home / "index.html").read_text(encoding="utf-8")


BINARY = browser.find()


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
def test_the_page_draws_every_arm_at_every_level_and_stays_within_its_width(tmp_path):
    runs = synthetic.save(robust.study(seeds=3), tmp_path / "runs")
    path = render.report([runs], tmp_path / "report", formats=["html"]).path
    figures = "all('section[aria-labelledby=robustness] figure')"
    with browser.Browser(BINARY) as page:
        for width in (380, 1280):
            page.size(width)
            page.open(path)
            assert page.problems() == []
            assert page.js("document.documentElement.scrollWidth") <= width
        drawn = page.js(
            f"{figures}.map((f) => [f.querySelector('h3').textContent, all('.curve', f).length, "
            "all('.median', f).length, f.querySelector('svg').getAttribute('role')])"
        )
        right = page.js(
            f"{figures}.every((f) => all('text', f).every((t) => "
            "t.getBoundingClientRect().right <= f.getBoundingClientRect().right + 1))"
        )
    points = {"Input noise": 4, "Loss of synapses": 3, "Task switching": 2}
    assert [name for name, *_ in drawn] == [
        f"{probe} digits, {what}" for probe in points for what in ("quality", "share kept")
    ]
    for name, curves, medians, role in drawn:
        probe = name.split(" digits")[0]
        assert (curves, medians, role) == (4, 4 * points[probe], "img")
    assert right


def test_an_arm_of_which_no_run_finished_decides_nothing(tmp_path):
    failed = synthetic.make(suite="robustness", model="active_dendrites", status="failed")
    probed = robust.study(seeds=3)
    failed = msgspec.structs.replace(
        failed,
        spec=msgspec.structs.replace(
            failed.spec,
            suite=probed[0].spec.suite, task=probed[0].spec.task,
            setup=probed[0].spec.setup, scale=probed[0].spec.scale,
        ),
        machine=probed[0].machine,
    )  # fmt: skip
    (task,) = section(loaded([failed, *probed], tmp_path))
    assert task.metric == "accuracy"


def test_a_comparison_that_was_refused_shows_no_lack_of_difference():
    few = Comparison("quality", "dann", "mlp", 1, refusal="not enough runs (1 of 3)")
    alike = Comparison("quality", "dann", "gru", 5, value=0.0, p_holm=0.9)
    better = Comparison("quality", "dann", "tcn", 5, value=0.1, p_holm=0.01)
    pairs = [Contrast("noise", "dann", c.b, c, c) for c in (few, alike, better)]
    words = finding("Noise", pairs)
    assert words.endswith("no clear difference to gru (2 of 6 comparisons have too few runs).")
    assert "mlp" not in words
