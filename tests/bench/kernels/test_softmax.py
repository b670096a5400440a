"""The loss and its slope in one pass: torch's cross-entropy, exactly and at the edges."""

import math

import pytest
import torch
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.softmax import MOST_CLASSES, cross_entropy, is_looped


def by_torch(logits, classes):
    leaf = logits.clone().requires_grad_()
    loss = F.cross_entropy(leaf, classes)
    (slope,) = torch.autograd.grad(loss, leaf)
    return loss.detach(), slope


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("batch", "classes"), [(1, 2), (7, 10), (100, 10), (3, 64)])
def test_loss_and_slope_are_those_of_torch(batch, classes, dtype):
    torch.manual_seed(0)
    logits, y = 5 * torch.randn(batch, classes, dtype=dtype), torch.randint(classes, (batch,))
    torch.testing.assert_close(cross_entropy(logits, y), by_torch(logits, y))


def test_by_hand():
    loss, slope = cross_entropy(torch.tensor([[0.0, math.log(3)]]), torch.tensor([0]))
    assert float(loss) == pytest.approx(math.log(4))
    torch.testing.assert_close(slope, torch.tensor([[-0.75, 0.75]]))


def test_large_logits_do_not_overflow():
    loss, slope = cross_entropy(torch.tensor([[1e4, -1e4]]), torch.tensor([1]))
    assert float(loss) == pytest.approx(2e4)
    assert slope.tolist() == [[1, -1]]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_logit_that_is_no_number_makes_a_loss_that_is_none(place):
    logits = torch.zeros(2, 3)
    logits[0, place] = math.nan
    loss, _ = cross_entropy(logits, torch.tensor([0, 2]))
    assert math.isnan(loss)


def test_logits_of_any_layout():
    logits, y = torch.randn(10, 7).t(), torch.arange(7)
    torch.testing.assert_close(cross_entropy(logits, y), by_torch(logits, y))


def test_what_it_does_not_take_is_left_to_torch():
    y = torch.zeros(2, dtype=torch.int64)
    assert is_looped(torch.zeros(2, 10), y)
    assert not is_looped(torch.zeros(2, MOST_CLASSES + 1), y)
    assert not is_looped(torch.zeros(2, 10, 4), y)
    assert not is_looped(torch.zeros(2, 10, dtype=torch.bfloat16), y)
    assert not is_looped(torch.zeros(2, 10), torch.zeros(2, 10))
    assert not is_looped(torch.zeros(2, 10, device="meta"), y)


@pytest.mark.parametrize("wrong", [10, -1, -100])
def test_a_class_out_of_range_is_an_error_that_names_the_sample(wrong):
    with pytest.raises(UserError, match=rf"Sample 1 is of class {wrong}.*0 to 9"):
        cross_entropy(torch.zeros(3, 10), torch.tensor([0, wrong, 3]))


def test_logits_and_targets_of_other_lengths_are_refused():
    with pytest.raises(UserError, match=r"\(2, 10\) and \(3,\)"):
        cross_entropy(torch.zeros(2, 10), torch.zeros(3, dtype=torch.int64))
