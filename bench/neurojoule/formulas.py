"""Formulas: what one call of a layer, or one aten operation, asks of the hardware.

A layer of torch has its formula here. A layer of our own that multiplies inputs with weights is a
`Contraction`: linear in `weight` and in its input, with no nonlinearity inside, and it says itself
how many multiply-adds a call costs.
"""

import copy
from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurojoule.errors import UserError

LayerFormula = Callable[[Tensor, Tensor], tuple[int, int]]
"""(input, output) of a call -> (multiply-adds, element-wise operations inside the layer)."""

OPTIMISER_FLOPS = {"adam": 14, "sgd": 2}
"""FLOPs a parameter and update. Adam: m 3, v 4, bias corrections 2, square root, epsilon and
division 3, scale and subtract 2; SGD without momentum: scale and subtract."""


@runtime_checkable
class Contraction(Protocol):
    """A layer of our own: linear in `weight` and in its input, with no nonlinearity inside."""

    weight: Tensor

    def macs(self, x: Tensor) -> int:
        """Multiply-adds that one call with input `x` asks of the hardware."""
        ...


@runtime_checkable
class Simulation(Protocol):
    """A layer that simulates: no weight meets an input, and its state is never zero.

    Two of its FLOPs count as one multiply-accumulate, all of them effective.
    """

    def simulated_flops(self, x: Tensor) -> int:
        """FLOPs that one call with input `x` asks of the hardware."""
        ...


class UncountedWorkError(UserError):
    """Something is computed that no formula covers; it would be counted 0."""


# What an aten operation costs, by name without its overload. Views and copies move bytes only.
_FREE = frozenset(
    """
    _local_scalar_dense _pin_memory _reshape_alias _to_copy _unsafe_view _weight_norm_interface
    alias arange as_strided as_strided_ bernoulli bernoulli_ cat chunk clone constant_pad_nd
    contiguous copy_ detach diagonal embedding empty empty_like empty_strided equal expand fill
    fill_ flatten flip full full_like gather index index_select is_same_size item lift_fresh
    native_dropout new_empty new_empty_strided new_full new_ones new_zeros normal_ ones ones_like
    permute rand rand_like randn reflection_pad1d repeat replication_pad1d reshape resize_ roll
    scalar_tensor scatter select select_scatter set_ slice slice_scatter sort split
    split_with_sizes squeeze stack t topk transpose unbind unfold uniform_ unsqueeze view zero_
    zeros zeros_like
    """.split()
)
_ELEMENTWISE = frozenset(
    """
    abs add add_ addcdiv addcmul atan bitwise_and bitwise_not bitwise_or celu clamp clamp_max
    clamp_min clamp_min_ cos cosh div div_ elu eq erf exp exp2 exp_ expm1 floor ge gelu gt
    hardsigmoid hardswish hardtanh heaviside isfinite isnan le leaky_relu leaky_relu_ lerp log
    log1p log_sigmoid_forward logical_and logical_not logical_or lt masked_fill masked_fill_
    maximum minimum mish mul mul_ ne neg pow reciprocal relu relu_ remainder round rsqrt rsub selu
    sgn sigmoid sigmoid_ sign silu sin sinh softplus sqrt square sub sub_ tan tanh tanh_ threshold
    trunc where xlogy
    """.split()
)
_REDUCTION = frozenset(
    """
    _adaptive_avg_pool2d _batch_norm_with_update _log_softmax _native_batch_norm_legit _softmax
    adaptive_avg_pool2d all amax amin any argmax argmin avg_pool1d avg_pool2d
    binary_cross_entropy_with_logits count_nonzero cumprod cumsum linalg_vector_norm logcumsumexp
    logsumexp max max_pool2d_with_indices mean min mse_loss native_batch_norm native_group_norm
    native_layer_norm nll_loss_forward norm prod std sum var var_mean
    """.split()
)


def element_operations(name: str, args: tuple[Any, ...], out: Any) -> int:
    """FLOPs of one call of the aten operation `name`: one for each element it passes or reduces.

    Raises:
        UncountedWorkError: for a contraction, or an operation that is in no table.
    """
    if name in _FREE:
        return 0
    if name in _ELEMENTWISE and isinstance(out, Tensor):
        return out.numel()
    if name in _ELEMENTWISE or name in _REDUCTION:
        return args[0].numel() if args and isinstance(args[0], Tensor) else 0
    raise UncountedWorkError(
        f"The operation aten::{name} runs outside any layer with a formula, so its work would be "
        "counted as 0. Put contractions into a torch layer, or into a module with `weight` and "
        "`macs(x)` (see neurojoule.formulas.Contraction)."
    )


def formula(module: nn.Module) -> LayerFormula | None:
    """(input, output) -> (multiply-adds, element-wise operations) of a layer, None if unknown."""
    match module:
        case nn.Linear():
            return lambda x, _: (x.numel() // module.in_features * module.weight.numel(), 0)
        case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
            taps = module.weight.numel() // module.out_channels
            return lambda _, y: (y.numel() * taps, 0)
        case nn.RNNBase():
            return lambda x, _: _recurrent(module, x)
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.LayerNorm() | nn.GroupNorm():
            return lambda x, _: (0, 4 * x.numel())  # centre, divide, scale, shift
        case nn.Embedding():
            return lambda _x, _y: (0, 0)  # a look-up moves bytes and multiplies nothing
        case Contraction():
            return lambda x, _: (module.macs(x), 0)
        case Simulation():
            return lambda x, _: (module.simulated_flops(x) // 2, 0)
        case _:
            return None


def _recurrent(module: nn.RNNBase, x: Tensor) -> tuple[int, int]:
    """Each step multiplies its input and its state with every gate's weights."""
    steps = x.numel() // x.shape[-1]
    weights = sum(p.numel() for name, p in module.named_parameters() if "weight" in name)
    gates = {"GRU": 3, "LSTM": 4}.get(module.mode, 1)
    states = module.hidden_size * module.num_layers * (1 + module.bidirectional)
    # A gate sums its two projections and passes a nonlinearity (2); then the state is mixed:
    # GRU r*n, (1-z)*n, z*h, sum: 4 more a unit; LSTM f*c, i*g, sum, tanh, o*: 5; plain 0.
    mixed = {"GRU": 4, "LSTM": 5}.get(module.mode, 0)
    return steps * weights, steps * states * (2 * gates + mixed)


def effective_operations(module: nn.Module, x: Tensor, macs: int) -> tuple[int, bool]:
    """NeuroBench's count: the layer run on what is not zero; (operations, are they accumulates?).

    A layer linear in weight and input, run on the indicators of its non-zero weights and inputs
    without bias, sums to the products in which no factor is zero.
    """
    if isinstance(module, Simulation):
        return macs, False
    accumulates = bool(((x == 0) | (x.abs() == 1)).all())
    if isinstance(module, nn.RNNBase):
        return _effective_recurrent(module, x), accumulates
    if macs == 0:
        return 0, accumulates
    weight = (cast("Tensor", module.weight).detach() != 0).to(torch.float64)
    present = (x != 0).to(torch.float64)
    with torch.no_grad():
        total = _contract(module, present, weight).sum()
    return round(float(total)), accumulates


def _contract(module: nn.Module, x: Tensor, weight: Tensor) -> Tensor:
    """The layer's contraction with another weight and no bias; the layer is left as it is."""
    forward = type(module).forward
    if isinstance(module, nn.Linear) and forward is nn.Linear.forward:
        return F.linear(x, weight)
    plain = {nn.Conv1d.forward, nn.Conv2d.forward, nn.Conv3d.forward}
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and forward in plain:
        convolve: Callable[..., Tensor] = module._conv_forward  # noqa: SLF001 - padding modes
        return convolve(x, weight, None)
    # A forward of its own may pad, mask or gather, so the layer itself has to run.
    twin = copy.deepcopy(module)
    if parametrize.is_parametrized(twin, "weight"):
        # torch's own removal would take the weight off the class, which the layer shares.
        twin.__class__ = parametrize.type_before_parametrizations(module)
        del twin.parametrizations
        twin.weight = nn.Parameter(torch.empty_like(weight))
    twin = twin.to(torch.float64)
    twin.get_parameter("weight").copy_(weight)
    if isinstance(getattr(twin, "bias", None), Tensor):
        twin.get_parameter("bias").zero_()
    output: Tensor = twin(x)
    return output


def _effective_recurrent(module: nn.RNNBase, x: Tensor) -> int:
    """Non-zero inputs meet their columns; a hidden state is taken as dense."""
    steps = x.numel() // x.shape[-1]
    total = 0
    for name, weight in module.named_parameters():
        if name.startswith("weight_ih_l0"):
            per_input = (weight != 0).sum(0)  # (inputs,) weights that each input meets
            total += int(((x != 0).reshape(steps, -1) * per_input).sum())
        elif name.startswith("weight"):
            total += steps * int((weight != 0).sum())
    return total
