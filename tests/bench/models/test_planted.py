"""The planted control: arms learn bit by bit the same and differ in cost by what was planted."""

import pytest
import torch

from neurojoule import registry, views
from neurojoule.errors import UserError
from neurojoule.models.planted import Planted
from neurojoule.registry import Shape

SHAPE = Shape((64,), 10, (8, 8))


def learned(steps=40, **options):
    torch.manual_seed(0)
    model = Planted(SHAPE, 8, **options)
    x, y = torch.rand(32, 64), torch.randint(10, (32,))
    losses = [float(model.learn(x, y)) for _ in range(steps)]
    return model, losses


def test_labels_and_repeats_change_nothing_that_is_learned():
    plain, losses = learned()
    for options in ({"label": "b"}, {"repeat": 0.1}, {"repeat": 1.0}):
        other, same = learned(**options)
        assert same == losses
        assert all(
            torch.equal(a, b) for a, b in zip(plain.parameters(), other.parameters(), strict=True)
        )
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("share", "more"), [(0.0, 0), (0.05, 2), (0.1, 4), (0.25, 10), (1.0, 40)])
def test_exactly_the_planted_share_of_updates_is_done_twice(monkeypatch, share, more):
    done = []
    update = Planted._update
    monkeypatch.setattr(Planted, "_update", lambda *a: done.append(a[-1]) or update(*a))
    learned(repeat=share)
    assert len(done) == 40 + more
    assert done.count(0.0) == more


def test_gradient_descent_is_torchs():
    model, _ = learned(steps=0)
    twin, _ = learned(steps=0)
    x, y = torch.rand(4, 64), torch.randint(10, (4,))
    model.learn(x, y)
    torch.nn.functional.cross_entropy(twin(x), y).backward()
    torch.optim.SGD(twin.parameters(), lr=0.1).step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_cost_that_it_states_holds_the_repeats():
    plain, slow = (Planted(SHAPE, 8, repeat=share) for share in (0.0, 0.1))
    parameters = 65 * 8 + 9 * 10
    assert plain.learning_flops(10.0, 20.0, 4) == 4 * 30 + 2 * parameters
    assert slow.learning_flops(10.0, 20.0, 4) == pytest.approx(1.1 * (4 * 30 + 2 * parameters))


def test_it_is_trained_on_digits_alone():
    entry = registry.get_model("planted")
    able = [t.name for t in registry.tasks().values() if views.why_not(entry, t) is None]
    assert able == ["digits"]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(UserError, match=r"lies in \[0, 1\]"):
        Planted(SHAPE, 8, repeat=share)
