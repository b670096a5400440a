"""One dendrite computes XOR; one neuron with eight subunits learns it from any signs."""

import importlib.util
from itertools import product
from math import exp
from pathlib import Path

import pytest
import torch

from neurojoule import sizing
from neurojoule.models.single_neuron import DCaAP, TwoLayerNeuron, amplitude
from neurojoule.registry import Shape
from neurojoule.tasks.logic import two_input_function

X = two_input_function(0)[0]
BITS = Shape((2,), 1, (2,))


def experiment():
    path = Path(__file__).parents[3] / "docs" / "experiments" / "xor.py"
    spec = importlib.util.spec_from_file_location("xor_experiment", path)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


xor = experiment()


def test_equal_weights_of_1_05_give_the_published_amplitudes_on_xor():
    u = X @ torch.tensor([1.05, 1.05])
    assert [round(a, 3) for a in amplitude(u).tolist()] == [0.0, 0.846, 0.846, 0.026]


def test_the_amplitude_is_largest_at_threshold_and_falls_beyond():
    u = torch.tensor([-1000.0, 0.0, 0.999, 1.0, 1.3, 1.6, 1000.0])
    expected = [0, 0, 0, 1, exp(-1), exp(-2), 0]
    torch.testing.assert_close(amplitude(u), torch.tensor(expected))


def test_one_dcaap_unit_realises_all_16_functions_of_two_bits():
    net = DCaAP(BITS, 1)
    grid = [step / 10 for step in range(-22, 23)]
    found = set()
    for w1, w2, b in product(grid, grid, [0.0, 0.5, 0.95, 1.1, 1.5]):
        with torch.no_grad():
            net.dendrite.weight.copy_(torch.tensor([[w1, w2]]))
            net.dendrite.bias.fill_(b)
            found.add(sum(int(on) << row for row, on in enumerate(net(X)[:, 0] > 0)))
        if len(found) == 16:
            break
    assert found == set(range(16))


def test_the_surrogate_gradient_is_the_slope_of_a_smooth_bump_around_threshold():
    u = torch.tensor([-2.0, 0.5, 0.9, 1.1, 1.5, 4.0], dtype=torch.float64, requires_grad=True)
    amplitude(u).sum().backward()
    step = 1e-6
    points = u.detach()
    bump = lambda v: torch.exp(-(v - 1).abs())  # noqa: E731
    slope = (bump(points + step) - bump(points - step)) / (2 * step)
    torch.testing.assert_close(u.grad, slope)


def test_the_answer_is_yes_where_the_amplitude_is_above_one_half():
    net = DCaAP(Shape((1,), 1, (1,)), 1)
    with torch.no_grad():
        net.dendrite.weight.fill_(1.0)
    u = torch.tensor([[0.99], [1.0], [1.2], [1.21]])  # 1 + 0.3 ln 2 = 1.2079
    assert (net(u) > 0).flatten().tolist() == [False, True, True, False]


def test_weights_start_with_either_sign_and_the_dendrite_at_rest():
    signs = set()
    for seed in range(20):
        torch.manual_seed(seed)
        net = DCaAP(BITS, 1)
        assert net.dendrite.bias.item() == 0
        signs.add(tuple(net.dendrite.weight.sign().flatten().tolist()))
    assert len(signs) == 4


def test_parameters_and_units_by_hand():
    assert sizing.parameters(DCaAP(BITS, 1)) == 3
    assert sizing.parameters(TwoLayerNeuron(BITS, 8)) == (2 + 1) * 8 + (8 + 1)
    net = TwoLayerNeuron(Shape((64,), 10, (8, 8)), 5)
    assert sizing.parameters(net) == (16 + 1) * 5 * 10 + (5 + 1) * 10
    assert net.units() == {"soma": 10, "dendrite": 50}


def test_a_two_layer_neuron_equals_its_equation():
    C, D, K = 2, 3, 4
    net = TwoLayerNeuron(Shape((9,), C, (9,)), D, synapses=K)
    x = torch.randn(5, 9)
    index = net.subunits.members.view(C, D, K)
    w, b = net.subunits.weight.view(C, D, K), net.subunits.bias.view(C, D)
    expected = torch.empty(5, C)
    for i, c in product(range(5), range(C)):
        total = net.soma.bias[c]
        for d in range(D):
            v = b[c, d] + sum(w[c, d, k] * x[i, index[c, d, k]] for k in range(K))
            total = total + net.soma.weight[c, d] / (1 + torch.exp(-v))
        expected[i, c] = total
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize("arm", ["dcaap", "two_layer_neuron, 8 subunits"])
@pytest.mark.parametrize("seed", range(6))
def test_one_dendritic_neuron_learns_all_four_rows_of_xor(arm, seed):
    outcome = xor.learn_xor(arm, seed)
    assert outcome.right == 4
    assert outcome.steps < 500


@pytest.mark.parametrize("arm", ["mcp", "perceptron"])
@pytest.mark.parametrize("seed", range(3))
def test_a_threshold_unit_ends_at_exactly_three_of_four(arm, seed):
    outcome = xor.learn_xor(arm, seed, xor.Recipe(500, 4, evaluate_every=1, stop_at=1.0))
    assert (outcome.right, outcome.steps) == (3, None)


def test_the_table_has_a_line_for_each_arm():
    assert xor.row("dcaap", 2).startswith("| dcaap | 3 | 2 of 2 | ")
