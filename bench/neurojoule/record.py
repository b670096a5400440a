"""What a run leaves: a `Record` and its parts; `neurojoule.storage` writes and reads them.

Units stand in the names: `_s` seconds, `_j` joules, `_w` watts, `_bytes`. A value that is not known
is null, never zero. CO2 is not stored: it is computed from the energy when a report is made
(`neurojoule.carbon`).
"""

from typing import Literal

import msgspec

from neurojoule.spec import Spec

SCHEMA = 1
"""A field is added with a default and keeps the number; a change of meaning raises it."""

Status = Literal["ok", "diverged", "failed", "timeout"]

Grade = Literal["measured", "modelled", "user", "guessed", "constant"]
"""How a joule is known: by a power meter in the hardware; load x the TDP known for this CPU;
load x a TDP the user gave; load x a default TDP; a constant whatever the load (RAM)."""

GRADES: tuple[Grade, ...] = ("measured", "user", "modelled", "guessed", "constant")
"""From the best known to the least."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a record: immutable, and read strictly."""


class Component(_Part, frozen=True, kw_only=True):
    """Energy of one component over one window.

    Attributes:
        name: cpu, gpu or ram.
        energy_j: gross joules; None when the meter failed.
        grade: how a joule of this component is known.
        source: the backend in words, such as "RAPL" or "cpu_load".
        update_period_s: how old a reading of the meter may be; what its edges may be wrong by.
    """

    name: Literal["cpu", "gpu", "ram"]
    energy_j: float | None
    grade: Grade
    source: str
    update_period_s: float = 0.0


class Window(_Part, frozen=True, kw_only=True):
    """A stretch of time and what was counted in it; sums over replays where there are any.

    Attributes:
        time_s: wall clock.
        cpu_s: CPU seconds of this process and its children.
        machine_cpu_s: busy CPU seconds of the whole machine; None where the system does not say.
        steal_s: CPU seconds taken by the host; None likewise.
        components: energy by component.
    """

    time_s: float
    cpu_s: float
    machine_cpu_s: float | None
    steal_s: float | None
    components: tuple[Component, ...]

    def energy_j(self, *names: str) -> float | None:
        """Gross joules of the named components (all, when none is named); None if any is None."""
        parts = [c.energy_j for c in self.components if not names or c.name in names]
        if not parts or any(part is None for part in parts):
            return None
        return sum(part for part in parts if part is not None)

    @property
    def foreign_share(self) -> float | None:
        """Share of the machine's busy CPU seconds that was not this run's, in [0, 1]."""
        if self.machine_cpu_s is None:
            return None
        if self.machine_cpu_s <= 0:
            return 0.0
        return min(1.0, max(0.0, 1 - self.cpu_s / self.machine_cpu_s))


def ranked_j(energy_j: dict[str, float | None]) -> float | None:
    """Joules that may be ranked: CPU and GPU; RAM is a constant whatever the load.

    None when any of them, or all, are not known.
    """
    known = [value for name, value in energy_j.items() if name != "ram"]
    if not known or None in known:
        return None
    return sum(value for value in known if value is not None)


class Phase(_Part, frozen=True, kw_only=True):
    """A phase of a run: what one real execution of it cost.

    Attributes:
        time_s: wall seconds of the real run alone.
        cpu_s: CPU seconds of the real run alone.
        window: the measured window, which holds the real run and `replays` repeats of it.
        replays: how often the phase was repeated to fill the window.
        repeats_time_s: wall seconds of each execution, the real one first.
        restore_time_s: wall seconds within the window spent on restoring state between replays.
        energy_j: joules of one execution by component: the window's, apportioned by the clock to
            the executions (less restoring and validations), and divided by their number; None
            when the meter failed.
        replays_identical: whether every replay learned exactly what the real run did.
    """

    time_s: float
    cpu_s: float
    window: Window
    replays: int
    repeats_time_s: tuple[float, ...]
    restore_time_s: float
    energy_j: dict[str, float | None]
    replays_identical: bool = True


class Inference(_Part, frozen=True, kw_only=True):
    """Inference with frozen weights.

    Attributes:
        latency_p50_s: median seconds of one forward pass of a single sample.
        latency_p95_s: 95th percentile of the same.
        batch_size: samples a pass in the throughput window.
        samples: samples in the throughput window.
        window: that window.
        time_s: seconds a sample at that batch size.
        energy_j: joules a sample by component.
    """

    latency_p50_s: float
    latency_p95_s: float
    batch_size: int
    samples: int
    window: Window
    time_s: float
    energy_j: dict[str, float | None]


class Work(_Part, frozen=True, kw_only=True):
    """What was computed, by formula (`neurojoule.work`); 1 multiply-add = 2 FLOPs.

    Attributes:
        parameters: trainable numbers that exist (a masked weight is not one).
        nonzero_parameters: of these, the non-zero ones after training.
        units: neurons or dendrites by kind, such as {"soma": 32, "dendrite": 512}.
        width: the width that the model solved for.
        size_deviation: parameters or operations over the budget, minus one; None without a budget.
        kernels: the kernels that did the contractions, by name.
        forward_flops: dense FLOPs of one sample forward, element-wise operations included.
        training_flops: dense FLOPs of the whole training: forward, backward and optimiser.
        effective_macs: multiply-accumulates of one inference that meet no zero.
        effective_acs: accumulates of one inference: the same where the input is -1, 0 or 1.
        activation_sparsity: share of zeros among the activations of one inference.
        forward_bytes: least bytes moved by one sample forward (weights once a batch, activations).
        state_bytes: bytes of weights, gradients and optimiser moments.
        peak_memory_bytes: the run's own increment of resident memory, or of device memory.
        training_samples: in the share of the training set that was learnt; None in records of
            versions that did not say.
        sample_steps: steps of time in one sample; None where it has no time, and in records of
            versions that did not say.
    """

    parameters: int
    nonzero_parameters: int
    units: dict[str, int]
    width: int
    size_deviation: float | None
    kernels: tuple[str, ...]
    forward_flops: float
    training_flops: float
    effective_macs: float | None
    effective_acs: float | None
    activation_sparsity: float | None
    forward_bytes: float
    state_bytes: int
    peak_memory_bytes: int | None
    training_samples: int | None = None
    sample_steps: int | None = None


class Quality(_Part, frozen=True, kw_only=True):
    """How well it learned; the test split is read once, at the end.

    Attributes:
        metric: accuracy, mean_squared_error, ...
        higher_is_better: direction of the metric.
        chance: the metric of a predictor that ignores its input.
        target: the quality that counts as solved, declared by the task.
        reached: whether the validation reached the target.
        train, validation, test: the metric on each split, with the best weights by validation; of
            the training split on no more samples than the test split has.
        measures: other measures of the test split by name (`neurojoule.metrics.measures`).
    """

    metric: str
    higher_is_better: bool
    chance: float
    target: float
    reached: bool
    train: float
    validation: float
    test: float
    measures: dict[str, float] = {}


class CurvePoint(_Part, frozen=True, kw_only=True):
    """One validation during training; clocks exclude the validations themselves."""

    step: int
    time_s: float
    cpu_s: float
    flops: float
    loss: float | None
    validation: float | None


class Perturbed(_Part, frozen=True, kw_only=True):
    """Test quality under one perturbation at one level (`neurojoule.robustness`).

    Attributes:
        kind: `noise` (Gaussian, on the inputs), `flips` (of binary inputs) or `loss` (of synapses).
        level: standard deviation in those of the training inputs, probability, or share.
        quality: mean over the draws; None when it is not finite.
        draws: how many perturbations were drawn.
    """

    kind: Literal["noise", "flips", "loss"]
    level: float
    quality: float | None
    draws: int


class Switched(_Part, frozen=True, kw_only=True):
    """After the run's task A a task B was learned (`neurojoule.switching`).

    Attributes:
        status: how the training on B ended.
        after: test quality on A after B; before, it was `Quality.test`. None when not finite.
        learned: test quality on B.
    """

    status: Literal["ok", "diverged"]
    after: float | None
    learned: float | None


class Robustness(_Part, frozen=True, kw_only=True):
    """What the trained network was put through when all was measured; as asked by the spec."""

    perturbed: tuple[Perturbed, ...] = ()
    switched: Switched | None = None


class Machine(_Part, frozen=True, kw_only=True):
    """Who this machine is: a name the user chose and the facts behind it."""

    name: str
    facts: dict[str, str | int | float | bool | None]


class State(_Part, frozen=True, kw_only=True):
    """What the machine was doing just before or after a run; None where it does not say.

    Attributes:
        load_1min: mean number of processes that ran or waited.
        cpu_frequency_mhz: at this moment.
        temperature_c: of the hottest sensor.
        swap_used_bytes: of the machine.
        on_battery: whether it is not plugged in.
        canary_s: seconds for a fixed piece of work.
        thermal_throttles: how often the CPU has been slowed for its heat since it was started.
        gpu_processes: processes that compute on the GPUs; this one too once it has opened one.
        gpu_slowed_s: seconds that the GPUs have been slowed for their heat since their start.
    """

    load_1min: float | None
    cpu_frequency_mhz: float | None
    temperature_c: float | None
    swap_used_bytes: int | None
    on_battery: bool | None
    canary_s: float
    thermal_throttles: int | None = None
    gpu_processes: int | None = None
    gpu_slowed_s: float | None = None


class CopyRate(_Part, frozen=True, kw_only=True):
    """How fast is copied where source and target have so many bytes together; both count."""

    buffer_bytes: int
    bytes_per_s: float


class Ceilings(_Part, frozen=True, kw_only=True):
    """The most that a setup of this machine was seen to do (`neurojoule.ceilings`).

    Attributes:
        flops_per_s: of the fastest matrix product; 1 multiply-add = 2 FLOPs.
        copies: the fastest copy by size of the buffer, which decides the cache it comes from.
        product_power_w: CPU and GPU power during matrix products; None when it is not known.
        copy_power_w: likewise during copies of the largest buffer.
    """

    flops_per_s: float
    copies: tuple[CopyRate, ...]
    product_power_w: float | None
    copy_power_w: float | None

    def bytes_per_s(self, working_set_bytes: float) -> float:
        """The copy rate of the smallest buffer that holds this much, or of the largest."""
        rates = sorted(self.copies, key=lambda rate: rate.buffer_bytes)
        for rate in rates:
            if working_set_bytes <= rate.buffer_bytes:
                return rate.bytes_per_s
        return rates[-1].bytes_per_s


class Record(_Part, frozen=True, kw_only=True):
    """One run, whole. See the classes above for its parts, and DESIGN for why each is kept.

    Attributes:
        resume_key: spec + source fingerprint + the machine's and libraries' facts that change
            speed; a run with the same key is not done again.
        energy_valid: whether the energy may be ranked; if not, `energy_invalid_reasons` says why.
        idle: the idle windows that stand before and, once it is measured, after the run; runs
            close in time share them.
        seconds: wall seconds outside the phases: start of the process, set-up, probes where there
            were any, and the total.
        attempts: how often the run was measured; only the last is kept.
        ceilings: what the setup can do at most; None when it was not probed.
        footprint_j: joules of this run's windows that are no result: replays, restoring,
            validations, inference, streaming, discarded attempts. What lies outside every window
            (starting, preparing, warming up, probes, idle windows) is not in it.
        streaming: inference step by step, where the task is causal and the model has such a form:
            a sample is one step of one sequence. None elsewhere.
        robustness: quality under noise, loss and task switching; None where the spec asks for none.
    """

    schema: int = SCHEMA
    run_id: str
    spec_hash: str
    resume_key: str
    spec: Spec
    status: Status
    energy_valid: bool
    energy_invalid_reasons: tuple[str, ...] = ()
    error: str | None = None
    family: str = ""
    started_utc: str
    machine: Machine
    state_before: State | None = None
    state_after: State | None = None
    idle: tuple[Window, ...] = ()
    seconds: dict[str, float] = {}
    train: Phase | None = None
    validation_time_s: float | None = None
    validation_cpu_s: float | None = None
    inference: Inference | None = None
    streaming: Inference | None = None
    attempts: int = 1
    ceilings: Ceilings | None = None
    footprint_j: float | None = None
    work: Work | None = None
    quality: Quality | None = None
    robustness: Robustness | None = None
    curve: tuple[CurvePoint, ...] = ()
    fingerprint: str
    git_commit: str | None = None
    git_dirty: bool | None = None
    claims_hash: str | None = None
