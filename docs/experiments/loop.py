"""This engine's loop against the loop that MNIST-1D was published with, wall time and losses.

The published loop (Greydanus & Kobak 2024, train.py of their repository): `torch.optim.Adam` as it
comes, batches of 100 sliced from tensors, no loader, `loss.item()` every step, torch's own layers.
With `--loader` the batches come from a `DataLoader` instead, as most code has it. Both start from
the same weights, see the same batches and do the same updates; the losses are compared step by
step. Pairs alternate in one process, one thread, validations left out of both.

    python docs/experiments/loop.py [--pairs 9] [--steps 400] [--loader] [mlp cnn1d gru]
"""

import argparse
import copy
import itertools
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from neurojoule import kernels
from neurojoule.kernels.gru import FewStatesGRU
from neurojoule.kernels.small_convolution import SmallConv1d
from neurojoule.prepare import Prepared, prepare
from neurojoule.spec import Recipe, Size, Spec
from neurojoule.train import Data, batches, gradient_learner
from neurojoule_suites.bench_sequence import PUBLISHED

BATCH, RATE, SEED = 100, 1e-2, 0


def published(model: nn.Module) -> nn.Module:
    """The same network with torch's own layers in the place of ours."""
    model = copy.deepcopy(model)
    for name, child in model.named_modules():
        plain: nn.Module
        if isinstance(child, FewStatesGRU):
            plain = nn.GRU(
                child.input_size,
                child.hidden_size,
                batch_first=True,
                bidirectional=child.bidirectional,
            )
        elif isinstance(child, SmallConv1d):
            plain = nn.Conv1d(
                child.in_channels,
                child.out_channels,
                child.kernel_size,
                stride=child.stride,
                padding=child.padding,
            )
        else:
            continue
        plain.load_state_dict(child.state_dict())
        model.set_submodule(name, plain)
    return model


def shuffled(prepared: Prepared, steps: int) -> tuple[Tensor, Tensor]:
    """The samples of `steps` batches in the engine's order: slices of it are the same batches."""
    drawn = list(itertools.islice(batches(prepared.train, BATCH, SEED), steps))
    return torch.cat([x for x, _ in drawn]), torch.cat([y for _, y in drawn])


def sliced(x: Tensor, y: Tensor, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """As the authors' loop: a slice a step."""
    return ((x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, steps * BATCH, BATCH))


def loaded(x: Tensor, y: Tensor, _steps: int) -> DataLoader:
    """As most code has it."""
    return DataLoader(TensorDataset(x, y), batch_size=BATCH)


def by_published_loop(model: nn.Module, source: Callable[[], object]) -> list[float]:
    """Train; the loss of every step."""
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    criterion = nn.CrossEntropyLoss()
    losses = []
    for x, y in source():
        loss = criterion(model(x), y)
        losses.append(loss.item())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return losses


def by_engine(prepared: Prepared, steps: int) -> list[Tensor]:
    """Train; the loss of every step, read by nobody yet."""
    learn = prepared.learner()
    stream = batches(prepared.train, BATCH, SEED)
    return [learn(x, y).detach() for x, y in itertools.islice(stream, steps)]


def exact(prepared: Prepared, plain: nn.Module, steps: int) -> float:
    """The largest relative difference of the losses in float64, where rounding cannot grow."""
    ours, theirs = copy.deepcopy(prepared.model).double(), copy.deepcopy(plain).double()
    data = Data(prepared.train.x.double(), prepared.train.y)
    learn = gradient_learner(ours, prepared.task.loss, prepared.spec.recipe)
    drawn = list(itertools.islice(batches(data, BATCH, SEED), steps))
    found = [learn(x, y).item() for x, y in drawn]
    expected = by_published_loop(theirs, lambda: drawn)
    return max(abs(a - b) / b for a, b in zip(found, expected, strict=True))


def main() -> None:
    """Print, for each model, the ratio of times and the largest difference of losses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["mlp", "cnn1d", "gru"])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--loader", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kernels.prepare()
    for name, settings, size in PUBLISHED:
        if name in options.models:
            compare(name, settings, size, options)


def compare(name: str, settings: dict, size: Size, options: argparse.Namespace) -> None:
    """Alternate the loops for one model."""
    steps = options.steps
    recipe = Recipe(steps=steps, batch_size=BATCH, learning_rate=RATE, evaluate_every=steps)
    prepared = prepare(
        Spec(
            suite="loop",
            task="mnist1d",
            model=name,
            options=tuple(settings.items()),
            size=size,
            seed=SEED,
            recipe=recipe,
        )
    )
    plain = published(prepared.model)
    start, start_plain = (copy.deepcopy(m.state_dict()) for m in (prepared.model, plain))
    data, accurate = shuffled(prepared, steps), exact(prepared, plain, steps)
    source = loaded if options.loader else sliced
    times: dict[str, list[tuple[float, float]]] = {"engine": [], "published": []}
    for pair in range(options.pairs + 1):
        prepared.model.load_state_dict(start)
        plain.load_state_dict(start_plain)
        begun = time.perf_counter(), time.process_time()
        theirs = by_published_loop(plain, lambda: source(*data, steps))
        middle = time.perf_counter(), time.process_time()
        ours = by_engine(prepared, steps)
        ended = time.perf_counter(), time.process_time()
        if pair:  # the first warms up
            for key, a, b in (("published", begun, middle), ("engine", middle, ended)):
                times[key].append((b[0] - a[0], b[1] - a[1]))
    found = [float(loss) for loss in ours]
    differences = [abs(a - b) / b for a, b in zip(found, theirs, strict=True)]
    print(
        f"{name}: {sum(p.numel() for p in prepared.model.parameters())} parameters; losses differ "
        f"by at most {max(differences[:50]):.1e} in 50 steps, {max(differences):.1e} in {steps}; "
        f"last {found[-1]:.6f} and {theirs[-1]:.6f}; in float64 by {accurate:.1e}"
    )
    for place, what in enumerate(("wall", "CPU")):
        ratios = [
            ours[place] / theirs[place]
            for ours, theirs in zip(times["engine"], times["published"], strict=True)
        ]
        low, middle, high = statistics.quantiles(ratios, n=4)
        each = (
            statistics.median(t[place] for t in times[k]) / steps * 1e3
            for k in ("published", "engine")
        )
        print(
            "  {}: published {:.3f} ms an update, engine {:.3f}; ".format(what, *each)
            + f"engine / published {middle:.2f} [{low:.2f}, {high:.2f}]"
        )


if __name__ == "__main__":
    main()
