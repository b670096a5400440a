"""The bundled digits: complete, divided once and for all."""

import torch
from sklearn.datasets import load_digits

from neurojoule.cache import checksum
from neurojoule.registry import get_task

SPLITS = {"train": 1257, "validation": 180, "test": 360}


def load():
    return {split: get_task("digits").load(split) for split in SPLITS}


def test_splits_have_the_documented_sizes_and_types():
    for split, (x, y) in load().items():
        assert abs(len(x) - SPLITS[split]) <= 2  # whole samples of each class
        assert x.shape[1:] == (8, 8)
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
        assert (x.min(), x.max()) == (0, 1)


def test_every_digit_of_the_file_is_in_exactly_one_split():
    bunch = load_digits()
    published = sorted(
        (label, *image.flatten()) for label, image in zip(bunch.target, bunch.images, strict=True)
    )
    divided = sorted(
        (label, *(image * 16).flatten().tolist())
        for x, y in load().values()
        for label, image in zip(y.tolist(), x, strict=True)
    )
    assert divided == published


def test_splits_are_stratified():
    everywhere = torch.from_numpy(load_digits().target).bincount() / 1797
    for x, y in load().values():
        torch.testing.assert_close(
            (y.bincount(minlength=10) / len(x)).double(), everywhere.double(), atol=0.01, rtol=0
        )


def test_the_division_never_changes():
    # Pinned: another value means other splits, and results that cannot be compared with older ones.
    labels = {split: y.numpy() for split, (_, y) in load().items()}
    assert checksum(labels)[:16] == "78e03c71daa522f4"
