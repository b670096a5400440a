"""Read a pickle that may come from anybody: only containers, numbers, text and numeric arrays.

A pickle is a program: it names functions and calls them. This reader answers only the names that
NumPy writes for an array, a dtype and a scalar, with functions of its own that can make nothing
else, and refuses every other name. Arrays arrive as `Numbers`, see `as_array`. Pickles of Python 2
hold text and the bytes of arrays as latin1.
"""

import math
import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.errors import PublishedFileError

_MALFORMED = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the standard library's reader raises on damaged input, and NumPy on damaged arrays."""


class DType:
    """What a pickle says of a dtype: a numeric kind, its size and the order of its bytes."""

    def __init__(self, text: object, *_: object) -> None:
        if not isinstance(text, str) or not re.fullmatch(r"[<>|=]?[biuf][1248]", text):
            raise PublishedFileError(f"it holds an array of {text!r}, and only numbers are read.")
        self.numeric = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order from NumPy's (version, order, ...); nothing else applies."""
        order = state[1]
        if order not in {"<", ">", "|", "="}:
            raise PublishedFileError(f"it holds an array of byte order {order!r}.")
        self.numeric = self.numeric.newbyteorder(order)


class Numbers:
    """An array as a pickle describes it."""

    def __init__(self, *_: object) -> None:
        self.values: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take NumPy's (version, shape, dtype, Fortran order, bytes)."""
        _, shape, dtype, fortran, raw = state
        self.values = _numbers(raw, dtype, shape, "F" if fortran else "C")


def _numbers(raw: object, dtype: object, shape: object, order: str) -> NDArray[Any]:
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    if (
        not isinstance(dtype, DType)
        or not isinstance(raw, bytes | bytearray)
        or not isinstance(shape, tuple)
        or not all(isinstance(extent, int) and extent >= 0 for extent in shape)
        or len(raw) != math.prod(shape) * dtype.numeric.itemsize
        or order not in {"C", "F"}
    ):
        raise PublishedFileError("it holds an array whose shape, type and bytes do not agree.")
    flat = np.frombuffer(bytes(raw), dtype=dtype.numeric)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _from_buffer(raw: object, dtype: object, shape: object, order: str) -> Numbers:
    made = Numbers()
    made.values = _numbers(raw, dtype, shape, order)
    return made


def _scalar(dtype: object, raw: object) -> float | int | bool:
    value: float | int | bool = _numbers(raw, dtype, (1,), "C")[0].item()
    return value


def _latin1(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise PublishedFileError(f"it asks to encode {type(text).__name__} as {encoding!r}.")
    return text.encode("latin1")


_ADMITTED: dict[str, Callable[..., Any]] = {
    f"{module}.{name}": ours
    for modules, name, ours in (
        (("numpy.core.multiarray", "numpy._core.multiarray"), "_reconstruct", Numbers),
        (("numpy.core.multiarray", "numpy._core.multiarray"), "scalar", _scalar),
        (("numpy.core.numeric", "numpy._core.numeric"), "_frombuffer", _from_buffer),
        (("numpy",), "ndarray", Numbers),
        (("numpy",), "dtype", DType),
        (("_codecs",), "encode", _latin1),
    )
    for module in modules
}


class _Restricted(pickle.Unpickler):
    """An unpickler that admits nothing by default."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Our own stand-in for what NumPy calls `module.name`."""
        ours = _ADMITTED.get(f"{module}.{name}")
        if ours is None:
            raise PublishedFileError(
                f"it asks for {module}.{name}, which no array of numbers needs. Do not open it "
                "with anything else: such a pickle can run any program."
            )
        # A fresh object each time: a pickle may set attributes on what it is given.
        return partial(ours)

    def persistent_load(self, pid: object) -> object:
        """Refuse any reference to an object outside the file."""
        raise PublishedFileError(f"it refers to an object outside the file ({pid!r}).")


def read_pickle(path: Path) -> object:
    """The object in a pickle file.

    Raises:
        PublishedFileError: the file is absent, truncated, damaged, or asks for anything else than
            containers, numbers, text and numeric arrays; the message names what it asked for.
    """
    if not path.is_file():
        raise PublishedFileError(f"There is no file {path}. Give the path of a NeuronIO pickle.")
    with path.open("rb") as file:
        try:
            return _Restricted(file, encoding="latin1").load()
        except PublishedFileError as error:
            raise PublishedFileError(f"{path.name} is refused: {error}") from None
        except _MALFORMED as error:
            raise PublishedFileError(
                f"{path.name} is truncated or damaged ({type(error).__name__}: {error}). "
                "Download it again and compare its size."
            ) from error


def as_array(value: object, what: str) -> NDArray[np.float64]:
    """A sequence of numbers from a pickle, whether it was a list or an array.

    Raises:
        PublishedFileError: naming `what` it should have been.
    """
    plain = value.values if isinstance(value, Numbers) else value
    if not isinstance(plain, np.ndarray | list | tuple):
        raise PublishedFileError(f"{what} is a {type(plain).__name__}, not a list of numbers.")
    try:
        return np.asarray(plain, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PublishedFileError(f"{what} is not a list of numbers: {error}.") from error
