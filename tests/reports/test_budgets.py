"""Ladders: who stands on which rung, what is drawn of it, and that all forms show the same."""

import csv
import itertools
import json
import re

import pytest

import synthetic
from neurojoule_reports import budgets, frames, render, verdict

SIZES = ((1_000, "parameters"), (4_000, "parameters"), (2_000, "operations"), (8_000, "operations"))


def climb(model, **facts):
    """A model on two rungs of every ladder, three seeds each."""
    rungs = [(size, of, 1.0) for size, of in SIZES] + [(4_000, "parameters", 1 / 16)]
    return [
        synthetic.make(
            suite="ladders", model=model, size=size, size_of=of, share=share, seed=seed, **facts
        )
        for (size, of, share), seed in itertools.product(rungs, range(3))
    ]


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


STUDY = [*climb("mlp"), *climb("dann"), *(synthetic.make(suite="ladders", model="gru", seed=s)
                                           for s in range(3))]  # fmt: skip


def drawn(records):
    made = load(records)
    return {found.ladder.name: found for found in budgets.rungs(made, made.arms)}


def test_a_rung_is_a_budget_of_its_kind_or_a_share_at_one_budget():
    found = drawn(STUDY)
    assert set(found["parameters"].points["arm"]) == {
        "dann 1000p", "dann 4000p", "mlp 1000p", "mlp 4000p", "gru 4000p",
    }  # fmt: skip
    assert set(found["operations"].points["arm"]) == {
        "dann 2000op", "dann 8000op", "mlp 2000op", "mlp 8000op",
    }  # fmt: skip
    assert set(found["data"].points["arm"]) == {
        "dann 4000p", "dann 4000p share=0.0625", "mlp 4000p", "mlp 4000p share=0.0625",
    }  # fmt: skip
    assert set(found["data"].points["x"]) == {1 / 16, 1}


def test_a_marker_stands_at_what_the_model_has_and_not_at_its_budget():
    found = drawn(STUDY)["parameters"]
    (mlp,) = found.points[found.points["arm"] == "mlp 4000p"].to_dict("records")
    has = sorted(
        r.work.parameters for r in STUDY
        if r.spec.arm == "mlp 4000p"
    )  # fmt: skip
    assert (mlp["x_low"], mlp["x"], mlp["x_high"]) == tuple(has)
    assert mlp["size_deviation"] == pytest.approx(has[1] / 4_000 - 1)
    assert mlp["training_samples"] == 4_000
    assert len(found.seeds) == 3 * len(found.points)


def test_one_rung_is_no_ladder():
    made = load([synthetic.make(model=m, seed=s) for m in ("mlp", "dann") for s in range(3)])
    assert list(budgets.rungs(made, made.arms)) == []
    assert budgets.tasks(made.arms) == set()


def test_rungs_of_another_suite_or_task_do_not_make_a_ladder():
    made = load(
        [
            synthetic.make(suite=suite, task=task, size=size)
            for suite, task, size in (("a", "t", 1000), ("a", "u", 4000), ("b", "t", 16_000))
        ]
    )
    assert budgets.tasks(made.arms) == set()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    home = tmp_path_factory.mktemp("ladders")
    return render.report([synthetic.save(STUDY, home / "runs")], home / "report")


def test_every_ladder_of_a_task_is_a_file_with_its_numbers_beside_it(report):
    names = {path.name for path in (report.path.parent / "figures" / "ladders").iterdir()}
    stem = "ladders-digits-laptop-cpu-1-quick"
    assert names == {
        f"{stem}-{ladder}.{ending}"
        for ladder in ("parameters", "operations", "data")
        for ending in ("png", "svg", "csv")
    }


def test_page_and_files_show_the_same_rungs(report):
    text = report.path.read_text(encoding="utf-8")
    held = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))
    arms = held["arms"]
    for ladder in held["ladders"]:
        path = report.path.parent.joinpath(
            "figures", "ladders", f"ladders-digits-laptop-cpu-1-quick-{ladder['name']}.csv"
        )
        with path.open(encoding="utf-8", newline="") as file:
            rows = {r["arm"]: (float(r["x"]), float(r["y"])) for r in csv.DictReader(file)}
        page = {
            arm: (arms[ladder["column"]][i], arms["quality"][i])
            for i, arm in enumerate(arms["arm"])
            if ladder["name"] in arms["ladders"][i].split()
        }
        assert page.keys() == rows.keys()
        for arm, point in page.items():
            assert point == pytest.approx(rows[arm], rel=1e-5)


def test_the_section_says_what_one_dendritic_unit_buys_and_how_many_samples_do(report):
    text = " ".join(report.path.read_text(encoding="utf-8").split())
    assert "<span>4</span> How much it takes" in text
    assert "<span>5</span> The neuron" in text
    made = load(STUDY)
    (v,) = verdict.verdicts(made)
    assert v.prices.best().words.startswith("At equal quality one dendritic unit of dann ")
    assert v.prices.best().words in text
    assert v.prices.samples_words.strip() in text
    assert "samples" in v.prices.samples_words


def test_without_a_ladder_there_is_no_such_section(tmp_path):
    runs = synthetic.save([synthetic.make()], tmp_path / "runs")
    text = render.report([runs], tmp_path / "report", formats=["html"]).path.read_text()
    assert "How much it takes" not in text
    assert "<span>4</span> The neuron" in text
