"""Spiking Heidelberg digits: twenty spoken digits as spikes of a model cochlea.

B. Cramer, Y. Stradmann, J. Schemmel & F. Zenke, "The Heidelberg Spiking Data Sets for the
Systematic Evaluation of Spiking Neural Networks", IEEE Transactions on Neural Networks and Learning
Systems 33 (2022). The two HDF5 files are the user's: `shd_train.h5` and `shd_test.h5` from
https://zenkelab.org/datasets, unpacked, in the folder that `NEUROJOULE_SHD` names, or in `SHD`
within `NEUROJOULE_DATA`. They hold `labels` and the groups `spikes/times` (seconds) and
`spikes/units` (0 to 699), one entry a sample.

Published checksums are those of the archives; an unpacked file is known by its number of samples,
which tells it from an older edition (8,332 and 2,088), the other split and the other set (SSC).
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurojoule.errors import UserError
from neurojoule.registry import Split, task
from neurojoule.tasks.splits import stratified

CHANNELS, STEPS, DURATION_S = 700, 50, 1.4
CLASSES = 20
VALIDATION = 0.1
"""Share of the training file that is kept for validation, stratified by class."""

FILES = ("shd_train.h5", "shd_test.h5")
SAMPLES = {"shd_train.h5": 8156, "shd_test.h5": 2264}
"""As published (https://compneuro.net, read in November 2026)."""

ARCHIVES_MD5 = {
    "shd_train.h5.gz": "d47c9825dee33347913e8ce0f2be08b0",
    "shd_test.h5.gz": "3062a80ec0c5719404d5b02e166543b1",
    "shd_train.h5.zip": "f3252aeb598ac776c1b526422d90eecb",
    "shd_test.h5.zip": "1503a5064faa34311c398fb0a1ed0a6f",
}
"""As several public programs have them from https://zenkelab.org/datasets/md5sums.txt."""


def _folders() -> list[Path]:
    places = []
    if given := os.environ.get("NEUROJOULE_SHD"):
        places.append(Path(given))
    if given := os.environ.get("NEUROJOULE_DATA"):
        places += [Path(given) / "SHD", Path(given)]
    return places


def _find() -> Path | None:
    for folder in _folders():
        if all((folder / name).is_file() for name in FILES):
            return folder
    return None


def why_absent() -> str | None:
    """What is missing, and what to do about it; None when all is here."""
    if _find() is None:
        tried = ", ".join(map(str, _folders()))
        return (
            f"shd needs its two files, {' and '.join(FILES)} (https://zenkelab.org/datasets, "
            "unpacked). Put them into a folder and name it in the environment variable "
            "NEUROJOULE_SHD, or put them into SHD within NEUROJOULE_DATA. "
            + (f"Not found in: {tried}." if tried else "Neither variable is set.")
        )
    if find_spec("h5py") is None:
        return "shd is read with h5py, which is not installed: pip install 'neurojoule[shd]'."
    return None


@task(
    "shd",
    summary="Spoken digits in English and German as spikes of 700 cochlear channels",
    source="Cramer, Stradmann, Schemmel & Zenke 2022",
    inputs=(CHANNELS, STEPS),
    axes=("channel", "time"),
    outputs=CLASSES,
    loss="cross_entropy",
    metric="accuracy",
    chance=1 / CLASSES,
    target=0.7,
    binary=True,
    needs=why_absent,
)
def shd(split: Split) -> tuple[Tensor, Tensor]:
    """Whether a channel spikes in each of 50 bins of 28 ms, (samples, 700, 50); classes 0-19.

    The bins are coarse so that the training set stays within about 1 GB of memory. The published
    test file, with speakers of its own, is the test split.

    Raises:
        UserError: when the files are absent, or are not the published ones.
    """
    folder = _find()
    reason = why_absent()
    if folder is None or reason is not None:
        raise UserError(reason)
    path = folder / FILES[split == "test"]
    x, y = read(path)
    if len(y) != SAMPLES[path.name]:
        sums = ", ".join(f"{n} {s}" for n, s in ARCHIVES_MD5.items() if n.startswith(path.name))
        raise UserError(
            f"{path} holds {len(y):,} samples; the published file has {SAMPLES[path.name]:,}. Is "
            "it another edition, the other split, or cut off? Fetch it again. MD5s of the "
            f"archives: {sums}."
        )
    if split != "test":
        validation, train = stratified(y.numpy(), (VALIDATION,))
        chosen = torch.from_numpy(validation if split == "validation" else train)
        x, y = x[chosen], y[chosen]
    return x, y


def read(path: Path) -> tuple[Tensor, Tensor]:
    """Binned spikes (samples, 700, 50) and classes (samples,) of one file.

    Raises:
        UserError: when it is no HDF5 file of this layout, or holds a time, unit or class that
            cannot be.
    """
    h5py: Any = import_module("h5py")  # an extra, without types
    try:
        with h5py.File(path) as file:
            labels = np.asarray(file["labels"], dtype=np.int64)
            times = [np.asarray(entry, dtype=np.float64) for entry in file["spikes/times"]]
            units = [np.asarray(entry, dtype=np.int64) for entry in file["spikes/units"]]
    except (OSError, KeyError) as error:
        raise UserError(
            f"{path} is no file of spiking Heidelberg digits ({error}): it should hold labels, "
            "spikes/times and spikes/units. Fetch it again, and unpack it."
        ) from error
    _check(path, labels, times, units)
    x = torch.zeros(len(labels), CHANNELS, STEPS)
    for sample, (when, unit) in enumerate(zip(times, units, strict=True)):
        step = np.minimum((when / DURATION_S * STEPS).astype(np.int64), STEPS - 1)
        x[sample, torch.from_numpy(unit), torch.from_numpy(step)] = 1.0
    return x, torch.from_numpy(labels)


def _check(
    path: Path,
    labels: NDArray[np.int64],
    times: list[NDArray[Any]],
    units: list[NDArray[np.int64]],
) -> None:
    counts = (len(labels), len(times), len(units))
    if len(set(counts)) != 1 or any(len(a) != len(b) for a, b in zip(times, units, strict=False)):
        raise UserError(
            f"{path} has {counts[0]} labels, {counts[1]} lists of times and {counts[2]} of units, "
            "which should be equally many, each time with its unit. Fetch it again."
        )
    if not len(labels):
        raise UserError(f"{path} holds no sample. Fetch it again.")
    unit, when = np.concatenate(units), np.concatenate(times)
    wrong = {
        "class": labels[(labels < 0) | (labels >= CLASSES)],
        "unit": unit[(unit < 0) | (unit >= CHANNELS)],
        "time in seconds": when[~((when >= 0) & (when < 2 * DURATION_S))],
    }
    for what, values in wrong.items():
        if len(values):
            raise UserError(
                f"{path} holds the {what} {values[0]}, which cannot be: classes are 0 to "
                f"{CLASSES - 1}, units 0 to {CHANNELS - 1}, times from 0 to about {DURATION_S} s."
            )
