"""check-model: nothing to say about our own models, and plain words about every broken promise."""

import numpy as np
import pytest
import torch
from torch import nn

from neurojoule import registry
from neurojoule.check_model import examine, table
from neurojoule.cli import main
from neurojoule.errors import UnknownNameError
from neurojoule.kernels.compact import CompactLinear
from neurojoule.models.wiring import random_inputs
from neurojoule.registry import Model


class Good(nn.Module):
    """A hidden layer, from which each of the others below strays in one way."""

    def __init__(self, shape, width):
        super().__init__()
        self.hidden = nn.Linear(shape.features, width)
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x):
        return self.readout(torch.tanh(self.hidden(x)))

    def units(self):
        return {"point": self.hidden.out_features}


class WrongShape(Good):
    """Gives one number too few."""

    def forward(self, x):
        return super().forward(x)[:, 0]


class Raises(Good):
    """Multiplies what does not fit."""

    def forward(self, x):
        return x @ torch.zeros(7, 3)


class CannotBeBuilt(Good):
    """Refuses to exist."""

    def __init__(self, *_):
        raise ValueError("no such unit")


class BatchDependent(Good):
    """Looks at its neighbours in the batch."""

    def forward(self, x):
        return super().forward(x - x.mean(0))


class NoWidth(Good):
    """Does not listen to its width."""

    def __init__(self, shape, width):  # noqa: ARG002 - that is what is wrong with it
        super().__init__(shape, 5)


class NoUnits(Good):
    """Has no units."""

    units = None


class Uncounted(Good):
    """Multiplies where no formula sees it."""

    def forward(self, x):
        return x @ self.hidden.weight.T @ self.readout.weight.T


class ForeignSeed(Good):
    """Draws from numpy's generator."""

    def __init__(self, shape, width):
        super().__init__(shape, width)
        noise = np.random.default_rng().normal(size=self.hidden.weight.shape)
        self.hidden.weight.data += torch.from_numpy(noise).float()


class Restless(Good):
    """Never gives the same twice."""

    def forward(self, x):
        return super().forward(x + torch.rand_like(x))


class ForgetfulWiring(Good):
    """Keeps its wiring where no state_dict finds it."""

    def __init__(self, shape, width):
        super().__init__(shape, width)
        self.order = torch.randperm(shape.features)

    def forward(self, x):
        return super().forward(x[:, self.order])


class CutOff(Good):
    """Detaches its hidden layer."""

    def forward(self, x):
        return self.readout(torch.tanh(self.hidden(x)).detach())


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(_ctx, x):
        return x * 1.0

    @staticmethod
    def backward(_ctx, dy):
        return 2 * dy


class WrongGradient(Good):
    """Doubles a gradient on its way back."""

    def forward(self, x):
        return self.readout(_Doubled.apply(torch.tanh(self.hidden(x))))


class Unread(Good):
    """Reads all its hidden units but one."""

    def __init__(self, shape, width):
        super().__init__(shape, width)
        self.readout = CompactLinear(
            width, random_inputs(shape.outputs, max(1, width - 1), width - 1)
        )

    def forward(self, x):
        return self.readout(torch.tanh(self.hidden(x)))


class Stuck(Good):
    """Has no slope where it starts."""

    def forward(self, x):
        return super().forward(x) * 0.0


def check(monkeypatch, build, **facts):
    settings = {"family": "point", "takes": "vector", "summary": "", "source": "", **facts}
    registry.models()
    entry = Model(name="examined", build=build, **settings)
    monkeypatch.setitem(registry._models, "examined", entry)
    return examine("examined")


def wrong(findings):
    return {f.check: f.words for f in findings if f.verdict == "wrong"}


def test_a_good_model_passes_every_check_on_every_kind_of_task(monkeypatch):
    findings = check(monkeypatch, Good)
    assert {f.verdict for f in findings} == {"ok"}
    assert len({f.task for f in findings} - {"-"}) >= 6
    assert table(findings).endswith(f"All {len(findings)} checks passed on 7 kinds of task.")


@pytest.mark.parametrize(
    ("build", "where", "words"),
    [
        (WrongShape, "shapes", "expected (64, 1) (batch, outputs)"),
        (Raises, "shapes", "it raises RuntimeError: mat1 and mat2"),
        (CannotBeBuilt, "build", "it raises ValueError: no such unit"),
        (BatchDependent, "shapes", "depends on the other samples in its batch"),
        (NoWidth, "parameters", "so no budget can be met. Let the width set the size"),
        (NoUnits, "parameters", "no method units()"),
        (Uncounted, "operations", "outside any layer with a formula"),
        (ForeignSeed, "determinism", "not numpy's or Python's"),
        (Restless, "determinism", "randomness belongs into training mode"),
        (ForgetfulWiring, "state dict", "Keep random wiring with register_buffer"),
        (CutOff, "gradients", "hidden.weight has no gradient"),
        (Unread, "unconnected units", "1 of 16 rows of hidden.weight never influence the output"),
        (Stuck, "learning at all", "learnt none of these tasks"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_is_said_in_words(monkeypatch, build, where, words):
    assert words in wrong(check(monkeypatch, build))[where]


def test_a_gradient_that_is_not_the_slope_is_a_remark(monkeypatch):
    findings = check(monkeypatch, WrongGradient)
    assert wrong(findings) == {}
    remarks = {f.words for f in findings if f.check == "gradients" and f.verdict == "remark"}
    assert any("differs from the slope of the loss" in words for words in remarks)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"takes": "video"}, "a model takes one of vector, sequence, image"),
        ({"refuses": lambda _: False}, "refuses(task) gives a bool"),
        ({"refuses": lambda task: f"not {task.name}."}, "accepts no task at all"),
    ],
)
def test_a_registration_that_cannot_work_is_said_first(monkeypatch, facts, words):
    findings = check(monkeypatch, Good, **facts)
    assert len(findings) == 1
    assert words in findings[0].words


def test_a_rule_of_its_own_needs_its_method(monkeypatch):
    assert "no method learn(x, y)" in wrong(check(monkeypatch, Good, learns="own"))["learning"]


@pytest.mark.parametrize(
    "name", ["dann", "gru", "lif_snn", "mcp", "perceptron", "two_layer_neuron"]
)
def test_nothing_is_wrong_with_models_of_ours(name):
    assert wrong(examine(name)) == {}


def test_the_command_prints_a_line_a_check_and_fails_where_one_does(monkeypatch, capsys):
    assert main(["check-model", "logistic"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("logistic: ")
    assert "  ok      state dict (and, " in printed
    monkeypatch.setitem(
        registry._models, "examined", Model("examined", "point", "vector", "", "", NoUnits)
    )
    assert main(["check-model", "examined"]) == 1
    assert "WRONG   parameters (and, " in capsys.readouterr().out


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'dann'"):
        examine("danm")
