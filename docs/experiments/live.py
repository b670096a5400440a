"""How many units of a surrogate's first layer live, and what that decides.

The published network rectifies before it normalises, so a unit that is pushed below zero at every
step gets no gradient and stays there. Trained is an arm as the suite `neuron` does, with
`norm_first`, and as published. Quality only: nothing is metered.

    python docs/experiments/live.py 1x32:1600 3x32:1000
    python docs/experiments/live.py 1x32:1600 3x32:1000 --task neuron_l5_nmda-no_nmda_matched
    python docs/experiments/live.py 1x32:1600 --rate 0.003 --rate 0.03
    python docs/experiments/live.py 1x8:8400 3x32:4000 --task neuron_l5_nmda_long \
        --order normalised --seeds 3
"""

import argparse
from itertools import product

import torch

from neurojoule.models.tcn_surrogate import TCNSurrogate
from neurojoule.prepare import prepare
from neurojoule.spec import Recipe, Size, Spec
from neurojoule_suites.bench_neuron import BATCH, LADDER, TUNED_ON, VALIDATIONS, tcn
from neurojoule_suites.recipes import learning_rate, tuned_name

ALIVE = 0.005
"""A unit lives that is above zero in at least this share of steps."""

ORDERS = {"published": False, "normalised": True}
"""Name -> `norm_first`."""


def trained(
    task: str, shape: str, recipe: Recipe, seed: int, *, norm_first: bool
) -> tuple[float, int]:
    """Best validation log-loss, and how many units of the first layer live then."""
    layers, width = map(int, shape.split("x"))
    prepared = prepare(
        Spec(
            suite="live",
            task=task,
            model=LADDER,
            options=tuple((tcn(layers) | {"norm_first": norm_first}).items()),
            size=Size(width, "width"),
            recipe=recipe,
            seed=seed,
            scale="quick",
        )
    )
    learned = prepared.learn()
    model = prepared.model
    assert isinstance(model, TCNSurrogate)
    if not learned.best:
        raise SystemExit(f"{shape} ended as {learned.status}.")
    model.load_state_dict(learned.best)
    model.eval()
    with torch.no_grad():
        h = model.convolutions[0](prepared.reals(prepared.some(BATCH)))
        if norm_first:
            h = model.norms[0](h)
        lived = (h > 0).float().mean(dim=(0, 2)) > ALIVE
    return min(point.validation for point in learned.curve), int(lived.sum())


def main() -> None:
    """Train every arm in both orders, or the one asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", nargs="+", metavar="LAYERSxWIDTH:UPDATES")
    parser.add_argument("--task", default=TUNED_ON)
    parser.add_argument("--rate", type=float, action="append", help="several may be given")
    parser.add_argument("--order", choices=ORDERS, action="append", help="only this order")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| arm | order | rate | seed | validation log-loss | units that live |")
    print("|---|---|---:|---:|---:|---:|")
    for arm, order in product(options.arms, options.order or ORDERS):
        shape, _, steps = arm.partition(":")
        layers, _, width = shape.partition("x")
        searched = learning_rate(TUNED_ON, tuned_name(LADDER, tcn(int(layers))))
        for rate, seed in product(options.rate or [searched], range(options.seeds)):
            recipe = Recipe(
                steps=int(steps),
                batch_size=BATCH,
                learning_rate=rate,
                schedule="cosine",
                evaluate_every=max(1, int(steps) // VALIDATIONS),
            )
            loss, lived = trained(options.task, shape, recipe, seed, norm_first=ORDERS[order])
            print(
                f"| {shape} | {order} | {rate:g} | {seed} | {loss:.5f} | {lived} of {width} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
