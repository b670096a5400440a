"""What the engine costs beside the same loop written out by hand.

The smallest model (a 2-2-1 network on XOR) is the hardest case: an update takes a tenth of a
millisecond, so a microsecond shows. Pairs alternate in one process; the median ratio is printed.

    python docs/experiments/overhead.py
"""

import argparse
import copy
import statistics
import time

import torch
import torch.nn.functional as F

from neurojoule import meter
from neurojoule.prepare import Prepared, prepare
from neurojoule.spec import Recipe, Size, Spec


def by_hand(prepared: Prepared) -> float:
    """The training as one would write it: updates, a validation now and then, the best kept."""
    recipe, model = prepared.spec.recipe, prepared.model
    x, y = prepared.train.x, prepared.train.y
    torch.manual_seed(prepared.spec.seed)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=0.0, fused=True
    )
    best, kept = -1.0, {}
    for step in range(recipe.steps + 1):
        if step % recipe.evaluate_every == 0:
            model.eval()
            with torch.inference_mode():
                output = model(prepared.validation.x)
            accuracy = float(((output > 0) == (prepared.validation.y > 0.5)).float().mean())
            if accuracy > best:
                best, kept = accuracy, copy.deepcopy(model.state_dict())
            model.train()
        if step < recipe.steps:
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(x), y)
            loss.backward()
            optimiser.step()
    assert kept
    return best


def main() -> None:
    """Alternate the two and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(steps=options.steps, batch_size=64, learning_rate=1e-2, evaluate_every=100)
    prepared = prepare(
        Spec(
            suite="overhead",
            task="xor",
            model="mlp",
            options=(("layers", 1),),
            size=Size(9),
            seed=0,
            recipe=recipe,
        )
    )
    prepared.warm_up()
    initial = copy.deepcopy(prepared.model.state_dict())
    settings = meter.MeterSettings()
    ratios, bare_s = [], []
    with meter.Meter(meter.detect(settings), settings) as energy:
        for _ in range(options.pairs):
            prepared.model.load_state_dict(initial)
            start_s = time.perf_counter()
            by_hand(prepared)
            hand_s = time.perf_counter() - start_s
            prepared.model.load_state_dict(initial)
            start_s = time.perf_counter()
            with energy.window():
                prepared.learn()
            engine_s = time.perf_counter() - start_s
            ratios.append(engine_s / hand_s)
            bare_s.append(hand_s)
    low, middle, high = statistics.quantiles(ratios, n=4)
    step_us = statistics.median(bare_s) / options.steps * 1e6
    print(f"an update by hand takes {step_us:.0f} µs")
    print(
        f"engine over hand, {options.pairs} pairs: median {middle - 1:+.2%}, "
        f"quartiles {low - 1:+.2%} to {high - 1:+.2%}"
    )


if __name__ == "__main__":
    main()
