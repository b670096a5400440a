"""What is measured of a layer: its stages, operations, bytes, memory, latency and throughput."""

import ctypes
import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from neurojoule import formulas, kernels, memory, turns, work
from neurojoule.optimiser import optimiser
from neurojoule.prepare import synchroniser
from neurojoule.record import Ceilings
from neurojoule.spec import Recipe, Setup
from neurojoule_suites.layers import LAYERS, Layer, Streamed

Stage = Literal["forward", "backward", "step"]
"""Without a graph; forward and backward; both and Adam's update."""

STAGES: tuple[Stage, ...] = ("forward", "backward", "step")

LARGE = 8
"""Throughput is that of a batch this many times the layer's own."""

Figures = dict[str, float | str | None]


@dataclass(frozen=True)
class Case:
    """A layer by name, at one stage, on one setup."""

    name: str
    stage: Stage
    setup: Setup

    @property
    def layer(self) -> Layer:
        """The layer."""
        return LAYERS[self.name]


def stages(layer: Layer) -> tuple[Stage, ...]:
    """The stages that the layer has."""
    return STAGES if layer.trains else STAGES[:1]


def build(layer: Layer, setup: Setup) -> tuple[nn.Module, nn.Module]:
    """The plain and the fast form on the device, seeded."""
    torch.manual_seed(0)
    device, dtype = setup.torch_device, getattr(torch, setup.dtype)
    plain, fast = layer.pair()
    return plain.to(device, dtype), fast.to(device, dtype)


def inputs(layer: Layer, setup: Setup, batch: int) -> Tensor:
    """A batch of inputs on the device."""
    return layer.x(batch).to(setup.torch_device, getattr(torch, setup.dtype))


def call(form: nn.Module, x: Tensor, stage: Stage) -> Callable[[], object]:
    """One call of a stage; the gradient that arrives from above is 1 everywhere."""
    if stage == "forward":
        return lambda: _forward(form, x)
    parameters = list(form.parameters())
    recipe = Recipe(steps=1, batch_size=len(x), learning_rate=1e-6)
    update = optimiser(recipe, parameters) if stage == "step" else None

    def learn() -> None:
        for parameter in parameters:
            parameter.grad = None
        form(x).sum().backward()
        if update is not None:
            update()

    return learn


def _forward(form: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        y: Tensor = form(x)
    return y


def counted(form: nn.Module, x: Tensor, stage: Stage, each_s: float, limits: Ceilings) -> Figures:
    """Operations and bytes of one call by formula, and the share of the ceiling it reaches.

    A backward pass moves what a forward pass moves once for the gradients of the inputs and once
    for those of the weights. The ceiling is the roofline's: the longer of operations at the rate of
    the fastest matrix product and bytes at that of the fastest copy.
    """
    parameters = sum(p.numel() for p in form.parameters())
    if isinstance(form, Streamed):  # every weight once; its parts are no layers with formulas
        names = form.kernel
        flops, effective, moved = 2.0 * parameters, None, float(x.element_size() * parameters)
    else:
        once = work.count(form, x)
        names = ", ".join(once.kernels) or str(form.kernel)
        flops, moved = once.forward_flops, once.forward_bytes
        effective = (2 * once.effective_macs + once.effective_acs) * len(x)
        if stage != "forward":
            flops, moved = flops + once.backward_flops, 3 * moved
    flops, moved = flops * len(x), moved * len(x)
    if stage == "step":
        flops += formulas.OPTIMISER_FLOPS["adam"] * parameters
    floor_s = max(flops / limits.flops_per_s, moved / limits.bytes_per_s(moved))
    return {
        "kernel": names,
        "operations": flops,
        "effective_operations_forward": effective,
        "bytes": moved,
        "share_of_ceiling": floor_s / each_s,
    }


def served(layer: Layer, fast: nn.Module, setup: Setup, spend_s: float) -> Figures:
    """Latency of single samples, and throughput at a large batch."""
    synchronise = synchroniser(setup.torch_device)
    one, many = (
        turns.least_s(call(fast, inputs(layer, setup, size), "forward"), spend_s, synchronise)
        for size in (1, LARGE * layer.batch)
    )
    return {"latency_s": one, "throughput_per_s": LARGE * layer.batch / many}


def peak_bytes(case: Case, form: int) -> int | None:
    """The most memory that building one form and five calls take; in a process of its own.

    A call of one sample first loads the code that any batch needs.
    """
    layer, stage, setup = case.layer, case.stage, case.setup
    torch.set_num_threads(setup.threads)
    kernels.prepare()
    call(build(layer, setup)[form], inputs(layer, setup, 1), stage)()
    x = inputs(layer, setup, layer.batch)
    _give_back()
    peak = memory.Peak(setup.torch_device)
    work_of = call(build(layer, setup)[form], x, stage)
    for _ in range(5):
        work_of()
    return peak.bytes()


def _give_back() -> None:
    """Freed memory goes back to the system, where the C library can, so that it is not reused."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
