"""The looped GRU is torch's: same parameters, states, gradients."""

import pytest
import torch
from torch import nn

from neurojoule import work
from neurojoule.kernels.gru import MOST_STATES, MOST_TRAINED_STATES, SMALL_BATCH, FewStatesGRU


def twins(inputs, states, bidirectional):
    torch.manual_seed(0)
    ours = FewStatesGRU(inputs, states, bidirectional=bidirectional)
    theirs = nn.GRU(inputs, states, batch_first=True, bidirectional=bidirectional)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("inputs", "states", "batch", "time"), [(1, 6, 10, 40), (3, 5, 1, 1)])
def test_states_and_gradients_equal_torchs(inputs, states, batch, time, bidirectional):
    ours, theirs = twins(inputs, states, bidirectional)
    assert ours.kernel == "numba gru"
    x = torch.randn(batch, time, inputs, requires_grad=True)
    other = x.detach().clone().requires_grad_()
    (h, last), (h_torch, last_torch) = ours(x), theirs(other)
    torch.testing.assert_close(h, h_torch, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(last, last_torch, rtol=1e-5, atol=1e-6)
    weights = torch.randn_like(h)
    (h * weights).sum().backward()
    (h_torch * weights).sum().backward()
    torch.testing.assert_close(x.grad, other.grad, rtol=1e-4, atol=1e-5)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-4, atol=1e-4, msg=name)


def test_large_inputs_saturate_without_overflow():
    ours, theirs = twins(2, 4, bidirectional=True)
    x = 1e4 * torch.randn(3, 7, 2)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-5, atol=1e-5)


def test_a_thing_that_is_not_a_number_is_not_hidden():
    ours, _ = twins(2, 4, bidirectional=False)
    x = torch.full((1, 3, 2), float("nan"))
    assert not torch.isfinite(ours(x)[0]).all()


@pytest.mark.parametrize("case", ["float64", "many states", "a given state", "no numba"])
def test_elsewhere_it_is_torchs_own(case, monkeypatch):
    ours, theirs = twins(
        2, MOST_TRAINED_STATES + 1 if case == "many states" else 4, bidirectional=False
    )
    x = torch.randn(3, 5, 2)
    h = torch.randn(1, 3, 4) if case == "a given state" else None
    if case == "float64":
        ours, theirs, x = ours.double(), theirs.double(), x.double()
    if case == "no numba":
        monkeypatch.setattr("neurojoule.kernels.jit.available", lambda: False)
    assert ours.kernel == ("numba gru" if case == "a given state" else "torch gru")
    assert torch.equal(ours(x, h)[0], theirs(x, h)[0])


def test_more_states_are_looped_where_a_small_batch_is_trained():
    ours, theirs = twins(2, MOST_STATES + 1, bidirectional=False)
    x = torch.randn(3, 5, 2)
    assert ours.kernel == "numba gru in training by small batches, torch gru"
    trained = ours(x)[0]
    assert trained.grad_fn is not None
    torch.testing.assert_close(trained, theirs(x)[0], rtol=1e-5, atol=1e-6)
    trained.sum().backward()
    theirs(x)[0].sum().backward()
    for mine, yours in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, yours.grad, rtol=1e-4, atol=1e-5)
    with torch.inference_mode():
        assert torch.equal(ours(x)[0], theirs(x)[0])
    many = torch.randn(SMALL_BATCH + 1, 5, 2)
    assert torch.equal(ours(many)[0], theirs(many)[0])


def test_it_is_counted_as_torchs():
    ours, theirs = twins(2, 4, bidirectional=True)
    x = torch.randn(3, 5, 2)
    one, two = work.count(ours, x), work.count(theirs, x)
    assert one.forward_flops == two.forward_flops
    assert one.kernels == ("numba gru",)
