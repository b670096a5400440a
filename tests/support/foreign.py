"""A package of somebody else's, with models that misbehave in every way a run must survive."""

import os
from pathlib import Path

MODELS = '''
import os, time
import torch
from torch import nn
from neurojoule.registry import model

class Unit(nn.Module):
    """y = w x: a plain unit to misbehave with."""

    def __init__(self, shape, width):
        super().__init__()
        self.linear = nn.Linear(shape.features, shape.outputs)

    def forward(self, x):
        return self.linear(x)

def _register(name, base, **facts):
    model(name, family="point", takes="vector", summary=name, source="a test", sized=False,
          **facts)(base)

class Dies(Unit):
    """Kills its own process in training."""
    def forward(self, x):
        if self.training:
            os.kill(os.getpid(), 9)
        return super().forward(x)

class Raises(Unit):
    """Raises in training."""
    def forward(self, x):
        if self.training:
            raise RuntimeError("the unit broke <script>alert(1)</script>")
        return super().forward(x)

class Diverges(Unit):
    """Its loss is not a number."""
    def forward(self, x):
        return super().forward(x) * (float("nan") if self.training else 1.0)

class Uncounted(Unit):
    """Multiplies matrices where no formula sees it."""
    def forward(self, x):
        return super().forward(x) + (x @ x.T).sum() * 0

class Sleeps(Unit):
    """Takes its time."""
    def forward(self, x):
        if self.training:
            time.sleep(0.05)
        return super().forward(x)

_register("dies", Dies)
_register("raises", Raises)
_register("diverges", Diverges)
_register("uncounted", Uncounted)
_register("sleeps", Sleeps)
_register("<b>bold</b>", Unit)
'''

SUITE = """
from neurojoule.spec import Recipe
from neurojoule.suite import Row, Suite

NAMES = {names!r}

RECIPE = Recipe(steps={steps}, batch_size=4, evaluate_every=10)

def rows(scale):
    return [Row({task!r}, name, RECIPE) for name in NAMES]

SUITE = Suite("foreign", "Does the benchmark survive these?", rows)
SUITES = (SUITE,)

def bench_foreign(measure, row):
    measure(row)
"""

ENTRY_POINTS = """
[neurojoule.models]
foreign = foreign_models

[neurojoule.suites]
foreign = bench_foreign
"""


def install(folder: Path, *names: str, steps: int = 20, task: str = "xor") -> dict[str, str]:
    """Put the package into `folder` and give the environment in which it is installed."""
    folder.mkdir(exist_ok=True)
    (folder / "foreign_models.py").write_text(MODELS)
    (folder / "bench_foreign.py").write_text(SUITE.format(names=names, steps=steps, task=task))
    facts = folder / "foreign-1.0.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    return {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
