"""The training loop as MNIST-1D's authors publish it beside ours: same updates, same losses.

Theirs: torch.optim.Adam, a batch drawn by index, `loss.item()` at every step, `nn.GRU`. Ours: the
engine's learner and the models of this package. Both start from the same weights and see the same
batches. Pairs alternate in one process; the median ratio and the largest difference of the losses
are printed.

    python docs/experiments/published_loop.py
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurojoule import sizing, views
from neurojoule.models.recurrent import GRU
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Option, Recipe
from neurojoule.train import Data, batches, gradient_learner

ARMS: tuple[tuple[str, dict[str, Option], int], ...] = (
    ("mlp", {"skip": True}, 100),
    ("cnn1d", {}, 25),
    ("gru", {}, 6),
)
BATCH = 100

Result = TypeVar("Result", float, Tensor)


def published(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> list[float]:
    """The authors' loop (train.py of github.com/greydanus/mnist1d)."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for chosen in orders(len(x), steps):
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x[chosen]), y[chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    return losses


def ours(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> list[Tensor]:
    """The engine's updates; nobody waits for a loss."""
    recipe = Recipe(steps, BATCH, learning_rate=1e-2)
    learn = gradient_learner(model, "cross_entropy", recipe)
    stream = batches(Data(x, y), BATCH, seed=0)
    return [learn(*next(stream)).detach() for _ in range(steps)]


def orders(count: int, steps: int) -> list[Tensor]:
    """The batches that `neurojoule.train.batches` draws from the seed 0, as indices."""
    stream = batches(Data(torch.arange(count), torch.arange(count)), BATCH, seed=0)
    return [next(stream)[0] for _ in range(steps)]


def build(name: str, options: dict[str, Option], width: int, *, as_published: bool) -> nn.Module:
    """The model with the weights of seed 0; as published its GRU is torch's."""
    entry, task = get_model(name), get_task("mnist1d")
    module = sizing.build(entry, views.shape(entry, task), width, options, seed=0)
    if as_published and isinstance(module, GRU):
        plain = nn.GRU(1, width, batch_first=True, bidirectional=True)
        plain.load_state_dict(module.layer.state_dict())
        module.layer = plain
    return module


def clocked(run: Callable[[], list[Result]]) -> tuple[float, list[Result]]:
    """Seconds and result."""
    start_s = time.perf_counter()
    result = run()
    return time.perf_counter() - start_s, result


def main() -> None:
    """Alternate the two for each model and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = get_task("mnist1d")
    x, y = task.load("train")
    for name, settings, width in ARMS:
        seen = views.arrange(x, task, get_model(name).takes)
        ratios, step_ms, worst = [], [], 0.0
        for pair in range(options.pairs + 1):
            theirs_model, our_model = (
                build(name, settings, width, as_published=flag) for flag in (True, False)
            )
            theirs_s, theirs = clocked(
                lambda m=theirs_model, s=seen: published(m, s, y, options.steps)
            )
            ours_s, mine = clocked(lambda m=our_model, s=seen: ours(m, s, y, options.steps))
            if pair == 0:
                continue  # warm-up
            ratios.append(theirs_s / ours_s)
            step_ms.append(1e3 * ours_s / options.steps)
            first = slice(0, 20)  # later, rounding has been amplified by the training itself
            difference = torch.tensor(theirs[first]) - torch.stack(mine[first])
            worst = max(worst, float(difference.abs().max()))
        print(
            f"{name}: {statistics.median(ratios):.1f} times faster "
            f"({min(ratios):.1f} to {max(ratios):.1f}), {statistics.median(step_ms):.2f} ms a step;"
            f" first 20 losses differ by at most {worst:.1e}"
        )


if __name__ == "__main__":
    main()
