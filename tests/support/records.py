"""A record with every part filled in, for tests that need one and not a run."""

import msgspec

from neurojoule.record import (
    Component,
    CurvePoint,
    Inference,
    Machine,
    Phase,
    Quality,
    Record,
    State,
    Window,
    Work,
)
from neurojoule.spec import Recipe, Spec

WINDOW = Window(
    time_s=2.0,
    cpu_s=1.9,
    machine_cpu_s=2.0,
    steal_s=0.0,
    components=(
        Component(name="cpu", energy_j=8.0, grade="guessed", source="load x 8 W"),
        Component(name="ram", energy_j=40.0, grade="constant", source="modules"),
    ),
)
STATE = State(
    load_1min=0.5,
    cpu_frequency_mhz=None,
    temperature_c=None,
    swap_used_bytes=0,
    on_battery=None,
    canary_s=0.01,
)


def record(**changes):
    """A whole record; `changes` replace its fields."""
    whole = Record(
        run_id="xor-mlp-1",
        spec_hash="h",
        resume_key="1",
        spec=Spec(
            suite="logic", task="xor", model="mlp", seed=0, recipe=Recipe(steps=10, batch_size=4)
        ),
        status="ok",
        energy_valid=True,
        family="point",
        started_utc="2026-01-01T00:00:00+00:00",
        machine=Machine(name="here", facts={"cpu_model": "x", "cpu_cores": 2}),
        state_before=STATE,
        state_after=STATE,
        idle=(WINDOW,),
        seconds={"total": 3.0},
        train=Phase(
            time_s=0.5,
            cpu_s=0.5,
            window=WINDOW,
            replays=3,
            repeats_time_s=(0.5, 0.5, 0.5, 0.5),
            restore_time_s=0.0,
            energy_j={"cpu": 2.0, "ram": 10.0},
        ),
        validation_time_s=0.1,
        validation_cpu_s=0.1,
        inference=Inference(
            latency_p50_s=1e-5,
            latency_p95_s=2e-5,
            batch_size=256,
            samples=1000,
            window=WINDOW,
            time_s=0.002,
            energy_j={"cpu": 0.008, "ram": 0.04},
        ),
        footprint_j=1.0,
        work=Work(
            parameters=9,
            nonzero_parameters=9,
            units={"point": 3},
            width=2,
            size_deviation=0.0,
            kernels=("Linear",),
            forward_flops=14.0,
            training_flops=1000.0,
            effective_macs=4.0,
            effective_acs=2.0,
            activation_sparsity=0.5,
            forward_bytes=36.0,
            state_bytes=144,
            peak_memory_bytes=1000,
        ),
        quality=Quality(
            metric="accuracy",
            higher_is_better=True,
            chance=0.5,
            target=1.0,
            reached=True,
            train=1.0,
            validation=1.0,
            test=1.0,
        ),
        curve=(CurvePoint(step=0, time_s=0, cpu_s=0, flops=0, loss=None, validation=0.5),),
        fingerprint="f",
    )
    return msgspec.structs.replace(whole, **changes)
