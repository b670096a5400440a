"""Robustness: what is left under input noise, after losing synapses, after learning something else?

Dendritic networks are said to be robust (Chavlis & Poirazi 2025) and to forget less (Iyer et al.
2022). Here every family has the same budget of parameters and of updates, and goes through the same
perturbations (`neurojoule.robustness`, `neurojoule.switching`).

All learn at one rate. How much is forgotten depends on the rate as much as on the family
(`docs/experiments/forgetting.py`), so that rates tuned on the first task would decide who forgets.
"""

import msgspec

from neurojoule.spec import PROBES, Option, Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite
from neurojoule_suites.recipes import recipe

LEARNING_RATE = 1e-2
"""Of Adam, for all; at most one step of the search (`tuned.toml`) from the best of each family."""

BUDGET = {"digits": 5_600, "mnist1d": 5_600, "mnist": 64_000, "fashion_mnist": 64_000}
"""Parameters by task; on 28 x 28 pixels with less, some models would have two or three units."""

# With fewer segments there are more units for the same budget, and 5 % of 30 units would be one or
# two: of 10, 20 and 40 %, 20 did best on validation over both tasks.
ACTIVE: dict[str, Option] = {"segments": 1, "winners": 0.2}

IMAGE: tuple[tuple[str, dict[str, Option]], ...] = (
    ("mlp", {}),
    ("mlp_sparse", {}),
    ("dann", {}),
    ("dann_linear", {}),
    ("dann_dense", {}),
    ("active_dendrites", ACTIVE),
    ("cnn2d", {}),
)
LOCAL: dict[str, Option] = {"fields": "local", "synapses": 5}
SIGNAL: tuple[tuple[str, dict[str, Option]], ...] = (
    ("mlp", {}),
    ("mlp_sparse", {"synapses": 5}),
    ("dann", LOCAL),
    ("dann_linear", LOCAL),
    ("dann_dense", {}),
    ("active_dendrites", ACTIVE),
    ("cnn1d", {}),
)


def rows(scale: Scale) -> list[Row]:
    """Point, dendritic and convolutional networks, with the controls, at equal parameters."""
    tasks = {"digits": IMAGE, "mnist1d": SIGNAL}
    if scale.name == "smoke":
        tasks = {"digits": tuple(row for row in IMAGE if row[0] in {"mlp", "dann"})}
    elif scale.name != "quick":
        tasks |= {"mnist": IMAGE, "fashion_mnist": IMAGE}
    return [
        Row(
            task,
            model,
            msgspec.structs.replace(recipe(task, model, scale), learning_rate=LEARNING_RATE),
            options,
            Size(BUDGET[task]),
            probes=PROBES,
        )
        for task, models in tasks.items()
        for model, options in models
    ]


SUITE = Suite(
    "robustness",
    "What is left under input noise, after loss of synapses, after learning another task?",
    rows,
    default=False,
)


def bench_robustness(measure: Measure, row: list[Spec]) -> None:
    """One row: a model on a task, a round a seed."""
    measure(row)
