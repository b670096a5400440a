"""The suite tests itself: does it call equals equal, and does it find what was planted?

One model under several labels learns bit by bit the same; its costs may differ by noise alone (an
A/A test: Kohavi, Tang & Xu 2020, ch. 19). Two more arms do 5 and 10 % of their updates twice. Not
run by default: `neurojoule selftest` runs it with enough seeds and judges it.
"""

from neurojoule.spec import Recipe, Scale, Spec
from neurojoule.suite import Measure, Row, Suite

LABELS = ("a", "b", "c", "d", "e")
"""Ten pairs of names for one thing."""

PLANTED = (0.05, 0.10)
"""Shares of the updates that are done twice."""

STEPS = 200


def rows(_scale: Scale) -> list[Row]:
    """The same at every scale but for the length of the windows."""
    recipe = Recipe(steps=STEPS, batch_size=64, evaluate_every=STEPS // 2)
    same = [Row("digits", "planted", recipe, {"label": label}) for label in LABELS]
    slower = [Row("digits", "planted", recipe, {"repeat": share}) for share in PLANTED]
    return same + slower


SUITE = Suite(
    "selftest", "Does this suite call equals equal, and find planted costs?", rows, default=False
)


def bench_selftest(measure: Measure, row: list[Spec]) -> None:
    """One row: a label or a planted share, a round a seed."""
    measure(row)
