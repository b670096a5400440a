"""The cache: whole or made again, resumable, independent of who made it."""

import numpy as np
import pytest

from neurojoule.cells import data, dataset, get_cell, inputs, simulate
from neurojoule.errors import UnknownNameError, UserError


def made(folder, simulations=40, **changes):
    asked = {"seconds": 1, "seed": 0, "workers": 2} | changes
    return dataset("lif", simulations=simulations, cache_folder=folder, **asked)


def files(folder):
    return sorted(folder.rglob("*.cells"))


@pytest.fixture
def calls(monkeypatch):
    """How many shards were simulated, by their first simulation."""
    seen = []
    simulated = data._simulated

    def counted(cell, indices, *rest):
        seen.append(indices.start)
        return simulated(cell, indices, *rest)

    monkeypatch.setattr(data, "_simulated", counted)
    return seen


def test_a_data_set_holds_the_input_the_spikes_and_the_clipped_voltage(tmp_path):
    cell = get_cell("lif")
    found = made(tmp_path)
    bits = np.stack([inputs(cell, 1000, 0, k) for k in range(40)])
    traces = simulate(cell, bits)
    assert np.array_equal(found.input_bits(slice(None)), bits)
    assert np.array_equal(found.spikes(slice(None)), traces.spikes)
    assert found.soma_mv(slice(None)) == pytest.approx(np.minimum(traces.soma_mv, -55), abs=0.07)
    assert found.rate_hz == pytest.approx(traces.rate_hz)
    assert found.synapses == 320


def test_slices_cross_the_borders_of_shards(tmp_path):
    found = made(tmp_path)
    whole = found.input_bits(slice(None))
    assert np.array_equal(found.input_bits(slice(30, 35), slice(100, 200)), whole[30:35, 100:200])
    assert found.spikes(slice(33, 40), slice(5)).shape == (7, 5)
    assert found.unpacked(whole[:1, :3]).shape == (1, 3, 320)
    with pytest.raises(UserError, match="no forward slice"):
        found.spikes(slice(10, 10))


def test_what_is_cached_is_not_simulated_again(tmp_path, calls):
    first = made(tmp_path).input_bits(slice(None))
    assert sorted(calls) == [0, 32]
    second = made(tmp_path).input_bits(slice(None))
    assert sorted(calls) == [0, 32]
    assert np.array_equal(first, second)


def test_a_larger_data_set_begins_with_the_smaller_one(tmp_path, calls):
    small = made(tmp_path, 32)
    large = made(tmp_path, 64)
    assert calls == [0, 32]
    assert np.array_equal(large.input_bits(slice(0, 32)), small.input_bits(slice(None)))


def test_a_shard_does_not_depend_on_the_number_of_workers(tmp_path):
    made(tmp_path / "one", workers=1)
    made(tmp_path / "three", workers=3)
    alone, together = ([f.read_bytes() for f in files(tmp_path / n)] for n in ("one", "three"))
    assert alone == together


def test_another_seed_duration_or_cell_is_another_entry(tmp_path):
    for change in ({}, {"seed": 1}, {"seconds": 2}):
        made(tmp_path, 2, **change)
    assert len(files(tmp_path)) == 3
    nmda, without = get_cell("l5_nmda"), get_cell("l5_nmda", "no_nmda")
    assert data.cache_key(nmda, 1, 0, 0.05) != data.cache_key(without, 1, 0, 0.05)
    assert data.cache_key(nmda, 1, 0, 0.05) != data.cache_key(nmda, 1, 0, 0.1)


def test_another_version_of_the_generator_is_another_entry(tmp_path, monkeypatch):
    made(tmp_path, 2)
    monkeypatch.setattr(data, "GENERATOR_VERSION", data.GENERATOR_VERSION + 1)
    made(tmp_path, 2)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-1],
        lambda b: b[:100],
        lambda b: b[:9000] + bytes([b[9000] ^ 1]) + b[9001:],
        lambda b: b.replace(b'"count":32', b'"count":33'),
        lambda b: b.replace(b'"synapses":320', b'"synapses":319'),  # as many bytes
        lambda _: b"",
        lambda b: b"another format\n" + b,
    ],
    ids=[
        "one byte short",
        "cut off",
        "a flipped bit",
        "a false count",
        "a false width",
        "empty",
        "foreign",
    ],
)
def test_a_damaged_shard_is_made_again_and_never_read(tmp_path, calls, damage):
    made(tmp_path)
    path = files(tmp_path)[0]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    again = made(tmp_path)
    assert calls.count(0) == 2
    assert path.read_bytes() == whole
    assert again.rate_hz > 0


def test_an_interrupted_call_goes_on_where_it_stopped(tmp_path, calls):
    def stop(done, of):
        raise KeyboardInterrupt(done, of)

    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, 96, workers=1, progress=stop)
    left = len(files(tmp_path))
    assert 1 <= left < 3
    seen = []
    made(tmp_path, 96, workers=1, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert sorted(calls) == [0, 32, 64]


def test_no_temporary_file_is_left(tmp_path):
    made(tmp_path)
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".cells"}


def test_a_biophysical_cell_is_cached_as_its_solver_gives_it(tmp_path):
    found = dataset("l5_ampa", simulations=3, seconds=1, seed=4, cache_folder=tmp_path, dt_ms=0.1)
    cell = get_cell("l5_ampa")
    bits = np.stack([inputs(cell, 1000, 4, k) for k in range(3)])
    traces = simulate(cell, bits, 0.1)
    assert np.array_equal(found.spikes(slice(None)), traces.spikes)
    assert found.soma_mv(slice(None)) == pytest.approx(np.minimum(traces.soma_mv, -55), abs=0.04)


def test_an_unknown_cell_or_an_empty_request_is_refused(tmp_path):
    with pytest.raises(UnknownNameError):
        dataset("l6", simulations=1, seconds=1, seed=0, cache_folder=tmp_path)
    with pytest.raises(UserError, match="1 or more"):
        made(tmp_path, 0)
