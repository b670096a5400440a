"""The cache gives what was made, notices damage, and says when it cannot write."""

import logging
import os

import numpy as np
import pytest

from neurojoule import cache
from neurojoule.errors import UserError


class Maker:
    """Counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.array([1, 2])}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROJOULE_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def same(given):
    expected = Maker()()
    assert given.keys() == expected.keys()
    for name, array in expected.items():
        assert array.dtype == given[name].dtype
        assert np.array_equal(array, given[name])


def test_arrays_are_made_once(folder):
    make = Maker()
    for _ in range(3):
        same(cache.arrays("some", make))
    assert make.asked == 1
    assert [path.name for path in folder.iterdir()] == ["some.npz"]


def damage(path, how):
    data = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "foreign":
        path.write_bytes(b"\x80\x04 not an archive")
    elif how == "one bit":
        place = data.index(np.float32(5).tobytes())
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    elif how == "exchanged":
        np.savez(path, x=np.zeros(3), sha256=np.array("0" * 64))
    elif how == "without a sum":
        np.savez(path, **Maker()())
    elif how == "pickled":
        np.savez(path, allow_pickle=True, x=np.array([{}], dtype=object))
    elif how == "a single array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "how",
    [
        "empty",
        "cut off",
        "foreign",
        "one bit",
        "exchanged",
        "without a sum",
        "pickled",
        "a single array",
    ],
)
def test_a_damaged_file_is_named_and_made_again(folder, how, caplog):
    make = Maker()
    cache.arrays("some", make)
    damage(folder / "some.npz", how)
    with caplog.at_level(logging.WARNING):
        same(cache.arrays("some", make))
    assert make.asked == 2
    assert "some.npz is damaged" in caplog.text
    same(cache.arrays("some", make))
    assert make.asked == 2


def test_an_unwritable_folder_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NEUROJOULE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="Set the environment variable NEUROJOULE_CACHE"):
        cache.arrays("some", Maker())


def test_without_a_variable_it_lies_in_the_users_cache(monkeypatch):
    monkeypatch.delenv("NEUROJOULE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", os.sep + "somewhere")
    assert "neurojoule" in cache.folder().parts


def test_the_checksum_tells_names_types_shapes_and_values_apart():
    one = {"a": np.zeros(4, np.float32)}
    others = [
        {"b": np.zeros(4, np.float32)},
        {"a": np.zeros(4, np.int32)},
        {"a": np.zeros((2, 2), np.float32)},
        {"a": np.ones(4, np.float32)},
        {},
    ]
    assert len({cache.checksum(arrays) for arrays in (one, *others)}) == 6
    assert cache.checksum({"a": np.zeros((3, 2)).T}) == cache.checksum({"a": np.zeros((2, 3))})
