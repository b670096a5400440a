"""NEURON as the independent judge. Skipped, with the reason, where it or a compiler is missing."""

import math
from dataclasses import replace

import numpy as np
import pytest

from neurojoule.cells import Drive, TreeDrive, get_cell, inputs, judge
from neurojoule.cells.errors import NoJudgeError
from neurojoule.cells.solver import simulate

DT_MS = 0.1

needs_neuron = pytest.mark.skipif(judge.why_not() is not None, reason=judge.why_not() or "")


@pytest.fixture(scope="module")
def mechanisms(pytestconfig, tmp_path_factory):
    """Compiled once for all sessions that share a cache: it takes ten seconds."""
    cache = getattr(pytestconfig, "cache", None)
    return tmp_path_factory.mktemp("nmodl") if cache is None else cache.mkdir("nmodl")


@pytest.fixture(scope="module")
def judged(mechanisms):
    """The twelve of forty simulations of 700 ms that fire most, here and in NEURON."""
    cell = get_cell("l5_nmda")
    bits = np.stack([inputs(cell, 700, seed=2, index=k) for k in range(40)])
    fires = np.argsort(-simulate(cell, bits, DT_MS).spikes.sum(axis=1), kind="stable")[:12]
    ours = simulate(cell, bits[fires], DT_MS)
    return ours, judge.simulate(cell, bits[fires], DT_MS, mechanisms).traces


@needs_neuron
def test_below_threshold_the_voltage_agrees_to_a_hundredth_of_a_millivolt(mechanisms):
    calm = Drive(TreeDrive((0, 200), (-100, 100)), TreeDrive((0, 200), (-100, 100)))
    for name in ("l5_nmda", "l5_ampa"):
        cell = replace(get_cell(name), drive=calm)
        bits = np.stack([inputs(cell, 400, seed=3, index=k) for k in range(2)])
        ours = simulate(cell, bits, DT_MS)
        theirs = judge.simulate(cell, bits, DT_MS, mechanisms).traces
        assert not ours.spikes.any()
        assert ours.soma_mv.max() - ours.soma_mv.min() > 3  # something happened
        assert np.abs(ours.soma_mv - theirs.soma_mv).max() < 0.01


@needs_neuron
def test_in_ten_simulations_that_fire_the_spikes_agree_within_a_millisecond(judged):
    ours, theirs = judged
    assert sum(1 for times in theirs.spike_ms if len(times)) >= 10
    matched = sum(
        int(np.sum(np.abs(mine[:, None] - other[None, :]).min(axis=1, initial=math.inf) <= 1))
        for mine, other in zip(ours.spike_ms, theirs.spike_ms, strict=True)
    )
    total = max(ours.spikes.sum(), theirs.spikes.sum())
    assert total >= 30
    assert matched >= 0.95 * total


@needs_neuron
def test_where_the_cell_fires_the_clipped_voltages_share_their_variance(judged):
    ours, theirs = (np.minimum(traces.soma_mv, -55) for traces in judged)
    assert 1 - np.var(ours - theirs) / np.var(theirs) >= 0.999


@needs_neuron
def test_mechanisms_are_compiled_once(mechanisms):
    judge.load(mechanisms)
    before = {p: p.stat().st_mtime_ns for p in mechanisms.rglob("libnrnmech.*")}
    judge.load(mechanisms)
    assert before
    assert {p: p.stat().st_mtime_ns for p in mechanisms.rglob("libnrnmech.*")} == before


def test_a_machine_without_neuron_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(judge.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(NoJudgeError, match=r"neurojoule\[neuron\]"):
        judge.load(tmp_path)


@needs_neuron
def test_a_machine_without_a_compiler_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoJudgeError, match="compiler"):
        judge.load(tmp_path)


def test_a_section_with_both_sodium_channels_is_refused(tmp_path):
    cell = get_cell("l5_nmda")
    both = {"NaTa_t": 1.0, "NaTs2_t": 1.0}
    soma, *others = cell.sections
    twice = replace(cell, sections=(replace(soma, densities=both), *others))
    with pytest.raises(NoJudgeError, match=r"'soma' has both NaTa_t and NaTs2_t"):
        judge.simulate(twice, np.zeros((1, 1, 40), dtype=np.uint8), DT_MS, tmp_path)
