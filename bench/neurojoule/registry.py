"""Models and tasks by name: a decorator here, entry points for other people's packages.

    @model("mlp", family="point", takes="vector", summary="...", source="...")
    class MLP(nn.Module):
        def __init__(self, shape: Shape, width: int, *, layers: int = 2) -> None: ...

A package of your own registers with an entry point in the group `neurojoule.models` or
`neurojoule.tasks` that names the module whose import runs the decorators.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Literal, TypeVar, get_args

from torch import Tensor, nn

from neurojoule.errors import UnknownNameError, UserError

Family = Literal[
    "threshold", "point", "dendritic", "surrogate", "recurrent", "spiking", "biophysical"
]
FAMILIES: tuple[Family, ...] = get_args(Family)

View = Literal["vector", "sequence", "image"]
"""How a model sees its input: (features,), (channels, time) or (channels, rows, columns)."""

Loss = Literal["cross_entropy", "binary", "mean_squared_error", "spikes_and_voltage"]

Split = Literal["train", "validation", "test"]

Metric = Literal["accuracy", "mean_squared_error", "smape", "log_loss"]


@dataclass(frozen=True)
class Shape:
    """What a model needs to know about a task, as the model sees it.

    Attributes:
        inputs: (features,) for a vector, (channels, time) for a sequence, (channels, rows,
            columns) for an image; without the batch.
        outputs: how many numbers the model gives for a sample: logits, or values.
        grid: how the features of a vector lie in space or time, such as (28, 28) or (40,);
            a model with receptive fields needs it.
        steps: 0 where a sample has one answer; else answers are wanted at each of the last `steps`
            steps, and the model gives (batch, outputs, steps).
        task: the task's name, for a model that is the very thing to be imitated.
    """

    inputs: tuple[int, ...]
    outputs: int
    grid: tuple[int, ...]
    steps: int = 0
    task: str = field(default="", compare=False)

    @property
    def features(self) -> int:
        """Numbers in one input."""
        count = 1
        for extent in self.inputs:
            count *= extent
        return count


@dataclass(frozen=True)
class Task:
    """Data, splits, metric, chance level, target: a question every model is asked alike.

    Attributes:
        load: gives the inputs and targets of one split. Inputs are float32 of shape
            (samples, *inputs), or bool where they are large and binary; targets are int64 class
            indices (`cross_entropy`), or float32 of shape (samples, outputs). It is called for the
            test split once, after training.
        axes: what the axes of one input are, such as ("row", "column"), ("time",), ("bit",) or
            ("channel", "time").
        outputs: numbers a sample, or a step where several steps are asked about.
        steps: 0 where a sample has one answer; else how many of the last steps are asked about,
            with targets of shape (samples, steps), or (samples, outputs, steps).
        binary: whether every input is 0 or 1.
        causal: whether an answer at a step may depend on nothing that comes after it.
        needs: the reason why the data cannot be had here, or None; asked before anything runs.
        make_ready: makes and keeps what takes long to make, on all cores; called before anything
            is measured.
        recordings: of how many recordings the test split is made, each cut into as many samples
            in a row; 0 where that means nothing.
    """

    name: str
    summary: str
    source: str
    inputs: tuple[int, ...]
    axes: tuple[str, ...]
    outputs: int
    loss: Loss
    metric: Metric
    chance: float
    target: float
    load: Callable[[Split], tuple[Tensor, Tensor]]
    binary: bool = False
    causal: bool = False
    needs: Callable[[], str | None] = lambda: None
    make_ready: Callable[[], None] = lambda: None
    recordings: Callable[[], int] = lambda: 0
    steps: int = 0

    @property
    def higher_is_better(self) -> bool:
        """Direction of the metric."""
        return self.metric == "accuracy"


@dataclass(frozen=True)
class Model:
    """A way of building a network, and what it can be asked to learn.

    Attributes:
        build: called with (shape, width, **options); gives a module that maps
            (batch, *shape.inputs) to (batch, shape.outputs), or with steps to
            (batch, shape.outputs, shape.steps).
        takes: the view of the input that it wants; the adapter of the tasks provides it.
        sized: whether width changes its size; if not, it has one natural size.
        default_width: the width when no budget is given.
        learns: `gradient`, or `own`: the module has a method `learn(x, y)` that does one update
            and returns the loss.
        refuses: why it cannot learn a task of this kind, or None.
        answers_steps: whether it can answer at each of the last steps (`Shape.steps`); any other
            model gives the answers to all steps at once, from the whole input.
        needs: the reason why it cannot run here, or None; asked before anything runs.
        samples: of each split at the most, evenly chosen, where a sample takes it so long that all
            would take hours; None for all.
        batch: samples that it is given at once at the most when an inference is priced; None for
            as many as any other.
    """

    name: str
    family: Family
    takes: View
    summary: str
    source: str
    build: Callable[..., nn.Module]
    sized: bool = True
    default_width: int = 16
    learns: Literal["gradient", "own"] = "gradient"
    refuses: Callable[[Task], str | None] = field(default=lambda _: None)
    answers_steps: bool = False
    needs: Callable[[], str | None] = lambda: None
    samples: int | None = None
    batch: int | None = None

    @property
    def options(self) -> dict[str, object]:
        """Names and defaults of the settings beside shape and width."""
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.build).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }


_models: dict[str, Model] = {}
_tasks: dict[str, Task] = {}

Build = TypeVar("Build", bound=Callable[..., nn.Module])
Load = TypeVar("Load", bound=Callable[[Split], tuple[Tensor, Tensor]])


def model(name: str, **facts: object) -> Callable[[Build], Build]:
    """Register the decorated class or function as the model `name`; see `Model` for the facts."""

    def register(build: Build) -> Build:
        add_model(Model(name=name, build=build, **facts))  # type: ignore[arg-type]
        return build

    return register


def task(name: str, **facts: object) -> Callable[[Load], Load]:
    """Register the decorated loader as the task `name`; see `Task` for the facts."""

    def register(load: Load) -> Load:
        add_task(Task(name=name, load=load, **facts))  # type: ignore[arg-type]
        return load

    return register


def add_model(entry: Model) -> None:
    """Register a model; a name is given once."""
    _claim("model", entry.name, entry.build, _models.get(entry.name) and _models[entry.name].build)
    if entry.family not in FAMILIES:
        raise UnknownNameError("family", entry.family, FAMILIES)
    _models[entry.name] = entry


def add_task(entry: Task) -> None:
    """Register a task; a name is given once."""
    _claim("task", entry.name, entry.load, _tasks.get(entry.name) and _tasks[entry.name].load)
    _tasks[entry.name] = entry


def _claim(kind: str, name: str, new: object, old: object) -> None:
    """A module may be imported twice; two different things may not share a name."""
    if old is not None and _home(old) != _home(new):
        raise UserError(
            f"Two {kind}s are called {name!r}: {_home(old)} and {_home(new)}. Rename yours."
        )


def _home(thing: object) -> str:
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', '?')}"


def models() -> dict[str, Model]:
    """All models by name, those of installed packages included."""
    _discover()
    return dict(sorted(_models.items()))


def tasks() -> dict[str, Task]:
    """All tasks by name, those of installed packages included."""
    _discover()
    return dict(sorted(_tasks.items()))


def get_model(name: str) -> Model:
    """The model called `name`.

    Raises:
        UnknownNameError: with the nearest names.
    """
    known = models()
    if name not in known:
        raise UnknownNameError("model", name, known)
    return known[name]


def get_task(name: str) -> Task:
    """The task called `name`.

    Raises:
        UnknownNameError: with the nearest names.
    """
    known = tasks()
    if name not in known:
        raise UnknownNameError("task", name, known)
    return known[name]


_discovered = False


def _discover() -> None:
    """Import every module of `models/` and `tasks/`, then what other packages announce."""
    global _discovered  # noqa: PLW0603 - a registry is the one thing that is global
    if _discovered:
        return
    _discovered = True
    for package in ("neurojoule.models", "neurojoule.tasks"):
        home = importlib.import_module(package)
        for module in pkgutil.iter_modules(home.__path__, f"{package}."):
            importlib.import_module(module.name)
    for group in ("neurojoule.models", "neurojoule.tasks"):
        for entry in entry_points(group=group):
            entry.load()
