"""What a person sees while runs go on: how far, how long still, what went wrong."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from neurojoule.runner import Progress as Step

LINE_EVERY_S = 15.0


class Ticker:
    """A bar on a terminal, a line every quarter of a minute elsewhere.

    Nothing is drawn between two runs: a thread that draws would be somebody else's CPU time in the
    windows that are being measured.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("[bold]measuring"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}  {task.fields[now]}"),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("runs", total=None, left="", now="")
        self._start_s = time.monotonic()
        self._said_s = self._start_s
        self._measured = 0
        self._live = console.is_terminal

    def __call__(self, step: Step) -> None:
        """Take note of a finished run."""
        record = step.record
        if not step.reused:
            self._measured += 1
        if record.status != "ok":
            first = (record.error or "").strip().splitlines()
            reason = first[-1] if first else ""
            self._console.print(f"{record.status}: {record.spec}: {reason}", soft_wrap=True)
        left = self._left(step)
        if self._live:
            self._bar.update(
                self._task, total=step.total, completed=step.done, left=left, now=str(record.spec)
            )
            self._bar.refresh()
        elif time.monotonic() - self._said_s >= LINE_EVERY_S or step.done == step.total:
            self._said_s = time.monotonic()
            self._console.print(f"{step.done} of {step.total} runs, {left}")

    def _left(self, step: Step) -> str:
        if not self._measured:
            return "reusing finished runs"
        spent_s = time.monotonic() - self._start_s
        left_s = spent_s / self._measured * (step.total - step.done)
        return f"{duration(left_s)} left" if left_s else f"done in {duration(spent_s)}"

    @contextmanager
    def shown(self) -> Iterator["Ticker"]:
        """Show the bar while runs go on, and take it away at the end."""
        if self._live:
            with self._bar:
                yield self
        else:
            yield self


def ticker(stream: TextIO | None = None) -> Ticker:
    """A ticker on standard error, or on `stream`."""
    return Ticker(Console(file=stream or sys.stderr, highlight=False, markup=False))


def duration(seconds: float) -> str:
    """Seconds as a person says them: 8 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
