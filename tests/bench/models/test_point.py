"""Networks of point neurons against hand-written forms of their equations."""

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing, work
from neurojoule.errors import UserError
from neurojoule.models.point import CNN1D, CNN2D, MLP, MLPSparse
from neurojoule.registry import Shape, get_model, get_task

MNIST1D = Shape((40,), 10, (40,))
CURVE = Shape((1, 40), 10, (40,))


def test_two_layers_of_100_have_the_15210_parameters_of_the_mnist1d_paper():
    assert sizing.parameters(MLP(MNIST1D, 100)) == 15_210
    assert sizing.parameters(MLP(MNIST1D, 100, skip=True)) == 15_210


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_mlp_has_the_documented_parameters(layers):
    n, H, C = 40, 7, 10
    count = (n + 1) * H + (layers - 1) * (H + 1) * H + (H + 1) * C
    assert sizing.parameters(MLP(MNIST1D, H, layers=layers)) == count


@pytest.mark.parametrize("skip", [False, True])
def test_an_mlp_equals_its_equation(skip):
    net = MLP(Shape((5,), 3, (5,)), 4, layers=3, skip=skip)
    x = torch.randn(6, 5)
    (W1, b1), (W2, b2), (W3, b3) = ((layer.weight, layer.bias) for layer in net.hidden)
    h1 = (x @ W1.T + b1).clamp(min=0)
    h2 = (h1 @ W2.T + b2).clamp(min=0) + (h1 if skip else 0)
    h3 = (h2 @ W3.T + b3).clamp(min=0)
    torch.testing.assert_close(net(x), h3 @ net.readout.weight.T + net.readout.bias)


@pytest.mark.parametrize("options", [{"layers": 0}, {"layers": 4}, {"layers": 1, "skip": True}])
def test_depths_that_do_not_exist_are_refused(options):
    with pytest.raises(UserError, match="hidden layer"):
        MLP(MNIST1D, 4, **options)


def test_sparse_layers_have_the_documented_parameters_and_no_mask():
    K, H, C = 16, 100, 10
    net = MLPSparse(MNIST1D, H)
    assert sizing.parameters(net) == (K + 1) * 2 * H + (H + 1) * C
    dense = 2 * (40 * H)
    assert all(b.numel() < dense for b in net.buffers())


def test_a_sparse_layer_equals_a_dense_one_with_the_absent_weights_at_zero():
    net = MLPSparse(Shape((30,), 3, (30,)), 20, layers=2, synapses=4)
    x = torch.randn(6, 30)
    h = x
    for layer in net.hidden:
        index = layer.members.view(20, 4)
        W = torch.zeros(20, layer.in_features).scatter(1, index, layer.weight)
        h = F.relu(h @ W.T + layer.bias)
    torch.testing.assert_close(net(x), net.readout(h))


@pytest.mark.parametrize("seed", range(5))
def test_every_sparse_unit_reads_different_inputs_and_has_a_reader(seed):
    torch.manual_seed(seed)
    first, second = MLPSparse(MNIST1D, 50, synapses=3).hidden
    for layer in (first, second):
        rows = layer.members.view(50, 3).tolist()
        assert all(len(set(row)) == 3 for row in rows)
    assert set(second.members.tolist()) == set(range(50))
    assert set(first.members.tolist()) == set(range(40))


def test_units_are_not_shared_out_once_each_or_the_control_would_be_the_dendritic_network():
    torch.manual_seed(0)
    readers = MLPSparse(MNIST1D, 50, synapses=4).hidden[1].members.bincount(minlength=50)
    assert readers.min() >= 1
    assert readers.max() > 4


def test_a_sparse_control_refuses_inputs_that_it_would_read_completely():
    with pytest.raises(UserError, match="more inputs than its 16 synapses"):
        MLPSparse(Shape((16,), 2, (16,)), 4)
    assert "all would be connected" in get_model("mlp_sparse").refuses(get_task("xor"))
    assert get_model("mlp_sparse").refuses(get_task("digits")) is None


def test_the_convolutional_net_has_the_5210_parameters_of_the_mnist1d_paper():
    assert sizing.parameters(CNN1D(CURVE, 25)) == 5_210


def test_a_convolution_with_stride_equals_its_sum():
    net = CNN1D(Shape((2, 12), 3, (2, 12)), 4)
    x = torch.randn(1, 2, 12)

    def slow(x, layer, padding):
        padded = F.pad(x, (padding, padding))[0]
        taps = layer.kernel_size[0]
        steps = (padded.shape[1] - taps) // 2 + 1
        return torch.stack(
            [
                torch.stack(
                    [
                        (layer.weight[c] * padded[:, 2 * t : 2 * t + taps]).sum() + layer.bias[c]
                        for t in range(steps)
                    ]
                )
                for c in range(layer.out_channels)
            ]
        )[None].clamp(min=0)

    h = slow(slow(slow(x, net.conv1, 1), net.conv2, 1), net.conv3, 1)
    torch.testing.assert_close(net(x), net.readout(h.flatten(1)))


@pytest.mark.parametrize("time", [1, 2, 3, 4, 5, 8, 28, 40, 784])
def test_the_convolutional_net_takes_sequences_of_any_length(time):
    net = CNN1D(Shape((3, time), 2, (3, time)), 4)
    assert net(torch.zeros(2, 3, time)).shape == (2, 2)
    assert net.units() == {"point": 4 * sum(net.steps)}


def test_a_cnn2d_has_the_documented_parameters_and_equals_its_sums():
    c, H, C = 2, 3, 4
    net = CNN2D(Shape((c, 6, 7), C, (c, 6, 7)), H)
    assert sizing.parameters(net) == (9 * c + 1) * H + (9 * H + 1) * H + (H * 2 * 2 + 1) * C
    x = torch.randn(2, c, 6, 7)
    h = x
    for conv in (net.conv1, net.conv2):
        padded = F.pad(h, (1, 1, 1, 1))
        rows, columns = ((extent + 1) // 2 for extent in h.shape[2:])
        y = torch.zeros(2, H, rows, columns)
        for i in range(rows):
            for j in range(columns):
                patch = padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].flatten(1)
                y[:, :, i, j] = patch @ conv.weight.flatten(1).T + conv.bias
        h = F.relu(y)
    torch.testing.assert_close(net(x), net.readout(h.flatten(1)))
    assert net.units() == {"point": H * (3 * 4 + 2 * 2)}
    counted = work.count(net, x)
    macs = H * 12 * 9 * c + H * 4 * 9 * H + H * 4 * C
    assert counted.forward_flops == 2 * macs + H * (12 + 4)
