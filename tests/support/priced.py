"""A machine whose power and ceilings are round numbers, for costs that are checked by hand."""

import msgspec

from neurojoule.record import Ceilings, CopyRate

FACTS = {"cpu_tdp_w": 8.0, "cpu_threads": 2}
CEILINGS = Ceilings(
    flops_per_s=1e10,
    copies=(
        CopyRate(buffer_bytes=1_000, bytes_per_s=4e9),
        CopyRate(buffer_bytes=1_000_000, bytes_per_s=2e9),
    ),
    product_power_w=8.0,
    copy_power_w=5.0,
)


def replace(part, **changes):
    """A part of a record with some fields replaced."""
    return msgspec.structs.replace(part, **changes)
