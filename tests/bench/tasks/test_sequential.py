"""Images pixel by pixel: the same images, in one order for all."""

import torch

from neurojoule.registry import get_task
from neurojoule.tasks.sequential import permutation

SPLITS = ("train", "validation", "test")


def test_sequential_digits_are_the_digits_row_by_row():
    task, images = get_task("sequential_digits"), get_task("digits")
    assert (task.inputs, task.axes) == ((64,), ("time",))
    for split in SPLITS:
        (x, y), (pictures, labels) = task.load(split), images.load(split)
        assert torch.equal(x, pictures.flatten(1))
        assert torch.equal(y, labels)


def test_permuted_digits_have_their_pixels_in_one_other_order():
    plain, permuted = get_task("sequential_digits"), get_task("permuted_digits")
    for split in SPLITS:
        x, shuffled = plain.load(split)[0], permuted.load(split)[0]
        assert torch.equal(shuffled.sort(1).values, x.sort(1).values)
        assert not torch.equal(shuffled, x)
    # Pinned: another order would be another task under the same name.
    order = permutation(64).tolist()
    assert sorted(order) == list(range(64))
    assert order[:8] == [38, 24, 48, 63, 10, 29, 36, 51]


def test_sequential_mnist_misses_what_mnist_misses(monkeypatch):
    for variable in ("NEUROJOULE_DATA", "NEUROJOULE_MNIST"):
        monkeypatch.setenv(variable, "")
    for name in ("sequential_mnist", "permuted_mnist"):
        task = get_task(name)
        assert task.inputs == (784,)
        assert task.needs() == get_task("mnist").needs()
        assert "NEUROJOULE_MNIST" in task.needs()
