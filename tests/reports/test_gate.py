import msgspec
import pytest

import synthetic
from neurojoule.errors import UserError
from neurojoule_reports import gate

MODELS = ("mlp", "dann", "perceptron", "dcaap")


def folder(path, *, seeds=6, change=None, **facts):
    """Runs of four models; `change` edits each record."""
    records = [
        synthetic.make(model=model, seed=seed, **facts) for model in MODELS for seed in range(seeds)
    ]
    return synthetic.save([change(r) if change else r for r in records], path)


def again(path, *, cost=1.0, **facts):
    """The same work measured again, by changed code: new noise, a planted cost."""
    return folder(path, version="f" * 16, cost=cost, **facts)


def judge(a, b):
    return gate.gate([a], [b])


def failing(result):
    return {(f.task, f.figure) for f in result.findings if f.fails}


def test_the_same_runs_pass(tmp_path):
    result = judge(folder(tmp_path / "a"), tmp_path / "a")
    assert result.passed
    assert all(f.verdict == "same" for f in result.findings)
    assert result.annotations == ""
    assert result.sentence.startswith("The gate passes")


def test_the_same_work_measured_again_passes(tmp_path):
    assert judge(folder(tmp_path / "a"), again(tmp_path / "b")).passed


def test_a_rise_of_a_fifth_in_cpu_seconds_and_energy_fails(tmp_path):
    result = judge(folder(tmp_path / "a"), again(tmp_path / "b", cost=1.2))
    assert not result.passed
    assert ("all", "CPU seconds") in failing(result)
    assert ("all", "training energy") in failing(result)
    overall = next(f for f in result.findings if f.task == "all" and f.figure == "CPU seconds")
    assert overall.change == pytest.approx(1.2, rel=0.05)


def test_one_operation_in_a_hundred_more_fails_even_with_one_run(tmp_path):
    def heavier(record):
        work = msgspec.structs.replace(
            record.work, training_flops=record.work.training_flops * 1.01
        )
        return msgspec.structs.replace(record, work=work)

    a, b = folder(tmp_path / "a", seeds=1), folder(tmp_path / "b", seeds=1, change=heavier)
    result = judge(a, b)
    assert failing(result) == {("digits", "training operations")}
    assert not judge(b, a).findings[0].fails


def test_worse_quality_fails_and_better_does_not(tmp_path):
    def worse(record):
        quality = msgspec.structs.replace(record.quality, test=record.quality.test - 0.05)
        return msgspec.structs.replace(record, quality=quality)

    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", change=worse)
    assert failing(judge(a, b)) == {("digits", "quality")}
    assert judge(b, a).passed


def test_energy_of_another_grade_is_not_compared(tmp_path):
    a, b = folder(tmp_path / "a"), again(tmp_path / "b", grade="measured", cost=3)
    assert "training energy" not in {f.figure for f in judge(a, b).findings}
    assert ("all", "CPU seconds") in failing(judge(a, b))


def test_invalid_energy_is_not_compared(tmp_path):
    a = folder(tmp_path / "a")
    b = again(tmp_path / "b", valid=False, reasons=("contaminated",))
    assert "training energy" not in {f.figure for f in judge(a, b).findings}


def test_another_machine_is_held_to_counts_and_quality_only(tmp_path):
    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", machine="workstation")
    result = judge(a, b)
    assert result.passed
    assert {f.figure for f in result.findings} == {
        "quality", "parameters", "training operations", "inference operations",
    }  # fmt: skip


def test_runs_that_no_longer_finish_fail(tmp_path):
    b = again(tmp_path / "b", status="diverged")
    result = judge(folder(tmp_path / "a"), b)
    assert failing(result) == {("digits", "unfinished runs")}
    assert "0.0 % to 100.0 %" in result.table


def test_few_runs_say_so_and_do_not_fail(tmp_path):
    result = judge(folder(tmp_path / "a", seeds=2), again(tmp_path / "b", seeds=2))
    words = {f.verdict for f in result.findings if f.figure == "quality"}
    assert words == {"not enough runs (2 of 3)"}
    assert result.passed


def test_arms_that_are_gone_are_named(tmp_path):
    a = folder(tmp_path / "a")
    b = synthetic.save([synthetic.make(seed=s) for s in range(3)], tmp_path / "b")
    assert judge(a, b).missing == tuple(sorted(f"{m} 4000p on digits" for m in MODELS[1:]))


def test_annotations_are_escaped_for_github(tmp_path):
    name = "bad,name:\n% x"
    a = synthetic.save([synthetic.make(model=name, seed=0)], tmp_path / "a")
    b = synthetic.save([synthetic.make(model=name, seed=0, flops_per_parameter=3)], tmp_path / "b")
    line = judge(a, b).annotations.splitlines()[0]
    assert line.startswith("::error title=bad%2Cname%3A%0A%25 x 4000p on digits::")


def test_a_gate_that_can_compare_nothing_is_an_error_and_does_not_pass(tmp_path):
    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", task="xor")
    with pytest.raises(UserError, match=r"Nothing .* can be compared .*dann 4000p on digits"):
        judge(a, b)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="baseline holds no record"):
        judge(tmp_path / "empty", b)
    with pytest.raises(UserError, match="folder of new runs holds no record"):
        judge(a, tmp_path / "empty")
    with pytest.raises(UserError, match="is not a folder"):
        judge(a, tmp_path / "nowhere")


def test_arms_trained_by_another_recipe_are_not_the_same_work(tmp_path):
    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", steps=2000)
    with pytest.raises(UserError, match=r"trained by another recipe"):
        judge(a, b)


def test_all_runs_failed_before_and_after_is_said(tmp_path):
    a = folder(tmp_path / "a", status="failed", error="broken")
    with pytest.raises(UserError, match="no run of both ended well"):
        judge(a, a)


def test_a_machine_with_the_same_name_and_another_cpu_is_another_machine(tmp_path):
    facts = {"cpu_model": "Other CPU", "cpu_threads": 4}
    a, b = folder(tmp_path / "a"), again(tmp_path / "b", cost=3, machine_facts=facts)
    result = judge(a, b)
    assert {f.figure for f in result.findings}.isdisjoint({"CPU seconds", "training energy"})
    (note,) = result.notes
    assert "not compared on laptop" in note
    assert "cpu_model was Example CPU @ 2.00GHz and is Other CPU" in note
    assert note in result.table


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"grade": "measured", "cost": 3}, "its grade is guessed before and measured now"),
        ({"valid": False, "reasons": ("contaminated",)}, "Of 24 pairs, 24 were not compared"),
        ({"machine": "workstation"}, "the baseline was measured on laptop, the new runs on work"),
    ],
)
def test_what_was_not_compared_is_said_with_the_reason(tmp_path, facts, words):
    result = judge(folder(tmp_path / "a"), again(tmp_path / "b", **facts))
    assert len(result.notes) == 1
    assert words in result.notes[0]
    assert words in result.table
    assert "::warning title=neurojoule gate::" in result.annotations


def test_a_file_that_is_no_record_is_named(tmp_path):
    a, b = folder(tmp_path / "a"), again(tmp_path / "b")
    (b / "cut.json").write_text("{")
    assert judge(a, b).notes == ("Set aside in the new runs, being no whole records: cut.json.",)


def test_energy_whose_interval_holds_no_change_does_not_fail(tmp_path):
    a = folder(tmp_path / "a")
    # By turns half as dear and twice as dear: the logarithms have a mean near 0 and a wide spread.
    wild = [
        synthetic.make(model=m, seed=s, version="f" * 16, cost=0.5 if s % 2 else 2.0)
        for m in MODELS
        for s in range(6)
    ]
    result = judge(a, synthetic.save(wild, tmp_path / "b"))
    energies = [f for f in result.findings if f.figure == "training energy"]
    assert len(energies) == len(MODELS) + 1
    assert not any(f.fails for f in energies)


def test_the_summary_is_markdown_in_which_names_are_harmless(tmp_path):
    name = "a|b <img src=x>`\n# head"
    a = synthetic.save([synthetic.make(model=name, seed=0)], tmp_path / "a")
    b = synthetic.save([synthetic.make(model=name, seed=0, flops_per_parameter=3)], tmp_path / "b")
    lines = judge(a, b).markdown.splitlines()
    assert lines[0] == "## neurojoule gate"
    assert lines[2].startswith("The gate fails: 2 of")
    assert lines[4].startswith("| Task | Arm | Figure |")
    assert sum(line.startswith("#") for line in lines) == 1
    rows = [line for line in lines if "training operations" in line]
    assert len(rows) == 1
    assert "a\\|b &lt;img" in rows[0]
    assert rows[0].endswith("| worse, fails |")


@pytest.mark.parametrize(("times", "verdict"), [(1.5, "worse"), (0.5, "better")])
def test_a_loss_that_rises_is_worse_and_one_that_falls_is_better(tmp_path, times, verdict):
    def loss(factor):
        def change(record):
            quality = record.quality
            test = factor * (1 - quality.test)
            quality = msgspec.structs.replace(
                quality, metric="log_loss", higher_is_better=False, test=test
            )
            return msgspec.structs.replace(record, quality=quality)

        return change

    a = folder(tmp_path / "a", change=loss(1.0))
    b = folder(tmp_path / "b", version="f" * 16, change=loss(times))
    found = [f.verdict for f in judge(a, b).findings if f.figure == "quality"]
    assert set(found) == {verdict}


def test_an_arm_that_is_gone_in_one_setup_alone_is_named_with_it(tmp_path):
    both = [synthetic.make(seed=s, setup=f"cpu:{n}") for s in range(3) for n in (1, 2)]
    a = synthetic.save(both, tmp_path / "a")
    b = synthetic.save([r for r in both if r.spec.setup.threads == 1], tmp_path / "b")
    assert judge(a, b).missing == ("mlp 4000p on digits (at cpu:2)",)
