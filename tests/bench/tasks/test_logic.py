"""Truth tables, exactly."""

import pytest
import torch

from neurojoule.registry import get_task
from neurojoule.tasks.logic import two_input_function

TABLES = {
    "and": (2, [0, 0, 0, 1], 0.75),
    "or": (2, [0, 1, 1, 1], 0.75),
    "xor": (2, [0, 1, 1, 0], 0.5),
    "parity-3": (3, [0, 1, 1, 0, 1, 0, 0, 1], 0.5),
    "parity-4": (4, [0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0], 0.5),
    "binding": (4, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1], 9 / 16),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_task_is_its_whole_truth_table_in_counting_order(name):
    bits, outputs, chance = TABLES[name]
    task = get_task(name)
    x, y = task.load("train")
    assert x.tolist() == [[float(c) for c in f"{row:0{bits}b}"] for row in range(2**bits)]
    assert y.flatten().tolist() == outputs
    assert (x.dtype, y.dtype, y.shape) == (torch.float32, torch.float32, (2**bits, 1))
    assert task.chance == chance
    assert (task.binary, task.loss, task.outputs, task.target) == (True, "binary", 1, 1.0)


@pytest.mark.parametrize("name", TABLES)
def test_all_splits_are_the_same_table(name):
    load = get_task(name).load
    for split in ("validation", "test"):
        for given, expected in zip(load(split), load("train"), strict=True):
            assert torch.equal(given, expected)


def test_five_bits_have_as_many_odd_rows_as_even_ones():
    x, y = get_task("parity-5").load("train")
    assert torch.equal(y[:, 0], x.sum(1) % 2)
    assert y.sum() == 16


def test_sixteen_codes_are_sixteen_functions():
    tables = {tuple(two_input_function(code)[1].flatten().tolist()) for code in range(16)}
    assert len(tables) == 16
    assert two_input_function(0b1000)[1].flatten().tolist() == TABLES["and"][1]


def test_a_caller_may_write_into_the_table_without_changing_the_task():
    get_task("xor").load("train")[0].zero_()
    assert get_task("xor").load("train")[0].sum() == 4
