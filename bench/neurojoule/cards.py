"""What there is, in words: tables of models, tasks and suites, and the card of each."""

import inspect
from collections.abc import Callable, Iterable, Sequence

from neurojoule import registry, views
from neurojoule.errors import UnknownNameError
from neurojoule.registry import Model, Task
from neurojoule.spec import SCALES, Size
from neurojoule.suite import Suite, suites


def tables(kind: str | None) -> str:
    """Aligned tables of everything, or of one kind."""
    parts: dict[str, Callable[[], str]] = {
        "models": lambda: _table(
            ("model", "family", "what it is"),
            [(m.name, m.family, m.summary) for m in registry.models().values()],
        ),
        "tasks": lambda: _table(
            ("task", "input", "what is asked"),
            [(t.name, _extent(t.inputs), t.summary) for t in registry.tasks().values()],
        ),
        "suites": lambda: _table(
            ("suite", "rows at quick", "question"),
            [(s.name, str(len(s.rows(SCALES["quick"]))), s.question) for s in suites().values()],
        ),
    }
    return "\n\n".join(part() for name, part in parts.items() if kind in {None, name})


def card(name: str) -> str:
    """Everything to know about the model, task or suite called `name`.

    Raises:
        UnknownNameError: with the nearest names of all three kinds.
    """
    if name in registry.models():
        return _model_card(registry.models()[name])
    if name in registry.tasks():
        return _task_card(registry.tasks()[name])
    if name in suites():
        return _suite_card(suites()[name])
    known = [*registry.models(), *registry.tasks(), *suites()]
    raise UnknownNameError("model, task or suite", name, known)


def _model_card(model: Model) -> str:
    from neurojoule.sizing import solve

    rows = []
    for task in registry.tasks().values():
        reason = views.why_not(model, task)
        if reason is None:
            solved = solve(model, views.shape(model, task), Size(), {})
            rows.append((task.name, f"{solved.parameters:,} parameters at width {solved.width}"))
        else:
            rows.append((task.name, f"no: {reason}"))
    options = ", ".join(f"{name}={value!r}" for name, value in model.options.items())
    return "\n\n".join(
        (
            f"{model.name} ({model.family})\n{model.summary}\nSource: {model.source}",
            inspect.cleandoc(model.build.__doc__ or ""),
            "\n".join(
                (
                    f"Sees its input as: {model.takes}",
                    f"Options: {options or 'none'}",
                    f"Width: {'solved for a budget' if model.sized else 'its own'}",
                )
            ),
            _table(("task", "can it learn it?"), rows),
        )
    )


def _task_card(task: Task) -> str:
    missing = task.needs()
    return "\n".join(
        (
            f"{task.name}\n{task.summary}\nSource: {task.source}\n",
            f"Input: {_extent(task.inputs)} ({', '.join(task.axes)})",
            f"Output: {task.outputs}, loss {task.loss}",
            f"Metric: {task.metric}, chance {task.chance:g}, target {task.target:g}",
            f"Data: {'here' if missing is None else missing}",
        )
    )


def _suite_card(suite: Suite) -> str:
    rows = [
        (
            row.task,
            row.model,
            f"{row.size}" + (f", {row.share:.3g} of the data" if row.share < 1 else ""),
            " ".join(f"{name}={value}" for name, value in row.options.items()) or "-",
            f"{row.recipe.steps} steps at {row.recipe.learning_rate:g}",
        )
        for row in suite.rows(SCALES["quick"])
    ]
    head = ("task", "model", "size", "options", "recipe")
    return f"{suite.name}\n{suite.question}\n\nAt the scale quick:\n{_table(head, rows)}"


def _extent(inputs: Sequence[int]) -> str:
    return " x ".join(map(str, inputs))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head) - 1)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]
        )
        for line in lines
    )
