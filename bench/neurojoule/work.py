"""What is computed: parameters, operations by formula, bytes, memory.

Conventions, stated once. One multiply-add is 2 FLOPs. *Dense* FLOPs are what the hardware was asked
to do: every contraction (a layer that multiplies inputs with weights) by the formula of its layer,
and one FLOP for each element that passes through an element-wise operation or a reduction,
whatever the function. Backward costs a contraction again for the gradient of its weight and again
for the gradient of its input where one is needed, and an element-wise operation once more.
*Effective* operations are NeuroBench's (Yik et al. 2025): multiply-accumulates that meet neither a
zero weight nor a zero input, called accumulates when the layer's whole input is in {-1, 0, 1}.

Counters lie: torch's own returns 0 for an LSTM, a gather or an `embedding_bag`. Here a contraction
outside a layer with a formula, or a parameter that no such layer owns, is an error, never 0.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from neurojoule.formulas import (
    UncountedWorkError,
    effective_operations,
    element_operations,
    formula,
)


@dataclass(frozen=True)
class LayerWork:
    """One call of one counted layer on a batch; element-wise work inside it included."""

    name: str
    kernel: str
    macs: int
    elementwise: int
    backward_macs: int
    weight_bytes: int
    activation_bytes: int
    effective: int
    accumulates: bool
    zeros: int
    activations: int


@dataclass(frozen=True)
class Pass:
    """One forward pass of a batch of `samples`."""

    samples: int
    layers: tuple[LayerWork, ...]
    elementwise: int

    @property
    def forward_flops(self) -> float:
        """Dense FLOPs of one sample forward."""
        inside = sum(2 * layer.macs + layer.elementwise for layer in self.layers)
        return (inside + self.elementwise) / self.samples

    @property
    def backward_flops(self) -> float:
        """Dense FLOPs of one sample backward."""
        inside = sum(2 * layer.backward_macs + layer.elementwise for layer in self.layers)
        return (inside + self.elementwise) / self.samples

    @property
    def effective_macs(self) -> float:
        """Effective multiply-accumulates of one sample."""
        return sum(x.effective for x in self.layers if not x.accumulates) / self.samples

    @property
    def effective_acs(self) -> float:
        """Effective accumulates of one sample."""
        return sum(x.effective for x in self.layers if x.accumulates) / self.samples

    @property
    def activation_sparsity(self) -> float:
        """Share of zeros among the inputs of all counted layers."""
        return sum(x.zeros for x in self.layers) / max(1, sum(x.activations for x in self.layers))

    @property
    def forward_bytes(self) -> float:
        """Least bytes moved a sample: weights once a batch, each layer's input and output once."""
        return sum(x.weight_bytes + x.activation_bytes for x in self.layers) / self.samples

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels in use, each once."""
        return tuple(dict.fromkeys(layer.kernel for layer in self.layers))


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts element-wise work outside the counted layers and refuses contractions there."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.depth = 0
        self.elementwise = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if self.depth == 0:
            self.elementwise += element_operations(func.overloadpacket.__name__, args, out)
            self.seen.update(_storage(x) for x in args if isinstance(x, Tensor))
        return out


def count(model: nn.Module, x: Tensor) -> Pass:
    """Count one forward pass of `model` on the batch `x`, in evaluation mode.

    The model is left as it was. Effective operations use the weights as they are now and the
    inputs as given.

    Raises:
        UncountedWorkError: when a contraction or a parameter has no formula.
    """
    layers: list[LayerWork] = []
    was_training = model.training
    model.eval()
    try:
        with torch.enable_grad(), _hooks(model, layers) as watch, watch:
            model(x)
    finally:
        model.train(was_training)
    _refuse_orphans(model, watch.seen)
    return Pass(len(x), tuple(layers), watch.elementwise)


@contextmanager
def _hooks(model: nn.Module, layers: list[LayerWork]) -> Iterator[_Watch]:
    watch = _Watch()
    names = {id(module): name for name, module in model.named_modules()}

    def enter(_module: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        watch.depth += 1

    def leave(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if watch.depth == 1:  # a counted layer inside another is part of it
            y = output[0] if isinstance(output, tuple) else output
            layers.append(_layer(names[id(module)], module, inputs[0], y))
        watch.depth -= 1

    handles = []
    for module in model.modules():
        if formula(module) is not None:
            handles += [
                module.register_forward_pre_hook(enter),
                module.register_forward_hook(leave),
            ]
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()


def _layer(name: str, module: nn.Module, x: Tensor, y: Tensor) -> LayerWork:
    of = formula(module)
    assert of is not None
    macs, elementwise = of(x, y)
    effective, accumulates = effective_operations(module, x.detach(), macs)
    trainable = any(p.requires_grad for p in module.parameters())
    return LayerWork(
        name=name,
        kernel=str(getattr(module, "kernel", type(module).__name__.removeprefix("Parametrized"))),
        macs=macs,
        elementwise=elementwise,
        # Once more for the gradient of the weight, once more for that of the input.
        backward_macs=macs * (int(trainable) + int(x.requires_grad)),
        weight_bytes=sum(p.numel() * p.element_size() for p in module.parameters()),
        activation_bytes=x.numel() * x.element_size() + y.numel() * y.element_size(),
        effective=effective,
        accumulates=accumulates,
        zeros=int((x == 0).sum()),
        activations=x.numel(),
    )


def _storage(x: Tensor) -> int:
    return x.untyped_storage().data_ptr()


def _refuse_orphans(model: nn.Module, seen: set[int]) -> None:
    """Every parameter is owned by a counted layer or was seen in an element-wise operation."""
    owned = {
        id(parameter)
        for module in model.modules()
        if formula(module) is not None
        for parameter in module.parameters()
    }
    orphans = [
        name
        for name, parameter in model.named_parameters()
        if id(parameter) not in owned and _storage(parameter) not in seen
    ]
    if orphans:
        raise UncountedWorkError(
            f"The parameters {', '.join(orphans[:5])} belong to no layer with a formula, so their "
            "work would be counted as 0. Put them into a torch layer, or into a module with "
            "`weight` and `macs(x)` (see neurojoule.formulas.Contraction)."
        )
