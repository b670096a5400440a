"""One loop for every family: the budget, the stop rules, the best weights, the clocks."""

import math

import pytest
import torch
from torch import nn

from neurojoule.metrics import quality
from neurojoule.spec import Recipe
from neurojoule.train import Data, batches, gradient_learner, predict, train

X = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
Y = 2 * X + 1


def line(**changes):
    """Train y = w x + b on a line; the validation is scripted where given."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    settings = {"steps": 40, "batch_size": 4, "learning_rate": 0.1, "evaluate_every": 10}
    recipe = Recipe(**(settings | changes.pop("recipe", {})))
    script = iter(changes.pop("script", ()))

    def validate():
        scripted = next(script, None)
        return quality("mean_squared_error", predict(model, X), Y) if scripted is None else scripted

    learn = changes.pop("learn", None) or gradient_learner(model, "mean_squared_error", recipe)
    direction = changes.pop("higher_is_better", False)
    data = Data(X, Y)
    return model, train(
        model, learn, data, recipe, validate=validate, higher_is_better=direction, seed=0
    )


def test_the_curve_has_a_point_before_any_update_and_one_a_validation():
    _, trained = line()
    assert [point.step for point in trained.curve] == [0, 10, 20, 30, 40]
    assert trained.curve[0].time_s == 0
    assert trained.curve[0].loss is None
    assert trained.curve[-1].validation < trained.curve[0].validation
    times = [point.time_s for point in trained.curve]
    assert times == sorted(times)
    assert trained.time_s == times[-1]
    assert trained.validation_time_s > 0


def test_adam_is_torch_s_own_step_by_step():
    torch.manual_seed(0)
    plain = nn.Linear(1, 1)
    optimiser = torch.optim.Adam(plain.parameters(), lr=0.1)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.mse_loss(plain(X), Y).backward()
        optimiser.step()
    model, _ = line()
    torch.testing.assert_close(model.state_dict(), plain.state_dict())


def test_cosine_ends_at_a_rate_of_zero():
    model, trained = line(recipe={"schedule": "cosine", "steps": 10, "evaluate_every": 10})
    assert trained.steps == 10
    assert math.isfinite(trained.curve[-1].validation)
    constant, _ = line(recipe={"steps": 10, "evaluate_every": 10})
    assert not torch.equal(model.weight, constant.weight)


def test_the_best_weights_are_a_copy_that_later_training_does_not_follow():
    model, trained = line(script=[0.5, 0.1, 0.4, 0.4, 0.4])
    best = {name: value.clone() for name, value in trained.best.items()}
    with torch.no_grad():
        model.weight.add_(1)
    torch.testing.assert_close(trained.best, best, rtol=0, atol=0)
    # the second validation was the best: after 10 steps
    ten, _ = line(recipe={"steps": 10})
    torch.testing.assert_close(best, dict(ten.state_dict()))


def test_patience_counts_validations_without_improvement():
    _, trained = line(
        recipe={"patience": 2, "steps": 1000}, script=[0.5, 0.4, 0.4, 0.4, 0.3], learn=None
    )
    assert trained.steps == 30


def test_a_goal_ends_the_training_in_the_metric_s_own_direction():
    _, low = line(recipe={"stop_at": 0.2}, script=[0.5, 0.3, 0.2, 0.1])
    assert low.steps == 20
    _, high = line(recipe={"stop_at": 0.9}, script=[0.5, 0.8, 0.95], higher_is_better=True)
    assert high.steps == 20


def test_a_loss_that_is_not_a_number_ends_the_training_as_diverged_and_keeps_the_best():
    _, trained = line(learn=lambda _x, _y: torch.tensor(math.nan))
    assert trained.status == "diverged"
    assert trained.steps == 10
    assert trained.best


def test_every_epoch_shows_every_sample_once_in_an_order_the_seed_decides():
    data = Data(torch.arange(10.0)[:, None], torch.arange(10))

    def epoch(seed, epochs=1):
        stream = batches(data, 5, seed)
        return [[int(y) for _ in range(2) for y in next(stream)[1]] for _ in range(epochs)]

    assert sorted(epoch(0)[0]) == list(range(10))
    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)
    first, second = epoch(0, epochs=2)
    assert first != second


def test_a_batch_as_large_as_the_data_is_the_whole_set():
    stream = batches(Data(X, Y), 100, 0)
    x, y = next(stream)
    assert x is X
    assert y is Y


@pytest.mark.parametrize(
    ("output", "target", "expected"),
    [
        ([[1.0], [-1.0], [2.0]], [[1.0], [0.0], [0.0]], 2 / 3),
        ([[0.1, 0.9], [0.8, 0.2]], [1, 1], 0.5),
    ],
)
def test_accuracy_by_hand(output, target, expected):
    assert quality("accuracy", torch.tensor(output), torch.tensor(target)) == pytest.approx(
        expected
    )


def test_mean_squared_error_by_hand():
    given = quality(
        "mean_squared_error", torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [1.0]])
    )
    assert given == pytest.approx((1 + 4) / 2)
