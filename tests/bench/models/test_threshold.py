"""What a threshold computes, and what it cannot."""

from itertools import product

import pytest
import torch
from torch import nn

from neurojoule import registry, sizing, views
from neurojoule.registry import Shape, get_model, get_task
from neurojoule.tasks.logic import truth_table, two_input_function

X = two_input_function(0)[0]
XOR, XNOR = 0b0110, 0b1001
BITS = Shape((2,), 1, (2,))


def build(name, shape=BITS, seed=0):
    return sizing.build(get_model(name), shape, 1, {}, seed)


def code(output):
    """Which of the 16 functions of two bits the outputs (4, 1) are."""
    return sum(int(fires) << row for row, fires in enumerate(output[:, 0] > 0))


def realised(module, weights, biases):
    found = set()
    for w1, w2, b in product(weights, weights, biases):
        with torch.no_grad():
            module.unit.weight.copy_(torch.tensor([[w1, w2]]))
            module.unit.bias.fill_(b)
        found.add(code(module(X)))
    return found


def test_a_threshold_unit_realises_14_of_the_16_functions_of_two_bits():
    found = realised(build("perceptron"), (-1.0, 0.0, 1.0), (-1.5, -0.5, 0.5, 1.5))
    assert found == set(range(16)) - {XOR, XNOR}


def test_no_finer_weights_add_xor():
    steps = [step / 4 for step in range(-8, 9)]
    assert not realised(build("perceptron"), steps, steps) & {XOR, XNOR}


def test_absolute_inhibition_leaves_11_of_the_16():
    # Not NAND, XOR, XNOR, nor "a or not b": a vetoed unit has no way to fire.
    found = realised(build("mcp"), (1.0, 0.0, -2.0), (0.5, -0.5, -1.5))
    assert found == set(range(16)) - {XOR, XNOR, 0b0111, 0b1011, 0b1101}


def test_one_inhibitory_input_vetoes_whatever_excites():
    module = build("mcp", Shape((5,), 1, (5,)))
    with torch.no_grad():
        module.unit.weight.copy_(torch.tensor([[1.0, 1, 1, 1, -5]]))
        for theta in range(6):
            module.unit.bias.fill_(0.5 - theta)
            x, y = truth_table(5, lambda row, t=theta: sum(row[:4]) >= t and not row[4])
            assert torch.equal((module(x) > 0).float(), y)


def learnt(name, x, y, steps, seed):
    """Best share of right rows on the way, and the module."""
    module = build(name, Shape((x.shape[1],), 1, (x.shape[1],)), seed)
    torch.manual_seed(seed)
    best = 0.0
    for _ in range(steps):
        module.learn(x, y)
        best = max(best, float(((module(x) > 0) == (y > 0.5)).float().mean()))
    return best, module


@pytest.mark.parametrize("function", range(16))
def test_the_perceptron_rule_learns_just_what_can_be_separated(function):
    best, _ = learnt("perceptron", *two_input_function(function), steps=200, seed=function)
    assert best == (0.75 if function in {XOR, XNOR} else 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_searched_wiring_ends_at_3_of_4_on_xor_and_solves_and(seed):
    assert learnt("mcp", *two_input_function(XOR), steps=300, seed=seed)[0] == 0.75
    assert learnt("mcp", *two_input_function(0b1000), steps=300, seed=seed)[0] == 1.0


def test_search_keeps_to_whole_weights_and_thresholds_and_never_gets_worse():
    x, y = truth_table(4, lambda row: sum(row) >= 2 and not row[3])
    module = build("mcp", Shape((4,), 1, (4,)))
    torch.manual_seed(0)
    losses = [float(module.learn(x, y)) for _ in range(400)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == 0
    assert set(module.unit.weight.flatten().tolist()) <= {1.0, 0.0, -4.0}
    assert 0.5 - module.unit.bias.item() in range(5)


def test_a_correction_moves_a_wrong_sample_by_its_input_and_leaves_right_ones():
    module = build("perceptron", Shape((3,), 1, (3,)))
    x = torch.tensor([[1.0, 2, 3]])
    assert module.learn(x, torch.ones(1, 1)) == 1
    torch.testing.assert_close(module.unit.weight, nn.Parameter(x.clone()))
    assert module.unit.bias.item() == 1
    assert module.learn(x, torch.ones(1, 1)) == 0
    torch.testing.assert_close(module.unit.weight, nn.Parameter(x.clone()))


def test_with_classes_the_right_one_gains_what_the_mistaken_one_loses():
    module = build("perceptron", Shape((2,), 3, (2,)))
    x = torch.tensor([[1.0, -2.0]])
    module.learn(x, torch.tensor([2]))  # all zero: class 0 was said
    expected = torch.tensor([[-1.0, 2.0], [0, 0], [1.0, -2.0]])
    torch.testing.assert_close(module.unit.weight.detach(), expected)
    torch.testing.assert_close(module.unit.bias.detach(), torch.tensor([-1.0, 0, 1.0]))


def test_the_perceptron_learns_digits_of_several_classes():
    x, y = get_task("digits").load("train")
    x = x.flatten(1)
    module = build("perceptron", Shape((64,), 10, (8, 8)))
    torch.manual_seed(0)
    for start in range(20):
        for part in torch.split(torch.arange(len(x)).roll(start), 32):
            module.learn(x[part], y[part])
    assert (module(x).argmax(1) == y).float().mean() > 0.93


def test_sizes_are_those_of_one_unit():
    assert sizing.parameters(build("mcp")) == 3
    assert sizing.parameters(build("perceptron")) == 3
    assert sizing.parameters(build("logistic", Shape((40,), 10, (40,)))) == 410


def test_a_single_yes_or_no_unit_refuses_what_is_no_boolean_function():
    for name in ("mcp", "dcaap"):
        assert "digits is no Boolean function" in views.why_not(get_model(name), get_task("digits"))
        assert views.why_not(get_model(name), get_task("binding")) is None


def test_the_perceptron_refuses_values():
    values = registry.Task(
        name="values",
        summary="",
        source="",
        inputs=(3,),
        axes=("time",),
        outputs=1,
        loss="mean_squared_error",
        metric="mean_squared_error",
        chance=1,
        target=0.1,
        load=lambda _: (torch.zeros(1, 3), torch.zeros(1, 1)),
    )
    assert "values asks for values" in get_model("perceptron").refuses(values)
    assert get_model("logistic").refuses(values) is None


def test_the_perceptron_refuses_several_classes_a_sample():
    assert "copy-30 asks for 10 classes" in get_model("perceptron").refuses(get_task("copy-30"))
