"""Records as bytes and files: strict JSON, whole or absent, and folders of them.

A file is written under a temporary name, flushed to the disk and renamed, so that a crash at any
moment costs one run and never half a file.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from neurojoule.errors import UserError
from neurojoule.record import SCHEMA, Record


class BadRecordError(UserError):
    """A file that is no whole record of a schema that this version reads."""


class _AnySchema(msgspec.Struct):
    """All that is asked of a record of another schema."""

    schema: int


_decoder = msgspec.json.Decoder(Record)
_schema_decoder = msgspec.json.Decoder(_AnySchema)


def encode(record: Record) -> bytes:
    """The record as strict JSON.

    Raises:
        ValueError: when a number is NaN or infinite, or a part does not fit the schema.
    """
    data = msgspec.json.encode(record)
    # msgspec writes NaN and infinity as null, and checks types only when it reads: read it back.
    try:
        whole = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise ValueError(f"This record would not be readable: {error}") from error
    if whole != record:
        raise ValueError("This record holds a NaN, an infinity or a value of the wrong type.")
    return data


def decode(data: bytes, name: str = "record") -> Record:
    """The record that `data` holds.

    Raises:
        BadRecordError: naming `name`, when it is cut off, foreign or of another schema.
    """
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, UserError) as error:  # a spec refuses values with the latter
        why = _other_schema(data) or f"is not a neurojoule record: {error}"
        raise BadRecordError(f"{name} {why}") from error
    if record.schema != SCHEMA:
        raise BadRecordError(f"{name} {_other_schema(data)}")
    return record


def _other_schema(data: bytes) -> str | None:
    """What to do about a record of another schema, with fields of its own; else None."""
    try:
        found = _schema_decoder.decode(data).schema
    except msgspec.DecodeError:
        return None
    if found == SCHEMA:
        return None
    way_out = (
        "Run again, or read it with the neurojoule version that wrote it"
        if found < SCHEMA
        else "A newer neurojoule wrote it: update this one"
    )
    return f"has schema {found}; this version reads schema {SCHEMA}. {way_out}."


def write(record: Record, folder: Path) -> Path:
    """Write `record` to `folder/<run_id>.json`, whole or not at all, and return the path."""
    path = folder / f"{record.run_id}.json"
    write_atomically(path, encode(record))
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a temporary neighbour, flush it to the disk, rename it over `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class Folder:
    """What was found in runs folders: the records, and the files set aside with the reason."""

    records: tuple[Record, ...]
    set_aside: tuple[tuple[Path, str], ...]


def read(folders: Iterable[Path]) -> Folder:
    """Read every `*.json` in the folders, in order of name; a bad file is named, not fatal.

    Raises:
        UserError: when a folder does not exist.
    """
    records: dict[str, Record] = {}
    bad: list[tuple[Path, str]] = []
    known: dict[bytes, object] = {}
    for path in _files(folders):
        try:
            record = decode(path.read_bytes(), str(path))
        except (BadRecordError, OSError) as error:
            bad.append((path, str(error)))
            continue
        twin = records.get(record.run_id)
        if twin is not None and twin != record:
            bad.append((path, f"{path} contradicts another record with the id {record.run_id}"))
            continue
        records[record.run_id] = _share(record, known)
    return Folder(tuple(records.values()), tuple(bad))


def _share(record: Record, known: dict[bytes, object]) -> Record:
    """The same record with its machine, ceilings and idle windows in common with others.

    A hundred thousand copies of one machine's facts would not fit into the memory of a laptop.
    """
    parts = {name: getattr(record, name) for name in ("machine", "ceilings", "idle")}
    return msgspec.structs.replace(
        record, **{name: known.setdefault(msgspec.json.encode(v), v) for name, v in parts.items()}
    )


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"{folder} is not a folder of records. Give the folder that "
                "`neurojoule run` wrote (its --runs option, `runs` by default)."
            )
        yield from sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
