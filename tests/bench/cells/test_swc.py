"""SWC files: a tree of points becomes a cell, or an error with a name."""

import math
from dataclasses import replace

import numpy as np
import pytest

from neurojoule.cells import (
    biophysics,
    dataset_of,
    get_cell,
    inputs,
    read_swc,
    simulate,
    with_channels,
)
from neurojoule.cells.errors import LoopError, MissingSomaError, OrphanError, SwcError

GOOD = """# id type x y z radius parent
1 1 0 0 0 10 -1
2 3 0 10 0 1 1
3 3 0 60 0 1 2
4 3 30 100 0 0.5 3   # a fork
5 3 -30 100 0 0.5 3
6 4 0 -10 0 2 1
7 4 0 -110 0 2 6
8 2 10 0 0 0.5 1
9 2 30 0 0 0.5 8
"""


def written(tmp_path, text):
    path = tmp_path / "cell.swc"
    path.write_text(text)
    return path


def test_runs_of_points_become_sections_with_their_length_and_area(tmp_path):
    sections = {s.name: s for s in read_swc(written(tmp_path, GOOD))}
    assert set(sections) == {"soma", "basal 3", "basal 4", "basal 5", "apical 7", "axon 9"}
    stem = sections["basal 3"]
    assert (stem.length_um, stem.diameter_um, stem.parent) == (50, 2, "soma")
    assert stem.segments == 2  # of at most 40 um
    tip = sections["basal 4"]
    assert (tip.length_um, tip.diameter_um, tip.parent) == (50, 1, "basal 3")
    assert sections["apical 7"].region == "apical"


def test_a_soma_of_one_point_has_the_area_of_its_sphere(tmp_path):
    soma = read_swc(written(tmp_path, GOOD))[0]
    assert math.pi * soma.diameter_um * soma.length_um == pytest.approx(4 * math.pi * 100)


def test_a_soma_of_three_points_has_the_same_area(tmp_path):
    # NeuroMorpho's convention: two more points at one radius above and below.
    three = "1 1 0 0 0 10 -1\n10 1 0 -10 0 10 1\n11 1 0 10 0 10 1\n"
    soma = read_swc(written(tmp_path, GOOD.replace("1 1 0 0 0 10 -1\n", three, 1)))[0]
    assert math.pi * soma.diameter_um * soma.length_um == pytest.approx(4 * math.pi * 100)


def test_a_cone_keeps_its_membrane_area(tmp_path):
    text = "1 1 0 0 0 10 -1\n2 3 0 10 0 3 1\n3 3 0 14 0 0 2\n".replace("14 0 0", "14 0 1e-9")
    cone = read_swc(written(tmp_path, text))[1]
    assert math.pi * cone.diameter_um * cone.length_um == pytest.approx(math.pi * 3 * 5)


def test_a_cell_from_a_file_can_be_driven_like_any_other(tmp_path):
    whole = get_cell("l5_nmda")
    sections = with_channels(read_swc(written(tmp_path, GOOD)), biophysics)
    cell = replace(whole, name="mine", sections=sections)
    bits = np.stack([inputs(cell, 1000, 0, k) for k in range(2)])
    traces = simulate(cell, bits)
    assert np.all(np.isfinite(traces.soma_mv))
    assert traces.soma_mv.std() > 0.1
    data = dataset_of(cell, simulations=2, seconds=1, seed=0, cache_folder=tmp_path)
    assert np.array_equal(data.input_bits(slice(None)), bits)
    expected = pytest.approx(np.minimum(traces.soma_mv, -55), abs=0.07)
    assert data.soma_mv(slice(None)) == expected


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("2 3 0 10 0 1 1", "2 3 0 10 0 1 3", LoopError, "lead back"),
        ("4 3 30 100 0 0.5 3", "4 3 30 100 0 0.5 77", OrphanError, "parent 77"),
        ("1 1 0 0 0 10 -1", "1 3 0 0 0 10 -1", MissingSomaError, "no point of type 1"),
        ("6 4 0 -10 0 2 1", "6 4 0 -10 0 2 -1", MissingSomaError, "is no soma"),
        ("2 3 0 10 0 1 1", "2 3 0 ten 0 1 1", SwcError, "line 3"),
        ("2 3 0 10 0 1 1", "2 3 0 10 0 1", SwcError, "seven numbers"),
        ("3 3 0 60 0 1 2", "2 3 0 60 0 1 2", SwcError, "second time"),
        ("3 3 0 60 0 1 2", "3 9 0 60 0 1 2", SwcError, "type 9"),
        ("3 3 0 60 0 1 2", "3 3 0 60 0 0 2", SwcError, "radius"),
        ("7 4 0 -110 0 2 6", "7 4 0 -10 0 2 6", SwcError, "one place"),
        ("3 3 0 60 0 1 2", "3 3 0 nan 0 1 2", SwcError, "nan"),
        ("8 2 10 0 0 0.5 1", "8 1 10 0 0 0.5 -1", SwcError, "one root"),
        ("3 3 0 60 0 1 2", "3 1 0 60 0 1 2", SwcError, "one piece"),
    ],
    ids=lambda x: x if isinstance(x, str) and " " not in x else "",
)
def test_a_wrong_file_is_answered_with_a_named_error(tmp_path, old, new, error, says):
    assert old in GOOD
    with pytest.raises(error, match=says):
        read_swc(written(tmp_path, GOOD.replace(old, new)))


def test_an_absent_or_empty_file_is_named(tmp_path):
    with pytest.raises(SwcError, match="no file"):
        read_swc(tmp_path / "nothing.swc")
    with pytest.raises(MissingSomaError):
        read_swc(written(tmp_path, "# nothing\n"))
