"""Many runs: skip what is done, a clean process each, blocks in random order, progress, lock.

A block is one seed of every arm, in random order, then the next seed: drift of the machine is
spread over all arms and never becomes an effect. Idle windows stand between the blocks.
"""

import contextlib
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

import msgspec

from neurojoule import machine, meter, preload, protocol, provenance, views
from neurojoule.errors import UserError
from neurojoule.meter import Hardware, MeterSettings
from neurojoule.record import BadRecordError, Machine, Record, Window, decode, write
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Spec, scale

_SERVER = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""For the fork server: a BLAS that starts its threads on import could not be forked."""


Context = ForkServerContext | SpawnContext


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
    context: Context
    fingerprints: dict[tuple[str, str], str] = field(default_factory=dict)

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
        reason = views.why_not(model, task)
        if reason is not None:
            raise UserError(f"{model.name!r} cannot learn {task.name!r}: {reason}")
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
        machinery = _prepare(session, specs)
        return _run_blocks(specs, machinery, tell)


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
    context = _context(fresh=any(scale(spec.scale).fresh_processes for spec in specs))
    hardware = _ask(context, meter.detect, session.settings)
    return _Machinery(
        session=session,
        machine=machine.describe(session.machine_name, hardware),
        hardware=hardware,
        git=provenance.git_state(),
        context=context,
    )


def _context(*, fresh: bool) -> Context:
    """A fork server with everything imported; plain spawn where asked, or where there is no fork.

    The fork server is started with one thread for every BLAS, since a process that has threads
    cannot be forked safely; a run then sets its own number.
    """
    if fresh or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload.__name__])
    from multiprocessing import forkserver

    before = {name: os.environ.get(name) for name in _SERVER}
    os.environ.update(_SERVER)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return context


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
    clean = record.energy_valid or record.status != "ok" or record.attempts >= attempts
    return record if record.status in {"ok", "diverged"} and clean else None


def _run_until_clean(spec: Spec, machinery: _Machinery, idle: Window | None) -> Record:
    """Run; while the energy is contaminated, run again, as often as the scale allows."""
    attempts = scale(spec.scale).max_attempts
    for attempt in range(1, attempts + 1):
        record = run_one(machinery.job(spec, attempt, idle), machinery.context)
        if record.energy_valid or record.status != "ok":
            break
    return record


def run_one(job: protocol.Job, context: Context) -> Record:
    """One run in a process of its own; its death or its time limit becomes a record too."""
    started = datetime.now(UTC)
    limit_s = scale(job.spec.scale).timeout_s
    process = context.Process(target=protocol.run, args=(job,), daemon=False)
    process.start()
    try:
        process.join(limit_s)
    except BaseException:
        process.kill()
        process.join()
        raise
    path = job.folder / f"{job.run_id}.json"
    if process.is_alive():
        process.kill()
        process.join()
        record = protocol.unfinished(
            job, "timeout", f"stopped after {limit_s:g} s, the limit of its scale", started
        )
    elif process.exitcode == 0:
        return decode(path.read_bytes(), str(path))
    else:
        how = _how_it_ended(process.exitcode)
        record = protocol.unfinished(job, "failed", f"the process of this run {how}", started)
    write(record, job.folder)
    return record


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"was killed by signal {-exitcode}"
    return f"ended with exit code {exitcode}"


def _idle(machinery: _Machinery, spec: Spec) -> Window | None:
    """An idle window, measured in a process of its own like any run."""
    length_s = scale(spec.scale).idle_window_s
    settings = machinery.session.settings
    window: Window = _ask(machinery.context, measure_idle, machinery.hardware, settings, length_s)
    return window


def measure_idle(hardware: Hardware | None, settings: MeterSettings, length_s: float) -> Window:
    """What the machine draws while this process sleeps for `length_s`."""
    with meter.Meter(hardware, settings) as idle_meter:
        with idle_meter.window() as opened:
            time.sleep(length_s)
        return opened.window


def _ask(context: Context, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in a clean process and give what it returns.

    Raises:
        UserError: when it raises one; RuntimeError when the process dies without an answer.
    """
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    with _ended(process), contextlib.closing(ours):
        try:
            answer = ours.recv()
        except EOFError:
            process.join()
            how = _how_it_ended(process.exitcode)
            raise RuntimeError(f"The process for {function.__qualname__} {how}.") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextlib.contextmanager
def _ended(process: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()


def _answer(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        pipe.send(function(*arguments))
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is read
        pipe.send(error)
