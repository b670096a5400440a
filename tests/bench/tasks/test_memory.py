"""The adding and the copy problem, as published."""

import pytest
import torch

from neurojoule.cache import checksum
from neurojoule.metrics import quality
from neurojoule.registry import get_task
from neurojoule.train import LOSSES

SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}


@pytest.mark.parametrize("steps", [50, 100, 200])
def test_two_numbers_one_in_each_half_are_marked_and_summed(steps):
    x, y = get_task(f"adding-{steps}").load("train")
    assert x.shape == (20_000, 2, steps)
    value, marked = x[:, 0], x[:, 1]
    half = steps // 2
    assert set(marked.unique().tolist()) == {0, 1}
    assert (marked[:, :half].sum(1) == 1).all()
    assert (marked[:, half:].sum(1) == 1).all()
    torch.testing.assert_close((value * marked).sum(1, keepdim=True), y)
    assert (value.min(), value.max()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))


def test_always_answering_1_errs_by_a_sixth():
    task = get_task("adding-100")
    _, y = task.load("train")
    assert quality("mean_squared_error", torch.ones_like(y), y) == pytest.approx(1 / 6, rel=0.02)
    assert task.chance == pytest.approx(1 / 6)
    assert not task.higher_is_better


@pytest.mark.parametrize("blanks", [30, 100])
def test_ten_symbols_stand_before_the_blanks_and_are_asked_for_after_them(blanks):
    task = get_task(f"copy-{blanks}")
    x, y = task.load("validation")
    assert x.shape == (1_000, 10, blanks + 20)
    assert y.shape == (1_000, 10)
    assert (x.sum(1) == 1).all()  # one symbol a step
    symbols = x.argmax(1)
    assert torch.equal(symbols[:, :10], y + 1)
    assert (symbols[:, 10 : blanks + 9] == 0).all()
    assert (symbols[:, blanks + 9 :] == 9).all()
    assert symbols[:, blanks + 9 :].shape[1] == 11
    assert set(y.unique().tolist()) == set(range(8))
    assert (task.steps, task.outputs, task.binary) == (10, 8, True)


def test_only_the_last_ten_symbols_are_scored_in_either_form_of_the_answer():
    _, y = get_task("copy-30").load("validation")
    right = torch.nn.functional.one_hot(y, 8).transpose(1, 2).float()  # (samples, 8, 10)
    right[:500, :, :5] = right[:500, :, :5].roll(1, dims=1)  # half of half are wrong
    assert quality("accuracy", right, y) == 0.75
    assert quality("accuracy", right.flatten(1), y) == 0.75
    loss = LOSSES["cross_entropy"]
    torch.testing.assert_close(loss(right.flatten(1), y), loss(right, y))
    nothing = torch.zeros(1_000, 8, 10)
    assert loss(nothing, y).item() == pytest.approx(2.0794, abs=1e-3)  # ln 8


@pytest.mark.parametrize("name", ["adding-50", "copy-30"])
def test_splits_are_fixed_and_different(name):
    load = get_task(name).load
    sums = {}
    for split, count in SIZES.items():
        x, y = load(split)
        assert len(x) == len(y) == count
        sums[split] = checksum({"x": x.numpy(), "y": y.numpy()})
        again = load(split)
        assert checksum({"x": again[0].numpy(), "y": again[1].numpy()}) == sums[split]
    assert len(set(sums.values())) == 3
