"""The fused update: torch's own optimisers, number by number."""

import math

import pytest
import torch
from torch import nn

from neurojoule.errors import UserError
from neurojoule.optimiser import optimiser
from neurojoule.spec import Recipe


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def updates(model, step, before=lambda _: None, count=30):
    """Updates on random batches, the same for everyone."""
    generator = torch.Generator().manual_seed(1)
    for done in range(count):
        before(done)
        model.zero_grad()
        model(torch.randn(8, 3, generator=generator)).square().mean().backward()
        step()
    return model.state_dict()


@pytest.mark.parametrize(
    ("name", "of_torch"),
    [
        ("adam", lambda p: torch.optim.Adam(p, lr=0.05)),
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.05)),
    ],
)
def test_every_update_is_that_of_torch(name, of_torch):
    ours, theirs = network(), network()
    recipe = Recipe(steps=30, batch_size=8, optimiser=name, learning_rate=0.05)
    found = updates(ours, optimiser(recipe, list(ours.parameters())))
    torch.testing.assert_close(found, updates(theirs, of_torch(theirs.parameters()).step))


@pytest.mark.parametrize(
    ("name", "of_torch"), [("adam", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_decay_clipping_and_schedule_are_those_of_torch(name, of_torch):
    ours, theirs = network(), network()
    recipe = Recipe(
        steps=30,
        batch_size=8,
        optimiser=name,
        learning_rate=0.05,
        weight_decay=0.1,
        gradient_clip=0.01,
        schedule="cosine",
    )
    found = updates(ours, optimiser(recipe, list(ours.parameters())))
    reference = of_torch(theirs.parameters(), lr=0.05, weight_decay=0.1)

    def step():
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.01)
        reference.step()

    def before(done):
        reference.param_groups[0]["lr"] = 0.05 * 0.5 * (1 + math.cos(math.pi * done / 30))

    torch.testing.assert_close(found, updates(theirs, step, before))


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_a_parameter_without_a_gradient_stays_as_it_is(name):
    model = network()
    idle = nn.Parameter(torch.ones(3))
    parameters = [idle, *model.parameters()]
    before = model[0].weight.clone()
    updates(
        model,
        optimiser(Recipe(steps=3, batch_size=8, optimiser=name, weight_decay=0.5), parameters),
    )
    assert idle.tolist() == [1, 1, 1]
    assert not torch.equal(model[0].weight, before)


def test_a_model_without_parameters_is_refused():
    with pytest.raises(UserError, match="no parameter that learns"):
        optimiser(Recipe(steps=1, batch_size=8), [])
