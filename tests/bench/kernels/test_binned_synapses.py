"""Dendrites in time: equal to the sum over their synapses, and nothing paid where there is none."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule import work
from neurojoule.errors import UserError
from neurojoule.kernels.binned_synapses import BinnedSynapses
from neurojoule.kernels.events import SpikeEvents


def spikes(*shape: int, dtype: torch.dtype = torch.float64, density: float = 0.1) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(*shape, generator=generator) < density).to(dtype)


def wired(channels: int, units: int, synapses: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randperm(channels, generator=generator)[:synapses] for _ in range(units)]
    return torch.stack(rows)


def plain(layer: BinnedSynapses, x: Tensor) -> Tensor:
    """By the definition, one synapse and one lag after another."""
    taps = int(layer.edges[-1])
    bin_of = [int((layer.edges <= lag).sum()) - 1 for lag in range(taps)]
    rows = []
    for u, (index, weight) in enumerate(zip(layer.index, layer.weight, strict=True)):
        y = layer.bias[u].expand(len(x), x.shape[2])
        for channel, w in zip(index.tolist(), weight, strict=True):
            for lag in range(min(taps, x.shape[2])):
                y = y + w[bin_of[lag]] * F.pad(x[:, channel], (lag, 0))[:, : x.shape[2]]
        rows.append(y)
    return torch.stack(rows, 1)


@pytest.fixture(params=["compiled", "plain torch"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain torch":
        monkeypatch.setattr("neurojoule.kernels.binned_synapses.is_compiled", lambda _: False)
    return str(request.param)


@pytest.mark.parametrize("asked", [0, 7, 1, 100])
@pytest.mark.parametrize(("taps", "bins", "steps"), [(20, 5, 33), (50, 7, 24), (3, 1, 9)])
@pytest.mark.usefixtures("kernel")
def test_it_equals_its_definition_forward_and_backward(
    taps: int, bins: int, steps: int, asked: int
) -> None:
    torch.manual_seed(1)
    layer = BinnedSynapses(6, wired(6, 5, 3), taps, bins, asked=asked).double()
    nn.init.uniform_(layer.weight)  # with every digit of float64
    nn.init.uniform_(layer.bias)
    x = spikes(3, 6, steps)
    expected, found = plain(layer, x)[:, :, -asked:], layer(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    seed = torch.randn(found.shape, dtype=torch.float64)
    wanted = torch.autograd.grad(expected, (layer.weight, layer.bias), seed)
    for a, b in zip(
        torch.autograd.grad(found, (layer.weight, layer.bias), seed), wanted, strict=True
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("kernel")
def test_two_synapses_on_one_channel_add_up() -> None:
    layer = BinnedSynapses(3, torch.tensor([[1, 1], [0, 2]]), 6, 2).double()
    x = spikes(2, 3, 12, density=0.4)
    torch.testing.assert_close(layer(x), plain(layer, x))


def test_events_and_dense_spikes_are_the_same_input() -> None:
    layer = BinnedSynapses(6, wired(6, 5, 3), 20, 5)
    x = spikes(2, 6, 30, dtype=torch.float32)
    assert torch.equal(layer(SpikeEvents.from_dense(x)), layer(x))


def test_gradients_equal_finite_differences() -> None:
    layer = BinnedSynapses(4, wired(4, 3, 2), 6, 3, asked=5).double()
    x = spikes(2, 4, 9, density=0.3)

    def call(weight: Tensor, bias: Tensor) -> Tensor:
        parts = {"weight": weight, "bias": bias}
        return torch.func.functional_call(layer, parts, (x,))

    parameters = [p.detach().clone().requires_grad_() for p in (layer.weight, layer.bias)]
    assert torch.autograd.gradcheck(call, parameters)


def test_the_kernel_is_named(kernel: str) -> None:
    names = {"compiled": "numba events, binned synapses", "plain torch": "conv1d"}
    assert BinnedSynapses(6, wired(6, 5, 3), 20, 5).kernel == names[kernel]


def test_additions_are_those_of_spikes_synapses_edges_and_running_sums() -> None:
    # Channel 0 has two readers, channel 1 one; edges 0, 1, 8.
    layer = BinnedSynapses(3, torch.tensor([[0, 1], [2, 0]]), 8, 2, asked=6)
    assert layer.edges.tolist() == [0, 1, 8]
    x = torch.zeros(1, 3, 16)  # of which the steps 10 to 15 are asked for
    x[0, 0, 0] = 1  # its filter ends at 8: nothing to do
    x[0, 0, 4] = 1  # edges at 4, 5 and 12, for both readers
    x[0, 1, 15] = 1  # an edge at 15, the others lie beyond, for its one reader
    assert layer.macs(x) == 2 * 3 + 1 + 2 * 5
    assert work.count(layer, x).forward_flops == 2 * (2 * 3 + 1 + 2 * 5)


def test_without_loops_the_zeros_are_multiplied_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = BinnedSynapses(6, wired(6, 5, 3), 8, 2, asked=4)
    monkeypatch.setattr("neurojoule.kernels.binned_synapses.is_compiled", lambda _: False)
    assert layer.macs(torch.zeros(2, 6, 20)) == 2 * 4 * 5 * 6 * 8


def test_wiring_is_saved_with_the_weights() -> None:
    saved = BinnedSynapses(6, wired(6, 5, 3), 20, 5)
    other = BinnedSynapses(6, wired(6, 5, 3).flip(0), 20, 5)
    x = spikes(2, 6, 30, dtype=torch.float32)
    other.load_state_dict(saved.state_dict())
    assert torch.equal(other(x), saved(x))


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 10)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"\(batch, 3, steps\)"):
        BinnedSynapses(3, wired(3, 2, 2), 5, 2)(torch.zeros(shape))


def test_graded_input_is_refused() -> None:
    with pytest.raises(UserError, match="0 or 1"):
        BinnedSynapses(3, wired(3, 2, 2), 5, 2)(torch.full((1, 3, 6), 0.5))


def test_an_input_that_needs_a_gradient_is_refused() -> None:
    with pytest.raises(UserError, match="no gradient"):
        BinnedSynapses(3, wired(3, 2, 2), 5, 2)(nn.Parameter(torch.zeros(1, 3, 6)))


@pytest.mark.parametrize(
    ("index", "message"),
    [([[0, 3]], "reads input 3"), ([[0, -1]], "as many synapses")],
)
def test_an_index_that_does_not_fit_is_refused(index: list[list[int]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        BinnedSynapses(3, torch.tensor(index), 5, 2)
