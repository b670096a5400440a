"""Write docs/pairs.md: which model can learn which task, and why not.

python docs/experiments/pairs.py
"""

import re
from collections.abc import Iterable
from math import prod
from pathlib import Path

from neurojoule import registry, sizing, views
from neurojoule.registry import Model, Task
from neurojoule.spec import Size

PAGE = Path(__file__).parents[1] / "pairs.md"

HEAD = """# Which model learns which task

Written by `python docs/experiments/pairs.py`; `neurojoule show NAME` says the same for what is
installed. A number is the parameters at the model's default width; a letter is the reason below
for which there is no such pair. `tests/bench/test_pairs.py` trains every pair that has a number.
"""


def built_in(entries: Iterable[Model | Task]) -> list[Model | Task]:
    """What comes with this package."""
    return [e for e in entries if _home(e).startswith("neurojoule.")]


def _home(entry: Model | Task) -> str:
    return (entry.build if isinstance(entry, Model) else entry.load).__module__


def page() -> str:
    """The whole page."""
    models = [m for m in built_in(registry.models().values()) if isinstance(m, Model)]
    tasks = [t for t in built_in(registry.tasks().values()) if isinstance(t, Task)]
    reasons: dict[str, str] = {}
    head = ["task", *(model.name for model in models)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    count = 0
    for task in tasks:
        cells = [task.name]
        for model in models:
            reason = views.why_not(model, task)
            if reason is None:
                count += 1
                cells.append(_parameters(model, task))
            else:
                # The same reason for another task is the same letter.
                name = rf"(^|input of ){re.escape(task.name)} "
                general = re.sub(name, r"\1the task ", reason, count=1)
                general = general.replace(f" {prod(task.inputs)} inputs", " so few or many inputs")
                cells.append(reasons.setdefault(general, chr(ord("a") + len(reasons))))
        lines.append(f"| {' | '.join(cells)} |")
    why = [f"- **{letter}**: {reason}" for reason, letter in reasons.items()]
    total = f"{count} pairs of {len(models)} models and {len(tasks)} tasks."
    return "\n".join([HEAD, total, "", *lines, "", "Why not:", "", *why, ""])


def _parameters(model: Model, task: Task) -> str:
    return f"{sizing.solve(model, views.shape(model, task), Size()).parameters:,}"


if __name__ == "__main__":
    PAGE.write_text(page())
