"""The cells by name, and each without one of its parts."""

import numpy as np
import pytest

from neurojoule.cells import ABLATIONS, get_cell, inputs, names, simulate
from neurojoule.cells.compartments import compartments
from neurojoule.errors import UnknownNameError, UserError
from neurojoule.tasks import neuron


@pytest.fixture(scope="module")
def heard():
    return np.stack([inputs(get_cell("l5_nmda"), 2000, seed=11, index=k) for k in range(32)])


@pytest.fixture(scope="module")
def rates(heard):
    """Output rates in Hz on the same input, without the first 500 ms."""
    cells = ["l5_nmda", "lif", *(f"l5_nmda-{a}" for a in ABLATIONS if a != "half_branches")]
    return {
        name: simulate(get_cell(name), heard, 0.1).spikes[:, 500:].mean() * 1000 for name in cells
    }


def test_a_cell_and_its_ablation_can_be_said_in_one_word():
    assert get_cell("l5_nmda-no_calcium") == get_cell("l5_nmda", "no_calcium")
    assert get_cell("l5_ampa", "no_calcium").name == "l5_ampa-no_calcium"


def test_an_unknown_cell_or_ablation_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="l5_nmda"):
        get_cell("l5_nmd")
    with pytest.raises(UnknownNameError, match="no_nmda"):
        get_cell("l5_nmda", "no_nmd")


def test_a_point_neuron_has_no_part_to_lose():
    with pytest.raises(UserError, match="has no dendrites"):
        get_cell("lif", "passive_dendrites")


def test_all_three_cells_fire_at_about_the_rates_they_are_made_for(rates):
    # 32 x 1.5 s a cell: one standard error is about 0.3 Hz. docs/neuron.md has the long runs.
    assert names() == ("lif", "l5_ampa", "l5_nmda")
    assert rates["l5_nmda"] == pytest.approx(2.1, abs=0.9)
    assert rates["lif"] == pytest.approx(1.1, abs=0.8)
    ampa = get_cell("l5_ampa")
    own = np.stack([inputs(ampa, 1500, seed=12, index=k) for k in range(32)])
    assert simulate(ampa, own, 0.1).spikes[:, 500:].mean() * 1000 == pytest.approx(3.2, abs=1.3)


@pytest.mark.parametrize("ablation", ["no_nmda_matched", "passive_dendrites", "no_calcium"])
def test_chance_on_an_ablated_cell_goes_by_about_its_own_rate(rates, ablation):
    said_hz, _ = neuron.CELLS[f"l5_nmda-{ablation}"]
    assert rates[f"l5_nmda-{ablation}"] == pytest.approx(said_hz, rel=0.4)


def test_without_nmda_the_same_input_leaves_the_cell_almost_silent(rates):
    assert rates["l5_nmda-no_nmda"] < 0.1 * rates["l5_nmda"]


def test_more_ampa_gives_the_output_rate_back(rates):
    assert rates["l5_nmda-no_nmda_matched"] == pytest.approx(rates["l5_nmda"], rel=0.35)
    cell = get_cell("l5_nmda-no_nmda_matched")
    assert cell.synapses.nmda_us == 0
    assert cell.drive == get_cell("l5_nmda").drive


def test_without_calcium_the_brake_of_sk_is_gone(rates):
    assert rates["l5_nmda-no_calcium"] > 1.5 * rates["l5_nmda"]
    names_left = {name for _, name, _ in compartments(get_cell("l5_nmda-no_calcium")).channels}
    assert not {"Ca_HVA", "Ca_LVAst"} & names_left


def test_passive_dendrites_keep_only_their_leak():
    tree = compartments(get_cell("l5_nmda-passive_dendrites"))
    dendritic = set(tree.dendritic.tolist())
    assert {name for i, name, _ in tree.channels if i in dendritic} == {"pas"}
    assert {name for i, name, _ in tree.channels if i not in dendritic} > {"NaTs2_t", "SK_E2"}


def test_half_the_branches_keep_their_share_of_synapses_and_input():
    whole, half = get_cell("l5_nmda"), get_cell("l5_nmda-half_branches")
    # 4 of 8 basal trees (9 each), trunk (12), 4 of 8 obliques (4 each), half the tuft (22).
    assert len(compartments(half).dendritic) == 4 * 9 + 12 + 4 * 4 + 22
    assert half.drive.basal.excitation[1] == pytest.approx(whole.drive.basal.excitation[1] / 2)
    bits = np.stack([inputs(half, 3000, 3, k) for k in range(40)])
    on = np.unpackbits(bits, axis=2, count=172)[..., :86]
    assert on.mean() * 1000 == pytest.approx(24, rel=0.1)


def test_an_ablation_changes_nothing_of_the_input(heard):
    cell = get_cell("l5_nmda-no_nmda")
    assert np.array_equal(inputs(cell, 2000, seed=11, index=4), heard[4])
