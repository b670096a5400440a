"""The Mackey-Glass series against another solver, and the score in per cent."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from neurojoule.metrics import quality
from neurojoule.registry import get_task
from neurojoule.tasks.mackey_glass import trajectory


def test_the_trajectory_solves_its_equation():
    # The method of steps: over one delay the delayed value is known, so scipy can integrate.
    def history(_):
        return 0.9

    expected = [0.9]
    known = history
    for start in range(0, 68, 17):
        solved = solve_ivp(
            lambda t, x, known=known: 0.2 * known(t - 17) / (1 + known(t - 17) ** 10) - 0.1 * x[0],
            (start, start + 17),
            [expected[-1]],
            t_eval=range(start + 1, start + 18),
            dense_output=True,
            rtol=1e-10,
            atol=1e-12,
            max_step=0.05,
        )
        expected += solved.y[0].tolist()
        known = lambda t, s=solved.sol: float(s(t)[0])  # noqa: E731
    assert np.abs(trajectory(69, 0.9) - expected).max() < 2e-4


@pytest.mark.parametrize(
    ("split", "count"), [("train", 4_000), ("validation", 500), ("test", 1_000)]
)
def test_the_value_asked_for_lies_20_points_after_the_window(split, count):
    x, y = get_task("mackey_glass").load(split)
    assert x.shape == (count, 40)
    assert y.shape == (count, 1)
    assert (x.dtype, y.dtype) == (torch.float32, torch.float32)
    assert torch.equal(x[:-20, 39:], x[20:, 19:20])  # windows are shifted by one point
    assert torch.equal(y[:-40, 0], x[40:, 19])  # point i + 59
    assert 0.2 < x.min() < x.max() < 1.5


def test_no_split_contains_another():
    points = {
        split: set(get_task("mackey_glass").load(split)[0][:, 0].tolist())
        for split in ("train", "validation", "test")
    }
    assert len(points["train"] & points["test"]) < 0.05 * len(points["test"])
    assert len(points["train"] & points["validation"]) < 0.05 * len(points["validation"])


def test_chance_is_the_error_of_always_answering_the_mean():
    task = get_task("mackey_glass")
    (_, y), (_, target) = task.load("train"), task.load("test")
    assert quality("smape", y.mean().expand_as(target), target) == pytest.approx(
        task.chance, abs=0.2
    )
    assert not task.higher_is_better


def test_smape_is_the_symmetric_error_in_per_cent():
    output, y = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [1.0]])
    assert quality("smape", output, y) == pytest.approx((0 + 200 * 2 / 4) / 2)
