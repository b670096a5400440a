"""The expressive leaky memory neuron: published sizes, the plain equations, the fast form."""

import math

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing, work
from neurojoule.errors import UnknownNameError, UserError
from neurojoule.models.elm import ELM, interlocked, overlapping
from neurojoule.registry import Shape

NEURON = Shape((1278, 500), 2, (1278, 500))
SHORT = Shape((6, 9), 3, (6, 9))


PUBLISHED = {1: 4_601, 5: 5_077, 10: 5_852, 15: 6_827, 20: 8_002, 50: 19_252, 75: 34_127}


@pytest.mark.parametrize(("memory", "published"), PUBLISHED.items())
def test_sizes_are_exactly_the_published_ones(memory, published):
    count = sizing.parameters(ELM(NEURON, memory))
    B, K, M, C = 45, 100, memory, 2
    assert count == B * K + (B + M + 1) * 2 * M + (2 * M + 1) * M + (M + 1) * C
    assert count == published


def plain(net, x, *, activation, sign):
    """All memories (time, batch, M), synapse by synapse and step by step."""
    index, w = net.branches.members, net.branches.weight.clamp(min=0).flatten()
    B, K = net.branches.weight.shape
    W = torch.cat((net.drive.weight, net.recall.weight), 1)
    k_m, k_s = net.left, math.exp(-1 / 5)
    s = x.new_zeros(len(x), B * K)
    m = x.new_zeros(len(x), len(k_m))
    states = []
    for t in range(x.shape[2]):
        s = k_s * s + w * sign[index] * x[:, :, t][:, index]
        b = s.view(len(x), B, K).sum(2)
        hidden = activation(F.linear(torch.cat((b, k_m * m), 1), W, net.drive.bias))
        d = 1.7159 * torch.tanh(2 / 3 * net.write(hidden))
        m = k_m * m + 5 * (1 - k_m) * d
        states.append(m)
    return torch.stack(states)


@pytest.mark.parametrize("inhibition", [False, True])
@pytest.mark.parametrize("name", ["relu", "silu"])
def test_the_fast_form_equals_the_plain_one_in_value_and_gradient(name, inhibition):
    torch.manual_seed(0)
    options = {"branches": 4, "synapses": 3, "activation": name, "inhibition": inhibition}
    net = ELM(SHORT, 5, **options)
    x = torch.rand(3, 6, 9, requires_grad=True)
    other = x.detach().clone().requires_grad_()
    sign = torch.tensor([1.0] * 3 + [-1.0] * 3) if inhibition else torch.ones(6)
    ours = net.memories(x)
    theirs = plain(net, other, activation=getattr(F, name), sign=sign)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    parameters = [p for n, p in net.named_parameters() if "readout" not in n]
    weights = torch.randn_like(ours)
    one = torch.autograd.grad((ours * weights).sum(), [x, *parameters])
    two = torch.autograd.grad((theirs * weights).sum(), [other, *parameters])
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_step_by_step_as_it_is_counted_it_is_the_same():
    net = ELM(SHORT, 5, branches=4, synapses=3)
    z = torch.randn(9, 2, 10)
    from neurojoule.kernels.elm import memory

    fast = memory(
        z, net.recall.weight, net.write.weight, net.write.bias, net.left, net.gain, "relu"
    )
    torch.testing.assert_close(net.stepwise(z), fast)


def test_operations_are_those_of_the_fast_form():
    T, B, K, M, C = 9, 4, 3, 5, 3
    counted = work.count(ELM(SHORT, M, branches=B, synapses=K), torch.rand(2, 6, T))
    macs = T * (B * K + B * 2 * M + M * 2 * M + 2 * M * M) + M * C
    leaks = 2 * (T - 1) * B
    # m k: M; sum and ReLU: 4 M; GAIN, tanh, SCALE: 3 M; gain and sum: 2 M
    steps = T * (M + 4 * M + 3 * M + 2 * M)
    assert counted.forward_flops == 2 * macs + leaks + steps


def test_synapses_never_change_their_sign():
    net = ELM(SHORT, 5, branches=4, synapses=3)
    with torch.no_grad():
        net.branches.weight.fill_(-1.0)
    assert torch.equal(net.branches(torch.rand(2, 6)), torch.zeros(2, 4))


def test_branches_read_overlapping_stretches_at_the_published_stride():
    index = overlapping(1278, 45, 100)
    assert index.shape == (45, 100)
    assert (index[1] - index[0]).tolist() == [29] * 100
    assert set(index.flatten().tolist()) == set(range(1278))
    assert overlapping(1, 45, 100).tolist() == [[0]]
    assert all(sorted(row) == [0, 1, 2] for row in overlapping(3, 45, 100).tolist())


def test_a_branch_reads_both_kinds_of_synapse_on_its_stretch():
    # 160 places of excitation, then the same of inhibition: as in the cells' tasks.
    index = interlocked(overlapping(320, 45, 100), 320)
    for row in index[:3]:
        excitatory, inhibitory = row[row < 160], row[row >= 160] - 160
        assert sorted(excitatory.tolist()) == sorted(inhibitory.tolist())
        assert len(excitatory) == 50
        assert excitatory.max() - excitatory.min() == 49
    net = ELM(Shape((320, 9), 2, (320, 9)), 5, inhibition=True)
    with torch.no_grad():
        for half, sign in ((slice(160), 1), (slice(160, None), -1)):
            x = torch.zeros(1, 320)
            x[:, half] = 1
            assert (net.branches(x).sign() == sign).all()


def test_inhibition_wants_two_halves():
    with pytest.raises(UserError, match="there are 5 in all"):
        ELM(Shape((5, 9), 2, (5, 9)), 3, inhibition=True)


def test_time_constants_span_the_published_range():
    net = ELM(NEURON, 10)
    tau_ms = -1 / net.left.log()
    assert tau_ms[0].item() == pytest.approx(1, rel=1e-4)
    assert tau_ms[-1].item() == pytest.approx(150, rel=1e-3)
    ratios = tau_ms[1:] / tau_ms[:-1]
    torch.testing.assert_close(ratios, ratios[0].expand(9), rtol=1e-3, atol=0)


def test_answers_at_the_last_steps_are_those_of_shorter_sequences():
    net = ELM(Shape((6, 9), 3, (6, 9), steps=4), 5, branches=4, synapses=3)
    x = torch.rand(2, 6, 9)
    answers = net(x)
    assert answers.shape == (2, 3, 4)
    for back in range(4):
        shorter = net(x[:, :, : 9 - back])
        torch.testing.assert_close(answers[:, :, 3 - back], shorter[:, :, -1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branches": 0}, "at least one branch"),
        ({"slowest_ms": 0.5}, "slowest time constant"),
        ({"branches": 2, "synapses": 2}, "leave some of 6 channels"),
    ],
)
def test_impossible_settings_are_refused(options, words):
    with pytest.raises(UserError, match=words):
        ELM(SHORT, 5, **options)


def test_an_unknown_activation_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'relu'"):
        ELM(SHORT, 5, activation="rleu")
