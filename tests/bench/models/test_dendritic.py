"""Dendritic networks: counts by hand, the equation written out, and controls that control."""

from itertools import combinations

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing, work
from neurojoule.errors import UserError
from neurojoule.models.dendritic import DANN, DANNDense, DANNLinear
from neurojoule.registry import Shape, get_model, get_task

DIGITS = Shape((64,), 10, (8, 8))
MNIST = Shape((784,), 10, (28, 28))


def test_digits_take_1338_parameters():
    assert sizing.parameters(DANN(DIGITS, 16, fields="local")) == 1_338


def test_the_published_dann_of_10634_parameters_and_its_twin_of_468874():
    # Fashion-MNIST, D = 4, S = 128; 44 times fewer parameters (MODELS, from Chavlis & Poirazi).
    assert sizing.parameters(DANN(MNIST, 128, fields="local", dendrites=4)) == 10_634
    assert sizing.parameters(DANNDense(MNIST, 128, dendrites=4)) == 468_874


@pytest.mark.parametrize("fields", ["random", "local", "global"])
@pytest.mark.parametrize("model", [DANN, DANNLinear])
def test_parameters_follow_the_formula(model, fields):
    K, D, S, C = 5, 3, 7, 10
    net = model(DIGITS, S, fields=fields, dendrites=D, synapses=K)
    assert sizing.parameters(net) == (K + 1) * D * S + (D + 1) * S + (S + 1) * C
    assert net.units() == {"soma": S, "dendrite": D * S}


@pytest.mark.parametrize(("model", "slope"), [(DANN, 0.1), (DANNLinear, 1.0)])
def test_a_dann_equals_its_equation_synapse_by_synapse(model, slope):
    D, S, K = 3, 4, 5
    net = model(Shape((12,), 2, (12,)), S, fields="local", dendrites=D, synapses=K)
    x = torch.randn(3, 12)
    w = net.neurons.dendrites.weight.view(S, D, K)
    b = net.neurons.dendrites.bias.view(S, D)
    index = net.neurons.dendrites.members.view(S, D, K)
    c, a = net.neurons.somata.weight, net.neurons.somata.bias
    expected = torch.empty(3, S)
    for i in range(3):
        for s in range(S):
            y = a[s]
            for d in range(D):
                h = b[s, d] + sum(w[s, d, k] * x[i, index[s, d, k]] for k in range(K))
                y = y + c[s, d] * (h if h > 0 else slope * h)
            expected[i, s] = y if y > 0 else 0.1 * y
    torch.testing.assert_close(net(x), net.readout(expected))


def test_the_dense_twin_equals_its_equation():
    net = DANNDense(Shape((12,), 2, (12,)), 4, dendrites=3)
    x = torch.randn(3, 12)
    h = F.leaky_relu(x @ net.dendrites.weight.T + net.dendrites.bias, 0.1)
    y = F.leaky_relu(h @ net.somata.weight.T + net.somata.bias, 0.1)
    torch.testing.assert_close(net(x), y @ net.readout.weight.T + net.readout.bias)
    assert net.units() == {"soma": 4, "dendrite": 12}


def test_operations_are_those_of_the_synapses_that_exist():
    K, D, S, C = 16, 4, 128, 10
    counted = work.count(DANN(MNIST, S, fields="local"), torch.rand(2, 784))
    macs = K * D * S + D * S + S * C
    nonlinearities = D * S + S
    assert counted.forward_flops == 2 * macs + nonlinearities
    dense = work.count(DANNDense(MNIST, S), torch.rand(2, 784))
    assert dense.forward_flops == 2 * (784 * D * S + D * S * S + S * C) + nonlinearities


ARMS = {
    f"{name} {fields}": (name, {"fields": fields})
    for name in ("dann", "dann_linear")
    for fields in ("random", "local", "global")
} | {name: (name, {}) for name in ("dann_dense", "mlp_sparse", "mlp")}


def as_matrices(name, options):
    """The arm on digits as dense matrices of what is connected with what, layer by layer."""
    net = sizing.build(get_model(name), DIGITS, 16, options, seed=0)
    if name == "mlp":
        return [layer.weight != 0 for layer in net.hidden]
    if name == "dann_dense":
        return [net.dendrites.weight != 0, net.somata.weight != 0]
    if name == "mlp_sparse":
        return [connected(layer) for layer in net.hidden]
    somata = torch.block_diag(*net.neurons.somata.weight[:, None, :]) != 0
    return [connected(net.neurons.dendrites), somata]


def connected(layer):
    index = layer.members.view(layer.out_features, -1)
    return torch.zeros(layer.out_features, layer.in_features).scatter(1, index, 1.0) > 0


def test_no_two_arms_of_the_factorial_build_the_same_network():
    x = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    outputs = {
        arm: sizing.build(get_model(name), DIGITS, 16, options, seed=0)(x)
        for arm, (name, options) in ARMS.items()
    }
    for one, other in combinations(ARMS, 2):
        assert not torch.allclose(outputs[one], outputs[other], atol=1e-3), (one, other)


@pytest.mark.parametrize("fields", ["random", "local", "global"])
def test_linear_dendrites_change_the_nonlinearity_and_nothing_else(fields):
    dann, linear = (
        sizing.build(get_model(name), DIGITS, 16, {"fields": fields}, seed=0)
        for name in ("dann", "dann_linear")
    )
    assert dann.state_dict().keys() == linear.state_dict().keys()
    for name, value in dann.state_dict().items():
        assert torch.equal(value, linear.state_dict()[name]), name
    assert dann.neurons.slope == 0.1
    assert linear.neurons.slope == 1.0


def test_every_arm_has_the_density_and_the_block_structure_it_is_named_for():
    density = {
        arm: [float(part.float().mean()) for part in as_matrices(*built)]
        for arm, built in ARMS.items()
    }
    for arm, (dendrites, somata) in density.items():
        if arm in {"mlp", "dann_dense"}:
            assert (dendrites, somata) == (1, 1)
        elif arm == "mlp_sparse":
            assert (dendrites, somata) == (16 / 64, 16 / 16)
        else:
            assert (dendrites, somata) == (16 / 64, 1 / 16)


@pytest.mark.parametrize("arm", ARMS)
def test_no_unit_lacks_an_input_or_a_reader(arm):
    first, second = as_matrices(*ARMS[arm])
    assert first.any(1).all()
    assert second.any(1).all()
    assert second.any(0).all()  # every unit of the first layer is read


def test_on_few_inputs_dendrites_read_them_all_and_controls_are_refused():
    net = DANN(Shape((2,), 1, (2,)), 3, dendrites=2)
    assert net.neurons.dendrites.weight.shape == (6, 2)
    assert "control" in get_model("dann_dense").refuses(get_task("xor"))
    assert get_model("dann").refuses(get_task("xor")) is None
    with pytest.raises(UserError, match="would be fields='random'"):
        DANN(Shape((2,), 1, (2,)), 3, fields="local")


@pytest.mark.parametrize("options", [{"dendrites": 0}, {"synapses": 0}])
def test_a_neuron_without_dendrites_or_synapses_is_refused(options):
    with pytest.raises(UserError, match="at least one"):
        DANN(DIGITS, 4, **options)
