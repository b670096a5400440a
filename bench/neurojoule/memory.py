"""Peak memory of a run: the increment of its own process, or of its device."""

import re
from pathlib import Path

import torch


class Peak:
    """From the moment it is made, watches how much more memory than before is in use.

    On Linux the kernel's high-water mark of resident memory is reset first, so that what the
    fork server had loaded is not counted; elsewhere, where it cannot be, `bytes` is None.
    """

    def __init__(self, device: str) -> None:
        self._device = device if device.startswith("cuda") else None
        self._start_bytes: int | None = None
        if self._device is not None:
            # Or a device by its number is not known yet.
            torch.cuda.init()  # type: ignore[no-untyped-call]
            torch.cuda.reset_peak_memory_stats(self._device)
            self._start_bytes = torch.cuda.memory_allocated(self._device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM
            self._start_bytes = _status_bytes("VmRSS")
        except OSError:
            return

    def bytes(self) -> int | None:
        """The largest increment since then."""
        if self._start_bytes is None:
            return None
        if self._device is not None:
            return torch.cuda.max_memory_allocated(self._device) - self._start_bytes
        return max(0, _status_bytes("VmHWM") - self._start_bytes)


def _status_bytes(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"/proc/self/status has no {field}")
    return int(found[1]) * 1024
