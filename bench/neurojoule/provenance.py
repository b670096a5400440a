"""Which code, which commit: what a record needs so that changed code is measured anew."""

import hashlib
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from neurojoule.machine import speed_facts
from neurojoule.record import Machine
from neurojoule.registry import Model, Task
from neurojoule.spec import Spec, canonical_json

_ENGINE = (
    "spec",
    "views",
    "sizing",
    "formulas",
    "work",
    "meter",
    "machine",
    "train",
    "prepare",
    "phases",
    "robustness",
    "switching",
    "protocol",
)


def fingerprint(model: Model, task: Task) -> str:
    """Hash of all source that could change a number of this run: engine, model, task.

    The model's and the task's modules count with every module of their own package that they use.
    """
    engine = [importlib.import_module(f"neurojoule.{name}") for name in _ENGINE]
    own = [inspect.getmodule(inspect.unwrap(model.build)), inspect.getmodule(task.load)]
    files = {
        Path(module.__file__)
        for module in _closure([*engine, *filter(None, own)])
        if module.__file__ is not None
    }
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda path: (path.parent.name, path.name)):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


# Modules of the engine that many others use and that cannot change a measured number.
_INERT = {
    "neurojoule.registry",
    "neurojoule.errors",
    "neurojoule.record",
    "neurojoule.storage",
    "neurojoule",
}


def _closure(modules: list[ModuleType]) -> set[ModuleType]:
    """The modules, and those of the same top package from which they use a name."""
    found: set[ModuleType] = set()
    todo = list(modules)
    while todo:
        module = todo.pop()
        if module in found or module.__name__ in _INERT:
            continue
        found.add(module)
        top = module.__name__.partition(".")[0]
        for value in vars(module).values():
            name = value.__name__ if isinstance(value, ModuleType) else _module_of(value)
            if name is not None and name.partition(".")[0] == top and name in sys.modules:
                todo.append(sys.modules[name])
    return found


def _module_of(value: object) -> str | None:
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else None


def resume_key(spec: Spec, source: str, machine: Machine) -> str:
    """Equal keys mean: the same experiment, code, hardware and libraries; no need to run again."""
    parts = (spec, source, machine.name, sorted(speed_facts(machine).items()))
    return hashlib.sha256(canonical_json(parts)).hexdigest()[:24]


def git_state() -> tuple[str | None, bool | None]:
    """Commit of the checkout that holds this code and whether it has changes; None outside one."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                ["git", *arguments],  # noqa: S607 - the user's git
                cwd=here,
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    # Only when the file itself is tracked: an environment inside somebody's checkout is not ours.
    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None, None
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return (commit.strip() if commit else None), (None if changes is None else bool(changes))
