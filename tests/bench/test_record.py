"""A record is whole or absent, strict when written and when read."""

import json
import math

import msgspec
import pytest

from neurojoule.errors import UserError
from neurojoule.record import ranked_j
from neurojoule.storage import BadRecordError, decode, encode, read, write
from records import WINDOW, record


def test_a_record_survives_the_disk_unchanged(tmp_path):
    path = write(record(), tmp_path)
    assert decode(path.read_bytes()) == record()
    assert [p.name for p in tmp_path.iterdir()] == ["xor-mlp-1.json"]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_is_none_is_never_written(bad):
    with pytest.raises(ValueError, match=r"NaN|readable"):
        encode(record(footprint_j=bad))


def test_a_write_that_fails_leaves_neither_half_a_record_nor_a_temporary_file(
    tmp_path, monkeypatch
):
    def full_disk(_descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write(record(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_gives_good_records_and_names_bad_ones(tmp_path):
    whole = encode(record())
    (tmp_path / "a.json").write_bytes(whole)
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "foreign.json").write_text('{"hello": 1}')
    (tmp_path / "older.json").write_bytes(encode(record(schema=0, run_id="older")))
    unknown = json.loads(whole) | {"surprise": 1}
    (tmp_path / "newer.json").write_text(json.dumps(unknown))
    spec = json.loads(whole)["spec"] | {"scale": "huge"}
    (tmp_path / "huge.json").write_text(json.dumps(json.loads(whole) | {"spec": spec}))
    (tmp_path / ".half.json.part").write_bytes(b"{")
    folder = read([tmp_path])
    assert folder.records == (record(),)
    reasons = {path.name: reason for path, reason in folder.set_aside}
    assert set(reasons) == {"cut.json", "foreign.json", "huge.json", "newer.json", "older.json"}
    assert "'huge'" in reasons["huge.json"]
    assert "schema 0" in reasons["older.json"]
    assert "surprise" in reasons["newer.json"]


def test_the_same_record_in_two_folders_counts_once_and_two_that_contradict_are_named(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    write(record(), one)
    write(record(), two)
    assert len(read([one, two]).records) == 1
    write(record(footprint_j=2.0), two)
    folder = read([one, two])
    assert len(folder.records) == 1
    assert "contradicts" in folder.set_aside[0][1]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        read([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("schema", "way_out"), [(0, "Run again, or read it with the"), (7, "newer neurojoule wrote it")]
)
def test_a_record_of_another_schema_is_refused_by_number(schema, way_out):
    with pytest.raises(BadRecordError, match=f"here has schema {schema}; .*{way_out}"):
        decode(encode(record(schema=schema)), "here")


@pytest.mark.parametrize("schema", [0, 2])
def test_another_schema_is_named_even_when_its_fields_are_others(schema):
    older = json.loads(encode(record())) | {"schema": schema, "joules": 3.0}
    del older["run_id"]
    older["quality"]["test"] = "good"
    with pytest.raises(BadRecordError, match=f"has schema {schema}; this version reads schema 1"):
        decode(json.dumps(older).encode())


def test_a_record_from_before_a_field_was_added_is_read_with_the_fields_default():
    old = json.loads(encode(record()))
    for optional in ("ceilings", "footprint_j", "robustness", "claims_hash", "attempts"):
        old.pop(optional, None)
    old["quality"].pop("measures", None)
    for optional in ("thermal_throttles", "gpu_processes", "gpu_slowed_s"):
        old["state_before"].pop(optional)
    read_again = decode(json.dumps(old).encode())
    assert read_again.footprint_j is None
    assert read_again.attempts == 1
    assert read_again.quality == record().quality


def test_an_unknown_component_makes_the_sum_unknown_and_not_smaller():
    broken = tuple(msgspec.structs.replace(c, energy_j=None) for c in WINDOW.components[:1])
    window = msgspec.structs.replace(WINDOW, components=(*broken, WINDOW.components[1]))
    assert WINDOW.energy_j() == 48.0
    assert WINDOW.energy_j("cpu") == 8.0
    assert window.energy_j() is None
    assert window.energy_j("ram") == 40.0


def test_ram_is_left_out_of_rankings_and_an_unknown_cpu_is_not_zero():
    assert ranked_j({"cpu": 2.0, "gpu": 3.0, "ram": 10.0}) == 5.0
    assert ranked_j({"cpu": None, "ram": 10.0}) is None
    assert ranked_j({"ram": 10.0}) is None


def test_the_foreign_share_is_what_this_run_did_not_do():
    assert WINDOW.foreign_share == pytest.approx(0.05)
    quiet = msgspec.structs.replace(WINDOW, cpu_s=2.01)  # clocks tick apart
    assert quiet.foreign_share == 0
    blind = msgspec.structs.replace(WINDOW, machine_cpu_s=None)
    assert blind.foreign_share is None
