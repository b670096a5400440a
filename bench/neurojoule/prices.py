"""Published energies of an operation and of a byte, and how far each grade of joule may be off.

Every number has its source beside it, and how it was checked (in November 2026). Prices are joined
to coherent technologies, since a price from one process node beside another's from the next would
decide by the mixture.
"""

import math
from dataclasses import dataclass

from neurojoule.record import Grade
from neurojoule.spec import DType


@dataclass(frozen=True)
class Range:
    """A value from `low` to `high`, both possible."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The geometric mean: prices are known by factors."""
        return math.sqrt(self.low * self.high)

    def __str__(self) -> str:
        return f"{self.low:.3g}" if self.low == self.high else f"{self.low:.3g} to {self.high:.3g}"


@dataclass(frozen=True)
class Technology:
    """What arithmetic costs on one kind of hardware.

    Attributes:
        name: for the reader.
        mac_pj: picojoules a multiply-accumulate by data type; empty where there is none.
        ac_pj: picojoules an accumulate, by data type.
        byte_pj: picojoules a byte that is moved; None where operations include it.
        memory: where the bytes come from, such as "DRAM".
        source: of all of them.
    """

    name: str
    mac_pj: dict[DType, Range]
    ac_pj: dict[DType, Range]
    byte_pj: Range | None
    memory: str
    source: str


def _exactly(value: float) -> Range:
    return Range(value, value)


_BITS_64 = 8
"""Bytes of one access in both tables of memory energies."""

# Neither paper was at hand. Horowitz's figure: every number below agrees with table 3 of Frontiers
# in Neurology, PMC8934428 (float32, 10 pJ for 64 bits from 8 KB, 45 nm at 0.9 V) or with two other
# transcriptions (memory, float16); his slides round the products to 4 and 1 pJ. Jouppi's table:
# transcriptions by three people agree with the numbers below, operations and memory for 64 bits
# (SRAM 7.5, 8.5 and 14 pJ; HBM2 250-450, GDDR6 350-480, DDR3/4 1300).
_HOROWITZ = "Horowitz 2014, ISSCC, Computing's Energy Problem, fig. 1.1.9 (45 nm, 0.9 V)"
_JOUPPI = "Jouppi et al. 2021, ISCA, Ten Lessons ... TPUv4i, table 2 (7 nm)"

# float32: multiply 3.7 and add 0.9 pJ; float16 1.1 and 0.4, which bfloat16 does not exceed.
_MAC_45: dict[DType, Range] = {"float32": _exactly(3.7 + 0.9), "bfloat16": _exactly(1.1 + 0.4)}
_AC_45: dict[DType, Range] = {"float32": _exactly(0.9), "bfloat16": _exactly(0.4)}
# float32: multiply 1.31 and add 0.38 pJ; bfloat16 0.21 and 0.11.
_MAC_7: dict[DType, Range] = {"float32": _exactly(1.31 + 0.38), "bfloat16": _exactly(0.21 + 0.11)}
_AC_7: dict[DType, Range] = {"float32": _exactly(0.38), "bfloat16": _exactly(0.11)}

TECHNOLOGIES: tuple[Technology, ...] = (
    Technology(
        "7 nm, memory on the chip",
        _MAC_7,
        _AC_7,
        Range(7.5 / _BITS_64, 14.0 / _BITS_64),  # 8 KB to 1 MB of SRAM
        "SRAM",
        _JOUPPI,
    ),
    Technology(
        "7 nm, memory beside the chip",
        _MAC_7,
        _AC_7,
        Range(250.0 / _BITS_64, 1300.0 / _BITS_64),  # HBM2 to DDR4
        "DRAM",
        _JOUPPI,
    ),
    Technology(
        "45 nm, memory on the chip",
        _MAC_45,
        _AC_45,
        Range(10.0 / _BITS_64, 100.0 / _BITS_64),  # 8 KB to 1 MB of SRAM
        "SRAM",
        _HOROWITZ,
    ),
    Technology(
        "45 nm, memory beside the chip",
        _MAC_45,
        _AC_45,
        Range(1300.0 / _BITS_64, 2600.0 / _BITS_64),
        "DRAM",
        _HOROWITZ,
    ),
)
"""Hardware made for the arithmetic; the first is the one that single figures are quoted for."""

NEUROMORPHIC = Technology(
    "neuromorphic chips",
    {},
    dict.fromkeys(("float32", "float64", "bfloat16"), Range(1.54, 45.0)),
    None,
    "",
    "pJ a synaptic operation, lowest and highest of ten chips collected by Tang et al. 2023, "
    "Frontiers in Neuroscience 17:1187252, table 3: Tianjic 1.54 (Deng 2020), SENECA 2.8, "
    "SpiNNaker2 10 (Hoeppner 2021), Loihi 23.6 (Davies 2018), uBrain 26 (Stuijt 2021), "
    "SpiNNaker 45 (Stromatias 2013); what an operation is differs between them",
)
"""Chips that know accumulates only: a model with multiply-accumulates has no price there.

Read off the table itself (PMC10326429). Its chips compute with few bits, never in float32.
"""


GRADE_FACTORS: dict[Grade, float] = {
    "measured": 1.1,
    "user": 2.0,
    "modelled": 2.0,
    "guessed": 4.0,
    "constant": 4.0,
}
"""A joule of this grade may be off by this factor either way, load curve aside."""

# Checked: NVML's reference itself; the abstracts of Khan and of Fahad (average errors "as high as
# 73 %", at most 300 %); 125 and 253 W in a test by Puget Systems. Not checked: AMD's 360 W, and,
# below, the half of Barroso & Hoelzle and the curve of Fan et al.

GRADE_SOURCES: dict[Grade, str] = {
    "measured": "NVIDIA states +-5 % of the power drawn, for Fermi and Kepler GPUs, and nothing "
    "for later ones (NVML reference, nvmlDeviceGetPowerUsage); RAPL follows the wall closely in "
    "total power (Khan et al. 2018, ACM TOMPECS 3(2):9), though the energy that a program adds may "
    "be off by far more: 73 % on average for the worst sensor tried (Fahad et al. 2019, Energies "
    "12:2204)",
    "user": "a data sheet's TDP is no power: a Core i9-14900K has 125 W of base and 253 W of "
    "turbo power (Intel ARK); own margin of 2",
    "modelled": "as for a TDP that the user gave",
    "guessed": "CodeCarbon's default of 4 W a thread, where products lie between 1.4 (AMD EPYC "
    "9754, 360 W for 256 threads) and 7.9 (Core i9-14900K, 253 W for 32); own margin of 4",
    "constant": "memory draws 1 to 20 W whatever CodeCarbon counts as modules; own margin of 4",
}

IDLE_SHARES = Range(0.1, 0.5)
"""Power of an idle CPU over its full power: CodeCarbon's 0.1, to the half of Barroso & Hoelzle
2007 (IEEE Computer 40(12):33)."""

LOAD_EXPONENTS = (1.0, 3.0)
"""Power grows with this power of the load: linear (Fan, Weber & Barroso 2007, ISCA, whose best fit
is even above the line) or CodeCarbon's cubic."""
