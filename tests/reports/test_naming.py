import msgspec
import pytest

import synthetic
from neurojoule_reports import frames, gate, machines, methods, naming, render, summary, verdict


def tuned(rate, **facts):
    """A record with another learning rate than the synthetic one of 0.003."""
    made = synthetic.make(**facts)
    recipe = msgspec.structs.replace(made.spec.recipe, learning_rate=rate)
    spec = msgspec.structs.replace(made.spec, recipe=recipe)
    return msgspec.structs.replace(
        made, spec=spec, spec_hash=spec.hash, run_id=f"{made.run_id}-{rate:g}"
    )


def load(records):
    table = frames.runs(records)
    return frames.Frames(table, frames.arms(table), (), tuple(records))


def names(records):
    return list(frames.arms(frames.runs(records))["arm"])


def test_one_recipe_a_task_is_not_named():
    records = [synthetic.make(seed=0), synthetic.make(task="xor", steps=50)]
    assert [name.suffix for name in naming.names(records)] == ["", ""]


def test_arms_that_differ_in_their_rate_are_called_by_it():
    records = [tuned(rate, seed=seed) for rate in (0.001, 0.003) for seed in range(2)]
    assert names(records) == ["mlp 4000p, rate 0.001", "mlp 4000p, rate 0.003"]


def test_other_arms_keep_their_short_names():
    records = [tuned(0.001), synthetic.make(), synthetic.make(model="dann")]
    assert names(records) == ["dann 4000p", "mlp 4000p, rate 0.001", "mlp 4000p, rate 0.003"]


def test_only_what_tells_them_apart_is_said():
    short = synthetic.make(steps=50)
    recipe = msgspec.structs.replace(short.spec.recipe, evaluate_every=5, batch_size=8)
    spec = msgspec.structs.replace(short.spec, recipe=recipe)
    records = [msgspec.structs.replace(short, spec=spec), synthetic.make()]
    assert [name.suffix for name in naming.names(records)] == [", 50 steps", ", 1000 steps"]


def test_options_that_are_written_alike_have_names_of_their_own():
    records = [synthetic.make(options=(("layers", 1),)), synthetic.make(options=(("layers", "1"),))]
    first, second = (name.suffix for name in naming.names(records))
    assert first != second


def deep(layers, field, **facts):
    """An arm with more options than a sentence has room for."""
    options = (("layers", layers), ("receptive_field_ms", field), ("norm_first", True))
    return synthetic.make(model="tcn", options=options, **facts)


def test_of_long_options_those_are_named_in_which_the_arms_differ():
    records = [deep(1, 200), deep(3, 200, task="xor"), synthetic.make(options=(("layers", 2),))]
    table = frames.runs(records)
    assert set(table["arm"]) == {"mlp layers=2 4000p", "tcn layers=1 4000p", "tcn layers=3 4000p"}
    assert set(table["model"]) == {"mlp layers=2", "tcn layers=1", "tcn layers=3"}
    assert set(table["design"]) == set(table["arm"])
    assert "layers=3 receptive_field_ms=200 norm_first=True" in set(table["options"])


def test_the_page_says_what_a_name_leaves_out():
    records = [deep(1, 200), deep(3, 200), synthetic.make(options=(("layers", 2),))]
    table = frames.runs(records)
    unsaid = [("vision", "tcn", "receptive_field_ms=200 norm_first=True")]
    assert methods.unsaid_options(table) == unsaid


def test_the_page_says_it_too(tmp_path):
    folder = synthetic.save([deep(1, 200), deep(3, 200)], tmp_path / "runs")
    page = render.report([folder], tmp_path / "report", formats=["html"]).path.read_text()
    assert "<code>receptive_field_ms=200 norm_first=True</code>" in page


@pytest.mark.parametrize(
    "two",
    [
        # Equal to Python, and written differently.
        ((("layers", 1),), (("layers", 1.0),)),
        # All shared, and in another order.
        ((("first", "a" * 20), ("second", "b" * 20)), (("second", "b" * 20), ("first", "a" * 20))),
    ],
)
def test_two_specs_never_have_one_name(two):
    assert len(set(names([synthetic.make(options=options) for options in two]))) == 2


def test_a_suite_names_its_own_differences():
    records = [deep(1, 200), deep(1, 100, suite="sequence"), deep(3, 100, suite="sequence")]
    assert sorted(names(records)) == ["tcn 4000p", "tcn layers=1 4000p", "tcn layers=3 4000p"]


def test_options_that_fit_are_named_even_where_all_arms_share_them():
    records = [synthetic.make(options=(("layers", 2),), seed=seed) for seed in range(2)]
    assert names(records) == ["mlp layers=2 4000p"]


def test_the_gate_knows_an_arm_among_fewer_others(tmp_path):
    # Alone it would be called by less.
    one, three = ([deep(layers, 200, seed=s) for s in range(3)] for layers in (1, 3))
    a = synthetic.save([*one, *three], tmp_path / "a")
    b = synthetic.save(one, tmp_path / "b")
    result = gate.gate([a], [b])
    assert "tcn layers=1 4000p" in {f.arm for f in result.findings}
    assert result.missing == ("tcn layers=3 4000p on digits",)


def test_two_folders_are_compared_arm_by_arm_whatever_else_they_hold(tmp_path):
    # Alone all three would be called alike.
    now = synthetic.save([deep(1, 200, seed=s) for s in range(3)], tmp_path / "now")
    other = synthetic.save([deep(1, 100, seed=s) for s in range(3)], tmp_path / "other")
    more = synthetic.save(
        [deep(n, 200, seed=s, setup="cpu:2") for n in (1, 3) for s in range(3)], tmp_path / "more"
    )
    assert "no finished run of the same task, arm and seed" in machines.compare([now], [other])
    assert "tcn layers=1 4000p" in machines.compare([now], [more])


def test_the_gate_sees_an_arm_break_whatever_its_recipe(tmp_path):
    same = [synthetic.make(model="dann", seed=s) for s in range(3)]
    a = synthetic.save([*same, *(synthetic.make(seed=s) for s in range(3))], tmp_path / "a")
    broken = [tuned(1.0, seed=s, status="diverged") for s in range(3)]
    b = synthetic.save([*same, *broken], tmp_path / "b")
    result = gate.gate([a], [b])
    assert not result.passed
    assert [f.arm for f in result.findings if f.figure == "unfinished runs"] == [
        "mlp 4000p, rate 1"
    ]


def test_a_recipe_that_is_gone_is_not_called_another(tmp_path):
    short = [synthetic.make(seed=s, steps=60) for s in range(3)]
    a = synthetic.save([*short, *(synthetic.make(seed=s) for s in range(3))], tmp_path / "a")
    b = synthetic.save(short, tmp_path / "b")
    assert gate.gate([a], [b]).missing == ("mlp 4000p, 1000 steps on digits",)


def test_another_scale_is_another_setting_and_needs_no_name():
    records = [synthetic.make(), synthetic.make(scale="smoke", steps=20)]
    assert names(records) == ["mlp 4000p", "mlp 4000p"]
    assert machines.pairs_of_settings(load(records)) == []
    assert machines.maps(load(records)) == []


@pytest.mark.parametrize("rates", [(0.001, 0.003), (0.001, 0.003, 0.01)])
def test_every_verdict_can_be_given_with_several_recipes(rates):
    records = [
        tuned(rate, model=model, seed=seed)
        for rate in rates
        for model in ("mlp", "dann")
        for seed in range(3)
    ]
    (found,) = verdict.verdicts(load(records))
    assert len(found.quality) == 2 * len(rates) - 1


def test_the_gate_does_not_hold_one_recipe_against_another(tmp_path):
    same = [synthetic.make(model="dann", seed=s) for s in range(3)]
    a = synthetic.save([*same, *(synthetic.make(seed=s) for s in range(3))], tmp_path / "a")
    b = synthetic.save([*same, *(tuned(0.01, seed=s) for s in range(3))], tmp_path / "b")
    result = gate.gate([a], [b])
    assert {f.arm for f in result.findings} == {"dann 4000p"}
    assert result.missing == ("mlp 4000p, rate 0.003 on digits (trained by another recipe)",)


def test_runs_of_older_code_are_left_out_and_counted():
    old = [synthetic.make(seed=s, version="a" * 16) for s in range(3)]
    new = [
        synthetic.make(seed=s, version="b" * 16, started="2026-03-04T00:00:00Z") for s in range(2)
    ]
    made = load([*old, *new])
    facts = summary.facts(made)
    assert facts.superseded == 2
    assert facts.of_two_codes == ("mlp 4000p on digits",)
    assert "2 older runs" in summary.sentences(made, verdict.verdicts(made))[2]
    assert made.arms["runs"].item() == 3
