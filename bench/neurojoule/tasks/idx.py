"""MNIST and its siblings from IDX files that the user has: 28 x 28 pixels, ten classes.

Files are looked for where torchvision keeps them, `<NEUROJOULE_DATA>/MNIST/raw/*.gz`, and in the
folders that `needs` names when they are absent. Nothing is downloaded, and a file that is not the
published one is refused (`neurojoule.tasks.checksums`).

The IDX format (Y. LeCun): two zero bytes, a byte for the type (8: unsigned bytes), a byte for the
number of dimensions, each dimension as a big-endian 32-bit integer, then the data.
"""

import gzip
import math
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurojoule.errors import UserError
from neurojoule.registry import Split, Task, add_task
from neurojoule.tasks.checksums import IDX, Published

VALIDATION = 10_000
"""The last of the training images are for validation."""

_SIZES = {"train": 60_000, "t10k": 10_000}


def read_idx(
    path: Path, shape: tuple[int, ...], published: Published | None = None
) -> NDArray[np.uint8]:
    """The unsigned bytes of a gzipped IDX file, which must have this shape.

    Raises:
        UserError: when the file is cut off, foreign, of another shape, or not the published one.
    """
    try:
        archive = path.read_bytes()
        data = gzip.decompress(archive)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} cannot be unpacked ({error}): it is cut off or no gzip file. Fetch it again."
        ) from error
    header = 4 + 4 * len(shape)
    expected = bytes((0, 0, 8, len(shape)))
    if data[:4] != expected:
        raise UserError(
            f"{path} is no IDX file of unsigned bytes in {len(shape)} dimensions: it begins with "
            f"{data[:4].hex(' ') or 'nothing'}, not {expected.hex(' ')}."
        )
    if len(data) < header:
        raise UserError(f"{path} is cut off within its header. Fetch it again.")
    found = struct.unpack(f">{len(shape)}I", data[4:header])
    if found != shape:
        raise UserError(f"{path} has the shape {found}; expected {shape}. Is it another data set?")
    if len(data) - header != math.prod(shape):
        raise UserError(
            f"{path} holds {len(data) - header:,} values where its header announces "
            f"{math.prod(shape):,}. Fetch it again."
        )
    if published is not None:
        published.check(path, archive, data)
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _folders(torchvision: str, variable: str) -> list[Path]:
    """Where the files may lie, the most particular place first."""
    places = []
    if given := os.environ.get(variable):
        places += [Path(given), Path(given) / "raw"]
    if given := os.environ.get("NEUROJOULE_DATA"):
        home = Path(given) / torchvision
        places += [home / "raw", home]
        if torchvision == "MNIST":  # all three sets have files of the same names
            places.append(Path(given))
    return places


def _names(part: str) -> tuple[str, str]:
    return f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"


def _find(torchvision: str, variable: str) -> Path | None:
    wanted = [name for part in _SIZES for name in _names(part)]
    for folder in _folders(torchvision, variable):
        if all((folder / name).is_file() for name in wanted):
            return folder
    return None


def _why_absent(name: str, torchvision: str, variable: str) -> str | None:
    if _find(torchvision, variable) is not None:
        return None
    tried = ", ".join(map(str, _folders(torchvision, variable)))
    return (
        f"{name} needs its four files ({', '.join(n for part in _SIZES for n in _names(part))}). "
        f"Put them into a folder and name it in the environment variable {variable}; or let "
        f"NEUROJOULE_DATA name the folder in which torchvision keeps {torchvision}/raw. "
        + (f"Not found in: {tried}." if tried else "Neither variable is set.")
    )


def _load(name: str, torchvision: str, variable: str, split: Split) -> tuple[Tensor, Tensor]:
    folder = _find(torchvision, variable)
    if folder is None:
        raise UserError(_why_absent(name, torchvision, variable))
    part = "t10k" if split == "test" else "train"
    count = _SIZES[part]
    images, labels = _names(part)
    published = IDX[torchvision]
    x = read_idx(folder / images, (count, 28, 28), published[images])
    y = read_idx(folder / labels, (count,), published[labels])
    if y.max() > 9:
        raise UserError(f"{folder / labels} has a class {y.max()}; expected 0 to 9.")
    chosen = {
        "train": slice(0, count - VALIDATION),
        "validation": slice(count - VALIDATION, count),
        "test": slice(0, count),
    }[split]
    pixels = x[chosen].astype(np.float32) / 255  # [0, 1]
    return torch.from_numpy(pixels), torch.from_numpy(y[chosen].astype(np.int64))


def _add(name: str, torchvision: str, summary: str, source: str, target: float) -> Task:
    variable = f"NEUROJOULE_{name.upper()}"

    def load(split: Split) -> tuple[Tensor, Tensor]:
        return _load(name, torchvision, variable, split)

    needs: Callable[[], str | None] = lambda: _why_absent(name, torchvision, variable)  # noqa: E731
    added = Task(
        name=name,
        summary=summary,
        source=source,
        inputs=(28, 28),
        axes=("row", "column"),
        outputs=10,
        loss="cross_entropy",
        metric="accuracy",
        chance=0.1,
        target=target,
        load=load,
        needs=needs,
    )
    add_task(added)
    return added


MNIST = _add(
    "mnist",
    "MNIST",
    "Handwritten digits of 28 x 28 pixels, 70,000 of them",
    "LeCun, Bottou, Bengio & Haffner 1998",
    target=0.97,
)
_add(
    "fashion_mnist",
    "FashionMNIST",
    "Pieces of clothing of 28 x 28 pixels, 70,000 of them",
    "Xiao, Rasul & Vollgraf 2017",
    target=0.87,
)
_add(
    "kmnist",
    "KMNIST",
    "Cursive Japanese characters of 28 x 28 pixels, 70,000 of them",
    "Clanuwat et al. 2018",
    target=0.85,
)
