"""Spiking Heidelberg digits: read in the published layout, refused in words otherwise."""

import h5py
import numpy as np
import pytest
import torch

from neurojoule.errors import UserError
from neurojoule.registry import get_task
from neurojoule.tasks import shd

PUBLISHED = dict(shd.SAMPLES)


def write(path, labels, times, units):
    with h5py.File(path, "w") as file:
        file["labels"] = np.asarray(labels, np.uint16)
        group = file.create_group("spikes")
        for name, entries, kind in (("times", times, np.float16), ("units", units, np.uint16)):
            ragged = group.create_dataset(name, (len(entries),), h5py.vlen_dtype(kind))
            for i, entry in enumerate(entries):
                ragged[i] = np.asarray(entry, kind)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """40 training samples, 2 a class, and 20 for test; sample i spikes once, on channel i.

    As if so many had been published.
    """
    monkeypatch.setattr(shd, "SAMPLES", {"shd_train.h5": 40, "shd_test.h5": 20})
    monkeypatch.setenv("NEUROJOULE_DATA", "")
    monkeypatch.setenv("NEUROJOULE_SHD", str(tmp_path))
    for name, count in (("shd_train.h5", 40), ("shd_test.h5", 20)):
        numbers = range(count)
        write(tmp_path / name, [i % 20 for i in numbers], [[0.5]] * count, [[i] for i in numbers])
    return tmp_path


def test_a_spike_lands_in_its_channel_and_bin(tmp_path):
    path = tmp_path / "some.h5"
    write(path, [3, 19], [[0.0, 0.03, 0.031, 1.37], [0.7]], [[0, 699, 699, 5], [350]])
    x, y = shd.read(path)
    assert x.shape == (2, 700, 50)
    assert y.tolist() == [3, 19]
    # Bins of 28 ms: 30 and 31 ms are in the second, 1.37 s is in the 49th, 0.7 s in the 26th.
    assert x.nonzero().tolist() == [[0, 0, 0], [0, 5, 48], [0, 699, 1], [1, 350, 25]]


@pytest.mark.usefixtures("folder")
def test_validation_is_taken_out_of_the_training_file_by_class(monkeypatch):
    monkeypatch.setattr(shd, "VALIDATION", 0.5)
    task = get_task("shd")
    assert task.needs() is None
    parts = {split: task.load(split) for split in ("train", "validation", "test")}
    assert {split: len(y) for split, (_, y) in parts.items()} == {
        "train": 20,
        "validation": 20,
        "test": 20,
    }
    channels = {split: x.amax(2).argmax(1).tolist() for split, (x, _) in parts.items()}
    assert sorted(channels["train"] + channels["validation"]) == list(range(40))
    assert channels["test"] == list(range(20))
    for _, y in parts.values():
        assert torch.equal(y.bincount(minlength=20), torch.ones(20, dtype=torch.int64))


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("train", r"shd_train\.h5 holds 40 samples; the published file has 8,156.*\.gz d47c9825"),
        ("validation", r"shd_train\.h5 holds 40 samples"),
        ("test", r"shd_test\.h5 holds 20 samples; the published file has 2,264.*\.gz 3062a80e"),
    ],
)
def test_another_number_of_samples_than_published_is_refused(folder, monkeypatch, split, words):
    monkeypatch.setattr(shd, "SAMPLES", PUBLISHED)
    with pytest.raises(UserError, match=words) as caught:
        get_task("shd").load(split)
    assert str(folder) in str(caught.value)


def test_what_is_missing_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROJOULE_DATA", "")
    monkeypatch.setenv("NEUROJOULE_SHD", "")
    task = get_task("shd")
    assert "Neither variable is set" in task.needs()
    monkeypatch.setenv("NEUROJOULE_DATA", str(tmp_path))
    assert f"Not found in: {tmp_path / 'SHD'}" in task.needs()
    with pytest.raises(UserError, match="zenkelab"):
        task.load("train")


@pytest.mark.usefixtures("folder")
def test_without_h5py_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shd, "find_spec", lambda _: None)
    assert "pip install 'neurojoule[shd]'" in get_task("shd").needs()


@pytest.mark.parametrize(
    ("labels", "times", "units", "words"),
    [
        ([20], [[0.1]], [[3]], "holds the class 20"),
        ([2], [[0.1]], [[700]], "holds the unit 700"),
        ([2], [[9.0]], [[3]], "time in seconds 9.0"),
        ([2, 3], [[0.1]], [[3]], "2 labels, 1 lists"),
        ([2], [[0.1, 0.2]], [[3]], "each time with its unit"),
        ([], [], [], "holds no sample"),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path, labels, times, units, words):
    write(tmp_path / "bad.h5", labels, times, units)
    with pytest.raises(UserError, match=words):
        shd.read(tmp_path / "bad.h5")


@pytest.mark.parametrize("content", [b"", b"no file of this kind", "no group"])
def test_a_foreign_file_is_named(tmp_path, content):
    path = tmp_path / "bad.h5"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with h5py.File(path, "w") as file:
            file["labels"] = [1]
    with pytest.raises(UserError, match=r"bad\.h5 is no file of spiking Heidelberg digits"):
        shd.read(path)
