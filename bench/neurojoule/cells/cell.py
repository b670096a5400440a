"""A cell as data: sections with their channels, synapses, and the input that drives them.

    soma = Section("soma", "soma", 23, 23, 1, None, 1.0, {"pas": 3.4e-5, "NaTs2_t": 1.0})
    dendrite = Section("d", "basal", 200, 1, 5, "soma", 2.0, {"pas": 6e-5})
    cell = Cell("mine", (soma, dendrite), Synapses(ampa_us=8e-4, nmda_us=0, gaba_us=1e-3), drive)

Every dendritic segment has one excitatory and one inhibitory synapse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Region = Literal["soma", "axon", "basal", "apical", "oblique"]
"""`apical` is trunk and tuft; an `oblique` belongs to the apical tree but has no calcium zone."""

Tree = Literal["basal", "apical"]

DENDRITES: dict[Region, Tree] = {"basal": "basal", "apical": "apical", "oblique": "apical"}


@dataclass(frozen=True)
class Section:
    """An unbranched cylinder.

    Attributes:
        segments: how many equal compartments it is cut into.
        parent: the section whose last segment it joins, at that segment's middle; None for a soma.
        capacitance_uf_cm2: specific membrane capacitance.
        densities: S/cm2 by channel: one number, or one for each segment.
    """

    name: str
    region: Region
    length_um: float
    diameter_um: float
    segments: int
    parent: str | None
    capacitance_uf_cm2: float
    densities: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Synapses:
    """Peak conductances in uS, rise and decay in ms (bi-exponential, normalised to peak 1).

    NMDA is blocked by 1/(1 + exp(-0.08 v)/3.57): Jahr & Stevens (1990) at 1 mM Mg, with the
    steepness of Rhodes & Llinas (2001) as in the paper's mechanism.
    """

    ampa_us: float
    nmda_us: float
    gaba_us: float
    ampa_ms: tuple[float, float] = (0.3, 3.0)
    nmda_ms: tuple[float, float] = (2.0, 70.0)
    gaba_ms: tuple[float, float] = (0.2, 8.0)
    excitatory_reversal_mv: float = 0.0
    inhibitory_reversal_mv: float = -80.0
    block_per_mv: float = 0.08
    block_scale: float = 3.57


@dataclass(frozen=True)
class TreeDrive:
    """Ranges of input to one tree, in spikes a 100 ms over all its synapses.

    Attributes:
        excitation: the range that excitation is drawn from.
        inhibition_less_excitation: the range of the difference; inhibition never falls below 0.
    """

    excitation: tuple[float, float]
    inhibition_less_excitation: tuple[float, float]


@dataclass(frozen=True)
class Drive:
    """The input of both trees."""

    basal: TreeDrive
    apical: TreeDrive


@dataclass(frozen=True)
class Cell:
    """A biophysical cell.

    Attributes:
        initial_mv: voltage everywhere at the start, gates at their steady state there.
        spike_threshold_mv: a spike is an upward crossing of it at the soma.
    """

    name: str
    sections: tuple[Section, ...]
    synapses: Synapses
    drive: Drive
    axial_resistivity_ohm_cm: float = 100.0
    initial_mv: float = -76.0
    spike_threshold_mv: float = -20.0
