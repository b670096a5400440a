"""Two bursts of spikes: balanced, separable, and no help from either alone."""

import pytest
import torch

from neurojoule.registry import get_task


@pytest.mark.parametrize(
    ("split", "count"), [("train", 4_000), ("validation", 500), ("test", 1_000)]
)
def test_spikes_are_bits_and_answers_balanced(split, count):
    x, y = get_task("spiking_xor").load(split)
    assert x.shape == (count, 20, 60)
    assert set(x.unique().tolist()) == {0, 1}
    assert y.shape == (count, 1)
    assert y.mean() == 0.5


def test_rates_are_the_documented_ones_and_their_xor_the_answer():
    x, y = get_task("spiking_xor").load("train")
    first, second = x[:, :, 5:15].mean((1, 2)), x[:, :, 45:55].mean((1, 2))
    high = torch.stack((first > 0.25, second > 0.25))
    assert torch.equal((high[0] ^ high[1]).float(), y[:, 0])
    assert first[high[0]].mean().item() == pytest.approx(0.4, abs=0.01)
    assert first[~high[0]].mean().item() == pytest.approx(0.1, abs=0.01)
    assert x[:, :, 15:45].mean().item() == pytest.approx(0.01, abs=0.001)


def test_neither_burst_nor_their_sum_alone_tells():
    x, y = get_task("spiking_xor").load("train")
    for feature in (x[:, :, 5:15].sum((1, 2)), x[:, :, 45:55].sum((1, 2)), x.sum((1, 2))):
        both = torch.stack((feature, y[:, 0]))
        assert abs(torch.corrcoef(both)[0, 1]) < 0.05
