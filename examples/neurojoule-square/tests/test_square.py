"""The unit against its equation: what a model needs before anybody believes its numbers."""

import torch
from neurojoule_square import SquareDendrites

from neurojoule import sizing
from neurojoule.check_model import examine
from neurojoule.registry import Shape, get_model

DIGITS = Shape((64,), 10, (8, 8))


def test_parameters_follow_the_formula() -> None:
    """Counted by hand."""
    K, D, S, C = 16, 4, 7, 10
    net = SquareDendrites(DIGITS, S)
    assert sizing.parameters(net) == (K + 1) * D * S + (D + 1) * S + (S + 1) * C


def test_it_equals_its_equation_dendrite_by_dendrite() -> None:
    """Written out, without any of the layers."""
    torch.manual_seed(0)
    D, S, K = 3, 2, 4
    net = SquareDendrites(Shape((6,), 2, (6,)), S, dendrites=D, synapses=K)
    x = torch.randn(6)
    w, b = net.dendrites.weight.view(S, D, K), net.dendrites.bias.view(S, D)
    index = net.dendrites.members.view(S, D, K)
    y = [
        net.somata.bias[s]
        + sum(
            net.somata.weight[s, d]
            * (b[s, d] + sum(w[s, d, k] * x[index[s, d, k]] for k in range(K))) ** 2
            for d in range(D)
        )
        for s in range(S)
    ]
    torch.testing.assert_close(net(x[None])[0], net.readout(torch.stack(y)))


def test_it_is_installed_and_nothing_is_wrong_with_it() -> None:
    """Found by its entry point, and checked as by `neurojoule check-model`."""
    assert get_model("square_dendrites").build is SquareDendrites
    assert [f for f in examine("square_dendrites") if f.verdict == "wrong"] == []
