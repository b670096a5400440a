"""One training loop for every family.

Between two validations nothing but the updates runs: no printing, no reading of the loss, no
clock. Validation is clocked apart. The best weights by validation are kept by a deep copy.
"""

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurojoule.meter import own_cpu_s
from neurojoule.metrics import PRIOR_LOGIT, by_step
from neurojoule.optimiser import optimiser
from neurojoule.registry import Loss
from neurojoule.spec import Recipe

EVALUATION_BATCH = 1024
EVALUATION_NUMBERS = 2**24
"""Samples, and numbers in their inputs, that are evaluated at once."""

VOLTAGE_WEIGHT = 0.1
"""Of the voltage's squared error against the cross-entropy of the spikes. The published weights
lie on both sides: 2 falling to 0.03 in these units (Beniaguev, Segev & London 2021), 1 (Spieler et
al. 2023)."""

GATHERED_BYTES = 2**20
"""Inputs of several batches are gathered at once, as many as stay in a second-level cache."""

Learn = Callable[[Tensor, Tensor], Tensor]
"""One update on a batch (x, y); gives the loss as a tensor that nobody has waited for."""


@dataclass(frozen=True)
class Data:
    """Tensors on the device: x (samples, *inputs), y (samples,) or (samples, outputs)."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Point:
    """One validation; the clocks count the updates alone, and no loss precedes the first."""

    step: int
    time_s: float
    cpu_s: float
    loss: float | None
    validation: float


@dataclass(frozen=True)
class Trained:
    """What one execution of the training left.

    Attributes:
        steps: updates done.
        time_s, cpu_s: of the updates alone.
        validation_time_s, validation_cpu_s: of the validations, copies of the weights included.
        curve: one point a validation, the first before any update.
        best: state dict with the best validation, a deep copy.
    """

    status: Literal["ok", "diverged"]
    steps: int
    time_s: float
    cpu_s: float
    validation_time_s: float
    validation_cpu_s: float
    curve: tuple[Point, ...]
    best: dict[str, Any]


def _cross_entropy(output: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(by_step(output, y), y)


def _spikes_and_voltage(output: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy of the spikes plus a weighted squared error of the voltage."""
    answer = by_step(output, y)
    spikes = F.binary_cross_entropy_with_logits(answer[:, 0] + PRIOR_LOGIT, y[:, 0])
    return spikes + VOLTAGE_WEIGHT * F.mse_loss(answer[:, 1], y[:, 1])


LOSSES: dict[Loss, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": _cross_entropy,
    "binary": F.binary_cross_entropy_with_logits,
    "mean_squared_error": F.mse_loss,
    "spikes_and_voltage": _spikes_and_voltage,
}


def gradient_learner(
    model: nn.Module,
    loss_name: Loss,
    recipe: Recipe,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> Learn:
    """Backpropagation with the recipe's optimiser, through `forward` where it is compiled."""
    loss_of, forward = LOSSES[loss_name], model if forward is None else forward
    parameters = [p for p in model.parameters() if p.requires_grad]
    update = optimiser(recipe, parameters)

    def learn(x: Tensor, y: Tensor) -> Tensor:
        for parameter in parameters:
            parameter.grad = None
        loss = loss_of(forward(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        update()
        return loss

    return learn


def batches(data: Data, batch_size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of exactly `batch_size`, in a new order every epoch, decided by the seed.

    A batch at least as large as the data is the whole set, unshuffled. What is left at the end of
    an epoch is less than a batch and waits for another epoch.
    """
    count = len(data)
    if batch_size >= count:
        yield from itertools.repeat((data.x, data.y))
    generator = torch.Generator().manual_seed(seed)
    batch_bytes = batch_size * data.x[0].numel() * data.x.element_size()
    at_once = max(1, GATHERED_BYTES // batch_bytes) * batch_size
    while True:
        order = torch.randperm(count, generator=generator).to(data.x.device)
        for part in torch.split(order[: count // batch_size * batch_size], at_once):
            x, y = (torch.split(values[part], batch_size) for values in (data.x, data.y))
            yield from zip(x, y, strict=True)


def train(
    model: nn.Module,
    learn: Learn,
    data: Data,
    recipe: Recipe,
    *,
    validate: Callable[[], float],
    higher_is_better: bool,
    seed: int,
    synchronise: Callable[[], None] = lambda: None,
) -> Trained:
    """Train `model` in place until the budget, the patience or the goal of the recipe ends it.

    Args:
        model: left with its last weights; the best are in the result.
        learn: one update.
        data: the training set.
        recipe: budget, stop rule, batch size.
        validate: the metric on the validation set.
        higher_is_better: direction of that metric.
        seed: of the batch order.
        synchronise: waits for the device at the edges of the clocks.

    A loss or a validation that is not finite ends the training with the status `diverged`.
    """
    sign = 1.0 if higher_is_better else -1.0
    stream = batches(data, recipe.batch_size, seed)
    step, spent_s, spent_cpu_s, validation_s, validation_cpu_s = 0, 0.0, 0.0, 0.0, 0.0
    curve: list[Point] = []
    best: dict[str, Any] = {}
    best_score, stale = -math.inf, 0
    loss: Tensor | None = None
    status: Literal["ok", "diverged"] = "ok"
    while True:
        start_s, start_cpu_s = time.perf_counter(), own_cpu_s()
        model.eval()
        quality = validate()
        loss_now = None if loss is None else float(loss.detach())
        model.train()
        curve.append(Point(step, spent_s, spent_cpu_s, loss_now, quality))
        finite = math.isfinite(quality) and (loss_now is None or math.isfinite(loss_now))
        if finite and sign * quality > best_score:
            best_score, stale = sign * quality, 0
            best = copy.deepcopy(model.state_dict())
        else:
            stale += 1
        synchronise()
        validation_s += time.perf_counter() - start_s
        validation_cpu_s += own_cpu_s() - start_cpu_s
        if not finite:
            status = "diverged"
            break
        solved = recipe.stop_at is not None and sign * quality >= sign * recipe.stop_at
        if step >= recipe.steps or solved or (recipe.patience and stale >= recipe.patience):
            break
        todo = min(recipe.evaluate_every, recipe.steps - step)
        start_s, start_cpu_s = time.perf_counter(), own_cpu_s()
        for x, y in itertools.islice(stream, todo):
            loss = learn(x, y)
        synchronise()
        spent_s += time.perf_counter() - start_s
        spent_cpu_s += own_cpu_s() - start_cpu_s
        step += todo
    return Trained(
        status, step, spent_s, spent_cpu_s, validation_s, validation_cpu_s, tuple(curve), best
    )


def predict(model: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Outputs for every sample, in batches, without gradients; (samples, outputs)."""
    batch = max(1, min(EVALUATION_BATCH, EVALUATION_NUMBERS // x[0].numel()))
    with torch.inference_mode():
        return torch.cat([model(part) for part in torch.split(x, batch)])
