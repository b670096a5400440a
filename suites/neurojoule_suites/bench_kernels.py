"""Kernels: does a fast form pay, and how near is it to what the machine can do?

Every layer in its plain and its fast form, taking turns: forward, forward and backward, a training
step. An item's time is the fast form's, a round is a turn; the ratio to the plain form, operations,
bytes, memory, latency and throughput stand in `extra_info`. Nothing is learnt here and no record
is left, so these are ordinary functions, not rows of a suite.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
import torch

from neurojoule import kernels, runner, turns, workers
from neurojoule.plugin import KEY, Benchmark, clock
from neurojoule.prepare import synchroniser
from neurojoule.quantities import si
from neurojoule.record import Ceilings
from neurojoule.spec import Setup
from neurojoule_suites.layers import LAYERS
from neurojoule_suites.stages import Case, build, call, counted, inputs, peak_bytes, served, stages

TURNS = {"smoke": (3, 0.002), "quick": (15, 0.02), "full": (41, 0.05), "paper": (81, 0.05)}
"""Turns, and seconds of each."""

Limits = Callable[[Setup], Ceilings]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item of every layer, stage and setup; none without --benchmark."""
    state = metafunc.config.stash.get(KEY, None)
    setups = [] if state is None else state.setups
    params = [
        pytest.param(
            Case(name, stage, setup), id=f"{name}-{stage}" + f"-{setup}" * (len(setups) > 1)
        )
        for setup in setups
        for name, layer in LAYERS.items()
        for stage in stages(layer)
    ]
    metafunc.parametrize("case", params)


@pytest.fixture(scope="session")
def limits(request: pytest.FixtureRequest) -> Limits:
    """What a setup can do at most; the loops are ready then too."""
    state: Benchmark = request.config.stash[KEY]
    session = runner.Session(folder=state.runs, machine_name=state.machine)
    known: dict[Setup, Ceilings] = {}
    kernels.prepare()

    def find(setup: Setup) -> Ceilings:
        if setup not in known:
            known[setup] = runner.ceilings_of(setup, session)
        return known[setup]

    return find


@pytest.mark.benchmark(timer=clock)
def bench_kernels(
    request: pytest.FixtureRequest, benchmark: Any, limits: Limits, case: Case
) -> None:
    """One layer at one stage: plain against fast."""
    state: Benchmark = request.config.stash[KEY]
    layer, stage, setup = case.layer, case.stage, case.setup
    ceilings = limits(setup)
    rounds, turn_s = TURNS[state.scale.name]
    torch.set_num_threads(setup.threads)
    x = inputs(layer, setup, layer.batch)
    plain, fast = build(layer, setup)
    found = turns.take(
        call(plain, x, stage),
        call(fast, x, stage),
        turns=rounds,
        turn_s=turn_s,
        synchronise=synchroniser(setup.torch_device),
    )
    times_s = iter(found.fast_s)
    benchmark.group = f"kernels: {stage}"
    benchmark.pedantic(lambda: clock.pass_(next(times_s)), rounds=rounds, iterations=1)
    low, ratio, high = found.ratio()
    extra: dict[str, Any] = {
        "shape": layer.shape,
        "plain_s": median(found.plain_s),
        "ratio": ratio,
        "ratio_quartiles": [low, high],
        **counted(fast, x, stage, median(found.fast_s), ceilings),
    }
    if stage == "forward":
        extra |= served(layer, fast, setup, turn_s)
    if stage == stages(layer)[-1]:
        processes = workers.context(fresh=False)
        for form, key in enumerate(("plain_peak_memory_bytes", "peak_memory_bytes")):
            extra[key] = workers.ask(processes, peak_bytes, case, form)
    benchmark.extra_info.update(extra)
    state.notes.append(
        f"{case.name:16} {stage:9} {si(median(found.fast_s), 's'):>8}, plain "
        f"{si(extra['plain_s'], 's'):>8}: {ratio:5.2f} x [{low:.2f}, {high:.2f}]; "
        f"{extra['share_of_ceiling']:4.0%} of the ceiling; {extra['kernel']}"
    )
