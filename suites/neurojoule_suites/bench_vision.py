"""Vision: do dendritic units need fewer parameters, operations or joules to see?

The claim is 10 to 100 times fewer parameters (Chavlis & Poirazi 2025). So: dendritic networks
beside point-neuron networks of the same budget, and beside the controls that tell sparsity,
locality and the dendritic nonlinearity apart.
"""

from neurojoule.spec import Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite
from neurojoule_suites.recipes import recipe

MODELS = ("mlp", "mlp_sparse", "dann", "dann_linear")


def rows(scale: Scale) -> list[Row]:
    """A ladder of parameter budgets on digits; one rung on MNIST where its files are."""
    ladder: dict[str, tuple[int, ...]]
    if scale.name == "smoke":
        ladder = {"digits": (1_400,)}
    elif scale.name == "quick":
        ladder = {"digits": (1_400, 5_600), "mnist": (16_000,)}
    else:
        rungs = (1_000, 4_000, 16_000, 64_000, 256_000)
        ladder = dict.fromkeys(("digits", "mnist", "fashion_mnist", "kmnist"), rungs)
    sized = [
        Row(task, model, recipe(task, model, scale), size=Size(budget))
        for task, budgets in ladder.items()
        for budget in budgets
        for model in MODELS
    ]
    return sized + [Row(task, "logistic", recipe(task, "logistic", scale)) for task in ladder]


SUITE = Suite("vision", "Do dendritic units see with fewer parameters, operations, joules?", rows)


def bench_vision(measure: Measure, row: list[Spec]) -> None:
    """One row: a model on a task, a round a seed."""
    measure(row)
