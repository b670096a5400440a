"""Logic: what can one unit compute?

A point neuron cannot do XOR (Minsky & Papert 1969); one human dendrite can (Gidon et al. 2020).
Here single units of each kind, and the smallest network that can, learn truth tables from random
weights.
"""

from neurojoule.spec import Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite
from neurojoule_suites.recipes import recipe

TASKS = ("xor", "parity-3", "binding")
UNITS = ("mcp", "perceptron", "dcaap", "two_layer_neuron")
NETWORK = {"xor": 9, "parity-3": 16, "binding": 19}
"""Parameters of a network n - h - 1: h = 2 for XOR, h = n for parity, 3 for binding."""


def rows(scale: Scale) -> list[Row]:
    """Every single unit on every truth table, and the smallest point-neuron network beside it."""
    tasks = TASKS[:1] if scale.name == "smoke" else TASKS
    single = [Row(task, model, recipe(task, model, scale)) for task in tasks for model in UNITS]
    network = [
        Row(task, "mlp", recipe(task, "mlp", scale), {"layers": 1}, Size(NETWORK[task]))
        for task in tasks
    ]
    return single + network


SUITE = Suite("logic", "What can one unit compute that a point neuron cannot?", rows)


def bench_logic(measure: Measure, row: list[Spec]) -> None:
    """One row: a model on a task, a round a seed."""
    measure(row)
