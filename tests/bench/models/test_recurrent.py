"""Recurrent references against their equations, step by step."""

import pytest
import torch

from neurojoule import sizing
from neurojoule.errors import UnknownNameError
from neurojoule.models.recurrent import GRU, LSTM
from neurojoule.registry import Shape

CURVE = Shape((1, 40), 10, (40,))
SHORT = Shape((2, 5), 3, (2, 5))


def test_the_gru_has_the_5134_parameters_of_the_mnist1d_paper():
    assert sizing.parameters(GRU(CURVE, 6)) == 5_134


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("readout", ["all", "last"])
@pytest.mark.parametrize(("model", "gates"), [(GRU, 3), (LSTM, 4)])
def test_parameters_follow_the_formula(model, gates, bidirectional, readout):
    c, T, H, C = 2, 5, 7, 3
    directions = 2 if bidirectional else 1
    net = model(SHORT, H, bidirectional=bidirectional, readout=readout)
    states = directions * H * (T if readout == "all" else 1)
    assert sizing.parameters(net) == directions * gates * H * (c + H + 2) + (states + 1) * C
    assert net.units() == {"cell": directions * H}


def run_gru(layer, x, suffix=""):
    """Hidden states (batch, time, H) of one direction, by the equations."""
    weights = (
        getattr(layer, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    W, U, b, c = (w.chunk(3) for w in weights)
    h = torch.zeros(len(x), layer.hidden_size)
    states = []
    for t in range(x.shape[2]):
        i = [x[:, :, t] @ W[g].T + b[g] for g in range(3)]
        r = torch.sigmoid(i[0] + h @ U[0].T + c[0])
        z = torch.sigmoid(i[1] + h @ U[1].T + c[1])
        n = torch.tanh(i[2] + r * (h @ U[2].T + c[2]))
        h = (1 - z) * n + z * h
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize("readout", ["all", "last"])
def test_a_gru_equals_its_equations_in_both_directions(readout):
    net = GRU(SHORT, 4, readout=readout)
    x = torch.randn(3, 2, 5)
    ahead = run_gru(net.layer, x)
    back = run_gru(net.layer, x.flip(2), "_reverse").flip(1)
    if readout == "all":
        states = torch.cat((ahead, back), 2).flatten(1)
    else:  # each direction where it has seen everything
        states = torch.cat((ahead[:, -1], back[:, 0]), 1)
    torch.testing.assert_close(net(x), net.readout(states))


def test_the_last_state_of_an_lstm_is_read_from_its_end():
    net = LSTM(SHORT, 4, bidirectional=False, readout="last")
    x = torch.randn(3, 2, 5)
    _, (h, _) = net.layer(x.transpose(1, 2))
    torch.testing.assert_close(net(x), net.readout(h[0]))


def test_an_unknown_readout_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'last'"):
        GRU(SHORT, 2, readout="lst")
