"""Handwritten digits of 8 x 8 pixels that come with scikit-learn: real, small, always there."""

import numpy as np
import torch
from torch import Tensor

from neurojoule.cache import Arrays, arrays
from neurojoule.registry import Split, Task, add_task
from neurojoule.tasks.splits import stratified

SHARES = {"test": 0.2, "validation": 0.1}


def digits(split: Split) -> tuple[Tensor, Tensor]:
    """Pixels in [0, 1], (samples, 8, 8); 360 test, 180 validation, 1,257 training samples.

    The published file is divided anew, stratified by class, always in the same way.
    """
    data = arrays("digits-1", _make)
    x = torch.from_numpy(data[f"x_{split}"])
    return x, torch.from_numpy(data[f"y_{split}"])


TASK = Task(
    name="digits",
    summary="Handwritten digits of 8 x 8 pixels, 1,797 of them",
    source="E. Alpaydin & C. Kaynak 1998, UCI; scikit-learn's load_digits",
    inputs=(8, 8),
    axes=("row", "column"),
    outputs=10,
    loss="cross_entropy",
    metric="accuracy",
    chance=0.1,
    target=0.95,
    load=digits,
)
add_task(TASK)


def _make() -> Arrays:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    parts = dict(
        zip(
            (*SHARES, "train"),
            stratified(bunch.target, tuple(SHARES.values())),
            strict=True,
        )
    )
    made: Arrays = {}
    for split, chosen in parts.items():
        made[f"x_{split}"] = (bunch.images[chosen] / 16).astype(np.float32)  # 17 grey levels
        made[f"y_{split}"] = bunch.target[chosen].astype(np.int64)
    return made
