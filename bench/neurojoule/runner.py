"""Many runs: skip what is done, a clean process each, blocks in random order, progress, lock.

A block is one seed of every arm, in random order, then the next seed: drift of the machine is
spread over all arms and never becomes an effect. Idle windows stand between the blocks.
"""

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from neurojoule import ceilings, machine, meter, protocol, provenance, switching, views, workers
from neurojoule.errors import UserError
from neurojoule.meter import Hardware, MeterSettings
from neurojoule.record import Ceilings, Machine, Record, Window
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Setup, Spec, scale
from neurojoule.storage import BadRecordError, decode, write


@dataclass(frozen=True)
class Session:
    """What all runs of one call share.

    Attributes:
        folder: where records are written; it is made if it does not exist.
        machine_name: the name of this machine in the records.
        settings: of the meter.
        rerun: measure again what has a record.
        claims_hash: of the claims fixed before measuring.
        shuffle_seed: of the order within blocks.
    """

    folder: Path
    machine_name: str | None = None
    settings: MeterSettings = MeterSettings()
    rerun: bool = False
    claims_hash: str | None = None
    shuffle_seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Told to the caller after every run: how far, and what it was."""

    done: int
    total: int
    record: Record
    reused: bool


@dataclass
class _Machinery:
    """What is found out once before the first run."""

    session: Session
    machine: Machine
    hardware: Hardware | None
    git: tuple[str | None, bool | None]
    processes: workers.Context
    fingerprints: dict[tuple[str, str], str] = field(default_factory=dict)
    ceilings: dict[Setup, Ceilings] = field(default_factory=dict)

    def find_ceilings(self, setup: Setup) -> None:
        """Take from the cache, or probe in a clean process, what the setup can do at most."""
        if setup not in self.ceilings:
            self.ceilings[setup] = ceilings.find(
                setup,
                self.machine,
                lambda: workers.ask(
                    self.processes, ceilings.probe, setup, self.hardware, self.session.settings
                ),
            )

    def fingerprint(self, spec: Spec) -> str:
        key = (spec.model, spec.task)
        if key not in self.fingerprints:
            self.fingerprints[key] = provenance.fingerprint(
                get_model(spec.model), get_task(spec.task)
            )
        return self.fingerprints[key]

    def job(self, spec: Spec, attempt: int, idle: Window | None) -> protocol.Job:
        source = self.fingerprint(spec)
        return protocol.Job(
            spec=spec,
            folder=self.session.folder.resolve(),
            machine=self.machine,
            hardware=self.hardware,
            settings=self.session.settings,
            idle=idle,
            resume_key=provenance.resume_key(spec, source, self.machine),
            fingerprint=source,
            git_commit=self.git[0],
            git_dirty=self.git[1],
            claims_hash=self.session.claims_hash,
            attempt=attempt,
            asked_at_s=time.time(),
            ceilings=self.ceilings.get(spec.setup),
        )


def check(specs: Sequence[Spec]) -> None:
    """Refuse, before anything runs, what cannot run.

    Raises:
        UserError: for an unknown model or task, a pair that does not go together, data that is
            not there, a device that is not there, or more threads than the machine has.
    """
    for spec in specs:
        model, task = get_model(spec.model), get_task(spec.task)
        missing = task.needs()
        if missing is not None:
            raise UserError(f"The task {task.name!r} cannot run here: {missing}")
        missing = model.needs()
        if missing is not None:
            raise UserError(f"The model {model.name!r} cannot run here: {missing}")
        reason = views.why_not(model, task)
        if reason is not None:
            raise UserError(f"{model.name!r} cannot learn {task.name!r}: {reason}")
        reason = switching.why_not(task) if "switch" in (spec.probes or ()) else None
        if reason is not None:
            raise UserError(reason)
        for name, _ in spec.options:
            if name not in model.options:
                raise UserError(
                    f"The model {model.name!r} has no option {name!r}; "
                    f"it has {', '.join(model.options) or 'none'}."
                )
    for setup in dict.fromkeys(spec.setup for spec in specs):
        _check_setup(str(setup), setup.torch_device, setup.threads)


def _check_setup(name: str, device: str, threads: int) -> None:
    cores = os.cpu_count() or 1
    if threads > cores:
        raise UserError(f"The setup {name} asks for {threads} threads; this machine has {cores}.")
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise UserError(
                f"The setup {name} asks for a CUDA device and torch {torch.__version__} finds "
                "none. Use cpu:1, or install a CUDA build of torch and a driver."
            )
        number = device.removeprefix("cuda").removeprefix(":")
        if number and int(number) >= torch.cuda.device_count():
            raise UserError(
                f"The setup {name} asks for CUDA device {number}; torch finds "
                f"{torch.cuda.device_count()}, numbered from 0."
            )
    if device == "mps":
        import torch

        if not torch.backends.mps.is_available():
            raise UserError(f"The setup {name} asks for Apple's GPU, and torch finds none.")


def run(
    specs: Sequence[Spec],
    session: Session,
    tell: Callable[[Progress], None] = lambda _: None,
) -> list[Record]:
    """Run every spec that has no record yet; give the records of all, in the order of the specs.

    Raises:
        UserError: before anything runs, when an input is wrong or another benchmark is running.
    """
    check(specs)
    _make_folder(session.folder)
    with machine.exclusive():
        for name in dict.fromkeys(spec.task for spec in specs):
            get_task(name).make_ready()
        machinery = _prepare(session, specs)
        return _run_blocks(specs, machinery, tell)


def ceilings_of(setup: Setup, session: Session) -> Ceilings:
    """What a setup can do at most, for a suite that times without runs; probed where not known.

    Raises:
        UserError: when the setup cannot run here.
    """
    _check_setup(str(setup), setup.torch_device, setup.threads)
    machinery = _prepare(session, ())
    machinery.find_ceilings(setup)
    return machinery.ceilings[setup]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"Records cannot be written to {folder}: {error.strerror}. Give another folder."
        ) from error


def _prepare(session: Session, specs: Sequence[Spec]) -> _Machinery:
    processes = workers.context(fresh=any(scale(spec.scale).fresh_processes for spec in specs))
    hardware: Hardware | None = None
    meter_problem: str | None = None
    try:
        hardware = workers.ask(processes, meter.detect, session.settings)
    except meter.MeterError as error:  # runs go on, and their energy is null
        meter_problem = str(error)
    return _Machinery(
        session=session,
        machine=machine.describe(session.machine_name, hardware, meter_problem),
        hardware=hardware,
        git=provenance.git_state(),
        processes=processes,
    )


def _run_blocks(
    specs: Sequence[Spec], machinery: _Machinery, tell: Callable[[Progress], None]
) -> list[Record]:
    finished: dict[Spec, Record] = {}
    todo: list[Spec] = []
    for spec in dict.fromkeys(specs):
        known = None if machinery.session.rerun else _existing(machinery.job(spec, 1, None))
        if known is None:
            todo.append(spec)
        else:
            finished[spec] = known
            tell(Progress(len(finished), len(set(specs)), known, reused=True))
    for setup in dict.fromkeys(spec.setup for spec in todo):
        machinery.find_ceilings(setup)
    order = random.Random(machinery.session.shuffle_seed)  # noqa: S311 - an order, not a secret
    idle: Window | None = None
    for seed in sorted({spec.seed for spec in todo}):
        block = [spec for spec in todo if spec.seed == seed]
        order.shuffle(block)
        idle = idle or _idle(machinery, block[0])
        records: list[Record] = []
        for spec in block:
            record = _run_until_clean(spec, machinery, idle)
            records.append(record)
            finished[spec] = record
            tell(Progress(len(finished), len(set(specs)), record, reused=False))
        idle = _idle(machinery, block[0])
        for record in records:
            closed = msgspec.structs.replace(record, idle=(*record.idle, idle))
            write(closed, machinery.session.folder)
            finished[record.spec] = closed
    return [finished[spec] for spec in specs]


def _existing(job: protocol.Job) -> Record | None:
    """The finished record with this job's key, or None; failures are tried again."""
    path = job.folder / f"{job.run_id}.json"
    try:
        record = decode(path.read_bytes(), str(path))
    except (FileNotFoundError, BadRecordError):
        return None
    attempts = scale(record.spec.scale).max_attempts
    tried = record.attempts >= attempts or job.hardware is None  # no meter: nothing to repeat for
    clean = record.energy_valid or record.status != "ok" or tried
    return record if record.status in {"ok", "diverged"} and clean else None


def _run_until_clean(spec: Spec, machinery: _Machinery, idle: Window | None) -> Record:
    """Run; while the energy is not valid, run again, as often as the scale allows.

    What the discarded attempts cost is booked as footprint of the benchmark. Where there is no
    meter nothing is repeated. A repeat that does not end well, which on a busy machine may be its
    time limit, leaves the record that was there.
    """
    discarded: list[Record] = []
    while True:
        job = machinery.job(spec, len(discarded) + 1, idle)
        record = workers.run_one(job, machinery.processes)
        clean = record.energy_valid or record.status != "ok" or machinery.hardware is None
        if clean or job.attempt >= scale(spec.scale).max_attempts:
            break
        discarded.append(record)
    if discarded:
        footprint_j = _sum([record.footprint_j, *map(spent_j, discarded)])
        if record.status != "ok":
            # What the lost attempt took nobody knows.
            record, footprint_j = discarded[-1], None
        record = msgspec.structs.replace(record, footprint_j=footprint_j, attempts=job.attempt)
        write(record, machinery.session.folder)
    return record


def spent_j(record: Record) -> float | None:
    """Joules of all windows of a run, whatever they were spent on; None when one is not known."""
    phases = (record.train, record.inference, record.streaming)
    return _sum([phase.window.energy_j() for phase in phases if phase is not None])


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _idle(machinery: _Machinery, spec: Spec) -> Window | None:
    """An idle window, measured in a process of its own like any run."""
    length_s = scale(spec.scale).idle_window_s
    settings = machinery.session.settings
    window: Window = workers.ask(
        machinery.processes, measure_idle, machinery.hardware, settings, length_s
    )
    return window


def measure_idle(hardware: Hardware | None, settings: MeterSettings, length_s: float) -> Window:
    """What the machine draws while this process sleeps for `length_s`."""
    with meter.Meter(hardware, settings) as idle_meter:
        with idle_meter.window() as opened:
            time.sleep(max(length_s, idle_meter.least_window_s))
        return opened.window
