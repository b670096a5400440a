"""Ladders: how many parameters, operations or samples does it take to be as good?

Three ladders a task. Each model solves its width for a budget of parameters; for a budget of
operations an inference; and at one budget of parameters it learns from a share of the training
data, with as many updates as from all of it (a batch larger than the share is the whole share).
Where the ladder of a point network crosses the quality of a dendritic one stands the exchange rate.

A model takes the rungs that it meets within 10 %: widths are whole numbers, a bidirectional GRU of
5 states is 6 % over 4,000 parameters, and an `mlp` of one unit is over 1,000 operations on MNIST.
Every record holds the deviation. Left out altogether are

- single units, Boolean or not, and the linear read-outs: they have no width (`logistic`, ...);
- `active_dendrites`, which waits for a context, and here is one task only;
- `lstm` beside `gru`, `dnm` beside `two_layer_neuron`, `tcn_surrogate` beside `tcn` and
  `dann_factorial` beside `dann`: near twins, which the other suites compare;
- `cnn1d` on images and `cnn2d` on a signal: the convolution is that of the task;
- spiking networks beyond the rungs of `LARGEST`: at 16,000 parameters one run takes an hour.

At the scale `quick` three models climb and four more stand at one rung, so that both offline tasks
together take about twelve minutes. Not run by default: `neurojoule run ladders`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from neurojoule import views
from neurojoule.prepare import operations
from neurojoule.registry import get_model, get_task
from neurojoule.sizing import solve
from neurojoule.spec import Option, Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite
from neurojoule_suites.recipes import recipe

NEAR = 0.10
"""A model takes a rung that it meets within this share of the budget."""

HELD = {"digits": 4_000, "mnist1d": 4_000, "mnist": 16_000}
"""Tasks, and the parameters of each that are held while the share of the training data falls."""

CONVOLUTION = {"digits": "cnn2d", "mnist1d": "cnn1d", "mnist": "cnn2d"}

OPTIONS: dict[str, dict[str, dict[str, Option]]] = {
    # As in the suite `sequence`, for which their rates were found too.
    "mnist1d": {
        "mlp": {"layers": 2, "skip": True},
        "dann": {"fields": "local", "synapses": 5},
        "dann_linear": {"fields": "local", "synapses": 5},
    }
}

LARGEST = {
    "lif_snn": {"parameters": 4_000, "operations": 64_000},
    "dh_snn": {"parameters": 4_000, "operations": 64_000},
}
"""The last rung of those that would take hours on the next."""


@dataclass(frozen=True)
class Extent:
    """How far a scale goes.

    Attributes:
        tasks: learnt.
        climbing: models on every rung of every ladder; `cnn` is the convolution of the task.
        standing: models at the held budget only.
        rungs: of parameters, and of operations.
        shares: of the training data, beside all of it.
    """

    tasks: tuple[str, ...]
    climbing: tuple[str, ...]
    standing: tuple[str, ...]
    rungs: tuple[int, ...]
    shares: tuple[float, ...]


SMOKE = Extent(("digits",), ("mlp", "dann"), (), (1_000, 4_000), (1 / 4,))
QUICK = Extent(
    tuple(HELD),
    ("mlp", "cnn", "dann"),
    ("mlp_sparse", "dann_linear", "gru", "tcn"),
    (1_000, 4_000, 16_000),
    (1 / 16, 1 / 4),
)
FULL = Extent(
    tuple(HELD),
    (
        "mlp", "mlp_sparse", "cnn", "dann", "dann_linear", "dann_dense", "two_layer_neuron",
        "ktree", "gru", "tcn", "elm", "lif_snn", "dh_snn",
    ),
    (),
    (1_000, 4_000, 16_000, 64_000, 256_000),
    (1 / 64, 1 / 16, 1 / 4),
)  # fmt: skip


def rows(scale: Scale) -> list[Row]:
    """Every rung that a model reaches, of the three ladders of every task."""
    extent = {"smoke": SMOKE, "quick": QUICK}.get(scale.name, FULL)
    return [
        Row(task, model, recipe(task, model, scale), _options(task, model), size, share)
        for task in extent.tasks
        for model, size, share in _rungs(task, extent)
        if reaches(task, model, size)
    ]


def _rungs(task: str, extent: Extent) -> Iterator[tuple[str, Size, float]]:
    """Model, size and share of every rung, whether it is reached or not."""
    climbing = [CONVOLUTION[task] if name == "cnn" else name for name in extent.climbing]
    held = Size(HELD[task])
    for model in climbing:
        yield from ((model, Size(budget), 1.0) for budget in extent.rungs)
        yield from ((model, Size(budget, "operations"), 1.0) for budget in extent.rungs)
        yield from ((model, held, share) for share in extent.shares)
    yield from ((model, held, 1.0) for model in extent.standing)


@cache
def reaches(task: str, model: str, size: Size) -> bool:
    """Whether some width of the model meets the budget nearly enough, in a time worth waiting."""
    assert size.budget is not None
    if size.budget > LARGEST.get(model, {}).get(size.of, size.budget):
        return False
    entry = get_model(model)
    shape = views.shape(entry, get_task(task))
    solved = solve(entry, shape, size, _options(task, model), count=partial(operations, shape))
    assert solved.deviation is not None
    return abs(solved.deviation) <= NEAR


def _options(task: str, model: str) -> dict[str, Option]:
    return OPTIONS.get(task, {}).get(model, {})


SUITE = Suite(
    "ladders",
    "How many parameters, operations or samples does it take to be as good?",
    rows,
    default=False,
)


def bench_ladders(measure: Measure, row: list[Spec]) -> None:
    """One rung: a model on a task, a round a seed."""
    measure(row)
