"""The reduced layer-5 pyramidal cells `l5_nmda` and `l5_ampa`: 163 compartments.

Channels of Hay et al. (2011), synapses and input of Beniaguev, Segev & London (2021) on a tree
small enough to simulate quickly. Deliberate deviations from the paper's cell (Hay's channels with
the biophysics of Shai et al. 2015: calcium zone at 685-885 um, soma leak 3e-5 S/cm2, AMPA and NMDA
both 0.4 nS) are listed in docs/neuron.md. Dendritic Ca_HVA is 2.1e-4, not Hay's 7e-4: with that
this reduced tree bursts and its spikes depend on the time step.
"""

import math
from collections.abc import Callable

from neurojoule.cells.cell import Cell, Drive, Region, Section, Synapses, TreeDrive
from neurojoule.cells.compartments import distances_um

Biophysics = Callable[[Region, float], dict[str, float]]
"""Densities in S/cm2 by channel, for a region at a distance in um from the soma."""

CALCIUM_ZONE_UM = (550.0, 720.0)

CAPACITANCE_UF_CM2: dict[Region, float] = {
    "soma": 1.0,
    "axon": 1.0,
    "basal": 2.0,
    "apical": 2.0,
    "oblique": 2.0,
}


def biophysics(region: Region, distance_um: float) -> dict[str, float]:
    """Hay's channels, as used on the reduced tree."""
    match region:
        case "soma":
            return {
                "pas": 3.4e-5,
                "NaTs2_t": 1.0,
                "SKv3_1": 0.338,
                "Im": 8e-6,
                "Ih": 7.5e-5,
                "Ca_HVA": 6.44e-4,
                "Ca_LVAst": 5.57e-4,
                "SK_E2": 0.0997,
            }
        case "axon":
            return {"pas": 3e-5, "NaTa_t": 3.9, "SKv3_1": 0.474, "Im": 0.0133, "Ih": 5e-5}
        case "basal":
            return {"pas": 6e-5, "Ih": 5e-5}
        case "apical" | "oblique":
            low, high = CALCIUM_ZONE_UM
            zone = region == "apical" and low < distance_um < high
            slope = -0.8696 + 2.087 * math.exp(3.6161 * min(distance_um, 650.0) / 1000)
            return {
                "pas": 6e-5,
                "NaTs2_t": 0.0215,
                "SKv3_1": 0.0018,
                "Im": 9.9e-4,
                "Ih": 1e-4 * slope,
                "Ca_HVA": 2.1e-4,
                "Ca_LVAst": 0.01 if zone else 0.00142,
            }


def with_channels(sections: tuple[Section, ...], rule: Biophysics) -> tuple[Section, ...]:
    """The same tree with the densities that `rule` gives for every segment."""
    distance = distances_um(sections)
    furnished = []
    for section in sections:
        rows = [rule(section.region, d) for d in distance[section.name]]
        densities = {name: tuple(row[name] for row in rows) for name in rows[0]}
        furnished.append(
            Section(
                section.name,
                section.region,
                section.length_um,
                section.diameter_um,
                section.segments,
                section.parent,
                section.capacitance_uf_cm2,
                densities,
            )
        )
    return tuple(furnished)


def tree() -> tuple[Section, ...]:
    """The reduced morphology, without channels."""
    sections: list[Section] = []

    def add(name: str, region: Region, size: tuple[float, float, int], parent: str | None) -> str:
        sections.append(Section(name, region, *size, parent, CAPACITANCE_UF_CM2[region]))
        return name

    add("soma", "soma", (23, 23, 1), None)
    add("axon 1", "axon", (30, 1.2, 1), "soma")
    add("axon 2", "axon", (30, 1.0, 1), "axon 1")
    below = "soma"
    for k, (width, obliques) in enumerate(zip((5.5, 4.5, 3.5, 2.8), (3, 3, 2, 0), strict=True), 1):
        below = add(f"trunk {k}", "apical", (150, width, 3), below)
        for j in range(1, obliques + 1):
            add(f"oblique {k}.{j}", "oblique", (160, 0.9, 4), below)
    for i in (1, 2):
        thick = add(f"tuft {i}", "apical", (80, 2.0, 2), below)
        for j in (1, 2):
            middle = add(f"tuft {i}.{j}", "apical", (100, 1.2, 2), thick)
            for k in (1, 2):
                add(f"tuft {i}.{j}.{k}", "apical", (160, 0.8, 4), middle)
    for i in range(1, 9):
        stem = add(f"basal {i}", "basal", (40, 1.6, 1), "soma")
        for j in (1, 2):
            add(f"basal {i}.{j}", "basal", (160, 0.9, 4), stem)
    return tuple(sections)


NMDA_DRIVE = Drive(TreeDrive((0, 400), (-300, 100)), TreeDrive((0, 400), (-300, 100)))
AMPA_DRIVE = Drive(TreeDrive((0, 950), (-825, 75)), TreeDrive((0, 1000), (-825, 75)))


def l5_nmda() -> Cell:
    """Dendrites and NMDA: published to need a deep network."""
    synapses = Synapses(ampa_us=4e-4, nmda_us=12e-4, gaba_us=1e-3)
    return Cell("l5_nmda", with_channels(tree(), biophysics), synapses, NMDA_DRIVE)


def l5_ampa() -> Cell:
    """The same dendrites without NMDA: published to be met by a shallow network."""
    synapses = Synapses(ampa_us=8e-4, nmda_us=0.0, gaba_us=1e-3)
    return Cell("l5_ampa", with_channels(tree(), biophysics), synapses, AMPA_DRIVE)
