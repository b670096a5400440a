"""The published files: read without running them, converted once, refused by name."""

import os
import pickle

import numpy as np
import pytest

from neurojoule.cells import neuron_io
from neurojoule.cells.errors import PublishedFileError
from neurojoule.cells.restricted import as_array, read_pickle
from neurojoule.errors import UserError
from published import SEGMENTS, content, python2


def python3(value):
    return pickle.dumps(value, protocol=4)


@pytest.fixture(
    params=[python2, python3, lambda x: pickle.dumps(x, protocol=5)], ids=["2", "3", "5"]
)
def written(request, tmp_path):
    path = tmp_path / "sim__saved_InputSpikes_DVTs__811_outSpikes__3_simulationRuns.p"
    path.write_bytes(request.param(content()))
    return path


def put(tmp_path, value, name="file.p"):
    path = tmp_path / name
    path.write_bytes(value if isinstance(value, bytes) else python3(value))
    return path


def test_a_python_2_pickle_of_the_test_is_really_one():
    raw = python2(content())
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in raw
    assert pickle.BINUNICODE + b"\x06\x00\x00\x00Params" not in raw
    assert "Params" in pickle.loads(raw, encoding="latin1")


def test_a_published_file_becomes_a_data_set(written, tmp_path):
    found = neuron_io([written], cache_folder=tmp_path / "cache")
    expected = content()["Results"]["listOfSingleSimulationDicts"]
    assert (found.simulations, found.duration_ms, found.synapses) == (3, 1000, 22)
    on = found.unpacked(found.input_bits(slice(None)))
    for k, one in enumerate(expected):
        for segment in range(SEGMENTS):
            excitatory, inhibitory = on[k, :, segment], on[k, :, SEGMENTS + segment]
            assert np.flatnonzero(excitatory).tolist() == one["exInputSpikeTimes"][segment]
            assert np.flatnonzero(inhibitory).tolist() == one["inhInputSpikeTimes"][segment]
        voltage = np.minimum(one["somaVoltageLowRes"], -55)
        assert found.soma_mv(slice(k, k + 1))[0] == pytest.approx(voltage, abs=0.07)


def test_an_output_spike_falls_into_the_bin_of_the_authors_own_code(written, tmp_path):
    spikes = neuron_io([written], cache_folder=tmp_path / "cache").spikes(slice(None))
    # At 100.625, 250 and 999.5 ms, which is what float16 leaves of the times.
    assert np.flatnonzero(spikes[0]).tolist() == [100, 249, 999]


def test_a_file_is_converted_once_and_again_when_it_has_changed(written, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = neuron_io([written], cache_folder=cache).input_bits(slice(None))
    with monkeypatch.context() as patch:
        patch.setattr("neurojoule.cells.published.read_pickle", None)
        assert np.array_equal(
            neuron_io([written], cache_folder=cache).input_bits(slice(None)), first
        )
    written.write_bytes(python3(content(seed=1)))
    os.utime(written, ns=(1, 1))
    changed = neuron_io([written], cache_folder=cache).input_bits(slice(None))
    assert not np.array_equal(changed, first)


def test_a_damaged_conversion_is_made_again(written, tmp_path):
    cache = tmp_path / "cache"
    whole = neuron_io([written], cache_folder=cache).input_bits(slice(None)).copy()
    (shard,) = cache.rglob("*.cells")
    raw = bytearray(shard.read_bytes())
    raw[700] ^= 1
    shard.write_bytes(raw)
    assert np.array_equal(neuron_io([written], cache_folder=cache).input_bits(slice(None)), whole)


def test_several_files_follow_one_another(tmp_path):
    paths = [put(tmp_path, content(2, seed), f"{seed}.p") for seed in (0, 1)]
    seen = []
    found = neuron_io(
        paths, cache_folder=tmp_path / "cache", progress=lambda *done: seen.append(done)
    )
    assert found.simulations == 4
    assert seen == [(1, 2), (2, 2)]
    assert found.input_bits(slice(1, 3)).shape == (2, 1000, 3)


class Hostile:
    """What a pickle from the internet may hold."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_hostile_pickle_is_refused_by_name_and_never_run(tmp_path, protocol):
    marker = tmp_path / "run"
    dangerous = content() | {"more": Hostile(marker)}
    path = put(tmp_path, pickle.dumps(dangerous, protocol=protocol))
    with pytest.raises(PublishedFileError, match=r"file\.p is refused: it asks for posix\.mkdir"):
        neuron_io([path], cache_folder=tmp_path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists()  # it was dangerous indeed


WRONG_ARRAY = (
    b"cnumpy.core.multiarray\n_reconstruct\n(tR(I1\n(I9\ntcnumpy\ndtype\n(S'f8'\ntR"
    b"I00\nS'12345678'\ntb."
)
"""Nine numbers in eight bytes."""


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "eval"),
        (b"cnumpy\nload\n(S'x'\ntR.", "numpy.load"),
        (b"cnumpy.core.multiarray\nfromfile\n.", "multiarray.fromfile"),
        (b"cneurojoule.cells.restricted\nread_pickle\n.", "neurojoule"),
        (b"Pelsewhere\n.", "outside the file"),
        (b"cnumpy\ndtype\n(S'O8'\ntR.", "O8"),
        (b"cnumpy\ndtype\n(S'f8'\ntR(I3\nS'x'\ntb.", "byte order"),
        (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "rot13"),
        (WRONG_ARRAY, "do not agree"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_nothing_but_containers_and_arrays_of_numbers_is_admitted(tmp_path, raw, says):
    with pytest.raises(PublishedFileError, match=says):
        read_pickle(put(tmp_path, raw))


def test_a_stand_in_altered_by_one_pickle_is_whole_for_the_next(tmp_path):
    # BUILD may set attributes on what a name stands for; the next pickle gets a fresh one.
    alter = b"cnumpy\ndtype\n(N}S'func'\nNstb."
    with pytest.raises(PublishedFileError):
        read_pickle(put(tmp_path, alter))
    good = read_pickle(put(tmp_path, np.arange(3.0), "good.p"))
    assert as_array(good, "it").tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", [python2, python3])
def test_a_truncated_file_is_named_wherever_it_ends(tmp_path, kind):
    whole = kind(content(1))
    for end in np.linspace(0, len(whole) - 1, 60).astype(int):
        with pytest.raises(PublishedFileError, match=r"file\.p is (truncated|refused)"):
            read_pickle(put(tmp_path, whole[:end]))


def without(path):
    value = content(1)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return value


@pytest.mark.parametrize(
    "path",
    [
        ("Params",),
        ("Params", "allSegmentsType"),
        ("Params", "totalSimDurationInSec"),
        ("Results", "listOfSingleSimulationDicts"),
        *(
            ("Results", "listOfSingleSimulationDicts", 0, key)
            for key in (
                "exInputSpikeTimes",
                "inhInputSpikeTimes",
                "outputSpikeTimes",
                "somaVoltageLowRes",
            )
        ),
    ],
    ids=lambda path: str(path[-1]),
)
def test_a_missing_part_is_named(tmp_path, path):
    with pytest.raises(PublishedFileError, match=f"no entry '{path[-1]}'"):
        neuron_io([put(tmp_path, without(path))], cache_folder=tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("exInputSpikeTimes", {99: [1]}, "segment 99"),
        ("exInputSpikeTimes", [1, 2], "no dict"),
        ("inhInputSpikeTimes", {0: [-5]}, "outside"),
        ("inhInputSpikeTimes", {0: "soon"}, "not a list"),
        ("outputSpikeTimes", [float("nan")], "outside"),
        ("somaVoltageLowRes", np.zeros(999), "expected 1000"),
        ("somaVoltageLowRes", ["high"] * 1000, "not a list"),
    ],
)
def test_a_wrong_part_is_named(tmp_path, key, value, says):
    wrong = content(1)
    wrong["Results"]["listOfSingleSimulationDicts"][0][key] = value
    with pytest.raises(PublishedFileError, match=says):
        neuron_io([put(tmp_path, wrong)], cache_folder=tmp_path)


def test_no_file_an_absent_file_and_files_of_different_kinds_are_refused(tmp_path):
    with pytest.raises(UserError, match="one or more"):
        neuron_io([], cache_folder=tmp_path)
    with pytest.raises(PublishedFileError, match="no file"):
        neuron_io([tmp_path / "nothing.p"], cache_folder=tmp_path)
    paths = [put(tmp_path, content(n), f"{n}.p") for n in (1, 2)]
    with pytest.raises(UserError, match="different"):
        neuron_io(paths, cache_folder=tmp_path)
