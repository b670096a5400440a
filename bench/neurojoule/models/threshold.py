"""The first neurons: a threshold and no hidden layer; and their differentiable twin.

    McCulloch & Pitts 1943    y = [sum of excitatory inputs >= theta], 0 if any inhibitory one is on
    Rosenblatt 1958           y = [w.x + b > 0], corrected when it errs
    logistic regression       p(y = 1) = sigma(w.x + b)

A threshold unit divides its inputs by a plane: of the 16 functions of two bits it realises 14, and
neither XOR nor its negation (Minsky & Papert 1969).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.models.refusals import not_classes, not_logic
from neurojoule.registry import Shape, model


@model(
    "mcp",
    family="threshold",
    takes="vector",
    summary="McCulloch-Pitts unit: fixed excitation, absolute inhibition, a whole threshold",
    source="McCulloch & Pitts 1943",
    sized=False,
    default_width=1,
    learns="own",
    refuses=not_logic,
)
class McCullochPitts(nn.Module):
    """One unit whose inputs excite, inhibit or are not connected, with a threshold theta of 0 .. n.

    A weight is 1, -n or 0. As at most n - 1 inputs excite when one inhibits, a single -n keeps the
    sum below every threshold: the absolute veto of the paper. The output is w.x - theta + 1/2,
    above 0 where the unit fires. n + 1 parameters.

    The paper has no learning rule: wiring and threshold are searched. Each update proposes one
    other value for one of them, drawn from torch's generator, and keeps it unless it errs more.
    """

    def __init__(self, shape: Shape, width: int) -> None:  # noqa: ARG002 - it has one size
        super().__init__()
        self.unit = nn.Linear(shape.features, 1)
        with torch.no_grad():
            for parameter, values in self._choices():
                parameter.copy_(values[torch.randint(len(values), parameter.shape)])

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, 1), above 0 where the unit fires."""
        output: Tensor = self.unit(x)
        return output

    @torch.no_grad()
    def learn(self, x: Tensor, y: Tensor) -> Tensor:
        """One proposal on x (batch, n) and y (batch, 1); the share of errors that is left."""
        weight, bias = self.unit.weight, self.unit.bias
        inputs = weight.shape[1]
        (_, connections), (_, thresholds) = self._choices()
        lot = torch.randint(inputs + 1, (), device=x.device)  # an input, or the threshold
        place = torch.arange(inputs, device=x.device)
        other_weight = torch.where(place == lot, _any_of(connections), weight)
        other_bias = torch.where(lot == inputs, _any_of(thresholds), bias)
        errors = _errors(F.linear(x, weight, bias), y)
        other_errors = _errors(F.linear(x, other_weight, other_bias), y)
        better = other_errors <= errors
        weight.copy_(torch.where(better, other_weight, weight))
        bias.copy_(torch.where(better, other_bias, bias))
        return torch.minimum(errors, other_errors)

    def units(self) -> dict[str, int]:
        """One neuron."""
        return {"threshold": 1}

    def _choices(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Weight and bias, each with all values it can have; the bias is 1/2 - theta."""
        weight, bias = self.unit.weight, self.unit.bias
        inputs = weight.shape[1]
        connections = weight.new_tensor([1.0, 0.0, -float(inputs)])
        thresholds = 0.5 - torch.arange(inputs + 1, device=bias.device, dtype=bias.dtype)
        return (weight, connections), (bias, thresholds)


@model(
    "perceptron",
    family="threshold",
    takes="vector",
    summary="Perceptron: one threshold unit an output, corrected by each mistake",
    source="Rosenblatt 1958; several classes: Duda & Hart 1973, section 5.12",
    sized=False,
    default_width=1,
    learns="own",
    refuses=not_classes,
)
class Perceptron(nn.Module):
    """y_c = [w_c.x + b_c > 0], or with several classes the one with the largest w_c.x + b_c.

    Rosenblatt's rule, one mistake at a time: of the samples in a batch that are wrong, one is drawn
    and w_c += (t_c - y_c) x, b_c += t_c - y_c. With several classes t and y are one-hot (Kesler's
    construction). Weights start at zero, so that the step size does not matter. (n + 1) C
    parameters.
    """

    def __init__(self, shape: Shape, width: int) -> None:  # noqa: ARG002 - it has one size
        super().__init__()
        self.unit = nn.Linear(shape.features, shape.outputs)
        nn.init.zeros_(self.unit.weight)
        nn.init.zeros_(self.unit.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        output: Tensor = self.unit(x)
        return output

    @torch.no_grad()
    def learn(self, x: Tensor, y: Tensor) -> Tensor:
        """One correction on x (batch, n) and y, classes (batch,) or bits (batch, C).

        Gives the share of samples that were wrong.
        """
        output = self.unit(x)
        if y.is_floating_point():
            error = y - (output > 0).to(y.dtype)  # (batch, C)
        else:
            classes = output.shape[1]
            error = F.one_hot(y, classes) - F.one_hot(output.argmax(1), classes)
        wrong = error.abs().amax(1)  # (batch,): 1 where a sample is wrong
        chosen = (wrong * (1 - torch.rand(len(x), device=x.device))).argmax()  # 0 < 1 - rand
        step = error[chosen].to(x.dtype)  # (C,), all 0 when nothing is wrong
        self.unit.weight.add_(step[:, None] * x[chosen])
        self.unit.bias.add_(step)
        share: Tensor = wrong.float().mean()
        return share

    def units(self) -> dict[str, int]:
        """One neuron an output."""
        return {"threshold": self.unit.out_features}


@model(
    "logistic",
    family="point",
    takes="vector",
    summary="Logistic (softmax, linear) regression: the perceptron's twin that follows a gradient",
    source="Cox 1958; on MNIST-1D: Greydanus & Kobak 2024 (LinearBase)",
    sized=False,
    default_width=1,
)
class Logistic(nn.Module):
    """y = W x + b, the logits or values of all outputs; (n + 1) C parameters."""

    def __init__(self, shape: Shape, width: int) -> None:  # noqa: ARG002 - it has one size
        super().__init__()
        self.unit = nn.Linear(shape.features, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        output: Tensor = self.unit(x)
        return output

    def units(self) -> dict[str, int]:
        """One point neuron an output."""
        return {"point": self.unit.out_features}


def _any_of(values: Tensor) -> Tensor:
    return values[torch.randint(len(values), (), device=values.device)]


def _errors(output: Tensor, y: Tensor) -> Tensor:
    return ((output > 0) != (y > 0.5)).float().mean()
