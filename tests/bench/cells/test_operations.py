"""Operations of the solver against a count by hand."""

import pytest

from neurojoule.cells import Cell, Section, get_cell
from neurojoule.cells.operations import operations_per_ms, operations_per_step

SOMA = Section("soma", "soma", 20, 20, 1, None, 1.0, {"pas": 1e-4, "Im": 1e-4})


def test_a_soma_with_a_leak_and_one_gate_is_counted_by_hand():
    whole = get_cell("l5_nmda")
    cell = Cell("one", (SOMA,), whole.synapses, whole.drive)
    # Look-up 3, leak 4, gate 7 + product 1 + current 4, axial and Hines 15, checks 3.
    assert operations_per_step(cell) == 3 + 4 + 12 + 15 + 3


def test_the_reduced_cell_costs_what_the_prototype_was_counted_at():
    # 18.5 kFLOP a step by an independent count of the prototype.
    assert operations_per_step(get_cell("l5_nmda")) == pytest.approx(18_500, rel=0.05)


def test_without_nmda_a_step_is_cheaper_by_its_receptors():
    nmda, ampa = (operations_per_step(get_cell(name)) for name in ("l5_nmda", "l5_ampa"))
    assert nmda - ampa == 160 * 15


def test_a_ms_has_as_many_steps_as_fit_into_it():
    cell = get_cell("l5_nmda")
    assert operations_per_ms(cell, 0.05) == 20 * operations_per_step(cell)


def test_a_ms_of_the_point_neuron_is_its_synapses_and_eight_operations():
    # 320 multiply-adds; I += drive; v = rest + (v - rest) m + I g; I *= s; v >= threshold.
    assert operations_per_ms(get_cell("lif"), 0.05) == 2 * 320 + 1 + 5 + 1 + 1
