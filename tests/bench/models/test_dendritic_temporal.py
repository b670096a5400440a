"""Dendrites in time: counts by hand, the equation written out, and controls that control."""

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing, views, work
from neurojoule.errors import UnknownNameError, UserError
from neurojoule.models.dendritic_temporal import DANNTemporal
from neurojoule.registry import Shape, get_model, get_task
from neurojoule.spec import Recipe
from neurojoule.train import LOSSES, gradient_learner

SHORT = Shape((8, 30), 3, (8, 30), steps=20)
OPTIONS = {"dendrites": 3, "synapses": 4, "taps": 12, "bins": 4}


def some_spikes(*shape, density=0.2):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(0)) < density).float()


@pytest.mark.parametrize("fields", ["random", "local", "global"])
def test_parameters_follow_the_formula(fields):
    K, D, S, C, J = 5, 3, 7, 2, 6
    shape = get_task("neuron_l5_nmda")
    net = DANNTemporal(
        Shape(shape.inputs, C, shape.inputs, 500),
        S, fields=fields, kinds=2, dendrites=D, synapses=K, bins=J,
    )  # fmt: skip
    assert sizing.parameters(net) == (K * J + 1) * D * S + (D + 1) * S + (S + 1) * C
    assert net.units() == {"soma": S, "dendrite": D * S}


@pytest.mark.parametrize(("linear", "slope"), [(False, 0.1), (True, 1.0)])
@pytest.mark.parametrize("steps", [0, 20])
def test_it_equals_its_equation_dendrite_by_dendrite(linear, slope, steps):
    D, S, K = 3, 4, 4
    shape = Shape((8, 30), 3, (8, 30), steps)
    torch.manual_seed(0)
    net = DANNTemporal(shape, S, linear=linear, **OPTIONS).double()
    x = some_spikes(2, 8, 30).double()
    widths = net.dendrites.edges.diff()
    filters = net.dendrites.weight.view(S, D, K, 4).repeat_interleave(widths, 3)  # lag by lag
    index = net.dendrites.index.view(S, D, K)
    answers = []
    for t in range(30):
        somata = []
        for s in range(S):
            y = net.somata.bias[s]
            for d in range(D):
                h = net.dendrites.bias.view(S, D)[s, d]
                for k in range(K):
                    for lag in range(min(12, t + 1)):
                        h = h + filters[s, d, k, lag] * x[:, index[s, d, k], t - lag]
                y = y + net.somata.weight[s, d] * F.leaky_relu(h, slope)
            somata.append(F.leaky_relu(y, 0.1))
        answers.append(net.readout(torch.stack(somata, 1)))
    expected = torch.stack(answers[-steps:], 2) if steps else answers[-1]
    torch.testing.assert_close(net(x), expected)


def test_no_answer_depends_on_what_comes_after_it():
    net = DANNTemporal(SHORT, 4, **OPTIONS)
    x = some_spikes(2, 8, 30)
    later = x.clone()
    later[:, :, 22:] = 1 - later[:, :, 22:]
    before, after = net(x), net(later)
    torch.testing.assert_close(after[:, :, :12], before[:, :, :12])
    assert not torch.allclose(after[:, :, 12:], before[:, :, 12:])


def test_gradients_equal_finite_differences():
    torch.manual_seed(1)
    net = DANNTemporal(Shape((4, 10), 2, (4, 10), 6), 2, dendrites=2, synapses=2, taps=5, bins=3)
    net.double()
    x = some_spikes(2, 4, 10, density=0.4).double()
    names = [name for name, _ in net.named_parameters()]

    def call(*parameters):
        return torch.func.functional_call(net, dict(zip(names, parameters, strict=True)), (x,))

    parameters = [p.detach().clone().requires_grad_() for p in net.parameters()]
    assert torch.autograd.gradcheck(call, parameters)


def test_operations_are_those_of_its_parts():
    D, S, C, batch, steps = 3, 4, 3, 2, 20
    net = DANNTemporal(SHORT, S, **OPTIONS)
    x = some_spikes(batch, 8, 30)
    macs = net.dendrites.macs(x) / batch + (D * S + S * C) * steps
    nonlinearities = (D * S + S) * steps
    assert work.count(net, x).forward_flops == 2 * macs + nonlinearities


def test_linear_dendrites_change_the_nonlinearity_and_nothing_else():
    nets = []
    for linear in (False, True):
        torch.manual_seed(3)
        nets.append(DANNTemporal(SHORT, 4, linear=linear, **OPTIONS))
    one, two = (net.state_dict() for net in nets)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    x = some_spikes(2, 8, 30)
    assert not torch.allclose(nets[0](x), nets[1](x), atol=1e-3)


def test_local_fields_hold_both_kinds_of_synapse_of_one_place():
    net = DANNTemporal(
        Shape((320, 700), 2, (320, 700), 500), 4, fields="local", kinds=2, synapses=6
    )
    place = net.dendrites.index % 160
    # Two kinds at the centre and its two neighbours are 6 synapses; at an end it is one ring more.
    assert (place.amax(1) - place.amin(1) <= 2).all()
    assert ((net.dendrites.index < 160).sum(1) >= 2).all()
    assert ((net.dendrites.index >= 160).sum(1) >= 2).all()


def test_it_learns_what_no_weighted_sum_of_its_channels_separates_and_its_control_does_worse():
    x = some_spikes(100, 2, 30, density=0.08)
    recent = F.avg_pool1d(F.pad(x, (4, 0)), 5, 1) > 0  # a spike within the last 5 steps
    y = (recent[:, 0] ^ recent[:, 1]).float()[:, None, 10:]
    shape = Shape((2, 30), 1, (2, 30), steps=20)
    losses = {}
    for linear in (False, True):
        torch.manual_seed(1)
        net = DANNTemporal(shape, 6, dendrites=4, synapses=2, taps=6, bins=6, linear=linear)
        with torch.no_grad():  # somata begin where they are linear: what is left are the dendrites
            net.somata.bias.fill_(10.0)
        learn = gradient_learner(net, "binary", Recipe(150, 100, learning_rate=3e-2))
        for _ in range(150):
            learn(x, y)
        losses[linear] = float(LOSSES["binary"](net(x), y).detach())
    assert losses[False] < 0.1
    assert losses[True] > 2 * losses[False]


def test_few_channels_and_short_sequences_are_taken_whole():
    net = DANNTemporal(Shape((2, 7), 1, (2, 7)), 3)
    assert net.dendrites.weight.shape == (24, 2, 7)  # 8 dendrites each, 2 channels, 7 steps


def test_what_has_no_spikes_in_time_is_refused_in_words():
    model = get_model("dann_temporal")
    for name in ("digits", "xor", "mackey_glass"):
        assert "no spikes in time" in views.why_not(model, get_task(name))
    assert views.why_not(model, get_task("neuron_l5_nmda")) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dendrites": 0}, "at least one"),
        ({"synapses": 0}, "at least one"),
        ({"kinds": 3}, "kinds=3, and 8 channels"),
        ({"kinds": 0}, "kinds=0"),
        ({"taps": 0}, "given 0"),
        ({"bins": 0}, "given 0"),
        ({"fields": "local", "synapses": 8}, "fields='random'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        DANNTemporal(SHORT, 4, **(OPTIONS | options))


def test_an_unknown_kind_of_field_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="local"):
        DANNTemporal(SHORT, 4, fields="locl")
