"""The measured phases of a run: training with its replays, inference, batched and step by step."""

import copy
import itertools
import time

import numpy as np
import torch

from neurojoule.kernels.steps import NotStreamableError
from neurojoule.kernels.streaming import stream
from neurojoule.meter import Meter
from neurojoule.prepare import Prepared
from neurojoule.record import Inference, Phase, Window
from neurojoule.train import Trained

INFERENCE_BATCH = 256
LEAST_LATENCIES = 20
STREAMED_SEQUENCES = 32
"""Sequences that follow on one another as one stream; 22 s of the cells, then they come again."""


def train_in_window(prepared: Prepared, min_window_s: float, meter: Meter) -> tuple[Trained, Phase]:
    """The real run, and as many replays of it as fill the window.

    Between two executions weights, optimiser, batch order and random numbers are restored, so
    that a replay takes the same path; that time is clocked and is no part of the result.
    """
    model = prepared.model
    initial = copy.deepcopy(model.state_dict())
    restore_s = 0.0
    runs: list[Trained] = []
    with meter.window() as opened:
        start_s = time.perf_counter()
        while True:
            runs.append(prepared.learn())
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
        energy_j=apportion(opened.window, sum(times_s), len(runs)),
        replays_identical=all(same),
    )


def apportion(window: Window, time_s: float, repeats: int) -> dict[str, float | None]:
    """Joules of one of `repeats` executions that took `time_s` of the window's time together."""
    share = min(1.0, time_s / window.time_s) / repeats if window.time_s > 0 else 0.0
    return {
        part.name: None if part.energy_j is None else part.energy_j * share
        for part in window.components
    }


def infer_in_window(prepared: Prepared, window_s: float, meter: Meter) -> Inference:
    """Latency of single samples, then throughput of batches over a window."""
    forward, batch = prepared.forward, prepared.inputs(prepared.some(INFERENCE_BATCH))
    one = batch[:1]
    latencies_s: list[float] = []
    with torch.inference_mode():
        forward(one)
        until_s = time.perf_counter() + window_s / 2
        while time.perf_counter() < until_s or len(latencies_s) < LEAST_LATENCIES:
            start_s = time.perf_counter()
            forward(one)
            prepared.synchronise()
            latencies_s.append(time.perf_counter() - start_s)
        forward(batch)
        passes = 0
        with meter.window() as opened:
            until_s = time.perf_counter() + window_s
            while time.perf_counter() < until_s or passes == 0:
                forward(batch)
                passes += 1
    samples = passes * len(batch)
    return _inference(latencies_s, opened.window, batch_size=len(batch), samples=samples)


def stream_in_window(prepared: Prepared, window_s: float, meter: Meter) -> Inference | None:
    """Latency and cost of one step where one sequence is advanced step by step.

    What a step costs includes taking its input out of the sequence. The model runs as it is, not
    compiled, since torch's compiler knows nothing of streams.

    Returns:
        None where the task has answers that depend on what comes later, or the model has no
        step-by-step form with the outputs of its batched one.
    """
    if not prepared.task.causal:
        return None
    try:
        one = stream(prepared.model)
    except NotStreamableError:
        return None
    x = prepared.reals(prepared.validation.x[:STREAMED_SEQUENCES])  # (sequences, channels, time)
    sequences, _, time_steps = x.shape
    places = itertools.cycle(itertools.product(range(sequences), range(time_steps)))

    def step() -> None:
        sequence, t = next(places)
        one.step(x[sequence : sequence + 1, :, t])

    latencies_s: list[float] = []
    with torch.inference_mode():
        step()
        until_s = time.perf_counter() + window_s / 2
        while time.perf_counter() < until_s or len(latencies_s) < LEAST_LATENCIES:
            start_s = time.perf_counter()
            step()
            prepared.synchronise()
            latencies_s.append(time.perf_counter() - start_s)
        steps = 0
        with meter.window() as opened:
            until_s = time.perf_counter() + window_s
            while time.perf_counter() < until_s or steps == 0:
                step()
                steps += 1
    return _inference(latencies_s, opened.window, batch_size=1, samples=steps)


def _inference(
    latencies_s: list[float], window: Window, *, batch_size: int, samples: int
) -> Inference:
    p50, p95 = np.percentile(latencies_s, (50, 95))
    return Inference(
        latency_p50_s=float(p50),
        latency_p95_s=float(p95),
        batch_size=batch_size,
        samples=samples,
        window=window,
        time_s=window.time_s / samples,
        energy_j=apportion(window, window.time_s, samples),
    )
