"""The published NeuronIO files (Beniaguev, Segev & London 2021), converted once to our shards.

A file is a pickle of a dict: `Params` (`allSegmentsType`, `totalSimDurationInSec`) and
`Results["listOfSingleSimulationDicts"]`; each simulation has `exInputSpikeTimes` and
`inhInputSpikeTimes` (segment index -> ms), `outputSpikeTimes` (ms) and `somaVoltageLowRes` (one
value a ms). The published cell has 639 segments, hence 1,278 inputs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.data import CLIP_MV, Dataset, Progress
from neurojoule.cells.errors import PublishedFileError
from neurojoule.cells.restricted import as_array, read_pickle
from neurojoule.cells.shards import Header, Shard, stored
from neurojoule.errors import UserError

CONVERTER_VERSION = 1


def neuron_io(
    files: Sequence[Path], *, cache_folder: Path, progress: Progress | None = None
) -> Dataset:
    """The simulations of published files, in the order given.

    A file is converted when it is first seen; it is known again by name, size and time of change.

    Raises:
        PublishedFileError: a file is absent, truncated, refused, or not laid out as described.
        UserError: no file given, or files that hold different cells or numbers of simulations.
    """
    if not files:
        raise UserError("Give one or more NeuronIO files; the folder or pattern held none.")
    shards = []
    for done, path in enumerate(files, 1):
        shards.append(_converted(path, cache_folder / "neuron_io"))
        if progress is not None:
            progress(done, len(files))
    shapes = {shard.bits.shape for shard in shards}
    if len(shapes) > 1:
        raise UserError(
            f"The files hold different numbers of simulations, ms or inputs: {sorted(shapes)}. "
            "Read those of one kind at a time."
        )
    count, duration, _ = shards[0].bits.shape
    name = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    return Dataset(name, count * len(files), duration, count, tuple(shards))


def _converted(path: Path, folder: Path) -> Shard:
    if not path.is_file():
        raise PublishedFileError(f"There is no file {path}. Give the path of a NeuronIO pickle.")
    facts = path.stat()
    known = f"{CONVERTER_VERSION} {path.resolve()} {facts.st_size} {facts.st_mtime_ns}"
    key = hashlib.sha256(known.encode()).hexdigest()
    home = folder / f"{path.stem}-{key[:16]}.cells"
    return stored(home, Header(key, 0, 1), lambda: convert(read_pickle(path), path.name))


def convert(content: object, name: str) -> Shard:
    """The content of a published file, packed.

    Raises:
        PublishedFileError: the content is not laid out as described; the message says where.
    """
    parameters = _entry(content, "Params", name)
    segments = _entry(parameters, "allSegmentsType", f"{name}: Params")
    if not isinstance(segments, list | tuple):
        raise PublishedFileError(f"{name}: allSegmentsType is no list of segments.")
    seconds = _entry(parameters, "totalSimDurationInSec", f"{name}: Params")
    if not isinstance(seconds, int | float) or not 0 < seconds < 3600:
        raise PublishedFileError(f"{name}: totalSimDurationInSec is {seconds!r}, not a duration.")
    simulations = _entry(
        _entry(content, "Results", name), "listOfSingleSimulationDicts", f"{name}: Results"
    )
    if not isinstance(simulations, list | tuple) or not simulations:
        raise PublishedFileError(f"{name}: listOfSingleSimulationDicts holds no simulation.")
    duration = round(1000 * seconds)
    parts = [
        _simulation(simulation, len(segments), duration, f"{name}: simulation {k}")
        for k, simulation in enumerate(simulations)
    ]
    bits, spikes, soma_mv = (np.stack(column) for column in zip(*parts, strict=True))
    return Shard(2 * len(segments), bits, spikes, soma_mv)


def _simulation(
    simulation: object, segments: int, duration: int, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float16]]:
    """Packed input (ms, bytes), packed spikes (bytes,) and clipped voltage (ms,)."""
    on = np.zeros((duration, 2 * segments), dtype=np.bool_)
    for offset, key in ((0, "exInputSpikeTimes"), (segments, "inhInputSpikeTimes")):
        times_by_segment = _entry(simulation, key, where)
        if not isinstance(times_by_segment, Mapping):
            raise PublishedFileError(f"{where}: {key} is no dict of segments.")
        for segment, times in times_by_segment.items():
            if not isinstance(segment, int) or not 0 <= segment < segments:
                raise PublishedFileError(f"{where}: {key} names the segment {segment!r}.")
            on[_bins(times, 0.0, duration, f"{where}: {key}[{segment}]"), offset + segment] = True
    spikes = np.zeros(duration, dtype=np.bool_)
    times = _entry(simulation, "outputSpikeTimes", where)
    # The authors' own code puts a spike at t into the bin int(t - 0.5).
    spikes[_bins(times, 0.5, duration, f"{where}: outputSpikeTimes")] = True
    voltage = as_array(_entry(simulation, "somaVoltageLowRes", where), f"{where}: the voltage")
    if voltage.shape != (duration,) or not np.all(np.isfinite(voltage)):
        raise PublishedFileError(
            f"{where}: somaVoltageLowRes has the shape {voltage.shape}; expected {duration} finite "
            "values, one a ms."
        )
    clipped = np.minimum(voltage, CLIP_MV).astype(np.float16)
    return np.packbits(on, axis=1), np.packbits(spikes), clipped


def _bins(times: object, offset: float, duration: int, where: str) -> NDArray[np.int64]:
    found = as_array(times, where).ravel()
    if not np.all(np.isfinite(found)) or np.any(found < 0) or np.any(found > duration + 1):
        raise PublishedFileError(f"{where} has a time outside 0 ... {duration} ms.")
    bins = (found - offset).astype(np.int64)  # towards zero, as int() does
    return bins[bins < duration]


def _entry(holder: object, key: str, where: str) -> Any:
    if not isinstance(holder, Mapping) or key not in holder:
        kind = (
            sorted(map(str, holder))[:6] if isinstance(holder, Mapping) else type(holder).__name__
        )
        raise PublishedFileError(f"{where} has no entry {key!r}; it has {kind}.")
    return holder[key]
