"""Compact layers: equal to the masked form in value and gradient, strict about their input."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from neurojoule import workers
from neurojoule.errors import UserError
from neurojoule.kernels import jit
from neurojoule.kernels.compact import BlockLinear, CompactLinear, DendriticLayer
from neurojoule.kernels.masked import MaskedLinear
from neurojoule.kernels.wiring import index_of
from neurojoule.work import count

NONE = -1

WIRINGS = {
    "even": torch.tensor([[0, 2, 4], [1, 3, 6], [6, 5, 0]]),
    "one unit": torch.tensor([[3, 1]]),
    "one synapse": torch.tensor([[3], [1], [1]]),
    "an empty dendrite": torch.tensor([[0, 2, 4], [NONE, NONE, NONE], [6, NONE, 0]]),
    "all empty": torch.full((2, 3), NONE),
    "no synapse at all": torch.empty(3, 0, dtype=torch.int64),
    "an input read twice": torch.tensor([[0, 0, 4], [5, 5, 5]]),
    "seventeen synapses": torch.arange(17).remainder(7).repeat(2, 1),
}


@pytest.fixture(params=["compiled", "plain torch"])
def kernel(request, monkeypatch):
    if request.param == "plain torch":
        monkeypatch.setattr(jit, "available", lambda: False)
    return request.param


@pytest.fixture(params=WIRINGS)
def index(request):
    return WIRINGS[request.param]


def both(index, *, inputs=7, bias=True):
    """A compact layer and its masked twin with the same function."""
    torch.manual_seed(0)
    compact = CompactLinear(inputs, index, bias=bias).double()
    masked = MaskedLinear(inputs, index, bias=bias).double()
    unit, synapse = (index != NONE).nonzero(as_tuple=True)
    with torch.no_grad():
        masked.weight.zero_()
        masked.weight.index_put_(
            (unit, index[unit, synapse]), compact.weight.flatten(), accumulate=True
        )
        if bias:
            masked.bias.copy_(compact.bias)
    return compact, masked, (unit, index[unit, synapse])


@pytest.mark.parametrize("batch", [1, 2, 5, 33])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.usefixtures("kernel")
def test_a_compact_layer_equals_the_masked_one_in_value_and_gradient(index, batch, bias):
    compact, masked, entries = both(index, bias=bias)
    torch.manual_seed(1)
    x = torch.randn(batch, 7, dtype=torch.float64, requires_grad=True)
    dy = torch.randn(batch, len(index), dtype=torch.float64)
    twin = x.detach().clone().requires_grad_()
    y, expected = compact(x), masked(twin)
    torch.testing.assert_close(y, expected)
    y.backward(dy)
    expected.backward(dy)
    torch.testing.assert_close(x.grad, twin.grad)
    torch.testing.assert_close(compact.weight.grad.flatten(), masked.weight.grad[entries])
    if bias:
        torch.testing.assert_close(compact.bias.grad, masked.bias.grad)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.usefixtures("kernel")
def test_gradients_of_a_compact_layer_agree_with_finite_differences(index, batch):
    compact, _, _ = both(index)
    x = torch.randn(batch, 7, dtype=torch.float64, requires_grad=True)

    def function(x, weight, bias):
        return torch.func.functional_call(compact, {"weight": weight, "bias": bias}, (x,))

    weight, bias = (p.detach().requires_grad_() for p in (compact.weight, compact.bias))
    assert torch.autograd.gradcheck(function, (x, weight, bias))


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (4, 1), (1, 6)])
@pytest.mark.usefixtures("kernel")
def test_a_soma_sums_its_own_dendrites(shape, batch):
    torch.manual_seed(0)
    layer = BlockLinear(*shape).double()
    x = torch.randn(batch, shape[0] * shape[1], dtype=torch.float64, requires_grad=True)
    by_hand = [
        sum(layer.weight[s, d] * x[:, s * shape[1] + d] for d in range(shape[1])) + layer.bias[s]
        for s in range(shape[0])
    ]
    torch.testing.assert_close(layer(x), torch.stack(by_hand, 1))

    def function(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    weight, bias = (p.detach().requires_grad_() for p in (layer.weight, layer.bias))
    assert torch.autograd.gradcheck(function, (x, weight, bias))


FUSABLE = {
    "even": (torch.arange(24).remainder(7).view(6, 4), (2, 3)),
    "an empty dendrite": (WIRINGS["an empty dendrite"], (1, 3)),
    "one": (torch.tensor([[3]]), (1, 1)),
}


def as_parts(layer):
    return lambda x: layer.somata(nn.functional.leaky_relu(layer.dendrites(x), layer.slope))


@pytest.mark.parametrize("slope", [0.1, 0.0, 1.0])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("wiring", FUSABLE)
@pytest.mark.usefixtures("kernel")
def test_a_fused_layer_equals_its_parts_in_value_and_gradient(wiring, batch, bias, slope):
    torch.manual_seed(0)
    index, shape = FUSABLE[wiring]
    layer = DendriticLayer(
        CompactLinear(7, index, bias=bias), BlockLinear(*shape, bias=bias), slope
    ).double()
    x = torch.randn(batch, 7, dtype=torch.float64, requires_grad=True)
    wanted = [x, *layer.parameters()]
    gradients = [
        torch.autograd.grad(function(x).square().sum(), wanted)
        for function in (layer, as_parts(layer))
    ]
    torch.testing.assert_close(layer(x), as_parts(layer)(x))
    torch.testing.assert_close(*gradients)


def test_a_batch_too_large_for_the_caches_gives_the_same():
    torch.manual_seed(0)
    index, shape = FUSABLE["even"]
    layer = DendriticLayer(CompactLinear(7, index), BlockLinear(*shape), 0.1).double()
    x = torch.randn(1000, 7, dtype=torch.float64)  # blocks of 256, the last shorter
    torch.testing.assert_close(layer(x), as_parts(layer)(x))
    gradients = [
        torch.autograd.grad(function(x).square().sum(), list(layer.parameters()))
        for function in (layer, as_parts(layer))
    ]
    torch.testing.assert_close(*gradients)


def test_the_gradients_of_a_fused_layer_agree_with_finite_differences():
    torch.manual_seed(0)
    index, shape = FUSABLE["even"]
    layer = DendriticLayer(CompactLinear(7, index), BlockLinear(*shape), 0.1).double()
    x = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def function(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (x,))

    parameters = [p.detach().requires_grad_() for p in layer.parameters()]
    assert torch.autograd.gradcheck(function, (x, *parameters))


def test_a_hook_on_a_part_of_a_fused_layer_is_called():
    index, shape = FUSABLE["even"]
    layer = DendriticLayer(CompactLinear(7, index), BlockLinear(*shape), 0.1)
    x = torch.randn(3, 7)
    calls = []
    fused = layer(x)
    for part in (layer.dendrites, layer.somata):
        part.register_forward_hook(lambda part, _, y: calls.append((type(part), tuple(y.shape))))
    torch.testing.assert_close(layer(x), fused)
    assert calls == [(CompactLinear, (3, 6)), (BlockLinear, (3, 2))]


def test_the_operations_of_a_fused_layer_are_those_of_its_parts():
    index, shape = FUSABLE["even"]
    layer = DendriticLayer(CompactLinear(7, index), BlockLinear(*shape), 0.1)
    work = count(layer, torch.ones(5, 7))
    assert work.forward_flops == 2 * (24 + 6) + 6
    assert work.effective_macs + work.effective_acs == 24 + 6
    assert work.kernels == ("embedding_bag+numba fused", "bmm+numba fused")


@pytest.mark.parametrize(
    ("shape", "slope", "message"),
    [((2, 2), 0.1, r"6 dendrites do not fit somata of shape \(2, 2\)"), ((2, 3), -1, "given -1")],
)
def test_parts_that_do_not_fit_are_refused(shape, slope, message):
    with pytest.raises(UserError, match=message):
        DendriticLayer(CompactLinear(7, FUSABLE["even"][0]), BlockLinear(*shape), slope)


@pytest.mark.usefixtures("kernel")
def test_the_memory_layout_of_the_input_does_not_matter():
    compact, masked, _ = both(WIRINGS["even"])
    wide = torch.randn(6, 14, dtype=torch.float64)
    for x in (wide[:, ::2], wide.view(14, 6).t()[:, 3:10], wide[:1, 7:], wide[0, 0].expand(4, 7)):
        assert not x.is_contiguous() or len(x) == 1
        torch.testing.assert_close(compact(x), masked(x))


@pytest.mark.usefixtures("kernel")
def test_an_expanded_gradient_is_summed_like_any_other():
    compact, masked, entries = both(WIRINGS["even"])
    x = torch.randn(4, 7, dtype=torch.float64)
    compact(x).sum().backward()
    masked(x).sum().backward()
    torch.testing.assert_close(compact.weight.grad.flatten(), masked.weight.grad[entries])


@pytest.mark.usefixtures("kernel")
def test_a_frozen_layer_still_passes_the_gradient_of_its_input():
    compact, masked, _ = both(WIRINGS["even"])
    x = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    compact.requires_grad_(False)
    (gradient,) = torch.autograd.grad(compact(x).square().sum(), x)
    (expected,) = torch.autograd.grad(masked(x).square().sum(), x)
    torch.testing.assert_close(gradient, expected)
    assert compact.weight.grad is None


@pytest.mark.usefixtures("kernel")
def test_a_batch_of_none_gives_nothing_and_a_gradient_of_zero():
    compact, _, _ = both(WIRINGS["even"])
    y = compact(torch.empty(0, 7, dtype=torch.float64))
    assert y.shape == (0, 3)
    y.sum().backward()
    assert torch.equal(compact.weight.grad, torch.zeros_like(compact.weight))


@pytest.mark.usefixtures("kernel")
def test_two_layers_and_a_read_out_learn_like_their_masked_twin():
    torch.manual_seed(0)
    index = torch.rand(12, 7).argsort(1)[:, :4]
    compact, masked, entries = both(index)
    soma = BlockLinear(3, 4).double()
    heads = [nn.Linear(3, 2).double()]
    heads.append(copy.deepcopy(heads[0]))
    somata = [soma, copy.deepcopy(soma)]
    x = torch.randn(9, 7, dtype=torch.float64)
    outputs = []
    for first, second, head in zip((compact, masked), somata, heads, strict=True):
        net = nn.Sequential(first, nn.LeakyReLU(0.1), second, nn.LeakyReLU(0.1), head)
        optimiser = torch.optim.SGD(net.parameters(), 0.1)
        for _ in range(3):
            optimiser.zero_grad()
            net(x).square().mean().backward()
            optimiser.step()
        outputs.append(net(x))
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(compact.weight.flatten(), masked.weight[entries])


def test_not_a_number_stays_visible():
    compact, _, _ = both(WIRINGS["even"])
    x = torch.zeros(3, 7, dtype=torch.float64)
    x[1, 2] = torch.nan
    y = compact(x)
    assert y.isnan().nonzero().tolist() == [[1, 0]]  # only unit 0 reads input 2
    y.sum().backward()
    assert compact.weight.grad.isnan().nonzero().tolist() == [[0, 1]]


def test_only_synapses_that_exist_are_parameters_and_operations():
    layer = CompactLinear(7, WIRINGS["an empty dendrite"])
    assert layer.weight.shape == (5,)
    assert layer.macs(torch.empty(10, 7)) == 50
    assert MaskedLinear(7, WIRINGS["an empty dendrite"]).macs(torch.empty(10, 7)) == 10 * 3 * 7
    assert CompactLinear(7, WIRINGS["even"]).weight.shape == (3, 3)
    assert BlockLinear(3, 5).macs(torch.empty(2, 15)) == 2 * 15


def test_weights_start_uniform_within_one_over_the_root_of_the_fan_in():
    torch.manual_seed(0)
    index = torch.full((2000, 16), NONE)
    index[:1000] = torch.arange(16)
    index[1000:, :4] = torch.arange(4)
    weight = CompactLinear(16, index).weight.detach()
    assert weight[:16000].abs().max() == pytest.approx(1 / 4, rel=1e-2)
    assert weight[16000:].abs().max() == pytest.approx(1 / 2, rel=1e-2)
    assert weight[:16000].std() == pytest.approx(1 / 4 / 3**0.5, rel=2e-2)


def test_a_connection_matrix_becomes_an_index():
    mask = torch.tensor([[True, False, True], [False, False, False], [False, True, False]])
    assert index_of(mask).tolist() == [[0, 2], [NONE, NONE], [1, NONE]]
    assert torch.equal(MaskedLinear(3, index_of(mask)).mask, mask)
    with pytest.raises(UserError, match="boolean"):
        index_of(mask.float())


def test_a_layer_can_be_built_without_data_to_count_its_parameters():
    with torch.device("meta"):
        layer = CompactLinear(784, torch.empty(64, 16, dtype=torch.int64))
        assert sum(p.numel() for p in layer.parameters()) == 64 * 17


@pytest.mark.parametrize("build", [CompactLinear, MaskedLinear])
@pytest.mark.parametrize(
    ("index", "message"),
    [
        (torch.tensor([[0, 7]]), r"Synapse 1 of unit 0 reads input 7.*\(1, 2\).*\(batch, 7\)"),
        (torch.tensor([[-2, 0]]), "reads input -2"),
        (torch.tensor([[0, 1]], dtype=torch.int32), r"torch.int64; given torch.int32"),
        (torch.tensor([0, 1]), r"\(units, synapses\).*given \(2,\)"),
        (torch.empty(0, 3, dtype=torch.int64), r"at least one unit; given \(0, 3\)"),
        ([[0, 1]], "given list"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(build, index, message):
    with pytest.raises(UserError, match=message):
        build(7, index)


def test_a_layer_without_inputs_or_somata_is_refused():
    with pytest.raises(UserError, match="at least one input"):
        CompactLinear(0, torch.zeros(1, 1, dtype=torch.int64))
    with pytest.raises(UserError, match="at least one soma"):
        BlockLinear(0, 3)


@pytest.mark.parametrize("layer", [CompactLinear(7, WIRINGS["even"]), BlockLinear(7, 1)])
def test_an_input_that_does_not_fit_is_refused(layer):
    with pytest.raises(UserError, match=r"\(batch, 7\); given \(2, 8\)"):
        layer(torch.zeros(2, 8))
    with pytest.raises(UserError, match=r"\(batch, 7\); given \(7,\)"):
        layer(torch.zeros(7))
    with pytest.raises(UserError, match=r"torch.float32 and its input is torch.float64"):
        layer(torch.zeros(2, 7, dtype=torch.float64))


def test_weights_of_another_wiring_bring_their_wiring_with_them():
    torch.manual_seed(0)
    saved, fresh = (CompactLinear(7, torch.rand(4, 7).argsort(1)[:, :3]) for _ in range(2))
    x = torch.randn(5, 7, requires_grad=True)
    assert not torch.allclose(saved(x), fresh(x))
    fresh.load_state_dict(saved.state_dict())
    torch.testing.assert_close(fresh(x), saved(x))
    gradients = [torch.autograd.grad(layer(x).square().sum(), x)[0] for layer in (saved, fresh)]
    torch.testing.assert_close(*gradients)


def test_weights_that_read_beyond_the_inputs_are_refused():
    wide = CompactLinear(9, torch.tensor([[8, 1]]))
    with pytest.raises(UserError, match="reads input 8"):
        CompactLinear(7, torch.tensor([[0, 1]])).load_state_dict(wide.state_dict())


def test_the_kernel_is_named_by_what_runs(monkeypatch):
    layer, block = CompactLinear(7, WIRINGS["even"]), BlockLinear(2, 3)
    assert (layer.kernel, block.kernel) == ("embedding_bag+numba", "bmm+numba")
    assert layer.to(torch.bfloat16).kernel == "embedding_bag"
    monkeypatch.setattr(jit, "available", lambda: False)
    assert (layer.float().kernel, block.kernel) == ("embedding_bag", "bmm")


def test_bfloat16_runs_in_plain_torch():
    layer = CompactLinear(7, WIRINGS["an empty dendrite"])
    x = torch.randn(4, 7)
    expected = layer(x)
    expected.sum().backward()
    gradient, layer.weight.grad = layer.weight.grad, None
    y = layer.to(torch.bfloat16)(x.to(torch.bfloat16))
    torch.testing.assert_close(y.float(), expected, atol=0.05, rtol=0.05)
    y.sum().backward()
    torch.testing.assert_close(layer.weight.grad.float(), gradient, atol=0.05, rtol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_layer_equals_the_masked_one(index):
    compact, masked, entries = both(index)
    x = torch.randn(5, 7, dtype=torch.float64, device="cuda", requires_grad=True)
    y, expected = compact.cuda()(x), masked.cuda()(x)
    torch.testing.assert_close(y, expected)
    gradients = torch.autograd.grad(y.square().sum(), [x, compact.weight])
    wanted = torch.autograd.grad(expected.square().sum(), [x, masked.weight])
    torch.testing.assert_close(gradients[0], wanted[0])
    torch.testing.assert_close(gradients[1].flatten(), wanted[1][entries])


COMPILE_THEN_FORK = """
import os
import torch
from neurojoule.kernels import prepare
from neurojoule.kernels.compact import CompactLinear

torch.set_num_threads(1)
layer = CompactLinear(7, torch.tensor([[0, 2, 4], [1, 3, 6]]))
before = len(os.listdir("/proc/self/task"))
prepare()
print("threads started:", len(os.listdir("/proc/self/task")) - before, flush=True)
if os.fork() == 0:
    layer(torch.ones(2, 7)).sum().backward()
    print("gradient:", layer.weight.grad.flatten().tolist(), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc and fork")
def test_compiling_starts_no_thread_and_the_loops_run_in_a_forked_process():
    done = subprocess.run(
        [sys.executable, "-c", COMPILE_THEN_FORK],
        env=os.environ | workers._ENVIRONMENT,  # as the fork server has it: BLAS without threads
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "threads started: 0",
        "gradient: [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]",
    ]
