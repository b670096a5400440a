"""Which code, which commit: what a record needs so that changed code is measured anew."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
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
    """Hash of all source that could change a number of this run: engine, model, task."""
    digest = hashlib.sha256()
    for file in sources(model, task):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sources(model: Model, task: Task) -> list[Path]:
    """The files that count: the engine's, the model's and the task's.

    With each, every module of its own package that it uses, also one that it imports only when it
    is called.
    """
    engine = [f"neurojoule.{name}" for name in _ENGINE]
    for name in engine:
        importlib.import_module(name)
    own = [inspect.getmodule(inspect.unwrap(model.build)), inspect.getmodule(task.load)]
    files = _closure([*engine, *(module.__name__ for module in own if module is not None)])
    return sorted(files, key=lambda path: (path.parent.name, path.name))


# Modules of the engine that many others use and that cannot change a measured number.
_INERT = {
    "neurojoule.registry",
    "neurojoule.errors",
    "neurojoule.record",
    "neurojoule.storage",
    "neurojoule.kernels",  # compiles them all ahead; who uses one imports it itself
    "neurojoule",
}


def _closure(names: Iterable[str]) -> set[Path]:
    """The files of the modules, and of those of the same top package that they use."""
    files: dict[str, Path | None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in files or name in _INERT:
            continue
        file = files[name] = _file(name)
        used = {
            value.__name__ if isinstance(value, ModuleType) else _module_of(value)
            for value in vars(sys.modules[name]).values()
        } if name in sys.modules else set()  # fmt: skip
        if file is not None and file.suffix == ".py":
            used |= _imported(file, file.stat().st_mtime_ns, name)
        top = name.partition(".")[0]
        todo += [other for other in used if other and other.partition(".")[0] == top]
    return {file for file in files.values() if file is not None}


def _module_of(value: object) -> str | None:
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else None


def _file(name: str) -> Path | None:
    """Where a module's source is, loaded or not; None where there is no such module."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return None if file is None else Path(file)
    top, *parts = name.split(".")
    home = getattr(sys.modules.get(top), "__file__", None)
    if home is None or not parts:
        return None
    place = Path(home).parent.joinpath(*parts)
    found = [f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()]
    return found[0] if found else None


@cache
def _imported(file: Path, _changed_ns: int, name: str) -> set[str]:
    """What a module imports anywhere in its text: modules, and names that may be modules."""
    imports = _Imports(name if file.name == "__init__.py" else name.rpartition(".")[0])
    imports.visit(ast.parse(file.read_bytes()))
    return imports.names


class _Imports(ast.NodeVisitor):
    """Collects imports, but for those that only a type checker does."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.names: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        """Pass over `if TYPE_CHECKING`."""
        checked = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for part in node.orelse if checked else (*node.body, *node.orelse):
            self.visit(part)

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b`."""
        self.names |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from a import b`, where b may be a module."""
        base = node.module or ""
        if node.level:
            base = importlib.util.resolve_name("." * node.level + base, self.package)
        self.names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}


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
