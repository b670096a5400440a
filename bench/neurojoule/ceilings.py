"""What a setup of this machine can do at most: a short probe of matrix products and copies.

The fastest of many repeats counts, since a ceiling is what nothing disturbs. What is found lies in
the cache under a name made of the machine's facts, the libraries and the setup; a probe beside a
busy neighbour may have set it too low, so that one is good for an hour only.
"""

import hashlib
import logging
import time
from collections.abc import Callable

import msgspec

from neurojoule import cache, contamination
from neurojoule.hardware import Hardware, MeterSettings
from neurojoule.machine import speed_facts
from neurojoule.meter import Meter
from neurojoule.record import Ceilings, CopyRate, Machine, Window, ranked_j
from neurojoule.spec import Setup, canonical_json
from neurojoule.storage import write_atomically

PRODUCT_SIZES = (256, 512, 1024)
PRODUCT_SIZES_CUDA = (2048, 4096, 8192)
COPY_BYTES = (2**18, 2**22, 2**25, 2**28)
"""A quarter, 4, 32 and 256 MiB: about a second-level cache, one core's share, a whole last level,
and memory."""

LEAST_REPEATS = 3
WINDOW_S = 0.25
"""Of each of the two windows whose power is kept, unless the meter needs longer ones."""

NOISY_FOR_S = 3600.0

_log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ceilings: Ceilings
    quiet: bool
    at_s: float


def find(setup: Setup, machine: Machine, measure: Callable[[], tuple[Ceilings, bool]]) -> Ceilings:
    """The ceilings of a setup, from the cache or by `measure`; a damaged file is measured again.

    A cache that cannot be written is told of, and is no reason to stop.
    """
    path = cache.folder() / _name(setup, machine)
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        if kept.quiet or time.time() - kept.at_s < NOISY_FOR_S:
            return kept.ceilings
    except FileNotFoundError:
        pass
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("%s is damaged (%s); the ceilings are probed again", path, error)
    found, quiet = measure()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode(_Kept(found, quiet, time.time())))
    except OSError as error:
        _log.warning("the ceilings of %s are not kept: %s", setup, error)
    return found


def _name(setup: Setup, machine: Machine) -> str:
    parts = (machine.name, sorted(speed_facts(machine).items()), setup)
    return f"ceilings-{hashlib.sha256(canonical_json(parts)).hexdigest()[:16]}.json"


def probe(
    setup: Setup, hardware: Hardware | None, settings: MeterSettings
) -> tuple[Ceilings, bool]:
    """Measure, in a process of its own; the second value is whether to keep it for good.

    Not where the machine was busy, or its meter gave no power though there is one.

    Args:
        setup: device, threads and data type.
        hardware: what the meter found.
        settings: of the meter.
    """
    import torch

    from neurojoule.prepare import synchroniser

    torch.set_num_threads(setup.threads)
    synchronise = synchroniser(setup.torch_device)
    dtype = getattr(torch, setup.dtype)
    sizes = PRODUCT_SIZES_CUDA if setup.device.startswith("cuda") else PRODUCT_SIZES
    with torch.inference_mode(), Meter(hardware, settings, synchronise) as meter:
        products = []
        for size in sizes:
            x = torch.ones(size, size, device=setup.torch_device, dtype=dtype)
            y = torch.empty_like(x)
            products += [(2.0 * size**3, _product(x, y)), (2.0 * size**3, _convolution(x))]
        rate, window = _fastest(products, meter, synchronise)
        copies = []
        for extent in COPY_BYTES:
            source = torch.ones(extent // 2, device=setup.torch_device, dtype=torch.uint8)
            copies.append((float(extent), _copy(source, torch.zeros_like(source))))
        rates = [
            _fastest([work], meter, synchronise, measured=work is copies[-1]) for work in copies
        ]
    windows = [window, rates[-1][1]]
    found = Ceilings(
        flops_per_s=rate,
        copies=tuple(
            CopyRate(buffer_bytes=extent, bytes_per_s=speed)
            for extent, (speed, _) in zip(COPY_BYTES, rates, strict=True)
        ),
        product_power_w=_power_w(window),
        copy_power_w=_power_w(rates[-1][1]),
    )
    told = hardware is None or None not in (found.product_power_w, found.copy_power_w)
    return found, told and not any(contamination.of_window(w) for w in windows if w is not None)


def _product(x: object, y: object) -> Callable[[], object]:
    import torch

    return lambda: torch.mm(x, x, out=y)  # type: ignore[call-overload]


def _convolution(x: object) -> Callable[[], object]:
    """The same product as a convolution of one tap: on a CPU another library's, at times faster."""
    import torch.nn.functional as F

    kernel = x[:, :, None]  # type: ignore[index]
    return lambda: F.conv1d(kernel.permute(2, 1, 0), kernel)


def _copy(source: object, target: object) -> Callable[[], object]:
    return lambda: target.copy_(source)  # type: ignore[attr-defined]


def _fastest(
    works: list[tuple[float, Callable[[], object]]],
    meter: Meter,
    synchronise: Callable[[], None],
    *,
    measured: bool = True,
) -> tuple[float, Window | None]:
    """Units a second of the fastest repeat of the fastest work, and a window of repeating it.

    Args:
        works: units that one call does, and the call.
        meter: measures the window.
        synchronise: waits for the device.
        measured: whether a window is wanted.
    """
    each_s = WINDOW_S / 4
    speeds = [(units / _least_s(work, each_s, synchronise), units, work) for units, work in works]
    best, units, work = max(speeds, key=lambda found: found[0])
    if not measured:
        return best, None
    with meter.window() as opened:
        window_s = max(WINDOW_S, meter.least_window_s)
        best = max(best, units / _least_s(work, window_s, synchronise))
    return best, opened.window


def _least_s(work: Callable[[], object], spend_s: float, synchronise: Callable[[], None]) -> float:
    """Seconds of the fastest call among those that fit into `spend_s`, after one to warm up."""
    work()
    synchronise()
    least_s, calls = float("inf"), 0
    until_s = time.perf_counter() + spend_s
    while calls < LEAST_REPEATS or time.perf_counter() < until_s:
        start_s = time.perf_counter()
        work()
        synchronise()
        least_s = min(least_s, time.perf_counter() - start_s)
        calls += 1
    return least_s


def _power_w(window: Window | None) -> float | None:
    if window is None:
        return None
    energy_j = ranked_j({part.name: part.energy_j for part in window.components})
    return None if energy_j is None else energy_j / window.time_s
