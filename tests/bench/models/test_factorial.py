"""The factorial: every arm another network, known arms the known models, factors told apart."""

from itertools import combinations, product

import pytest
import torch

from neurojoule import sizing, work
from neurojoule.errors import UnknownNameError
from neurojoule.models.factorial import WIRINGS
from neurojoule.registry import Shape, get_model
from neurojoule.spec import Size

DIGITS = Shape((64,), 10, (8, 8))
FACTORIAL = get_model("dann_factorial")
ARMS = [
    {"wiring": wiring, "blocks": blocks, "nonlinear": nonlinear}
    for wiring, blocks, nonlinear in product(WIRINGS, (True, False), (True, False))
]


def name(arm):
    return " ".join(f"{key}={value}" for key, value in arm.items())


def build(arm, width=16, seed=0):
    return sizing.build(FACTORIAL, DIGITS, width, arm, seed)


def matrices(net):
    """Who can influence whom: dendrites by inputs, somata by dendrites; True where connected."""
    found = []
    for layer in (net.dendrites, net.somata):
        x = torch.eye(layer.in_features if hasattr(layer, "in_features") else 64)
        if hasattr(layer, "bias"):
            torch.nn.init.zeros_(layer.bias)
        torch.nn.init.ones_(layer.weight)
        with torch.no_grad():
            found.append(layer(x).t() != 0)
    return found


@pytest.mark.parametrize("arm", ARMS, ids=name)
def test_parameters_are_those_of_the_connections(arm):
    n, K, D, S, C = 64, 16, 4, 16, 10
    fan_in = n if arm["wiring"] == "all" else K
    somata = (D + 1) * S if arm["blocks"] else (D * S + 1) * S
    expected = (fan_in + 1) * D * S + somata + (S + 1) * C
    net = build(arm)
    assert sizing.parameters(net) == expected
    assert net.units() == {"soma": S, "dendrite": D * S}


@pytest.mark.parametrize("arm", ARMS, ids=name)
def test_every_arm_has_the_sparsity_and_the_blocks_it_is_named_for(arm):
    dendrites, somata = matrices(build(arm, width=64 // 4))
    fan_in = 64 if arm["wiring"] == "all" else 16
    assert (dendrites.sum(1) == fan_in).all()
    assert (somata.sum(1) == (4 if arm["blocks"] else 64)).all()
    assert (somata.sum(0) > 0).all()  # no dendrite without a reader
    if arm["blocks"]:
        assert torch.equal(somata, torch.eye(16).bool().repeat_interleave(4, 1))


def test_local_fields_lie_together_and_random_ones_do_not():
    def spread(wiring):
        dendrites, _ = matrices(build({"wiring": wiring}))
        rows = [unit.nonzero()[:, 0] // 8 for unit in dendrites]
        return sum(float(row.amax() - row.amin()) for row in rows) / len(rows)

    assert spread("local") < 5 < spread("random")


def test_no_two_arms_build_the_same_network():
    x = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    outputs = {name(arm): build(arm)(x) for arm in ARMS}
    for one, other in combinations(outputs, 2):
        assert not torch.allclose(outputs[one], outputs[other], atol=1e-3), (one, other)


def test_arms_that_differ_in_the_nonlinearity_alone_have_equal_weights():
    for wiring, blocks in product(WIRINGS, (True, False)):
        on, off = (
            build({"wiring": wiring, "blocks": blocks, "nonlinear": flag}).state_dict()
            for flag in (True, False)
        )
        assert on.keys() == off.keys()
        assert all(torch.equal(value, off[key]) for key, value in on.items())


@pytest.mark.parametrize(
    ("known", "options", "arm"),
    [
        ("dann", {"fields": "random"}, {"wiring": "random"}),
        ("dann", {"fields": "local"}, {"wiring": "local"}),
        ("dann", {"fields": "global"}, {"wiring": "global"}),
        ("dann_linear", {"fields": "local"}, {"wiring": "local", "nonlinear": False}),
        ("dann_dense", {}, {"wiring": "all", "blocks": False}),
    ],
)
def test_known_models_are_arms_of_it(known, options, arm):
    x = torch.randn(8, 64)
    model = sizing.build(get_model(known), DIGITS, 16, options, seed=3)
    torch.testing.assert_close(model(x), build(arm, seed=3)(x))


@pytest.mark.parametrize("arm", ARMS, ids=name)
def test_every_unit_of_every_arm_gets_a_gradient_and_every_operation_is_counted(arm):
    net = build(arm)
    x = torch.randn(256, 64, generator=torch.Generator().manual_seed(0))
    net(x).square().sum().backward()
    for key, parameter in net.named_parameters():
        assert (parameter.grad.reshape(len(parameter), -1) != 0).any(1).all(), key
    nonlinearities = 16 + 64 * arm["nonlinear"]
    macs = net.dendrites.weight.numel() + net.somata.weight.numel() + 160
    assert work.count(net, x[:2]).forward_flops == 2 * macs + nonlinearities


@pytest.mark.parametrize("arm", ARMS, ids=name)
def test_every_arm_meets_a_budget_of_4_thousand_parameters(arm):
    # A step of the width is 300 parameters where dendrites read all 64 inputs.
    solved = sizing.solve(FACTORIAL, DIGITS, Size(4_000), arm)
    assert abs(solved.deviation) < 0.05


def test_an_unknown_wiring_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'local'"):
        build({"wiring": "locale"})
