"""Sequence: point neurons, dendrites, convolutions and recurrence on a signal in time.

MNIST-1D (Greydanus & Kobak 2024) at the sizes of its paper: there the order of the families is
known, so the suite shows first that this benchmark reproduces it.
"""

from neurojoule.spec import Option, Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite
from neurojoule_suites.recipes import recipe

PUBLISHED: tuple[tuple[str, dict[str, Option], Size], ...] = (
    ("logistic", {}, Size()),
    ("mlp", {"layers": 2, "skip": True}, Size(15_210)),
    ("cnn1d", {}, Size(5_210)),
    ("gru", {"bidirectional": True, "readout": "all"}, Size(5_134)),
    ("tcn", {}, Size(5_210)),
    # Few synapses a dendrite: with 16, a field of a signal of 40 points is no longer local.
    ("dann", {"fields": "local", "synapses": 5}, Size(11_700)),
    ("dann_linear", {"fields": "local", "synapses": 5}, Size(11_700)),
)


def rows(scale: Scale) -> list[Row]:
    """Every family at the size its source used."""
    task = "mnist1d"
    return [
        Row(task, model, recipe(task, model, scale), options, size)
        for model, options, size in PUBLISHED
    ]


SUITE = Suite("sequence", "Which family reads a signal in time, and at what cost?", rows)


def bench_sequence(measure: Measure, row: list[Spec]) -> None:
    """One row: a model on a task, a round a seed."""
    measure(row)
