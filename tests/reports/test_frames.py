import msgspec
import pytest

import synthetic
from neurojoule.errors import UserError
from neurojoule_reports import frames
from neurojoule_reports.columns import AXES, RUN_COLUMNS


def arms_of(records):
    return frames.arms(frames.runs(records))


def test_every_run_is_a_row_with_the_documented_columns():
    table = frames.runs(list(synthetic.study(seeds=2)))
    assert list(table.columns) == [column.name for column in RUN_COLUMNS]
    assert len(table) == len(list(synthetic.study(seeds=2)))


def test_figures_are_those_of_the_record():
    record = synthetic.make(seed=3)
    ((_, row),) = frames.runs([record]).iterrows()
    assert row["train_time_s"] == record.train.time_s
    assert row["train_energy_j"] == record.train.energy_j["cpu"]
    assert row["train_ram_j"] == record.train.energy_j["ram"]
    assert row["quality"] == record.quality.test
    assert row["samples"] == 1000 * 64
    assert row["training_samples"] == 4000
    idle = record.idle
    power = sum(w.energy_j("cpu") for w in idle) / sum(w.time_s for w in idle)
    mean = sum(record.train.repeats_time_s) / len(record.train.repeats_time_s)
    assert row["idle_power_w"] == pytest.approx(power)
    assert row["train_net_j"] == pytest.approx(record.train.energy_j["cpu"] - power * mean)


def test_a_step_of_a_stream_has_columns_of_its_own_and_none_where_it_was_not_measured():
    record = synthetic.make(seed=3)
    streaming = msgspec.structs.replace(
        record.inference, batch_size=1, time_s=2e-5, energy_j={"cpu": 3e-4, "ram": 1e-4}
    )
    streamed = msgspec.structs.replace(record, run_id="other", streaming=streaming)
    table = frames.runs([record, streamed]).set_index("run_id")
    row, without = table.loc["other"], table.loc[record.run_id]
    assert row["stream_time_s"] == 2e-5
    assert row["stream_energy_j"] == 3e-4
    assert row["stream_ram_j"] == 1e-4
    assert row["stream_energy_low_j"] < 3e-4 < row["stream_energy_high_j"]
    assert row["stream_latency_p50_s"] == record.inference.latency_p50_s
    assert row["infer_energy_j"] == without["infer_energy_j"]
    assert without.filter(like="stream_").isna().all()


def test_a_batch_larger_than_a_share_of_the_data_is_the_share():
    table = frames.runs([synthetic.make(share=1 / 128), synthetic.make(share=1 / 32)])
    seen = dict(zip(table["training_samples"], table["samples"], strict=True))
    assert seen == {31: 1000 * 31, 125: 1000 * 64}  # batches of 64


def test_energy_is_cpu_and_gpu_and_graded_by_the_worse():
    record = synthetic.make(grade="measured")
    train = record.train
    gpu = synthetic.component("gpu", 5.0, "modelled", "estimate")
    window = msgspec.structs.replace(train.window, components=(*train.window.components, gpu))
    energy = {**train.energy_j, "gpu": 5.0}
    train = msgspec.structs.replace(train, window=window, energy_j=energy)
    row = frames.runs([msgspec.structs.replace(record, train=train)]).iloc[0]
    assert row["train_energy_j"] == pytest.approx(energy["cpu"] + 5)
    assert row["grade"] == "modelled"


def test_an_unknown_component_leaves_the_energy_unknown_and_never_zero():
    record = synthetic.make(valid=False)
    row = frames.runs([record]).iloc[0]
    assert row[["train_energy_j", "train_net_j"]].isna().all()


def test_invalid_energy_is_not_ranked_but_the_quality_is():
    reason = ("contaminated",)
    bad = synthetic.make(seed=0, valid=False, reasons=reason, foreign=0.2)
    good = synthetic.make(seed=1)
    arms = arms_of([bad, good])
    assert arms["ok"].item() == 2
    assert arms["energy_runs"].item() == 1
    assert arms["train_energy_j"].item() == good.train.energy_j["cpu"]
    assert arms["train_time_s"].item() == good.train.time_s
    mean = (bad.quality.test + good.quality.test) / 2
    assert arms["quality"].item() == pytest.approx(mean)


def test_a_later_run_of_the_same_spec_supersedes_the_earlier_on_the_same_machine_only():
    old = synthetic.make(version="a" * 16, cost=2)
    new = synthetic.make(version="b" * 16, started="2026-03-03T10:00:00Z")
    other = synthetic.make(version="a" * 16, machine="workstation")
    table = frames.runs([new, old, other])
    assert table.loc[table["superseded"], "run_id"].tolist() == [old.run_id]
    arms = frames.arms(table).set_index("machine")
    assert arms.loc["laptop", "train_energy_j"] == new.train.energy_j["cpu"]
    assert arms.loc["laptop", "runs"] == 1


def test_medians_over_seeds_with_their_range_below_six_runs():
    records = [synthetic.make(seed=seed) for seed in range(3)]
    arms = arms_of(records)
    times = sorted(r.train.time_s for r in records)
    assert arms[["train_time_s_low", "train_time_s", "train_time_s_high"]].iloc[0].tolist() == times


def test_unfinished_runs_are_counted_and_do_not_enter_the_medians():
    records = [
        synthetic.make(seed=0),
        synthetic.make(seed=1, status="diverged"),
        synthetic.make(seed=2, status="failed", error="boom"),
        synthetic.make(seed=3, status="timeout"),
    ]
    arms = arms_of(records).iloc[0]
    counts = {s: int(arms[s]) for s in ("runs", "ok", "diverged", "failed", "timeout")}
    assert counts == {"runs": 4, "ok": 1, "diverged": 1, "failed": 1, "timeout": 1}
    assert arms["quality"] == records[0].quality.test


def test_machines_setups_and_scales_are_never_mixed():
    records = [
        synthetic.make(),
        synthetic.make(machine="workstation"),
        synthetic.make(setup="cpu:2"),
        synthetic.make(scale="full"),
    ]
    assert len(arms_of(records)) == 4


def test_no_records_give_empty_frames():
    table = frames.runs([])
    assert list(table.columns) == [column.name for column in RUN_COLUMNS]
    assert frames.arms(table).empty


def test_every_axis_has_its_columns():
    names = {column.name for column in RUN_COLUMNS}
    for axis in AXES:
        assert {axis.train, axis.infer} - {None} <= names


def test_a_missing_folder_is_a_clear_error_and_a_bad_file_is_set_aside(tmp_path):
    with pytest.raises(UserError, match="is not a folder of records"):
        frames.load([tmp_path / "nowhere"])
    synthetic.save([synthetic.make()], tmp_path)
    (tmp_path / "half.json").write_text('{"schema": 1, "run')
    loaded = frames.load([tmp_path])
    assert len(loaded.runs) == 1
    assert loaded.set_aside[0][0].name == "half.json"
