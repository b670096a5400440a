"""Operations by formula agree with NeuroBench, with torch's counter, and with hand counts."""

import warnings

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from neurojoule import registry, sizing, views, work
from neurojoule.formulas import UncountedWorkError
from neurojoule.kernels.compact import BlockLinear, CompactLinear, DendriticLayer
from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.kernels.events import EventConv1d
from neurojoule.kernels.masked import MaskedLinear
from neurojoule.spec import Size

BATCH = 8


def seeded(module):
    """Weights of 0 and +-1 with many zeros, so that sparsity shows and sums are exact."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        values = torch.randint(-1, 2, parameter.shape, generator=generator)
        parameter.data = values.to(parameter.dtype)
    return module


def inputs(*shape, binary=False):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(BATCH, *shape, generator=generator)
    x = torch.where(torch.rand(x.shape, generator=generator) < 0.4, 0.0, x)  # 40 % zeros
    return x.sign() if binary else x


PLAIN = {
    "linear": (lambda: nn.Sequential(nn.Linear(12, 7)), (12,)),
    "mlp": (
        lambda: nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU(),
                              nn.Linear(5, 3, bias=False)),
        (12,),
    ),
    "cnn1d": (
        lambda: nn.Sequential(nn.Conv1d(2, 4, 3, stride=2, padding=1), nn.ReLU(),
                              nn.Conv1d(4, 6, 3, padding=2, dilation=2), nn.Flatten(),
                              nn.Linear(6 * 5, 3)),
        (2, 10),
    ),
    "grouped": (lambda: nn.Sequential(nn.Conv1d(4, 6, 3, padding=1, groups=2)), (4, 10)),
    "cnn2d": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                              nn.Flatten(), nn.Linear(3 * 9, 2)),
        (1, 6, 6),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def neurobench():
    """NeuroBench's count of a model: Yik et al. 2025, https://github.com/NeuroBench/neurobench."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = pytest.importorskip("neurobench.models")
        workload = pytest.importorskip("neurobench.metrics.workload")

    def count(module, x):
        wrapped = models.TorchModel(module)
        wrapped.register_hooks()
        metric = workload.SynapticOperations()
        found = metric(wrapped, wrapped(x), (x, None))
        wrapped.cleanup_hooks()
        return found

    return count


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", PLAIN)
def test_effective_operations_agree_with_neurobench(neurobench, name, binary):
    build, shape = PLAIN[name]
    module, x = seeded(build()), inputs(*shape, binary=binary)
    theirs = neurobench(module, x)
    ours = work.count(module, x)
    assert ours.effective_macs == pytest.approx(theirs["Effective_MACs"])
    assert ours.effective_acs == pytest.approx(theirs["Effective_ACs"])
    assert ours.effective_macs + ours.effective_acs > 0


def test_the_first_layer_of_binary_input_accumulates_and_later_ones_multiply():
    x = inputs(12, binary=True)
    module = nn.Sequential(nn.Linear(12, 9), nn.Sigmoid(), nn.Linear(9, 3))
    counted = work.count(module, x)
    assert counted.effective_acs == pytest.approx(float((x != 0).sum()) * 9 / BATCH)
    assert counted.effective_macs == 27


@pytest.mark.parametrize("name", PLAIN)
def test_dense_contractions_agree_with_torchs_counter(name):
    build, shape = PLAIN[name]
    module, x = build(), inputs(*shape)
    counted = work.count(module, x)
    with FlopCounterMode(display=False) as forward:
        y = module(x)
    macs = sum(layer.macs for layer in counted.layers)
    assert 2 * macs == forward.get_total_flops()
    if any(getattr(layer, "groups", 1) > 1 for layer in module):
        return  # torch's counter takes the weight's gradient of a grouped convolution as dense
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    assert 2 * sum(layer.backward_macs for layer in counted.layers) == backward.get_total_flops()


@pytest.mark.parametrize("model", ["mlp", "cnn1d", "logistic", "tcn"])
def test_registered_models_agree_with_torchs_counter(model):
    entry = registry.get_model(model)
    task = registry.get_task("mnist1d")
    shape = views.shape(entry, task)
    module = sizing.build(entry, shape, sizing.solve(entry, shape, Size()).width, {}, seed=0)
    x = inputs(*shape.inputs)
    with FlopCounterMode(display=False) as counter:
        module.eval()(x)
    layers = work.count(module, x).layers
    assert 2 * sum(layer.macs for layer in layers) == counter.get_total_flops()


def test_torch_counts_nothing_where_a_formula_does():
    lstm = nn.LSTM(3, 2, batch_first=True)
    x = inputs(4, 3)
    with FlopCounterMode(display=False) as counter:
        lstm(x)
    assert counter.get_total_flops() == 0
    assert work.count(lstm, x).forward_flops > 0


@pytest.mark.parametrize(
    ("layer", "macs", "elementwise"),
    [
        # Each of 4 steps: gates x 2 units x (3 inputs + 2 states); per unit and gate a sum of the
        # two projections and a nonlinearity; then the state: GRU 4, LSTM 5, plain none.
        (nn.RNN, 4 * 1 * 2 * 5, 4 * 2 * 2),
        (nn.GRU, 4 * 3 * 2 * 5, 4 * 2 * (6 + 4)),
        (nn.LSTM, 4 * 4 * 2 * 5, 4 * 2 * (8 + 5)),
    ],
)
def test_recurrent_layers_by_hand(layer, macs, elementwise):
    (counted,) = work.count(layer(3, 2, batch_first=True), inputs(4, 3)).layers
    assert counted.macs == BATCH * macs
    assert counted.elementwise == BATCH * elementwise
    assert counted.backward_macs == counted.macs  # weights alone: the input needs no gradient


def test_two_directions_and_two_layers_of_an_lstm_by_hand():
    lstm = nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True)
    (counted,) = work.count(lstm, inputs(4, 3)).layers
    first = 2 * 4 * 2 * (3 + 2)
    second = 2 * 4 * 2 * (2 * 2 + 2)  # it reads both directions
    assert counted.macs == BATCH * 4 * (first + second)


def test_zero_inputs_of_a_recurrent_layer_are_skipped_and_states_are_not():
    lstm = nn.LSTM(3, 2, batch_first=True)
    x = inputs(4, 3)
    (counted,) = work.count(lstm, x).layers
    present = int((x != 0).sum())
    assert counted.effective == present * 4 * 2 + BATCH * 4 * (4 * 2 * 2)


INDEX = torch.tensor([[0, 3, 5], [1, 2, 11], [4, 7, 9], [0, 6, 10]])


def test_all_implementations_of_a_sparse_layer_have_equal_effective_operations():
    compact = seeded(CompactLinear(12, INDEX))
    masked = MaskedLinear(12, INDEX)
    dense = nn.Linear(12, 4)
    with torch.no_grad():
        masked.weight.zero_().scatter_(1, INDEX, compact.weight)
        masked.bias.copy_(compact.bias)
        dense.weight.copy_(masked.weight * masked.mask)
        dense.bias.copy_(compact.bias)
    x = inputs(12)
    assert torch.allclose(compact(x), masked(x), atol=1e-6)
    counted = [work.count(nn.Sequential(layer), x) for layer in (compact, masked, dense)]
    by_hand = sum(
        int((x[:, i] != 0).sum()) * (w != 0)
        for row, weights in zip(INDEX.tolist(), compact.weight.tolist(), strict=True)
        for i, w in zip(row, weights, strict=True)
    )
    assert [c.effective_macs for c in counted] == pytest.approx([by_hand / BATCH] * 3)
    # What was asked of the hardware differs, and that is the honest part.
    assert [c.forward_flops for c in counted] == [2 * 12, 2 * 48, 2 * 48]


def test_events_and_a_dense_convolution_have_equal_effective_operations():
    events = EventConv1d(3, 4, 5)
    dense = nn.Conv1d(3, 4, 5)
    with torch.no_grad():
        events.weight.copy_(torch.where(events.weight.abs() < 0.1, 0.0, events.weight))
        dense.weight.copy_(events.weight)
        dense.bias.copy_(events.bias)
    padded = nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), dense)
    x = (torch.rand(BATCH, 3, 20, generator=torch.Generator().manual_seed(2)) < 0.1).float()
    assert torch.allclose(events(x), padded(x), atol=1e-6)
    one, other = work.count(nn.Sequential(events), x), work.count(padded, x)
    assert one.effective_acs == other.effective_acs > 0
    assert one.effective_macs == other.effective_macs == 0
    assert one.forward_flops < other.forward_flops


@pytest.mark.parametrize("normed", [False, True])
def test_a_layer_that_pads_inside_counts_like_one_that_is_padded_outside(normed):
    causal = CausalConv1d(3, 4, 5, dilation=2)
    dense = nn.Conv1d(3, 4, 5, dilation=2)
    dense.load_state_dict(causal.state_dict())
    if normed:
        causal = nn.utils.parametrizations.weight_norm(causal)
    padded = nn.Sequential(nn.ConstantPad1d((8, 0), 0.0), dense)
    x = inputs(3, 20)
    assert torch.allclose(causal(x), padded(x), atol=1e-6)
    one, other = work.count(nn.Sequential(causal), x), work.count(padded, x)
    assert one.effective_macs == other.effective_macs > 0


def test_masked_weights_never_count_even_where_they_are_not_zero():
    masked = MaskedLinear(12, INDEX)
    nn.init.ones_(masked.weight)
    x = torch.ones(BATCH, 12) * 0.5
    assert work.count(nn.Sequential(masked), x).effective_macs == INDEX.numel()


def test_a_fused_dendritic_layer_counts_as_its_parts():
    torch.manual_seed(0)
    fused = DendriticLayer(CompactLinear(12, INDEX), BlockLinear(2, 2), 0.1)
    parts = nn.Sequential(fused.dendrites, nn.LeakyReLU(0.1), fused.somata)
    x = inputs(12)
    assert torch.allclose(fused(x), parts(x), atol=1e-6)
    one, other = work.count(nn.Sequential(fused), x), work.count(parts, x)
    assert one.effective_macs == other.effective_macs
    assert one.forward_flops == other.forward_flops
    assert one.backward_flops == other.backward_flops


class Hidden(nn.Module):
    """Multiplies outside any layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 12))

    def forward(self, x):
        return x @ self.weight.t()


class Looked(nn.Module):
    """Looks up weights, which no counter sees."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(12, 3))

    def forward(self, x):
        return nn.functional.embedding_bag(x.long().clamp(0, 11), self.weight)


@pytest.mark.parametrize("module", [Hidden(), Looked(), nn.Bilinear(12, 12, 3)])
def test_a_kernel_that_no_formula_covers_is_refused(module):
    def call(x):
        return module(x, x) if isinstance(module, nn.Bilinear) else module(x)

    wrapped = nn.Module()
    wrapped.inner = module
    wrapped.forward = call
    with pytest.raises(UncountedWorkError, match="would be counted as 0"):
        work.count(wrapped, inputs(12))


class Unused(nn.Module):
    """Has a parameter that nothing computes with."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(12, 3)
        self.orphan = nn.Parameter(torch.ones(5))

    def forward(self, x):
        return self.linear(x)


def test_a_parameter_that_no_layer_owns_is_refused():
    with pytest.raises(UncountedWorkError, match="orphan"):
        work.count(Unused(), inputs(12))


def test_elements_outside_layers_count_one_each():
    module = nn.Sequential(nn.Linear(12, 9), nn.ReLU())
    counted = work.count(module, inputs(12))
    assert counted.forward_flops == 2 * 12 * 9 + 9
    assert counted.backward_flops == 2 * 12 * 9 + 9


def test_least_bytes_are_weights_once_a_batch_and_each_activation_once():
    counted = work.count(nn.Sequential(nn.Linear(12, 9)), inputs(12))
    assert counted.forward_bytes * BATCH == 4 * ((12 + 1) * 9 + BATCH * (12 + 9))


def test_sparsity_is_the_share_of_zeros_at_the_layers_inputs():
    x = inputs(12)
    assert work.count(nn.Sequential(nn.Linear(12, 9)), x).activation_sparsity == pytest.approx(
        float((x == 0).float().mean())
    )


def test_counting_leaves_the_model_as_it_was():
    module = nn.Sequential(nn.Linear(12, 9), nn.Dropout(), nn.Linear(9, 3)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    work.count(module, inputs(12))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
