"""What is expected of a model, each promise as a check that answers in words.

Nothing here needs data: inputs are drawn in the form of a task.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import get_args

import torch
from torch import Tensor, nn

from neurojoule import registry, sizing, views, work
from neurojoule.registry import Model, Shape, Task, View
from neurojoule.spec import Recipe
from neurojoule.train import LOSSES, gradient_learner

SAMPLES = 64
NARROW, WIDE = 8, 32
LARGEST = 2048
"""Inputs of the largest task that is tried."""

_SPREADS = (1.0, 1.0, 3.0, 10.0, 0.3)
"""Of weights drawn anew, over that of the first ones, in turn."""

_DRAWS = 300
"""So many that no unit stays silent: not one of ReLU, not a spiking one, not one that competes."""


@dataclass(frozen=True)
class Trial:
    """A model and a task in the model's view, with drawn samples: x (samples, *inputs) and y."""

    model: Model
    task: Task
    shape: Shape
    x: Tensor
    y: Tensor

    def build(self, seed: int = 0, width: int | None = None) -> nn.Module:
        """The module at this width, by default the model's own."""
        width = self.model.default_width if width is None else width
        return sizing.build(self.model, self.shape, width, {}, seed)


Check = Callable[[Trial], str | None]
"""Gives what is wrong, or None; a remark begins with `remark:`."""


def trials(model: Model) -> Iterator[Trial]:
    """The smallest task of each kind that the model does not refuse."""
    kinds: dict[object, Task] = {}
    for task in sorted(registry.tasks().values(), key=lambda task: prod(task.inputs)):
        if prod(task.inputs) <= LARGEST and views.why_not(model, task) is None:
            kinds.setdefault((task.axes, task.loss, task.steps > 0), task)
    for task in kinds.values():
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(SAMPLES, *task.inputs, generator=generator)
        x = (x < 0.5).float() if task.binary else x
        yield Trial(
            model,
            task,
            views.shape(model, task),
            views.arrange(x, task, model.takes),
            _targets(task, generator),
        )


def _targets(task: Task, generator: torch.Generator) -> Tensor:
    if task.loss == "cross_entropy":
        asked = (SAMPLES, task.steps) if task.steps else (SAMPLES,)
        return torch.randint(task.outputs, asked, generator=generator)
    steps = (task.steps,) if task.steps else ()
    y = torch.rand(SAMPLES, task.outputs, *steps, generator=generator)
    return y.round() if task.loss == "binary" else y


def registration(model: Model) -> str | None:
    """Its view, its refusals and its docstring."""
    if model.takes not in get_args(View):
        return f"takes={model.takes!r}, but a model takes one of {', '.join(get_args(View))}."
    wrong = [
        type(answer).__name__
        for task in registry.tasks().values()
        if not isinstance(answer := model.refuses(task), str | None)
    ]
    if wrong:
        return f"refuses(task) gives a {wrong[0]}; it gives a sentence, or None to accept the task."
    if all(views.why_not(model, task) for task in registry.tasks().values()):
        return "it accepts no task at all; look at `takes` and `refuses`."
    if not (model.build.__doc__ or "").strip():
        return "remark: it has no docstring; say its equation, shapes, parameters and source there."
    return None


def build(trial: Trial) -> str | None:
    """It can be built at its default width."""
    trial.build()
    return None


def shapes(trial: Trial) -> str | None:
    """Its outputs have the right shape, are finite, and do not depend on the rest of the batch."""
    module, shape = trial.build().eval(), trial.shape
    expected = (SAMPLES, shape.outputs, *([shape.steps] if shape.steps else []))
    with torch.inference_mode():
        output, alone = module(trial.x), module(trial.x[:1])
    if not isinstance(output, Tensor):
        return f"forward gives a {type(output).__name__}; it gives one tensor of shape {expected}."
    if tuple(output.shape) != expected:
        return (
            f"an input of shape {tuple(trial.x.shape)} gives an output of shape "
            f"{tuple(output.shape)}; expected {expected} (batch, outputs"
            + (", steps)." if shape.steps else ").")
        )
    if not torch.isfinite(output).all():
        return "its outputs are not all finite before any training; look at how weights start."
    if not torch.allclose(alone, output[:1], rtol=1e-3, atol=1e-4):
        return (
            "the output of a sample in evaluation mode depends on the other samples in its batch; "
            "keep statistics over the batch for training mode."
        )
    return None


def parameters(trial: Trial) -> str | None:
    """It has parameters, more at a larger width, and names its units."""
    module = trial.build()
    if sizing.parameters(module) == 0:
        return "it has no trainable parameter; wrap weights in nn.Parameter or use torch's layers."
    if trial.model.sized:
        narrow, wide = (sizing.parameters(trial.build(width=w)) for w in (NARROW, WIDE))
        if wide <= narrow:
            return (
                f"width {NARROW} has {narrow:,} parameters and width {WIDE} has {wide:,}, so no "
                "budget can be met. Let the width set the size, or register it with sized=False."
            )
    units = getattr(module, "units", None)
    if not callable(units):
        return "it has no method units(); give a dict such as {'soma': 8, 'dendrite': 32}."
    counted = units()
    if not isinstance(counted, dict) or not counted or min(counted.values()) < 1:
        return f"units() gives {counted!r}; expected a dict of names and numbers of 1 or more."
    return None


def operations(trial: Trial) -> str | None:
    """Every operation is covered by a formula."""
    counted = work.count(trial.build(), trial.x[:2])  # raises in words
    if counted.forward_flops <= 0:
        return "no operation was counted; does forward use the parameters?"
    return None


def determinism(trial: Trial) -> str | None:
    """Seeds decide weights and wiring; evaluation is the same twice."""
    one, two = trial.build(seed=3), trial.build(seed=3)
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        if not torch.equal(a, b):
            return (
                f"two builds from the same seed differ in {name}; draw weights and wiring from "
                "torch's generator only (not numpy's or Python's)."
            )
    one.eval(), two.eval()
    with torch.inference_mode():
        outputs = [one(trial.x), one(trial.x), two(trial.x)]
    if not torch.equal(outputs[0], outputs[1]):
        return "two evaluations of one input differ; randomness belongs into training mode."
    if not torch.equal(outputs[0], outputs[2]):
        return (
            "two builds from the same seed have the same state_dict but other outputs; something "
            "random is drawn from outside torch's generator and not kept as a buffer."
        )
    return None


def state_dict(trial: Trial) -> str | None:
    """All that decides the output is saved and loaded."""
    saved, other = trial.build(seed=0).eval(), trial.build(seed=1).eval()
    other.load_state_dict(saved.state_dict())
    with torch.inference_mode():
        same = torch.equal(saved(trial.x), other(trial.x))
    if same:
        return None
    return (
        "weights saved and loaded into a module of another seed give other outputs: something that "
        "decides the output is not in the state_dict. Keep random wiring with register_buffer."
    )


def gradients(trial: Trial) -> str | None:
    """Every parameter has a finite gradient, which is the slope of the loss."""
    if trial.model.learns == "own":
        return None
    module = trial.build().train()
    LOSSES[trial.task.loss](module(trial.x), trial.y).backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            return f"{name} has no gradient; forward does not use it, or a detach cuts it off."
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"the gradient of {name} is not finite."
    error = _slope_error(trial)
    if error > 1e-3:
        return (
            f"remark: the gradient differs from the slope of the loss (by {error:.0%} along random "
            "directions). Right for a surrogate, or at a kink; otherwise the backward is wrong."
        )
    return None


def _slope_error(trial: Trial) -> float:
    """Median relative difference of gradient and finite difference along random directions."""
    module = trial.build().double()
    x, y = trial.x.double(), trial.y.double() if trial.y.is_floating_point() else trial.y
    parameters = [p for p in module.parameters() if p.requires_grad]

    def loss() -> Tensor:
        value: Tensor = LOSSES[trial.task.loss](module(x), y)
        return value

    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    generator, step, errors = torch.Generator().manual_seed(0), 1e-6, []
    for _ in range(5):
        along = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
        length = sum(float(d.square().sum()) for d in along) ** 0.5
        along = [d / length for d in along]  # a short step seldom crosses a kink
        slope = sum(
            float((g * d).sum()) for g, d in zip(gradients, along, strict=True) if g is not None
        )
        values = []
        for sign in (1, -2):  # forth by a step, back by two
            with torch.no_grad():
                for p, d in zip(parameters, along, strict=True):
                    p.add_(d, alpha=sign * step)
                values.append(float(loss()))
        with torch.no_grad():
            for p, d in zip(parameters, along, strict=True):
                p.add_(d, alpha=step)
        measured = (values[0] - values[1]) / (2 * step)
        errors.append(abs(slope - measured) / max(abs(slope), abs(measured), 1e-5))
    return sorted(errors)[2]


def unconnected_units(trial: Trial) -> str | None:
    """A row of a parameter whose gradient stays 0 however weights and inputs are drawn."""
    if trial.model.learns == "own":
        return None
    module = trial.build().train()
    generator = torch.Generator().manual_seed(1)
    parameters = {n: p for n, p in module.named_parameters() if p.requires_grad and p.ndim}
    spread = {n: float(p.detach().std(correction=0)) or 0.5 for n, p in parameters.items()}
    for scale, _ in zip(itertools.cycle(_SPREADS), range(_DRAWS), strict=False):
        output = module(_other_inputs(trial, generator))
        weights = torch.randn(output.shape, generator=generator)
        (output * weights).sum().backward()  # gradients add up
        with torch.no_grad():
            for name, parameter in parameters.items():
                drawn = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(scale * spread[name] * drawn)
        rows = {name: _silent_rows(parameter) for name, parameter in parameters.items()}
        if not any(silent.any() for silent in rows.values()):
            return None
    name, silent = next((name, silent) for name, silent in rows.items() if silent.any())
    return (
        f"{int(silent.sum())} of {len(silent)} rows of {name} never influence the output, whatever "
        f"weights and inputs are drawn (the first is row {int(silent.nonzero()[0])}): those units "
        "are not connected. They would count as parameters and operations for nothing."
    )


def _silent_rows(parameter: nn.Parameter) -> Tensor:
    """Which rows have had no gradient yet."""
    if parameter.grad is None:
        return torch.zeros(len(parameter), dtype=torch.bool)  # said by `gradients`
    return (parameter.grad.reshape(len(parameter), -1) == 0).all(1)


def _other_inputs(trial: Trial, generator: torch.Generator) -> Tensor:
    noise = torch.randn(trial.x.shape, generator=generator)
    spikes = trial.task.binary and "time" in trial.task.axes  # a layer may insist on 0 and 1
    return (noise > 0).float() if spikes else trial.x + noise


def learning(trial: Trial) -> str | None:
    """A few steps lower the loss, or its own rule gives one."""
    module = trial.build()
    if trial.model.learns == "own":
        learn = getattr(module, "learn", None)
        if not callable(learn):
            return "registered with learns='own', but it has no method learn(x, y)."
        return (
            None if isinstance(learn(trial.x, trial.y), Tensor) else "learn(x, y) gives no tensor."
        )
    step = gradient_learner(module, trial.task.loss, Recipe(30, SAMPLES, learning_rate=1e-2))
    losses = [float(step(trial.x, trial.y).detach()) for _ in range(30)]
    if min(losses[-5:]) >= losses[0]:
        return (
            f"remark: 30 steps of Adam at 1e-2 on {SAMPLES} samples did not lower the loss "
            f"({losses[0]:.3g} to {losses[-1]:.3g}); look at how weights start and at the gradient."
        )
    return None


CHECKS: tuple[Check, ...] = (
    build,
    shapes,
    parameters,
    operations,
    determinism,
    state_dict,
    gradients,
    unconnected_units,
    learning,
)
