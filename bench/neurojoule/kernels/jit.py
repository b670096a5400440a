"""Compiling a loop with numba: once, for known types, outside any measured window.

Signatures are explicit and the machine code is cached on disk, so `prepare` in `neurojoule.kernels`
does all compiling, and a process forked after it has the loops for nothing. Without `parallel`,
numba starts no thread. It is imported inside functions because that takes a second.
"""

import functools
import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]

# Sums may be reordered and products fused; NaN and infinity stay what they are, so that a run
# that diverges is seen to.
_FASTMATH = {"reassoc", "contract", "nsz"}

_ARGUMENTS = {
    "ints": "int64[::1]",
    "doubles": "float64[:, ::1]",
    "bits": "uint8[:, ::1]",
    "int": "int64",
    "float": "float64",
}


@functools.cache
def available() -> bool:
    """Whether numba can be imported; where it cannot, layers use torch alone and say so."""
    try:
        import numba  # noqa: F401 - the question is whether this raises
    except ImportError:
        return False
    return True


def jit(loop: Callable[..., Any], arguments: str, *, returns: str = "void") -> Callable[..., Any]:
    """Compile `loop` for both precisions, its machine code cached where one can write.

    Args:
        loop: the function.
        arguments: the kind of each: `matrix`, `vector` (contiguous, of real numbers), `ints`
            (contiguous int64), `bits` and `doubles` (matrices of uint8 and float64 in both), `int`,
            `float`.
        returns: what it gives, as numba spells it.
    """
    import numba

    signatures = []
    for real in ("float32", "float64"):
        kinds = {**_ARGUMENTS, "matrix": f"{real}[:, ::1]", "vector": f"{real}[::1]"}
        signatures.append(f"{returns}({', '.join(kinds[kind] for kind in arguments.split())})")
    with _cache_folder() as cached:
        compiler = numba.njit(signatures, cache=cached, nogil=True, fastmath=_FASTMATH)
        result: Callable[..., Any] = compiler(loop)
    return result


@contextmanager
def _cache_folder() -> Iterator[bool]:
    """Beside the source where that can be written, else in the user's cache folder, else none."""
    import platformdirs

    config: Any = importlib.import_module("numba.core.config")
    before = config.CACHE_DIR
    if before or writable(Path(__file__).parent / "__pycache__"):
        yield True
        return
    folder = Path(platformdirs.user_cache_dir("neurojoule")) / "numba"
    if not writable(folder):
        yield False
        return
    config.CACHE_DIR = str(folder)
    try:
        yield True
    finally:
        config.CACHE_DIR = before


def writable(folder: Path) -> bool:
    """Whether a file can be made in `folder`, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def run(loop: Callable[..., Any], *arguments: Tensor | float) -> Any:
    """Call a compiled loop on the memory of the tensors."""
    return loop(*(x.detach().numpy() if isinstance(x, Tensor) else x for x in arguments))
