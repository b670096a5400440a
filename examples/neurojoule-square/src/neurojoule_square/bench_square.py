"""Square: is a squaring dendrite better than a point neuron of equal size?"""

from neurojoule.spec import Recipe, Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite


def rows(scale: Scale) -> list[Row]:
    """Both models at one size."""
    steps = {"smoke": 50, "quick": 300}.get(scale.name, 3000)
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=3e-3)
    models = ("mlp", "dann", "square_dendrites")
    return [Row("digits", model, recipe, size=Size(2000)) for model in models]


SUITE = Suite("square", "Is a squaring dendrite better than a point neuron of equal size?", rows)
SUITES = (SUITE,)


def bench_square(measure: Measure, row: list[Spec]) -> None:
    """One row: a model on a task, a round a seed."""
    measure(row)
