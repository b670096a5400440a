"""Streaming: step by step a causal network gives what it gives over the whole window."""

import pytest
import torch
from torch import nn

from neurojoule.errors import UserError
from neurojoule.kernels import jit
from neurojoule.kernels.binned import BinnedConv1d
from neurojoule.kernels.binned_synapses import BinnedSynapses
from neurojoule.kernels.events import EventConv1d
from neurojoule.kernels.streaming import Streaming, stream
from neurojoule.models.tcn import TCN
from neurojoule.registry import Shape, get_model


@pytest.fixture(params=["compiled", "plain torch"])
def kernel(request, monkeypatch):
    if request.param == "plain torch":
        monkeypatch.setattr(jit, "available", lambda: False)
    return request.param


def causal(inputs, units, taps, dilation=1):
    return nn.Sequential(
        nn.ConstantPad1d(((taps - 1) * dilation, 0), 0.0),
        nn.Conv1d(inputs, units, taps, dilation=dilation),
    )


def surrogate(inputs=11, width=8, layers=4, *, dilated=False):
    """Conv, ReLU, batch norm, as in the paper's network, with two heads."""
    torch.manual_seed(0)
    parts = []
    for i in range(layers):
        parts += [causal(inputs, width, 6 if i == 0 else 4, 2**i if dilated else 1), nn.ReLU()]
        parts.append(nn.BatchNorm1d(width))
        inputs = width
    net = nn.Sequential(*parts, causal(width, 2, 1))
    net(torch.randn(8, parts[0][1].in_channels, 30))  # statistics other than 0 and 1
    return net.eval()


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("dilated", [False, True])
@pytest.mark.parametrize("density", [0.1, 1.0])
@pytest.mark.usefixtures("kernel")
def test_every_step_equals_the_batched_output(samples, dilated, density):
    net = surrogate(dilated=dilated)
    torch.manual_seed(1)
    x = torch.randn(samples, 11, 80) * (torch.rand(samples, 11, 80) < density)
    stream = Streaming(net, samples=samples)
    streamed = torch.stack([stream.step(x[:, :, t]) for t in range(80)], 2)
    torch.testing.assert_close(streamed, net(x), atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("kernel")
def test_a_tcn_with_residuals_and_weight_norm_streams_its_last_step():
    torch.manual_seed(0)
    net = TCN(Shape((3, 40), 4, (3, 40)), 6, kernel=3, dropout=0.2).eval()
    x = torch.randn(2, 3, 40)
    stream = Streaming(net, samples=2)
    for t in range(40):
        y = stream.step(x[:, :, t])
        torch.testing.assert_close(y, net(x[:, :, : t + 1]), atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("kernel")
def test_an_event_layer_streams():
    torch.manual_seed(0)
    net = nn.Sequential(EventConv1d(5, 7, 9), nn.ReLU(), causal(7, 2, 3))
    x = (torch.rand(1, 5, 30) < 0.2).float()
    stream = Streaming(net)
    streamed = torch.stack([stream.step(x[:, :, t]) for t in range(30)], 2)
    torch.testing.assert_close(streamed, net(x), atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("kernel")
def test_a_reset_forgets_the_past():
    stream = Streaming(surrogate())
    x = torch.randn(1, 11)
    first = stream.step(x)
    assert not torch.allclose(stream.step(x), first)
    stream.reset()
    torch.testing.assert_close(stream.step(x), first)


def test_the_model_itself_is_left_as_it_was():
    net = surrogate().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    Streaming(net)
    assert net.training
    assert isinstance(net[0][1], nn.Conv1d)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class MeanOverTime(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = causal(3, 2, 4)

    def forward(self, x):
        return self.net(x).mean(2)


class Recurrent(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.net, self.layer = causal(3, 2, 4), layer

    def forward(self, x):
        return self.layer(self.net(x).transpose(1, 2))[0].transpose(1, 2)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@pytest.mark.usefixtures("kernel")
def test_a_recurrent_layer_behind_convolutions_streams(kind):
    torch.manual_seed(0)
    net = Recurrent(kind(2, 4, batch_first=True))
    x = torch.randn(2, 3, 30)
    streamed = steps(Streaming(net, samples=2), x)
    torch.testing.assert_close(streamed, net(x), atol=1e-5, rtol=1e-5)


def steps(stream, x):
    """What a stream gives for every step of x (samples, channels, time)."""
    return torch.stack([stream.step(x[:, :, t]) for t in range(x.shape[2])], 2)


MODELS = {
    "dann_temporal": {"taps": 20, "bins": 5, "synapses": 3, "dendrites": 2},
    "elm": {"branches": 4, "synapses": 3},
    "glm": {"taps": 20},
    "glm binned": {"taps": 20, "bins": 5},
    "gru": {},
    "lstm": {},
    "tcn": {"kernel": 3, "levels": 2},
    "tcn_surrogate": {"first_taps": 20, "bins": 5, "taps": 3, "dilation": 2},
}


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.usefixtures("kernel")
def test_a_model_that_answers_at_every_step_streams(name, samples):
    shape, steps_asked = Shape((6, 80), 2, (6, 80), steps=60), 60
    torch.manual_seed(0)
    net = get_model(name.split()[0]).build(shape, 4, **MODELS[name])
    x = (torch.rand(samples, 6, 80) < 0.2).float()
    net(x)  # batch norms with statistics other than 0 and 1
    net.eval()
    streamed = steps(stream(net, samples=samples), x)
    expected = net(x)
    assert expected.shape == (samples, 2, steps_asked)
    torch.testing.assert_close(streamed[:, :, 20:], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_stream_can_begin_anew(name):
    shape = Shape((6, 80), 2, (6, 80), steps=60)
    net = get_model(name.split()[0]).build(shape, 4, **MODELS[name]).eval()
    one = stream(net)
    x = (torch.rand(1, 6, 40, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    first = steps(one, x)
    one.reset()
    torch.testing.assert_close(steps(one, x), first, rtol=0, atol=0)
    assert one.kernel


@pytest.mark.parametrize("kind", ["every unit reads", "few read"])
def test_running_sums_of_filters_do_not_drift(kind):
    torch.manual_seed(0)
    layer = (
        BinnedConv1d(5, 4, 30, 6)
        if kind == "every unit reads"
        else BinnedSynapses(5, torch.tensor([[0, 1], [2, 3], [4, 0], [1, 2]]), 30, 6)
    )
    one = Streaming(layer)
    for _ in range(500):
        one.step((torch.rand(1, 5) < 0.5).float())
    for _ in range(31):
        y = one.step(torch.zeros(1, 5))
    # In float32 2,500 differences leave about 1e-6 behind; here nothing is left of the filters.
    torch.testing.assert_close(y[0], layer.bias.detach(), rtol=0, atol=1e-12)


def test_another_step_than_the_channels_of_an_elm_is_refused():
    net = get_model("elm").build(Shape((6, 80), 2, (6, 80), steps=60), 4)
    with pytest.raises(UserError, match=r"\(1, 6\).*given \(1, 5\)"):
        stream(net).step(torch.zeros(1, 5))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Conv1d(3, 2, 4), "fed with 1 steps"),
        (nn.Conv1d(3, 2, 3, padding=1), "padding outside"),
        (nn.Conv1d(3, 2, 1, stride=2), "stride 1"),
        (nn.Sequential(nn.ConstantPad1d((1, 2), 0.0), nn.Conv1d(3, 2, 4)), "other outputs"),
        (MeanOverTime(), "other outputs"),
        (Recurrent(nn.GRU(2, 2, batch_first=True, bidirectional=True)), "runs forwards"),
        (Recurrent(nn.RNN(2, 2, batch_first=True)), "is a GRU or LSTM"),
        (nn.Linear(3, 2), "no convolution"),
    ],
)
def test_what_is_not_causal_is_refused(model, message):
    with pytest.raises(UserError, match=message):
        Streaming(model)


def test_a_step_of_another_shape_is_refused():
    stream = Streaming(surrogate(), samples=2)
    with pytest.raises(UserError, match=r"\(2, 11\).*given \(1, 11\)"):
        stream.step(torch.zeros(1, 11))


def test_the_kernel_is_named(monkeypatch):
    assert Streaming(surrogate()).kernel == "numba"
    monkeypatch.setattr(jit, "available", lambda: False)
    assert Streaming(surrogate()).kernel == "conv1d"
