"""How many units of a surrogate's first layer live, and what that decides.

The published network rectifies before it normalises, so a unit that is pushed below zero at every
step gets no gradient and stays there. Trained is an arm as the suite `neuron` does, and the same
with the two exchanged, where the normalisation keeps a part of every unit's inputs above zero.
Quality only, one seed: nothing is metered.

    python docs/experiments/live.py 1x32:1600 3x32:1000
    python docs/experiments/live.py 1x32:1600 3x32:1000 --task neuron_l5_nmda-no_nmda_matched
    python docs/experiments/live.py 1x32:1600 --rate 0.001
"""

import argparse

import torch
from torch import Tensor
from torch.nn import functional as F

from neurojoule.models.readout import read_out
from neurojoule.models.tcn_surrogate import TCNSurrogate
from neurojoule.prepare import prepare
from neurojoule.spec import Recipe, Size, Spec
from neurojoule_suites.bench_neuron import BATCH, LADDER, TUNED_ON, VALIDATIONS, tcn
from neurojoule_suites.recipes import learning_rate

ALIVE = 0.005
"""A unit lives that is above zero in at least this share of steps."""


def _normalised_first(self: TCNSurrogate, x: Tensor) -> Tensor:
    """`TCNSurrogate.forward`, normalised before it is rectified."""
    answers = self.steps or 1
    layers = zip(self.convolutions, self.norms, self.before, strict=True)
    for convolution, norm, before in layers:
        x = F.relu(norm(convolution(x)[:, :, -(answers + before) :]))
    return read_out(self.readout, x, self.steps)


PUBLISHED = TCNSurrogate.forward
ORDERS = {"rectified first, as published": PUBLISHED, "normalised first": _normalised_first}


def trained(task: str, layers: int, width: int, steps: int, rate: float) -> tuple[float, int]:
    """Best validation log-loss, and how many units of the first layer live then."""
    recipe = Recipe(
        steps=steps,
        batch_size=BATCH,
        learning_rate=rate,
        schedule="cosine",
        evaluate_every=max(1, steps // VALIDATIONS),
    )
    prepared = prepare(
        Spec(
            suite="live",
            task=task,
            model=LADDER,
            options=tuple(tcn(layers).items()),
            size=Size(width, "width"),
            recipe=recipe,
            seed=0,
            scale="quick",
        )
    )
    learned = prepared.learn()
    model = prepared.model
    assert isinstance(model, TCNSurrogate)
    if not learned.best:
        raise SystemExit(f"{layers} layers of {width} ended as {learned.status}.")
    model.load_state_dict(learned.best)
    model.eval()
    with torch.no_grad():
        h = model.convolutions[0](prepared.reals(prepared.some(BATCH)))
        if TCNSurrogate.forward is not PUBLISHED:
            h = model.norms[0](h)
        lived = (h > 0).float().mean(dim=(0, 2)) > ALIVE
    return min(point.validation for point in learned.curve), int(lived.sum())


def main() -> None:
    """Train both orders of every arm, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", nargs="+", metavar="LAYERSxWIDTH:UPDATES")
    parser.add_argument("--task", default=TUNED_ON)
    parser.add_argument("--rate", type=float, default=learning_rate(TUNED_ON, LADDER))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| arm | order | validation log-loss | units that live |\n|---|---|---:|---:|")
    for arm in options.arms:
        shape, _, steps = arm.partition(":")
        layers, width = map(int, shape.split("x"))
        for name, forward in ORDERS.items():
            TCNSurrogate.forward = forward  # type: ignore[method-assign]
            loss, lived = trained(options.task, layers, width, int(steps), options.rate)
            print(f"| {shape} | {name} | {loss:.5f} | {lived} of {width} |", flush=True)


if __name__ == "__main__":
    main()
