"""Filters constant within bins of lags: equal to the dense convolution that they are."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import jit
from neurojoule.kernels.binned import BinnedConv1d, log_edges


def spikes(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(*shape, generator=generator) < 0.1).to(dtype)


def plain(layer: BinnedConv1d, x: Tensor) -> Tensor:
    """By the definition: for every lag the weight of the bin that it lies in."""
    taps = int(layer.edges[-1])
    bin_of = [int((layer.edges <= lag).sum()) - 1 for lag in range(taps)]
    y = layer.bias[:, None].repeat(len(x), 1, x.shape[2])
    for lag in range(min(taps, x.shape[2])):
        shifted = F.pad(x, (lag, 0))[:, :, : x.shape[2]]
        y = y + torch.einsum("uc,bct->but", layer.weight[:, :, bin_of[lag]], shifted)
    return y


def test_edges_widen_by_one_factor_from_one_step_to_the_last_tap() -> None:
    edges = log_edges(200, 16)
    assert edges[0] == 0
    assert edges[1] == 1
    assert edges[-1] == 200
    widths = edges.diff().double()
    assert (widths >= 1).all()
    wide = widths[8:]  # there rounding matters little
    assert torch.allclose(wide[1:] / wide[:-1], torch.tensor(1.29).double(), atol=0.13)


def test_as_many_bins_as_taps_are_free_taps() -> None:
    assert log_edges(6, 6).tolist() == list(range(7))


@pytest.mark.parametrize(("taps", "bins"), [(0, 1), (4, 5), (4, 0)])
def test_impossible_bins_are_refused_in_words(taps: int, bins: int) -> None:
    with pytest.raises(UserError, match=f"given {bins}"):
        log_edges(taps, bins)


@pytest.mark.parametrize(("taps", "bins", "steps"), [(20, 5, 33), (50, 7, 24), (3, 1, 5)])
def test_it_equals_its_definition_forward_and_backward(taps: int, bins: int, steps: int) -> None:
    torch.manual_seed(1)
    layer = BinnedConv1d(6, 4, taps, bins).double()
    x = spikes(3, 6, steps)
    expected, found = plain(layer, x), layer(x)
    assert torch.allclose(found, expected, atol=1e-12)
    seed = torch.randn(found.shape, dtype=torch.float64)
    wanted = torch.autograd.grad(expected, (layer.weight, layer.bias), seed)
    for a, b in zip(
        torch.autograd.grad(found, (layer.weight, layer.bias), seed), wanted, strict=True
    ):
        assert torch.allclose(a, b, atol=1e-12)


def test_without_loops_it_is_a_dense_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = BinnedConv1d(5, 3, 30, 6)
    x = spikes(2, 5, 40, dtype=torch.float32)
    fast = layer(x)
    assert layer.kernel == "numba events, binned"
    monkeypatch.setattr(jit, "available", lambda: False)
    monkeypatch.setattr("neurojoule.kernels.binned.is_compiled", lambda _: False)
    assert layer.kernel == "conv1d"
    assert torch.allclose(layer(x), fast, atol=1e-5)


def test_parameters_do_not_grow_with_the_length_of_the_filter() -> None:
    assert sum(p.numel() for p in BinnedConv1d(320, 8, 200, 16).parameters()) == 320 * 8 * 16 + 8


def test_additions_are_those_of_spikes_edges_and_running_sums() -> None:
    layer = BinnedConv1d(2, 3, 8, 2)  # edges 0, 1, 8
    assert layer.edges.tolist() == [0, 1, 8]
    x = torch.zeros(1, 2, 10)
    x[0, 0, 0] = x[0, 1, 9] = 1
    # The first spike meets edges at 0, 1 and 8, the second one at 9 only; 9 steps of sums.
    assert layer.macs(x) == 3 * (3 + 1 + 9)


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 10)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"\(batch, 3, steps\)"):
        BinnedConv1d(3, 2, 5, 2)(torch.zeros(shape))


def test_graded_input_is_refused() -> None:
    with pytest.raises(UserError, match="0 or 1"):
        BinnedConv1d(3, 2, 5, 2)(torch.full((1, 3, 6), 0.5))


def test_an_input_that_needs_a_gradient_is_refused() -> None:
    with pytest.raises(UserError, match="no gradient"):
        BinnedConv1d(3, 2, 5, 2)(nn.Parameter(torch.zeros(1, 3, 6)))
