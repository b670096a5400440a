"""Arrays that take long to make, kept on disk: whole, checked when read, made again when damaged.

They lie in `NEUROJOULE_CACHE`, or else in the user's cache folder. A file is a NumPy archive
without pickles, written atomically, that holds the SHA-256 of its own arrays.
"""

import hashlib
import io
import logging
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurojoule.errors import UserError
from neurojoule.storage import write_atomically

Arrays = dict[str, NDArray[np.generic]]

_SUM = "sha256"

_log = logging.getLogger(__name__)


def folder() -> Path:
    """Where cached arrays lie; it need not exist yet."""
    given = os.environ.get("NEUROJOULE_CACHE")
    if given:
        return Path(given)
    import platformdirs

    return platformdirs.user_cache_path("neurojoule")


def arrays(name: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays kept under `name`; made and kept when absent or damaged.

    The name changes whenever what `make` gives changes.

    Raises:
        UserError: when the folder cannot be written.
    """
    path = folder() / f"{name}.npz"
    if path.exists():
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("%s is damaged (%s) and is made again", path, error)
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _packed(made))
    except OSError as error:
        raise UserError(
            f"The cache folder {path.parent} cannot be written ({error}). Set the environment "
            "variable NEUROJOULE_CACHE to a folder that can."
        ) from error
    return made


def checksum(arrays: Arrays) -> str:
    """SHA-256 over names, types, shapes and bytes, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _packed(made: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **made, **{_SUM: np.array(checksum(made))})
    return file.getvalue()


def _read(path: Path) -> Arrays:
    archive = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    if not isinstance(archive, Mapping):
        raise ValueError("it is no archive")  # noqa: TRY004 - the file is wrong, not our types
    found: Arrays = dict(archive)
    expected = str(found.pop(_SUM))
    if checksum(found) != expected:
        raise ValueError("its checksum does not fit")
    return found
