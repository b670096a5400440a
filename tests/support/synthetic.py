"""Records as a run would leave them, made up: several suites, models, sizes, seeds and machines.

Costs follow simple laws (time grows with operations, energy with time) with noise from the seed, so
that a report made of them looks like a real one, and planted differences can be found again.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from neurojoule import record as rec
from neurojoule import storage
from neurojoule.spec import Recipe, Setup, Size, Spec

FAMILY = {
    "mcp": "threshold",
    "perceptron": "point",
    "mlp": "point",
    "dann": "dendritic",
    "dcaap": "dendritic",
    "two_layer_neuron": "dendritic",
    "tcn": "surrogate",
    "gru": "recurrent",
}

# task: (suite, chance, target, {model: (best quality, operations a parameter)})
TASKS: dict[str, tuple[str, float, float, dict[str, tuple[float, float]]]] = {
    "xor": (
        "logic",
        0.5,
        1.0,
        {
            "mcp": (0.75, 2),
            "perceptron": (0.75, 2),
            "mlp": (0.98, 2),
            "dcaap": (1.0, 3),
            "two_layer_neuron": (1.0, 3),
        },
    ),
    "digits": (
        "vision",
        0.1,
        0.95,
        {
            "perceptron": (0.93, 2),
            "mlp": (0.970, 2),
            "dann": (0.973, 2),
            "dcaap": (0.955, 3),
            "tcn": (0.965, 16),
            "gru": (0.957, 18),
        },
    ),
    "mnist1d": (
        "sequence",
        0.1,
        0.9,
        {
            "perceptron": (0.32, 2),
            "mlp": (0.66, 2),
            "dann": (0.71, 2),
            "dcaap": (0.63, 3),
            "tcn": (0.925, 70),
            "gru": (0.88, 80),
        },
    ),
}
SIZES = (1_000, 4_000, 16_000)
MACHINES = {"laptop": 1.0, "workstation": 0.35}
WATTS = {"laptop": 12.0, "workstation": 45.0}


CEILINGS = rec.Ceilings(
    flops_per_s=6e10,
    copies=(
        rec.CopyRate(buffer_bytes=2**18, bytes_per_s=4e10),
        rec.CopyRate(buffer_bytes=2**25, bytes_per_s=1.2e10),
    ),
    product_power_w=14.0,
    copy_power_w=11.0,
)


def component(name: str, joules: float | None, grade: rec.Grade, source: str) -> rec.Component:
    return rec.Component(name=name, energy_j=joules, grade=grade, source=source)


def window(
    time_s: float,
    watts: float,
    *,
    threads: int = 1,
    grade: rec.Grade = "guessed",
    foreign: float = 0.01,
    failed: bool = False,
) -> rec.Window:
    busy = time_s * threads
    return rec.Window(
        time_s=time_s,
        cpu_s=busy,
        machine_cpu_s=busy / (1 - foreign),
        steal_s=0.0,
        components=(
            component(
                "cpu",
                None if failed else watts * time_s,
                grade,
                "RAPL" if grade == "measured" else "cpu_load",
            ),
            component("ram", 20.0 * time_s, "constant", "constant power by DIMM count"),
        ),
    )


def make(
    *,
    task: str = "digits",
    suite: str = "vision",
    model: str = "mlp",
    family: str | None = None,
    seed: int = 0,
    size: int | None = 4_000,
    size_of: Literal["parameters", "operations"] = "parameters",
    share: float = 1.0,
    machine: str = "laptop",
    setup: str = "cpu:1",
    scale: str = "quick",
    status: rec.Status = "ok",
    valid: bool = True,
    reasons: tuple[str, ...] = (),
    error: str | None = None,
    top: float = 0.95,
    flops_per_parameter: float = 2.0,
    chance: float = 0.1,
    target: float = 0.95,
    grade: rec.Grade = "guessed",
    cost: float = 1.0,
    foreign: float = 0.01,
    version: str = "0" * 16,
    started: str = "2026-03-02T10:00:00Z",
    steps: int = 1_000,
    options: tuple[tuple[str, int], ...] = (),
    machine_facts: dict[str, str | int | float | bool | None] | None = None,
) -> rec.Record:
    """One record; everything that is random comes from its seed and its names."""
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=3e-3)
    spec = Spec(
        suite=suite,
        task=task,
        model=model,
        seed=seed,
        recipe=recipe,
        options=options,
        size=Size(size, size_of),
        share=share,
        setup=Setup.parse(setup),
        scale=scale,
    )
    key = hashlib.sha256(f"{spec.hash}{machine}{version}".encode()).hexdigest()
    # The noise of a seed is the same on every machine, as quality would be.
    rng = np.random.default_rng(int(spec.hash, 16) % 2**32)
    noise = np.random.default_rng(int(key[:8], 16))
    wanted = (size or 9) / (flops_per_parameter if size_of == "operations" else 1)
    parameters = int(wanted * rng.uniform(0.97, 1.03)) if size else 9
    flops = parameters * flops_per_parameter
    training = flops * 3 * 64 * steps
    speed = MACHINES.get(machine, 1.0)
    time_s = cost * speed * (0.2 * steps / 1000 + training / 2e9) * noise.lognormal(0, 0.04)
    watts = WATTS.get(machine, 12.0)
    grows = 1.0 if size is None else 1 - np.exp(-(parameters**0.5) / 14)
    grows *= share**0.15
    quality = float(chance + (top - chance) * grows + rng.normal(0, 0.006))
    if top >= 0.97 and size is None:
        quality = top if rng.random() < 0.9 else 0.75
    quality = float(np.clip(quality, 0, 1))
    facts = {
        "cpu_model": "Example CPU @ 2.00GHz",
        "torch": "2.13.0",
        "memory_gib": 16,
        "cpu_threads": 4,
        "cpu_tdp_w": None if grade == "measured" else 48.0,
    }
    base = {
        "run_id": key[:20],
        "spec_hash": spec.hash,
        "resume_key": key[:16],
        "spec": spec,
        "status": status,
        "energy_valid": valid and status == "ok",
        "energy_invalid_reasons": reasons,
        "error": error,
        "family": FAMILY.get(model, "point") if family is None else family,
        "started_utc": started,
        "machine": rec.Machine(
            name=machine, facts=facts if machine_facts is None else machine_facts
        ),
        "ceilings": CEILINGS,
        "fingerprint": version,
        "git_commit": "0123456789abcdef",
        "git_dirty": False,
    }
    if status in {"failed", "timeout"}:
        return rec.Record(**base, footprint_j=float(watts * time_s))
    replays = max(0, int(np.ceil(2.0 / time_s)) - 1)
    repeats = tuple(float(time_s * f) for f in noise.lognormal(0, 0.02, replays + 1))
    train_window = window(
        float(sum(repeats)), watts, grade=grade, foreign=foreign, failed=not valid and not reasons
    )
    n = replays + 1
    infer_s = speed * (2e-6 + flops / 4e9) * noise.lognormal(0, 0.03)
    infer_window = window(0.5, watts, grade=grade, foreign=foreign)
    return rec.Record(
        **base,
        state_before=_STATE,
        state_after=_STATE,
        idle=(window(2.0, watts * 0.35, grade=grade), window(2.0, watts * 0.37, grade=grade)),
        seconds={"start": 0.2, "setup": 0.1, "total": float(sum(repeats)) + 1.2},
        train=rec.Phase(
            time_s=repeats[0],
            cpu_s=repeats[0],
            window=train_window,
            replays=replays,
            repeats_time_s=repeats,
            restore_time_s=0.001 * n,
            energy_j={
                c.name: None if c.energy_j is None else c.energy_j / n
                for c in train_window.components
            },
        ),
        validation_time_s=0.05,
        validation_cpu_s=0.05,
        inference=rec.Inference(
            latency_p50_s=float(infer_s * 20),
            latency_p95_s=float(infer_s * 26),
            batch_size=256,
            samples=int(0.5 / infer_s),
            window=infer_window,
            time_s=float(infer_s),
            energy_j={"cpu": float(watts * infer_s), "ram": float(20 * infer_s)},
        ),
        footprint_j=float(watts * (sum(repeats) - repeats[0] + 3)),
        work=rec.Work(
            parameters=parameters,
            nonzero_parameters=int(parameters * 0.9),
            units={"soma": max(1, int(parameters**0.5))},
            width=32,
            size_deviation=None if size is None else parameters / wanted - 1,
            kernels=("linear",),
            forward_flops=flops,
            training_flops=training,
            effective_macs=flops / 2 * 0.8,
            effective_acs=0.0,
            activation_sparsity=0.4,
            forward_bytes=parameters * 4.0,
            state_bytes=parameters * 16,
            peak_memory_bytes=parameters * 16 + 4_000_000,
            training_samples=round(4_000 * share),
        ),
        quality=None
        if status == "diverged"
        else rec.Quality(
            metric="accuracy",
            higher_is_better=True,
            chance=chance,
            target=target,
            reached=quality >= target,
            train=min(1.0, quality + 0.02),
            validation=quality,
            test=quality,
        ),
        curve=tuple(
            rec.CurvePoint(
                step=int(steps * i / 10),
                time_s=repeats[0] * i / 10,
                cpu_s=repeats[0] * i / 10,
                flops=training * i / 10,
                loss=float(2.3 * np.exp(-i / 3) + 0.1),
                validation=float(chance + (quality - chance) * (1 - np.exp(-i))),
            )
            for i in range(1, 11)
        ),
    )


_STATE = rec.State(
    load_1min=0.4,
    cpu_frequency_mhz=2000.0,
    temperature_c=None,
    swap_used_bytes=0,
    on_battery=None,
    canary_s=0.05,
)


def study(
    *, seeds: int = 5, machines: Iterable[str] = ("laptop",), sizes: Iterable[int] = SIZES
) -> Iterator[rec.Record]:
    """All tasks, models, sizes and seeds, with one failure of each kind among them."""
    for machine in machines:
        grade: rec.Grade = "measured" if machine == "workstation" else "guessed"
        for task, (suite, chance, target, models) in TASKS.items():
            for model, (top, per) in models.items():
                for size in (None,) if task == "xor" else sizes:
                    for seed in range(seeds):
                        yield _planted(
                            task, model, size, seed,
                            suite=suite, chance=chance, target=target, top=top,
                            flops_per_parameter=per, machine=machine, grade=grade,
                        )  # fmt: skip


def _planted(task: str, model: str, size: int | None, seed: int, **facts: object) -> rec.Record:
    first = size in {SIZES[0], None}
    match task, model, seed:
        case "mnist1d", "gru", 1 if first:
            facts |= {"status": "diverged", "error": "loss became NaN at step 180"}
        case "digits", "tcn", 2 if first:
            facts |= {"status": "failed", "error": "RuntimeError: out of memory"}
        case "digits", "mlp", 0 if first:
            facts |= {
                "valid": False,
                "foreign": 0.22,
                "reasons": ("contaminated: 22 % of the machine's CPU seconds were not this run's",),
            }
        case "mnist1d", "dann", 2 if first:
            facts |= {"status": "timeout", "error": "stopped after 600 s"}
        case _:
            pass
    return make(task=task, model=model, size=size, seed=seed, **facts)  # type: ignore[arg-type]


def save(records: Iterable[rec.Record], folder: Path) -> Path:
    """Write without flushing each file to the disk: a thousand records in a second."""
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        (folder / f"{record.run_id}.json").write_bytes(storage.encode(record))
    return folder


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
