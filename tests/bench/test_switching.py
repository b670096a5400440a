"""Forgetting of learners whose forgetting is known, and one other task for all models."""

import dataclasses

import pytest
import torch
from torch import nn

from neurojoule import runner, switching, views
from neurojoule.errors import UserError
from neurojoule.prepare import Prepared
from neurojoule.registry import Model, Task, get_model, get_task
from neurojoule.spec import Recipe, Spec
from neurojoule.train import Data

RECIPE = Recipe(steps=2, batch_size=500, evaluate_every=1)
FEATURES = 6

TASK = Task(
    "first input", "", "", inputs=(FEATURES,), axes=("time",), outputs=1,
    loss="mean_squared_error", metric="mean_squared_error", chance=1.0, target=0.0,
    load=lambda _: None,
)  # fmt: skip


class LeastSquares(nn.Module):
    """Knows only the last batch it saw, but that by heart."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(FEATURES)[:1].clone())

    def forward(self, x):
        return x @ self.weight.T

    def learn(self, x, y):
        with torch.no_grad():
            self.weight.copy_(torch.linalg.lstsq(x, y).solution.T)
        return ((self(x) - y) ** 2).mean().detach()


class Stubborn(LeastSquares):
    """Learns nothing, so forgets nothing."""

    def learn(self, x, y):
        return ((self(x) - y) ** 2).mean().detach()


def prepared(model, seed=0):
    draw = torch.Generator().manual_seed(1)
    train, validation, test = (torch.randn(500, FEATURES, generator=draw) for _ in range(3))
    train, validation, test = (Data(x, x[:, :1]) for x in (train, validation, test))
    entry = Model("planted", "point", "vector", "", "", build=LeastSquares, learns="own")
    spec = Spec(suite="t", task="digits", model="mlp", seed=seed, recipe=RECIPE)
    parts = Prepared(
        spec=spec, entry=entry, task=TASK, model=model, forward=model, solved=None, train=train,
        validation=validation, synchronise=lambda: None,
    )  # fmt: skip
    return parts, test


def other_place(parts):
    """Where in task B the number stands that is the first in task A."""
    order = switching.other_order(parts.task, parts.entry, parts.spec.seed)
    return order.tolist().index(0)


def test_a_learner_of_the_last_task_alone_forgets_the_first_by_as_much_as_they_differ():
    parts, test = prepared(LeastSquares())
    place = other_place(parts)
    assert place != 0
    found = switching.switch(parts, test)
    assert found.status == "ok"
    assert found.learned == pytest.approx(0.0, abs=1e-9)
    # It now answers with another input: the error is the mean square of their difference.
    expected = float(((test.x[:, place] - test.x[:, 0]) ** 2).mean())
    assert found.after == pytest.approx(expected, rel=1e-4)
    assert torch.equal(parts.model.weight, torch.eye(FEATURES)[:1])  # the original stays


def test_a_learner_that_does_not_learn_forgets_nothing_and_its_second_task_shows_it():
    parts, test = prepared(Stubborn())
    found = switching.switch(parts, test)
    assert found.after == 0.0
    place = other_place(parts)
    order = switching.other_order(parts.task, parts.entry, 0)
    expected = float(((test.x[:, order[0]] - test.x[:, 0]) ** 2).mean())
    assert found.learned == pytest.approx(expected, rel=1e-5)
    assert place != 0


def test_another_seed_has_another_second_task():
    entry, task = get_model("mlp"), get_task("digits")
    orders = [switching.other_order(task, entry, seed).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(64))


@pytest.mark.parametrize("name", ["mlp", "gru", "cnn2d"])
def test_the_second_task_is_the_same_for_every_view_of_the_input(name):
    entry, task = get_model(name), get_task("digits")
    x = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
    in_layout = torch.randperm(64, generator=torch.Generator().manual_seed(3))
    permuted = x.flatten(1)[:, in_layout].reshape(x.shape)
    order = switching.other_order(task, entry, 3)
    shown = switching.reordered(views.arrange(x, task, entry.takes), order)
    assert torch.equal(shown, views.arrange(permuted, task, entry.takes))


def test_steps_in_time_are_not_put_in_another_order():
    task = dataclasses.replace(TASK, steps=2)
    assert "effects before their causes" in switching.why_not(task)
    assert switching.why_not(TASK) is None


def test_a_switch_that_makes_no_sense_is_refused_before_anything_runs():
    recipe = Recipe(steps=1, batch_size=1)
    asked = Spec(suite="t", task="copy-30", model="gru", seed=0, recipe=recipe, probes=("switch",))
    with pytest.raises(UserError, match="switch"):
        runner.check([asked])
