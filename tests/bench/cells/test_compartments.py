"""A cell as data: what it is cut into, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from neurojoule.cells import Cell, Section, get_cell
from neurojoule.cells.compartments import compartments, ordered
from neurojoule.cells.errors import (
    CellError,
    LoopError,
    MissingSomaError,
    OrphanError,
    UnknownChannelError,
)

LEAK = {"pas": 3e-5}
SOMA = Section("soma", "soma", 20, 20, 1, None, 1.0, LEAK)
DENDRITE = Section("d", "basal", 200, 1, 2, "soma", 2.0, LEAK)


def a_cell(*sections):
    whole = get_cell("l5_nmda")
    return Cell("test", sections, whole.synapses, whole.drive)


def test_the_reduced_cell_has_163_compartments_and_160_pairs_of_synapses():
    tree = compartments(get_cell("l5_nmda"))
    assert len(tree.parent) == 163
    assert len(tree.dendritic) == 160
    assert tree.tree.count("basal") == 8 * (1 + 8)


def test_every_parent_comes_before_its_children():
    tree = compartments(get_cell("l5_nmda"))
    assert tree.parent[0] == -1
    assert np.all(tree.parent[1:] < np.arange(1, 163))


def test_areas_capacitances_and_axial_conductances_are_those_computed_by_hand():
    tree = compartments(a_cell(SOMA, DENDRITE))
    assert tree.area_um2 == pytest.approx([math.pi * 400, math.pi * 100, math.pi * 100])
    # 1 uF/cm2 of 1256.6 um2 is 12.566 pF.
    assert tree.capacitance_nf == pytest.approx([0.0125664, 0.0062832, 0.0062832], rel=1e-4)
    # 100 um of 1 um width at 100 ohm cm: 1e-2 cm x 100 ohm cm / 7.854e-9 cm2 = 127.3 Mohm.
    assert 1 / tree.axial_us[1:] == pytest.approx([127.324 / 2, 127.324], rel=1e-5)
    # 3e-5 S/cm2 of 314.16 um2 is 94.2 pS.
    assert tree.channels[1] == (1, "pas", pytest.approx(9.4248e-5, rel=1e-4))


def test_distance_runs_from_the_soma_to_the_middle_of_each_segment():
    tree = compartments(a_cell(SOMA, DENDRITE, replace(DENDRITE, name="e", parent="d")))
    assert list(tree.distance_um) == [0, 50, 150, 200, 300]


def test_the_calcium_zone_lies_between_550_and_720_um_of_trunk_and_tuft():
    cell = get_cell("l5_nmda")
    tree = compartments(cell)
    for i, name, conductance in tree.channels:
        if name == "Ca_LVAst" and tree.region[i] in {"apical", "oblique"}:
            density = 100 * conductance / tree.area_um2[i]
            hot = tree.region[i] == "apical" and 550 < tree.distance_um[i] < 720
            assert density == pytest.approx(0.01 if hot else 0.00142)


def test_sections_may_come_in_any_order():
    names = [s.name for s in ordered((replace(DENDRITE, name="e", parent="d"), DENDRITE, SOMA))]
    assert names == ["soma", "d", "e"]


def test_a_loop_is_named_with_its_sections():
    one = replace(DENDRITE, name="one", parent="two")
    two = replace(DENDRITE, name="two", parent="one")
    with pytest.raises(LoopError, match="one -> two -> one"):
        compartments(a_cell(SOMA, one, two))


def test_an_orphan_is_named_with_its_missing_parent():
    with pytest.raises(OrphanError, match="'d' has the parent 'nowhere'"):
        compartments(a_cell(SOMA, replace(DENDRITE, parent="nowhere")))


@pytest.mark.parametrize(
    "sections",
    [(), (replace(DENDRITE, parent=None),), (SOMA, replace(SOMA, name="another"))],
    ids=["nothing", "a dendrite as root", "two roots"],
)
def test_a_missing_or_second_soma_is_refused(sections):
    with pytest.raises(MissingSomaError):
        compartments(a_cell(*sections))


def test_an_unknown_channel_is_named_with_the_nearest_one():
    with pytest.raises(UnknownChannelError, match=r"'NaTs'. Did you mean 'NaTs2_t'"):
        compartments(a_cell(SOMA, replace(DENDRITE, densities={"NaTs": 0.1})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"diameter_um": 0},
        {"length_um": -1},
        {"length_um": math.nan},
        {"capacitance_uf_cm2": math.inf},
        {"segments": 0},
        {"densities": {"pas": -1.0}},
        {"densities": {"pas": (1e-5, 1e-5, 1e-5)}},
        {"densities": {"pas": math.nan}},
    ],
    ids=str,
)
def test_a_size_or_density_that_is_none_is_refused(wrong):
    with pytest.raises(CellError, match="'d'"):
        compartments(a_cell(SOMA, replace(DENDRITE, **wrong)))


@pytest.mark.parametrize("resistivity", [0.0, -100.0, math.nan])
def test_an_axial_resistivity_that_is_none_is_refused(resistivity):
    cell = replace(a_cell(SOMA, DENDRITE), axial_resistivity_ohm_cm=resistivity)
    with pytest.raises(CellError, match="resistivity"):
        compartments(cell)


def test_a_name_given_twice_is_refused():
    with pytest.raises(CellError, match="called 'd'"):
        compartments(a_cell(SOMA, DENDRITE, DENDRITE))
