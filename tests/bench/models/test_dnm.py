"""The dendritic neuron model: products in log space, counts, a start that does not vanish."""

import math

import torch

from neurojoule import sizing, views, work
from neurojoule.models.dnm import DNM
from neurojoule.registry import Shape, get_model, get_task


def sigmoid(u):
    return 1 / (1 + math.exp(-u))


def test_a_neuron_equals_its_product_factor_by_factor():
    torch.manual_seed(0)
    net = DNM(Shape((4,), 2, (4,)), 3)
    x = torch.randn(5, 4)
    w, q = net.synapse.tolist(), net.threshold.tolist()
    for i, row in enumerate(x.tolist()):
        for c in range(2):
            total = 0.0
            for m in range(3):
                product = 1.0
                for j in range(4):
                    product *= sigmoid(5 * (w[c][m][j] * row[j] - q[c][m][j]))
                total += product
            logit = net.soma_gain[c] * (total - net.soma_threshold[c])
            torch.testing.assert_close(net(x)[i, c], logit)


def test_parameters_follow_the_formula():
    n, M, C = 64, 8, 10
    net = DNM(Shape((n,), C, (8, 8)), M)
    assert sizing.parameters(net) == 2 * M * n * C + 2 * C
    assert net.units() == {"soma": C, "dendrite": C * M}


def test_a_product_of_784_factors_starts_far_from_0():
    torch.manual_seed(0)
    net = DNM(Shape((784,), 1, (28, 28)), 50)
    with torch.no_grad():
        start = net(torch.zeros(1, 784)) / net.soma_gain + net.soma_threshold
    assert 0.25 < float(start) / 50 < 0.45  # about 1/e


def test_large_batches_are_taken_in_parts_with_the_same_result():
    net = DNM(Shape((784,), 10, (28, 28)), 8)
    x = torch.rand(150, 784)  # 66 samples fit at once
    torch.testing.assert_close(net(x)[140:], net(x[140:]), rtol=1e-5, atol=1e-5)


def test_operations_are_element_by_element():
    n, M, C = 6, 3, 2
    counted = work.count(DNM(Shape((n,), C, (n,)), M), torch.rand(2, n))
    # Weight, threshold, gain, logarithm of the sigmoid, sum; exp and sum; soma.
    assert counted.forward_flops == 5 * n * M * C + 2 * M * C + 2 * C


def test_thousands_of_factors_are_refused_in_words():
    task = get_task("mnist1d")
    assert views.why_not(get_model("dnm"), task) is None
    refused = get_model("dnm").refuses(
        type(task)(**{**task.__dict__, "name": "wide", "inputs": (700, 50)})
    )
    assert refused.startswith("wide has 35000 inputs")
