"""The point neuron in time: one filter, no future."""

import pytest
import torch

from neurojoule import sizing, work
from neurojoule.errors import UserError
from neurojoule.models.glm import GLM
from neurojoule.registry import Shape

SERIES = Shape((2, 12), 3, (2, 12))


def test_it_equals_its_sum():
    net = GLM(SERIES, 1, taps=5)
    x = torch.randn(4, 2, 12)
    w, b = net.filter.weight, net.filter.bias
    for i in range(4):
        for c in range(3):
            y = b[c]
            for channel in range(2):
                for lag in range(5):
                    y = y + w[c, channel, 4 - lag] * x[i, channel, 11 - lag]
            torch.testing.assert_close(net(x)[i, c], y)


def test_a_binned_filter_is_the_free_one_that_is_constant_within_its_bins():
    shape = Shape((2, 12), 3, (2, 12), steps=4)
    binned, free = GLM(shape, 1, taps=6, bins=3), GLM(shape, 1, taps=6)
    with torch.no_grad():
        free.filter.weight.copy_(binned.filter.taps_weight())
        free.filter.bias.copy_(binned.filter.bias)
    x = (torch.rand(5, 2, 12) < 0.3).float()
    torch.testing.assert_close(binned(x), free(x))
    assert sizing.parameters(binned) == (2 * 3 + 1) * 3


def test_answers_at_each_step_are_those_of_shorter_sequences():
    net = GLM(Shape((2, 12), 3, (2, 12), steps=12), 1, taps=5)
    x = torch.randn(4, 2, 12)
    answers = net(x)
    assert answers.shape == (4, 3, 12)
    for t in range(12):
        torch.testing.assert_close(answers[:, :, t], net(x[:, :, : t + 1])[:, :, -1])


@pytest.mark.parametrize(("time", "taps", "expected"), [(12, 0, 12), (400, 0, 150), (12, 5, 5)])
def test_filters_are_as_long_as_they_can_be_used(time, taps, expected):
    net = GLM(Shape((2, time), 3, (2, time)), 1, taps=taps)
    assert sizing.parameters(net) == (2 * expected + 1) * 3
    assert net.units() == {"point": 3}


def test_operations_are_those_of_one_output():
    assert work.count(GLM(SERIES, 1), torch.rand(2, 2, 12)).forward_flops == 2 * 2 * 12 * 3


def test_negative_taps_are_refused():
    with pytest.raises(UserError, match="taps=-1"):
        GLM(SERIES, 1, taps=-1)
