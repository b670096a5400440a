import pytest

import synthetic
from neurojoule.errors import UserError
from neurojoule_reports import frames, machines, render, text


def folder(path, **facts):
    models = ("mlp", "dann", "perceptron")
    records = [
        synthetic.make(model=model, seed=seed, cost=1 + i, **facts)
        for i, model in enumerate(models)
        for seed in range(5)
    ]
    return synthetic.save(records, path)


def load(*folders):
    return frames.load(folders)


def test_a_planted_factor_between_two_machines_is_found(tmp_path):
    # The synthetic workstation needs 0.35 of the laptop's time.
    made = load(folder(tmp_path / "a"), folder(tmp_path / "b", machine="workstation"))
    (found,) = machines.pairs_of_settings(made)
    assert len(found.rows) == 3
    for row in found.rows:
        ratio = row.ratios["train_time_s"]
        assert ratio.n == 5
        assert ratio.low < 0.35 * 1.02
        assert ratio.high > 0.35 * 0.98
        assert ratio.value == pytest.approx(0.35, rel=0.08)


def test_the_order_of_the_models_agrees(tmp_path):
    made = load(folder(tmp_path / "a"), folder(tmp_path / "b", machine="workstation"))
    (found,) = machines.pairs_of_settings(made)
    tau = {a.figure: a.tau for a in found.agreements}
    assert tau["training time"] == pytest.approx(1)


def test_joules_of_different_grades_are_settled_by_dominance_only(tmp_path):
    made = load(
        folder(tmp_path / "a"), folder(tmp_path / "b", machine="workstation", grade="measured")
    )
    (found,) = machines.pairs_of_settings(made)
    refusals = {row.ratios["train_energy_j"].refusal for row in found.rows}
    assert all(words.startswith("not settled (") for words in refusals)
    assert all(not row.ratios["train_time_s"].refusal for row in found.rows)
    assert "not settled" in found.note


def test_the_terminal_gets_the_same_numbers(tmp_path):
    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", machine="workstation")
    (found,) = machines.pairs_of_settings(load(a, b))
    printed = machines.compare([a], [b])
    assert "A: laptop" in printed
    assert "B: workstation" in printed
    for row in found.rows:
        assert str(row.ratios["train_time_s"]) in printed


def test_two_versions_on_one_machine_are_compared_too(tmp_path):
    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", version="f" * 16)
    assert "× " in machines.compare([a], [b])


def test_nothing_in_common_is_said(tmp_path):
    a, b = folder(tmp_path / "a"), folder(tmp_path / "b", task="xor")
    assert "no finished run" in machines.compare([a], [b])
    empty = synthetic.save([], tmp_path / "c")
    assert "no finished run" in machines.compare([a], [empty])
    with pytest.raises(UserError, match="is not a folder"):
        machines.compare([a], [tmp_path / "nowhere"])


def test_the_map_divides_by_a_point_model_of_the_same_machine(tmp_path):
    made = load(folder(tmp_path / "a"), folder(tmp_path / "b", machine="workstation"))
    time_map = next(m for m in machines.maps(made) if m.figure == "training time")
    assert time_map.baseline in {"mlp 4000p", "perceptron 4000p"}
    values = dict(time_map.rows)
    assert values[time_map.baseline] == (0.0, 0.0)


def test_the_page_compares_machines_where_there_are_two(tmp_path):
    one = render.report([folder(tmp_path / "a")], tmp_path / "r1", formats=["html"])
    assert "arm by arm" not in one.path.read_text(encoding="utf-8")
    two = render.report(
        [tmp_path / "a", folder(tmp_path / "b", machine="workstation")],
        tmp_path / "r2",
        formats=["html"],
    )
    assert "arm by arm" in two.path.read_text(encoding="utf-8")


def test_tables_line_up_with_wide_letters_and_without_control_ones():
    made = text.table(["Name", "N"], [["\u6a39\u7a81", "1"], ["a\nb\x1b", "22"]], left=1)
    assert made.splitlines() == ["Name   N", "----  --", "\u6a39\u7a81   1", "a b   22"]


def test_markdown_cells_cannot_leave_their_table():
    made = text.markdown(["Name", "N"], [["a|b<img>`\n", "1"]], left=1)
    assert made.splitlines()[2] == "| a\\|b&lt;img>\\`  | 1 |"


def test_two_scales_of_one_machine_are_no_two_machines(tmp_path):
    made = load(folder(tmp_path / "a"), folder(tmp_path / "b", scale="full"))
    assert machines.pairs_of_settings(made) == []
    assert machines.maps(made) == []


def test_the_middle_of_two_arms_lies_between_them():
    def row(arm, ratio):
        return machines.Row("s", "t", arm, {c: ratio for c, _ in machines.FIGURES})

    two = [row("a", machines.Ratio(3, 1.0, 1.0, 1.0)), row("b", machines.Ratio(3, 4.0, 4.0, 4.0))]
    refused = row("c", machines.Ratio(1, refusal="not enough runs (1 of 3)"))
    words = machines.Sides("x", "y", tuple(two), ()).words
    assert words.startswith("y needs, by the median of 2 arms: 2.50 times the training time, ")
    assert (
        "2.50 times the training time (of 2 arms)"
        in machines.Sides("x", "y", (*two, refused), ()).words
    )
