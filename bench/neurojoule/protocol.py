"""One run, step by step: prepare, warm up, train, replay, infer, stream, test, probe, record.

Everything here happens in a clean process of its own (`neurojoule.runner` starts it). Nothing but
the phases themselves runs inside their windows.
"""

import math
import re
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import torch

from neurojoule import formulas, memory, robustness, work
from neurojoule.contamination import reasons
from neurojoule.errors import UserError
from neurojoule.machine import state
from neurojoule.meter import Hardware, Meter, MeterSettings
from neurojoule.metrics import measures, quality
from neurojoule.phases import infer_in_window, stream_in_window, train_in_window
from neurojoule.prepare import Prepared, load, prepare
from neurojoule.record import (
    Ceilings,
    CurvePoint,
    Machine,
    Phase,
    Quality,
    Record,
    Status,
    Window,
    Work,
)
from neurojoule.registry import get_model
from neurojoule.spec import Spec, scale
from neurojoule.storage import encode, write
from neurojoule.train import Data, Point, predict

COUNT_BATCH = 64
"""Samples over which operations are counted; the effective ones depend on the inputs."""


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
    ceilings: Ceilings | None = None

    @property
    def run_id(self) -> str:
        """A file name, unique in a runs folder: a later attempt replaces the record.

        The names stand there for people only, so whatever could leave the folder is taken out.
        """
        name = re.sub(r"[^A-Za-z0-9.]+", "_", f"{self.spec.task}-{self.spec.model}")
        return f"{name[:60]}-{self.resume_key}"


def run(job: Job) -> Record:
    """Do the run and write its record, whatever happens in it.

    An exception becomes a record with the status `failed`; a loss that is not finite one with
    `diverged`. Being killed leaves no record.
    """
    started = datetime.now(UTC)
    try:
        record = _run(job, started)
        encode(record)  # refuses what a model says of itself in no type that can be written
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
        ceilings=job.ceilings,
        fingerprint=job.fingerprint,
        git_commit=job.git_commit,
        git_dirty=job.git_dirty,
        claims_hash=job.claims_hash,
    )


def _run(job: Job, started: datetime) -> Record:
    spec, size = job.spec, scale(job.spec.scale)
    begun_s = time.perf_counter()
    start_s = time.time() - job.asked_at_s
    torch.set_num_threads(spec.setup.threads)
    before = state()
    peak = memory.Peak(spec.setup.torch_device)
    prepared = prepare(spec)
    some = prepared.reals(prepared.some(COUNT_BATCH))
    work.count(prepared.model, some)  # refuses before training
    prepared.warm_up()
    ready_s = time.perf_counter()
    with Meter(job.hardware, job.settings, prepared.synchronise) as meter:
        train_s, infer_s = (
            max(window_s, meter.least_window_s)
            for window_s in (size.min_window_s, size.inference_window_s)
        )
        trained, phase = train_in_window(prepared, train_s, meter)
        prepared.model.load_state_dict(trained.best or prepared.model.state_dict())
        prepared.model.eval()
        inference = infer_in_window(prepared, infer_s, meter)
        peak_memory_bytes = peak.bytes()
        streaming = stream_in_window(prepared, infer_s, meter)
    after = state()
    windows = [part.window for part in (phase, inference, streaming) if part is not None]
    doubts = [*meter.problems, *reasons(windows, before, after)]
    counted = work.count(prepared.model, some)
    per_step = _flops_per_step(prepared, counted)
    quality_reached, probed = None, None
    measured_s = time.perf_counter()
    if trained.best:
        test = load(spec, "test")  # read here, once
        quality_reached = _quality(prepared, test)
        if trained.status == "ok" and quality_reached is not None:
            probed = robustness.probe(prepared, test)
    probes_s = {"probes": time.perf_counter() - measured_s} if probed else {}
    return msgspec.structs.replace(
        unfinished(job, trained.status, "", started),
        error=None if trained.status == "ok" else "the loss or the validation was not finite",
        energy_valid=not doubts,
        energy_invalid_reasons=tuple(doubts),
        state_before=before,
        state_after=after,
        seconds={
            "start": start_s,
            "prepare": ready_s - begun_s,
            **probes_s,
            "total": time.perf_counter() - begun_s,
        },
        train=phase,
        validation_time_s=trained.validation_time_s,
        validation_cpu_s=trained.validation_cpu_s,
        inference=inference,
        streaming=streaming,
        footprint_j=_footprint_j(phase, windows),
        work=_work(prepared, counted, trained.steps * per_step, peak_memory_bytes),
        quality=quality_reached,
        robustness=probed,
        curve=tuple(_curve_point(point, per_step) for point in trained.curve),
    )


def _curve_point(point: Point, flops_per_step: float) -> CurvePoint:
    return CurvePoint(
        step=point.step,
        time_s=point.time_s,
        cpu_s=point.cpu_s,
        flops=point.step * flops_per_step,
        loss=_finite(point.loss),
        validation=_finite(point.validation),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _flops_per_step(prepared: Prepared, counted: work.Pass) -> float:
    """Dense FLOPs of one update: forward, backward and optimiser; see `neurojoule.work`."""
    recipe = prepared.spec.recipe
    batch, parameters = min(recipe.batch_size, len(prepared.train)), prepared.solved.parameters
    of_its_own = getattr(prepared.model, "learning_flops", None)
    if of_its_own is not None:  # a rule of learning that says what it costs
        return float(of_its_own(counted.forward_flops, counted.backward_flops, batch))
    if prepared.entry.learns == "own":  # forward, then at most one correction of every weight
        return batch * (counted.forward_flops + 2 * parameters)
    passes = batch * (counted.forward_flops + counted.backward_flops)
    return passes + formulas.OPTIMISER_FLOPS[recipe.optimiser] * parameters


def _work(
    prepared: Prepared, counted: work.Pass, training_flops: float, peak_memory_bytes: int | None
) -> Work:
    model, solved = prepared.model, prepared.solved
    trainable = [p for p in model.parameters() if p.requires_grad]
    units: Callable[[], dict[str, int]] = getattr(model, "units", dict)
    return Work(
        parameters=solved.parameters,
        nonzero_parameters=sum(int((p != 0).sum()) for p in trainable),
        units=units(),
        width=solved.width,
        size_deviation=solved.deviation,
        kernels=counted.kernels,
        forward_flops=counted.forward_flops,
        training_flops=training_flops,
        effective_macs=counted.effective_macs,
        effective_acs=counted.effective_acs,
        activation_sparsity=counted.activation_sparsity,
        forward_bytes=counted.forward_bytes,
        # weights, gradients and Adam's two moments
        state_bytes=sum(p.numel() * p.element_size() for p in trainable) * 4,
        peak_memory_bytes=peak_memory_bytes,
        training_samples=len(prepared.train),
        sample_steps=dict(zip(prepared.task.axes, prepared.task.inputs, strict=True)).get("time"),
    )


def _quality(prepared: Prepared, unseen: Data) -> Quality | None:
    """The metric on every split with the best weights; None when one is not finite."""
    task = prepared.task
    learnt = prepared.train
    some = Data(learnt.x[: len(unseen)], learnt.y[: len(unseen)])
    outputs = [
        (predict(prepared.forward, data.x), data.y) for data in (some, prepared.validation, unseen)
    ]
    train, validation, test = (quality(task.metric, output, y) for output, y in outputs)
    # A model that is given but some of the samples sees no recording whole.
    recordings = task.recordings() if prepared.entry.samples is None else 0
    if not all(map(math.isfinite, (train, validation, test))):
        return None
    return Quality(
        metric=task.metric,
        higher_is_better=task.higher_is_better,
        chance=task.chance,
        target=task.target,
        reached=validation >= task.target if task.higher_is_better else validation <= task.target,
        train=train,
        validation=validation,
        test=test,
        measures=measures(task.metric, *outputs[-1], recordings) | _judged(prepared, unseen),
    )


def _judged(prepared: Prepared, unseen: Data) -> dict[str, float]:
    """On how many samples the test was made, where the model did not get them all."""
    return {} if prepared.entry.samples is None else {"judged_samples": float(len(unseen))}


def _footprint_j(phase: Phase, windows: Sequence[Window]) -> float | None:
    """Joules of the windows that are not a result: replays, restoring, validations, inference."""
    spent = [window.energy_j() for window in windows]
    results = list(phase.energy_j.values())
    if None in spent or None in results:
        return None
    return sum(x for x in spent if x is not None) - sum(x for x in results if x is not None)
