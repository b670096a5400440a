"""One run, step by step: prepare, warm up, train, replay, infer, test, record.

Everything here happens in a clean process of its own (`neurojoule.runner` starts it). Nothing but
the phases themselves runs inside their windows.
"""

import copy
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from neurojoule import formulas, memory, sizing, views, work
from neurojoule.errors import UserError
from neurojoule.machine import state
from neurojoule.meter import Hardware, Meter, MeterSettings, Open
from neurojoule.record import (
    CurvePoint,
    Inference,
    Machine,
    Phase,
    Quality,
    Record,
    Status,
    Window,
    Work,
    write,
)
from neurojoule.registry import Model, Split, Task, get_model, get_task
from neurojoule.spec import Scale, Spec, scale
from neurojoule.train import Data, Learn, Trained, gradient_learner, predict, quality, train

FOREIGN_SHARE_LIMIT = 0.05
"""Above this share of somebody else's CPU seconds, a window's energy is contaminated."""

STEAL_SHARE_LIMIT = 0.05
"""Likewise for seconds the host took from this virtual machine."""

CANARY_RATIO_LIMIT = 1.25
"""The canary may be this much slower after a run than before, or before than after."""

WARM_UP_STEPS = 3
INFERENCE_BATCH = 256
COUNT_BATCH = 64


@dataclass(frozen=True)
class Job:
    """Everything a process needs to do one run: plain data, sent to it when it starts."""

    spec: Spec
    folder: Path
    machine: Machine
    hardware: Hardware | None
    settings: MeterSettings
    idle: Window | None
    resume_key: str
    fingerprint: str
    git_commit: str | None
    git_dirty: bool | None
    claims_hash: str | None
    attempt: int
    asked_at_s: float
    """time.time() when the runner asked for the process."""

    @property
    def run_id(self) -> str:
        """Unique in a runs folder: a later attempt, or changed code, replaces the record."""
        return f"{self.spec.task}-{self.spec.model}-{self.resume_key}"


@dataclass(frozen=True)
class _Prepared:
    """The run's parts, on the device."""

    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    solved: sizing.Solved
    train: Data
    validation: Data


def run(job: Job) -> Record:
    """Do the run and write its record, whatever happens in it.

    An exception becomes a record with the status `failed`; a loss that is not finite one with
    `diverged`. Being killed leaves no record.
    """
    started = datetime.now(UTC)
    try:
        record = _run(job, started)
    except Exception as error:  # noqa: BLE001 - the record is where a failure is reported
        detail = str(error) if isinstance(error, UserError) else traceback.format_exc()
        record = unfinished(job, "failed", detail, started)
    write(record, job.folder)
    return record


def unfinished(job: Job, status: Status, error: str, started: datetime) -> Record:
    """The record of a run that has nothing to show but its status and the reason."""
    return Record(
        run_id=job.run_id,
        spec_hash=job.spec.hash,
        resume_key=job.resume_key,
        spec=job.spec,
        status=status,
        energy_valid=False,
        energy_invalid_reasons=(f"the run ended as {status}",),
        error=error,
        family=get_model(job.spec.model).family,
        started_utc=started.isoformat(timespec="seconds"),
        machine=job.machine,
        idle=() if job.idle is None else (job.idle,),
        attempts=job.attempt,
        fingerprint=job.fingerprint,
        git_commit=job.git_commit,
        git_dirty=job.git_dirty,
        claims_hash=job.claims_hash,
    )


def _run(job: Job, started: datetime) -> Record:
    spec, size = job.spec, scale(job.spec.scale)
    begun_s = time.perf_counter()
    start_s = time.time() - job.asked_at_s
    model_entry, task = get_model(spec.model), get_task(spec.task)
    torch.set_num_threads(spec.setup.threads)
    synchronise = _synchroniser(spec.setup.torch_device)
    before = state()
    peak = memory.Peak(spec.setup.torch_device)
    prepared = _prepare(spec, model_entry, task)
    counted = work.count(prepared.model, prepared.train.x[:COUNT_BATCH])  # refuses before training
    learn_once = partial(_learn, spec, model_entry, task, prepared, synchronise)
    initial = copy.deepcopy(prepared.model.state_dict())
    _warm_up(spec, model_entry, task, prepared)
    ready_s = time.perf_counter()

    with Meter(job.hardware, job.settings, synchronise) as meter:
        trained, phase = _train(prepared.model, learn_once, initial, size.min_window_s, meter)
        prepared.model.load_state_dict(trained.best or prepared.model.state_dict())
        prepared.model.eval()
        inference = _infer(prepared.forward, prepared.validation.x, size, meter)
    peak_memory_bytes = peak.bytes()
    counted = work.count(prepared.model, prepared.validation.x[:COUNT_BATCH])
    per_step = _flops_per_step(spec, model_entry, prepared, counted)
    after = state()
    windows = (phase.window, inference.window)
    reasons = (*meter.problems, *_contamination(windows, before.canary_s, after.canary_s))
    base = unfinished(job, trained.status, "", started)
    return msgspec.structs.replace(
        base,
        error=None if trained.status == "ok" else "the loss or the validation was not finite",
        energy_valid=not reasons,
        energy_invalid_reasons=tuple(dict.fromkeys(reasons)),
        state_before=before,
        state_after=after,
        seconds={
            "start": start_s,
            "prepare": ready_s - begun_s,
            "total": time.perf_counter() - begun_s,
        },
        train=phase,
        validation_time_s=trained.validation_time_s,
        validation_cpu_s=trained.validation_cpu_s,
        inference=inference,
        footprint_j=_footprint_j(phase, inference),
        work=_work(prepared, counted, trained, per_step, peak_memory_bytes),
        quality=_quality(task, spec, model_entry, prepared, trained),
        curve=tuple(
            CurvePoint(
                step=point.step,
                time_s=point.time_s,
                cpu_s=point.cpu_s,
                flops=point.step * per_step,
                loss=_finite(point.loss),
                validation=_finite(point.validation),
            )
            for point in trained.curve
        ),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _synchroniser(device: str) -> Callable[[], None]:
    return torch.cuda.synchronize if device.startswith("cuda") else lambda: None


def _prepare(spec: Spec, model_entry: Model, task: Task) -> _Prepared:
    """Data in the model's view and a seeded model, on the device and in the dtype of the setup."""
    splits: dict[Split, Data] = {
        split: _load(task, split, spec, model_entry) for split in ("train", "validation")
    }
    shape = views.shape(model_entry, task)
    options = dict(spec.options)
    solved = sizing.solve(model_entry, shape, spec.size, options, count=partial(_operations, shape))
    model = sizing.build(model_entry, shape, solved.width, options, spec.seed)
    model = model.to(spec.setup.torch_device, getattr(torch, spec.setup.dtype))
    forward = torch.compile(model) if spec.setup.compile else model
    return _Prepared(model, forward, solved, splits["train"], splits["validation"])


def _operations(shape: Any, model: nn.Module) -> float:
    """Dense FLOPs of one inference: what a ladder of operations budgets."""
    return work.count(model, torch.zeros(2, *shape.inputs)).forward_flops


def _load(task: Task, split: Split, spec: Spec, model_entry: Model) -> Data:
    x, y = task.load(split)
    if split == "train" and spec.share < 1:
        keep = max(1, round(len(x) * spec.share))
        chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(spec.seed))[:keep]
        x, y = x[chosen], y[chosen]
    x = views.arrange(x, task, model_entry.takes)
    device, dtype = spec.setup.torch_device, getattr(torch, spec.setup.dtype)
    return Data(x.to(device, dtype), y.to(device, dtype) if y.is_floating_point() else y.to(device))


def _learner(spec: Spec, model_entry: Model, task: Task, prepared: _Prepared) -> Learn:
    if model_entry.learns == "own":
        learn: Learn = prepared.model.learn  # type: ignore[assignment]
        return learn
    if spec.setup.compile:
        return gradient_learner(prepared.model, task.loss, spec.recipe, prepared.forward)
    return gradient_learner(prepared.model, task.loss, spec.recipe)


def _learn(
    spec: Spec,
    model_entry: Model,
    task: Task,
    prepared: _Prepared,
    synchronise: Callable[[], None],
) -> Trained:
    """One execution of the training, from the state the model is in."""
    torch.manual_seed(spec.seed)
    validation = prepared.validation
    return train(
        prepared.model,
        _learner(spec, model_entry, task, prepared),
        prepared.train,
        spec.recipe,
        validate=lambda: quality(
            task.metric, predict(prepared.forward, validation.x), validation.y
        ),
        higher_is_better=task.higher_is_better,
        seed=spec.seed,
        synchronise=synchronise,
    )


def _warm_up(spec: Spec, model_entry: Model, task: Task, prepared: _Prepared) -> None:
    """A few updates and predictions outside every window: allocations, compilers, caches."""
    start = copy.deepcopy(prepared.model.state_dict())
    learn = _learner(spec, model_entry, task, prepared)
    size = min(spec.recipe.batch_size, len(prepared.train))
    prepared.model.train()
    for _ in range(WARM_UP_STEPS):
        learn(prepared.train.x[:size], prepared.train.y[:size])
    prepared.model.eval()
    predict(prepared.forward, prepared.validation.x)
    prepared.model.load_state_dict(start)
    prepared.model.zero_grad(set_to_none=True)


def _train(
    model: nn.Module,
    learn_once: Callable[[], Trained],
    initial: dict[str, Any],
    min_window_s: float,
    meter: Meter,
) -> tuple[Trained, Phase]:
    """The real run, and as many replays of it as fill the window."""
    model.load_state_dict(initial)
    restore_s = 0.0
    runs: list[Trained] = []
    with meter.window() as opened:
        start_s = time.perf_counter()
        while True:
            runs.append(learn_once())
            if time.perf_counter() - start_s >= min_window_s or runs[0].status != "ok":
                break
            restore_start_s = time.perf_counter()
            model.load_state_dict(initial)
            restore_s += time.perf_counter() - restore_start_s
    real = runs[0]
    times_s = tuple(run.time_s for run in runs)
    same = [[p.validation for p in run.curve] == [p.validation for p in real.curve] for run in runs]
    return real, Phase(
        time_s=real.time_s,
        cpu_s=real.cpu_s,
        window=opened.window,
        replays=len(runs) - 1,
        repeats_time_s=times_s,
        restore_time_s=restore_s,
        energy_j=_apportion(opened, sum(times_s), len(runs)),
        replays_identical=all(same),
    )


def _apportion(opened: Open, time_s: float, repeats: int) -> dict[str, float | None]:
    """Joules of one of `repeats` executions that took `time_s` of the window's time together."""
    window = opened.window
    share = min(1.0, time_s / window.time_s) / repeats if window.time_s > 0 else 0.0
    return {
        part.name: None if part.energy_j is None else part.energy_j * share
        for part in window.components
    }


def _infer(forward: Callable[[Tensor], Tensor], x: Tensor, size: Scale, meter: Meter) -> Inference:
    """Latency of single samples, then throughput of batches over a window."""
    one, batch = x[:1], x[:INFERENCE_BATCH]
    synchronise = meter.synchronise
    latencies_s: list[float] = []
    with torch.inference_mode():
        forward(one)
        until_s = time.perf_counter() + size.inference_window_s / 2
        while time.perf_counter() < until_s or len(latencies_s) < 20:
            start_s = time.perf_counter()
            forward(one)
            synchronise()
            latencies_s.append(time.perf_counter() - start_s)
        forward(batch)
        passes = 0
        with meter.window() as opened:
            until_s = time.perf_counter() + size.inference_window_s
            while time.perf_counter() < until_s or passes == 0:
                forward(batch)
                passes += 1
    samples = passes * len(batch)
    window = opened.window
    p50, p95 = np.percentile(latencies_s, (50, 95))
    return Inference(
        latency_p50_s=float(p50),
        latency_p95_s=float(p95),
        batch_size=len(batch),
        samples=samples,
        window=window,
        time_s=window.time_s / samples,
        energy_j=_apportion(opened, window.time_s, samples),
    )


def _flops_per_step(
    spec: Spec, model_entry: Model, prepared: _Prepared, counted: work.Pass
) -> float:
    """Dense FLOPs of one update: forward, backward and optimiser; see `neurojoule.work`."""
    batch = min(spec.recipe.batch_size, len(prepared.train))
    parameters = prepared.solved.parameters
    if model_entry.learns == "own":  # forward, then at most one correction of every weight
        return batch * (counted.forward_flops + 2 * parameters)
    per_parameter = {
        "adam": formulas.ADAM_FLOPS_PER_PARAMETER,
        "sgd": formulas.SGD_FLOPS_PER_PARAMETER,
    }[spec.recipe.optimiser]
    backward = batch * (counted.forward_flops + counted.backward_flops)
    return backward + per_parameter * parameters


def _work(
    prepared: _Prepared,
    counted: work.Pass,
    trained: Trained,
    flops_per_step: float,
    peak_memory_bytes: int | None,
) -> Work:
    model, solved = prepared.model, prepared.solved
    trainable = [p for p in model.parameters() if p.requires_grad]
    units: Callable[[], dict[str, int]] = getattr(model, "units", dict)
    return Work(
        parameters=solved.parameters,
        nonzero_parameters=sum(int((p != 0).sum()) for p in model.parameters()),
        units=units(),
        width=solved.width,
        size_deviation=solved.deviation,
        kernels=counted.kernels,
        forward_flops=counted.forward_flops,
        training_flops=trained.steps * flops_per_step,
        effective_macs=counted.effective_macs,
        effective_acs=counted.effective_acs,
        activation_sparsity=counted.activation_sparsity,
        forward_bytes=counted.forward_bytes,
        # weights, gradients and Adam's two moments
        state_bytes=sum(p.numel() * p.element_size() for p in trainable) * 4,
        peak_memory_bytes=peak_memory_bytes,
    )


def _quality(
    task: Task, spec: Spec, model_entry: Model, prepared: _Prepared, trained: Trained
) -> Quality | None:
    """The metric on every split with the best weights; here the test split is read, once."""
    if not trained.best:
        return None
    test = _load(task, "test", spec, model_entry)
    values = {
        name: quality(task.metric, predict(prepared.forward, data.x), data.y)
        for name, data in (
            ("train", prepared.train),
            ("validation", prepared.validation),
            ("test", test),
        )
    }
    if not all(math.isfinite(value) for value in values.values()):
        return None
    best = values["validation"]
    reached = best >= task.target if task.higher_is_better else best <= task.target
    return Quality(
        metric=task.metric,
        higher_is_better=task.higher_is_better,
        chance=task.chance,
        target=task.target,
        reached=reached,
        **values,
    )


def _contamination(
    windows: tuple[Window, ...], canary_before_s: float, canary_after_s: float
) -> list[str]:
    """Reasons why somebody else's work may be in this energy."""
    reasons = []
    for window in windows:
        foreign = window.foreign_share
        if foreign is not None and foreign > FOREIGN_SHARE_LIMIT:
            reasons.append(f"contaminated: {foreign:.0%} of the CPU time was somebody else's")
        if window.steal_s is not None and window.steal_s > STEAL_SHARE_LIMIT * window.time_s:
            reasons.append(f"contaminated: the host took {window.steal_s / window.time_s:.0%}")
    slower, faster = max(canary_before_s, canary_after_s), min(canary_before_s, canary_after_s)
    if slower > CANARY_RATIO_LIMIT * faster:
        reasons.append(f"throttled: the canary changed by {slower / faster - 1:.0%} during the run")
    return reasons


def _footprint_j(phase: Phase, inference: Inference) -> float | None:
    """Joules of the windows that are not a result: replays, restoring, validations, inference."""
    spent = [phase.window.energy_j(), inference.window.energy_j()]
    results = list(phase.energy_j.values())
    if None in spent or None in results:
        return None
    return sum(x for x in spent if x is not None) - sum(x for x in results if x is not None)
