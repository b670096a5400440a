"""IDX files: read strictly, found where they may lie, and missed in plain words."""

import gzip
import hashlib
import os
import struct

import numpy as np
import pytest
import torch

from neurojoule.errors import UserError
from neurojoule.registry import get_task
from neurojoule.tasks import checksums
from neurojoule.tasks.checksums import Published
from neurojoule.tasks.idx import read_idx

FILES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]
VARIABLES = ["NEUROJOULE_DATA", *(f"NEUROJOULE_{n}" for n in ("MNIST", "FASHION_MNIST", "KMNIST"))]


def idx(shape, data, magic=(0, 0, 8)):
    return bytes((*magic, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + data


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No variable names a folder; gives one that is empty."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
    return tmp_path


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """Four files of the right shapes: image i is all i % 251, its class i % 10."""
    folder = tmp_path_factory.mktemp("raw")
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        number = np.arange(count)
        images = np.broadcast_to((number % 251).astype(np.uint8)[:, None], (count, 784))
        for name, data in (
            ("images-idx3", idx((count, 28, 28), images.tobytes())),
            ("labels-idx1", idx((count,), (number % 10).astype(np.uint8).tobytes())),
        ):
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(data, 1))
    return folder


@pytest.fixture
def published(complete, monkeypatch):
    """As if those four files were the published ones of every set."""
    sums = {
        name: Published(hashlib.md5((complete / name).read_bytes()).hexdigest()) for name in FILES
    }
    for name in checksums.IDX:
        monkeypatch.setitem(checksums.IDX, name, dict(sums))


def link(files, folder):
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).symlink_to(files / name)


def test_bytes_are_read_in_their_shape(tmp_path):
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(idx((2, 3), bytes(range(6)))))
    assert read_idx(path, (2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"not a gzip file", "cannot be unpacked"),
        (b"", "begins with nothing"),
        (gzip.compress(idx((2, 3), bytes(6)))[:-9], "cannot be unpacked"),
        (gzip.compress(b""), "begins with nothing"),
        (gzip.compress(idx((2, 3), bytes(6), magic=(0, 0, 13))), "begins with 00 00 0d 02"),
        (gzip.compress(idx((6,), bytes(6))), "in 2 dimensions"),
        (gzip.compress(idx((2, 3), bytes(6))[:9]), "cut off within its header"),
        (gzip.compress(idx((3, 2), bytes(6))), r"shape \(3, 2\); expected \(2, 3\)"),
        (gzip.compress(idx((2, 3), bytes(5))), "holds 5 values where its header announces 6"),
        (gzip.compress(idx((2, 3), bytes(7))), "holds 7 values where its header announces 6"),
    ],
)
def test_a_foreign_or_cut_off_file_is_named_with_what_is_wrong(tmp_path, data, words):
    path = tmp_path / "bad.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match=words) as caught:
        read_idx(path, (2, 3))
    assert str(path) in str(caught.value)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_what_is_missing_is_said_before_anything_runs(name, tmp_path, monkeypatch):
    task = get_task(name)
    reason = task.needs()
    assert all(file in reason for file in FILES)
    assert f"NEUROJOULE_{name.upper()}" in reason
    assert "Neither variable is set" in reason
    with pytest.raises(UserError, match="Put them into a folder"):
        task.load("train")
    monkeypatch.setenv("NEUROJOULE_DATA", str(tmp_path))
    assert f"Not found in: {tmp_path}" in task.needs()


@pytest.mark.parametrize(
    ("name", "variable", "inside"),
    [
        ("mnist", "NEUROJOULE_DATA", "MNIST/raw"),
        ("mnist", "NEUROJOULE_DATA", "MNIST"),
        ("mnist", "NEUROJOULE_DATA", "."),
        ("mnist", "NEUROJOULE_MNIST", "."),
        ("fashion_mnist", "NEUROJOULE_DATA", "FashionMNIST/raw"),
        ("kmnist", "NEUROJOULE_DATA", "KMNIST/raw"),
        ("kmnist", "NEUROJOULE_KMNIST", "raw"),
    ],
)
def test_files_are_found_in_torchvisions_layout_and_in_a_folder_of_their_own(
    name, variable, inside, complete, nowhere
):
    home = nowhere / "data"
    link(complete, home / inside)
    os.environ[variable] = str(home)
    assert get_task(name).needs() is None


@pytest.mark.usefixtures("nowhere")
def test_files_of_one_set_are_not_taken_for_another_of_the_same_file_names(complete, monkeypatch):
    monkeypatch.setenv("NEUROJOULE_DATA", str(complete))
    assert get_task("mnist").needs() is None
    assert get_task("fashion_mnist").needs() is not None
    assert get_task("kmnist").needs() is not None


@pytest.mark.usefixtures("nowhere", "published")
def test_the_last_ten_thousand_are_for_validation_and_pixels_lie_in_0_to_1(complete, monkeypatch):
    monkeypatch.setenv("NEUROJOULE_FASHION_MNIST", str(complete))
    first = {"train": 0, "validation": 50_000, "test": 0}
    count = {"train": 50_000, "validation": 10_000, "test": 10_000}
    for split, start in first.items():
        x, y = get_task("fashion_mnist").load(split)
        assert x.shape == (count[split], 28, 28)
        number = torch.arange(start, start + count[split])
        assert torch.equal(y, number % 10)
        torch.testing.assert_close(x[:, 13, 7], (number % 251) / 255)
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)


@pytest.mark.usefixtures("nowhere", "published")
def test_a_class_beyond_nine_is_refused(complete, tmp_path, monkeypatch):
    link(complete, tmp_path / "raw")
    archive = gzip.compress(idx((10_000,), bytes(9_999) + b"\x0a"))
    (tmp_path / "raw" / FILES[3]).unlink()
    (tmp_path / "raw" / FILES[3]).write_bytes(archive)
    own = Published(hashlib.md5(archive).hexdigest())
    monkeypatch.setitem(checksums.IDX["MNIST"], FILES[3], own)
    monkeypatch.setenv("NEUROJOULE_MNIST", str(tmp_path))
    with pytest.raises(UserError, match="has a class 10; expected 0 to 9"):
        get_task("mnist").load("test")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_files_of_the_right_form_with_other_content_are_refused(complete, monkeypatch, name, split):
    monkeypatch.setenv(f"NEUROJOULE_{name.upper()}", str(complete))
    with pytest.raises(UserError, match="is not the published file: its MD5 is") as caught:
        get_task(name).load(split)
    words = str(caught.value)
    part = "t10k" if split == "test" else "train"
    path = complete / f"{part}-images-idx3-ubyte.gz"
    assert str(path) in words
    assert hashlib.md5(path.read_bytes()).hexdigest() in words
    assert "A task in ten minutes" in words
    assert ("packed anew it is not recognised" in words) == (name != "mnist")


@pytest.mark.usefixtures("nowhere", "published")
def test_one_pixel_changed_is_noticed(complete, tmp_path, monkeypatch):
    link(complete, tmp_path / "raw")
    content = bytearray(gzip.decompress((complete / FILES[2]).read_bytes()))
    content[-1] ^= 1
    (tmp_path / "raw" / FILES[2]).unlink()
    (tmp_path / "raw" / FILES[2]).write_bytes(gzip.compress(bytes(content), 1))
    monkeypatch.setenv("NEUROJOULE_MNIST", str(tmp_path))
    with pytest.raises(UserError, match=r"t10k-images.* is not the published file"):
        get_task("mnist").load("test")


def test_the_same_content_packed_anew_is_as_good(tmp_path):
    content = idx((2, 3), bytes(range(6)))
    first, anew = gzip.compress(content, 9, mtime=1), gzip.compress(content, 1, mtime=2)
    assert first != anew
    path = tmp_path / "some.gz"
    path.write_bytes(anew)
    known = Published(hashlib.md5(first).hexdigest(), hashlib.sha256(content).hexdigest())
    assert read_idx(path, (2, 3), known).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(UserError, match="packed anew it is not recognised"):
        read_idx(path, (2, 3), Published(known.archive_md5))


def test_a_file_cut_off_is_called_cut_off_and_not_another_file(tmp_path):
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(idx((2, 3), bytes(5))))
    with pytest.raises(UserError, match="holds 5 values where its header announces 6"):
        read_idx(path, (2, 3), Published("0" * 32))


def test_every_set_has_its_four_checksums_and_no_two_files_the_same():
    entries = [entry for files in checksums.IDX.values() for entry in files.values()]
    assert all(list(files) == FILES for files in checksums.IDX.values())
    assert len({entry.archive_md5 for entry in entries}) == len(entries) == 12
    assert all(len(bytes.fromhex(entry.archive_md5)) == 16 for entry in entries)
    assert all(len(bytes.fromhex(e.content_sha256)) == 32 for e in entries if e.content_sha256)


@pytest.mark.skipif(
    get_task("mnist").needs() is not None,
    reason="NEUROJOULE_DATA or NEUROJOULE_MNIST does not name a folder with the files of MNIST",
)
def test_real_mnist_is_itself():
    x, y = get_task("mnist").load("test")
    assert y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]  # its well-known beginning
    assert y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    train = get_task("mnist").load("train")[0]
    validation = get_task("mnist").load("validation")[0]
    together = torch.cat((train, validation))
    # The mean and deviation that everybody normalises by.
    assert together.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert together.std().item() == pytest.approx(0.3081, abs=1e-4)
    assert x.shape == (10_000, 28, 28)
