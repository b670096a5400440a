"""MNIST-1D: digits as short curves, small enough for a laptop and hard enough to tell models apart.

S. Greydanus & D. Kobak, "Scaling Down Deep Learning with MNIST-1D", ICML 2024; made by the
authors' package `mnist1d` with the published settings (seed 42, 4,000 training and 1,000 test
samples), without their download.
"""

import random

import numpy as np
import torch
from torch import Tensor

from neurojoule.cache import Arrays, arrays
from neurojoule.registry import Split, task
from neurojoule.tasks.splits import stratified

SOURCE = "Greydanus & Kobak 2024; package mnist1d, make_dataset with its default settings"


@task(
    "mnist1d",
    summary="Ten digits as noisy curves of 40 points",
    source=SOURCE,
    inputs=(40,),
    axes=("time",),
    outputs=10,
    loss="cross_entropy",
    metric="accuracy",
    chance=0.1,
    target=0.6,
)
def mnist1d(split: Split) -> tuple[Tensor, Tensor]:
    """Curves (samples, 40) with mean 0 and deviation 1 over all; classes 0-9.

    400 validation samples, stratified, are taken out of the 4,000 for training. The target is
    about twice what logistic regression reaches.
    """
    return _load("mnist1d-1", split, shuffled=False)


@task(
    "mnist1d_shuffled",
    summary="MNIST-1D with its 40 points in another order, the same for all samples",
    source=SOURCE,
    inputs=(40,),
    axes=("time",),
    outputs=10,
    loss="cross_entropy",
    metric="accuracy",
    chance=0.1,
    target=0.5,
)
def mnist1d_shuffled(split: Split) -> tuple[Tensor, Tensor]:
    """As `mnist1d`, without the spatial structure: what locality buys must be lost here."""
    return _load("mnist1d_shuffled-1", split, shuffled=True)


def _load(name: str, split: Split, *, shuffled: bool) -> tuple[Tensor, Tensor]:
    data = arrays(name, lambda: _make(shuffled=shuffled))
    return torch.from_numpy(data[f"x_{split}"]), torch.from_numpy(data[f"y_{split}"])


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
    x, y = data["x"].astype(np.float32), data["y"].astype(np.int64)
    validation, train = stratified(y, (0.1,))
    return {
        "x_train": x[train],
        "y_train": y[train],
        "x_validation": x[validation],
        "y_validation": y[validation],
        "x_test": data["x_test"].astype(np.float32),
        "y_test": data["y_test"].astype(np.int64),
    }
