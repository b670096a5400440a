"""What one aten operation costs, and which ones nobody may run uncounted."""

import pytest
import torch
from torch import nn

from neurojoule import work
from neurojoule.formulas import (
    OPTIMISER_FLOPS,
    Contraction,
    UncountedWorkError,
    element_operations,
    formula,
)


@pytest.mark.parametrize(
    ("name", "out", "flops"),
    [
        ("relu", torch.ones(3, 4), 12),
        ("mul", torch.ones(3, 4), 12),
        ("transpose", torch.ones(3, 4), 0),
        ("sum", torch.tensor(0.0), 12),  # a reduction passes its input, not its output
        ("argmax", torch.tensor(0), 12),
    ],
)
def test_an_operation_costs_one_for_each_element(name, out, flops):
    assert element_operations(name, (torch.ones(3, 4),), out) == flops


@pytest.mark.parametrize(
    "name",
    ["mm", "addmm", "bmm", "convolution", "_embedding_bag", "_flash_attention", "x"],
)
def test_contractions_and_what_nobody_knows_are_refused(name):
    with pytest.raises(UncountedWorkError, match=f"aten::{name}"):
        element_operations(name, (torch.ones(3, 4),), torch.ones(3, 4))


def test_an_optimisers_step_by_hand():
    # SGD: scale, subtract. Adam, Kingma & Ba 2015, algorithm 1: m 3 (two products, a sum), v 4
    # (one more product), both corrections 2, root 1, epsilon and quotient 2, rate and step 2.
    assert OPTIMISER_FLOPS == {"sgd": 2, "adam": 3 + 4 + 2 + 1 + 2 + 2}


def test_an_embedding_moves_bytes_and_multiplies_nothing():
    counted = work.count(nn.Sequential(nn.Embedding(5, 3)), torch.ones(4, 2, dtype=torch.long))
    assert counted.forward_flops == 0
    assert counted.forward_bytes > 0


def test_a_normalisation_costs_four_for_each_element():
    counted = work.count(nn.Sequential(nn.LayerNorm(12)), torch.randn(4, 12))
    assert counted.forward_flops == 4 * 12


def test_a_module_with_weight_and_macs_is_a_contraction():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 3))

        def forward(self, x):
            return x @ self.weight.t()

        def macs(self, x):
            return len(x) * 6

    own = Own()
    assert isinstance(own, Contraction)
    x = torch.tensor([[1.0, 0.0, 2.0]])
    counted = work.count(nn.Sequential(own), x)
    assert counted.forward_flops == 12
    assert counted.effective_macs == 4


def test_what_has_no_formula_has_none():
    assert formula(nn.ReLU()) is None
    assert formula(nn.MultiheadAttention(4, 1)) is None
