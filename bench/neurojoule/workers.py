"""Clean processes: a fork server that has everything imported, or plain spawn.

A run's process must know nothing of the runs before it and start in a fraction of a second. The
fork server has imported all code, started no thread and opened no device.
"""

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

from neurojoule import protocol
from neurojoule.record import Record
from neurojoule.spec import scale
from neurojoule.storage import decode, write

Context = ForkServerContext | SpawnContext

_ENVIRONMENT = {
    # A BLAS that starts its threads on import could not be forked; a run sets its own number.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Read when codecarbon is imported, and never after.
    "CODECARBON_LOG_LEVEL": "critical",
}


def context(*, fresh: bool) -> Context:
    """A fork server with everything imported; spawn where asked, or where there is no fork."""
    if fresh or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["neurojoule.preload"])
    from multiprocessing import forkserver

    with _environment():
        forkserver.ensure_running()
    return server


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run_one(job: protocol.Job, processes: Context) -> Record:
    """One run in a process of its own; its death or its time limit becomes a record too."""
    started = datetime.now(UTC)
    limit_s = scale(job.spec.scale).timeout_s
    process = processes.Process(target=_run, args=(job,))
    with _environment():  # a spawned process reads it now, the fork server has read it
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


def _run(job: protocol.Job) -> None:
    """The run, in its process, which ends when the benchmark that asked for it is gone.

    Otherwise the orphan of a killed benchmark would go on under the next one's windows.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    protocol.run(job)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"was killed by signal {-exitcode}"
    return f"ended with exit code {exitcode}"


def ask(processes: Context, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in a clean process and give what it returns.

    Raises:
        UserError: when it raises one; RuntimeError when the process dies without an answer.
    """
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=_answer, args=(theirs, function, arguments))
    with _environment():
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
