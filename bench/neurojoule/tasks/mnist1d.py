"""MNIST-1D: digits as short curves, small enough for a laptop and hard enough to tell models apart.

S. Greydanus & D. Kobak, "Scaling Down Deep Learning with MNIST-1D", ICML 2024; made by the
authors' package `mnist1d` with the published settings (seed 42, 4,000 training and 1,000 test
samples), without their download. 400 validation samples, stratified, are taken out of the 4,000.

Curves (samples, 40) have mean 0 and deviation 1 over all; classes are 0-9. Shuffled, the 40 points
come in another order, the same for all samples: what locality buys must be lost there.
"""

import random

import numpy as np
import torch
from torch import Tensor

from neurojoule.cache import Arrays, arrays
from neurojoule.registry import Split, Task, add_task
from neurojoule.tasks.splits import stratified

SOURCE = "Greydanus & Kobak 2024; package mnist1d, make_dataset with its default settings"


def _add(name: str, summary: str, *, target: float, shuffled: bool) -> None:
    def load(split: Split) -> tuple[Tensor, Tensor]:
        data = arrays(f"{name}-1", lambda: _make(shuffled=shuffled))
        return torch.from_numpy(data[f"x_{split}"]), torch.from_numpy(data[f"y_{split}"])

    add_task(
        Task(
            name=name,
            summary=summary,
            source=SOURCE,
            inputs=(40,),
            axes=("time",),
            outputs=10,
            loss="cross_entropy",
            metric="accuracy",
            chance=0.1,
            target=target,
            load=load,
        )
    )


_add(
    "mnist1d",
    "Ten digits as noisy curves of 40 points",
    target=0.6,  # about twice what logistic regression reaches
    shuffled=False,
)
_add(
    "mnist1d_shuffled",
    "MNIST-1D with its 40 points in another order, the same for all samples",
    target=0.5,
    shuffled=True,
)


def _make(*, shuffled: bool) -> Arrays:
    from mnist1d.data import get_dataset_args, make_dataset

    settings = get_dataset_args()
    settings.shuffle_seq = shuffled
    # The package seeds and uses the global generators: leave them as they were.
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        data = make_dataset(settings)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
    validation, train = stratified(data["y"], (0.1,))
    parts = {
        "train": (data["x"][train], data["y"][train]),
        "validation": (data["x"][validation], data["y"][validation]),
        "test": (data["x_test"], data["y_test"]),
    }
    return {f"x_{split}": x.astype(np.float32) for split, (x, _) in parts.items()} | {
        f"y_{split}": y.astype(np.int64) for split, (_, y) in parts.items()
    }
