"""A shard: some simulations in one file, checked, whole or absent.

A line that names the format, a line of JSON, padding, then packed input bits (count, ms, bytes),
packed spikes (count, bytes) and the clipped soma voltage as little-endian float16 (count, ms). The
SHA-256 of the rest of the header and of all that follows it stands in the header. A file is written
atomically; one that is short, altered or of another key is never read.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from neurojoule.errors import UserError
from neurojoule.storage import write_atomically

FORMAT = b"neurojoule cells 2\n"

HEADER_BYTES = 512


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a shard holds.

    Attributes:
        key: hash of everything its content depends on.
        block: which of the key's blocks it is.
        count: simulations; when asking for a shard, at least so many.
        duration_ms: of each.
        synapses: input bits a ms, excitatory ones first.
        sha256: of the header without it, and of the content.
    """

    key: str
    block: int
    count: int
    duration_ms: int = 0
    synapses: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Shard:
    """The content of a shard, mapped, not loaded.

    Attributes:
        synapses: input bits a ms.
        bits: (count, ms, ceil(synapses/8)) packed input.
        spikes: (count, ceil(ms/8)) packed output.
        soma_mv: (count, ms) float16, clipped.
    """

    synapses: int
    bits: NDArray[np.uint8]
    spikes: NDArray[np.uint8]
    soma_mv: NDArray[np.float16]


def stored(path: Path, wanted: Header, make: Callable[[], Shard]) -> Shard:
    """The shard at `path` when it is whole and as wanted; else made, written and read back.

    Raises:
        UserError: the folder cannot be written, or what was written cannot be read back.
    """
    found = open_shard(path, wanted)
    if found is None:
        write_shard(path, wanted, make())
        found = open_shard(path, wanted)
    if found is None:
        raise UserError(f"{path} was written but cannot be read back. Is the disk faulty?")
    return found


def write_shard(path: Path, header: Header, shard: Shard) -> None:
    """Write a shard, whole or not at all; the header's sizes are taken from the content."""
    content = b"".join(
        part.tobytes() for part in (shard.bits, shard.spikes, shard.soma_mv.astype("<f2"))
    )
    count, duration, _ = shard.bits.shape
    complete = msgspec.structs.replace(
        header, count=count, duration_ms=duration, synapses=shard.synapses
    )
    complete = msgspec.structs.replace(complete, sha256=_digest(complete, content))
    head = (FORMAT + msgspec.json.encode(complete) + b"\n").ljust(HEADER_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, head + content)
    except OSError as error:
        raise UserError(
            f"The cache folder {path.parent} cannot be written ({error}). Set the environment "
            "variable NEUROJOULE_CACHE to a folder that can."
        ) from error


def open_shard(path: Path, wanted: Header) -> Shard | None:
    """The shard at `path`, or None when it is absent, damaged, or not the one that is wanted.

    A shard of more simulations than wanted serves as well.
    """
    header = _header(path)
    if (
        header is None
        or (header.key, header.block) != (wanted.key, wanted.block)
        or header.count < wanted.count
    ):
        return None
    row_bytes = -(-header.synapses // 8)
    sizes = (
        header.count * header.duration_ms * row_bytes,
        header.count * -(-header.duration_ms // 8),
        header.count * header.duration_ms * 2,
    )
    if path.stat().st_size != HEADER_BYTES + sum(sizes):
        return None
    content = np.memmap(path, dtype=np.uint8, mode="r", offset=HEADER_BYTES)
    if _digest(header, content.data) != header.sha256:
        return None
    bits, spikes, voltage = np.split(np.asarray(content), np.cumsum(sizes)[:-1])
    return Shard(
        header.synapses,
        bits.reshape(header.count, header.duration_ms, row_bytes),
        spikes.reshape(header.count, -1),
        voltage.view("<f2").reshape(header.count, header.duration_ms),
    )


def _digest(header: Header, content: bytes | memoryview) -> str:
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(header, sha256="")))
    digest.update(content)
    return digest.hexdigest()


def _header(path: Path) -> Header | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.readline(len(FORMAT)) != FORMAT:
            return None
        line = file.readline(HEADER_BYTES)
    try:
        return msgspec.json.decode(line, type=Header)
    except msgspec.DecodeError:
        return None
