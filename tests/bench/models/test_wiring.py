"""Receptive fields: where the synapses of a dendrite lie."""

import pytest
import torch

from neurojoule.errors import UnknownNameError, UserError
from neurojoule.models.wiring import covering_inputs, random_inputs, receptive_fields, rings

GRID = (28, 28)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def place(index):
    return torch.stack((index // 28, index % 28), -1)


def spread(index):
    """Largest Chebyshev distance within each row of an index into the 28 x 28 grid."""
    at = place(index).float()
    return (at.amax(1) - at.amin(1)).amax(1)


@pytest.mark.parametrize("fields", ["random", "local", "global"])
def test_every_dendrite_has_exactly_k_different_inputs(fields):
    index = receptive_fields(fields, GRID, somata=20, dendrites=5, synapses=16)
    assert index.shape == (100, 16)
    assert index.min() >= 0
    assert index.max() < 784
    assert all(len(set(row)) == 16 for row in index.tolist())


def test_local_synapses_fill_the_3_by_3_then_the_next_ring():
    # From the middle, 16 synapses are the whole 3 x 3 and 7 of the 16 inputs around it.
    index = receptive_fields("local", GRID, somata=200, dendrites=1, synapses=16)
    inner = [row for row in place(index) if (row.amin(0) > 2).all() and (row.amax(0) < 25).all()]
    assert len(inner) > 50
    for row in inner:
        low, high = row.amin(0), row.amax(0)
        cells = {tuple(cell) for cell in row.tolist()}
        assert (high - low).max() <= 4
        assert any(
            {(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} <= cells for r, c in cells
        )


def test_few_local_synapses_are_drawn_from_the_3_by_3():
    index = receptive_fields("local", GRID, somata=100, dendrites=1, synapses=5)
    assert spread(index).max() <= 2
    assert len({tuple(sorted(row)) for row in index.tolist()}) > 90


def test_a_corner_reaches_outwards_until_it_has_enough():
    ring = rings(GRID)[0]  # around the upper left corner
    counts = [int((ring == r).sum()) for r in (1, 2, 3)]
    assert counts == [4, 5, 7]  # 2 x 2, then L-shaped rings
    index = receptive_fields("local", GRID, somata=500, dendrites=1, synapses=16)
    assert spread(index).max() <= 6  # nowhere more than the third ring


def test_dendrites_of_one_soma_lie_together_with_global_fields_only():
    somata, dendrites = 50, 4
    within = {}
    for fields in ("random", "local", "global"):
        index = receptive_fields(fields, GRID, somata, dendrites, synapses=5)
        centre = place(index).float().mean(1).view(somata, dendrites, 2)
        within[fields] = float((centre.amax(1) - centre.amin(1)).amax(1).mean())
    assert within["global"] < 3 < within["local"]
    assert spread(receptive_fields("random", GRID, 50, 4, 5)).mean() > 10


def test_the_dendrites_of_a_soma_have_different_centres():
    # With one synapse a dendrite reads one of the 3 x 3; 9 different centres reach beyond it.
    index = receptive_fields("global", GRID, somata=30, dendrites=9, synapses=5).view(30, 45)
    assert (spread(index) > 2).all()


def test_a_row_of_points_has_neighbours_to_both_sides():
    index = receptive_fields("local", (40,), somata=100, dendrites=1, synapses=7)
    width = index.amax(1) - index.amin(1)
    middle = (index.amin(1) > 0) & (index.amax(1) < 39)
    assert (width[middle] == 6).all()


def test_channels_of_an_image_lie_at_the_same_place():
    ring = rings((3, 4, 4)).view(3, 4, 4, 3, 4, 4)
    assert (ring[0, 1, 1, :, 1, 1] == 1).all()
    assert (ring[0, 0, 0, :, 0, 3] == 3).all()


def test_random_inputs_are_all_equally_likely():
    counts = random_inputs(4000, 5, 20).flatten().bincount(minlength=20).float()
    # 1000 each, binomial: 5 standard deviations are 137.
    assert (counts - 1000).abs().max() < 137


def test_covering_inputs_leave_none_out_and_none_twice_in_a_unit():
    for units, synapses, inputs in ((50, 3, 50), (64, 16, 40), (7, 7, 7)):
        index = covering_inputs(units, synapses, inputs)
        assert set(index.flatten().tolist()) == set(range(inputs))
        assert all(len(set(row)) == synapses for row in index.tolist())


def test_more_dendrites_than_the_chunk_are_drawn_alike():
    index = receptive_fields("local", (8, 8), somata=600, dendrites=4, synapses=9)
    assert index.shape == (2400, 9)
    assert len({tuple(sorted(row)) for row in index[2048:].tolist()}) > 60


def test_fields_that_cannot_be_told_from_random_ones_are_refused():
    with pytest.raises(UserError, match="would be fields='random'"):
        receptive_fields("local", (2,), somata=3, dendrites=2, synapses=2)
    with pytest.raises(UserError, match="30 dendrites need as many different centres"):
        receptive_fields("global", (20,), somata=3, dendrites=30, synapses=2)
    with pytest.raises(UnknownNameError, match="local"):
        receptive_fields("locale", (20,), somata=3, dendrites=3, synapses=2)
