"""Ceilings are the fastest that was seen, are kept when quiet, and are probed again otherwise."""

import logging
import time

import msgspec
import pytest
import torch

from neurojoule import ceilings, runner
from neurojoule.meter import MeterSettings
from neurojoule.record import Ceilings, CopyRate, Machine
from neurojoule.spec import Recipe, Setup, Spec

HERE = Machine(name="here", facts={"cpu_model": "x", "version_torch": "2"})
FOUND = Ceilings(
    flops_per_s=1e9,
    copies=(CopyRate(buffer_bytes=10, bytes_per_s=1e9),),
    product_power_w=None,
    copy_power_w=None,
)


@pytest.fixture
def _short(monkeypatch):
    monkeypatch.setattr(ceilings, "WINDOW_S", 0.02)
    monkeypatch.setattr(ceilings, "COPY_BYTES", (2**18, 2**22))
    monkeypatch.setattr(ceilings, "PRODUCT_SIZES", (64, 256))


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROJOULE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("_short")
def test_no_product_is_faster_than_the_ceiling():
    found, _ = ceilings.probe(Setup(), None, MeterSettings())
    assert torch.get_num_threads() == 1
    x = torch.ones(64, 64)
    again = 2 * 64**3 / ceilings._least_s(lambda: torch.mm(x, x), 0.02, lambda: None)
    assert again < 1.5 * found.flops_per_s  # small products are slower; a margin for noise
    assert [rate.buffer_bytes for rate in found.copies] == [2**18, 2**22]
    assert all(rate.bytes_per_s > 1e7 for rate in found.copies)
    assert found.product_power_w is None  # no meter was given
    assert found.copy_power_w is None


def test_the_fastest_call_counts_and_the_first_does_not(monkeypatch):
    now_s, lasts_s = [0.0], iter([0.5, 3.0, 1.0, 2.0])
    monkeypatch.setattr("time.perf_counter", lambda: now_s[0])

    def work():
        now_s[0] += next(lasts_s)

    assert ceilings._least_s(work, 0.0, lambda: None) == 1.0


class Probe:
    """Counts how often it is asked."""

    def __init__(self, *, quiet=True):
        self.quiet, self.asked = quiet, 0

    def __call__(self):
        self.asked += 1
        return FOUND, self.quiet


def test_a_probe_is_found_again_by_the_same_machine_libraries_and_setup(folder):
    probe = Probe()
    assert ceilings.find(Setup(), HERE, probe) == FOUND
    assert ceilings.find(Setup(), HERE, probe) == FOUND
    assert probe.asked == 1
    newer = msgspec.structs.replace(HERE, facts={"cpu_model": "x", "version_torch": "3"})
    ceilings.find(Setup(), newer, probe)
    ceilings.find(Setup(threads=2), HERE, probe)
    assert probe.asked == 3
    assert len(list(folder.iterdir())) == 3


def test_a_probe_beside_a_neighbour_is_good_for_an_hour(folder, monkeypatch):
    probe = Probe(quiet=False)
    ceilings.find(Setup(), HERE, probe)
    ceilings.find(Setup(), HERE, probe)
    assert probe.asked == 1
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + 3601)
    ceilings.find(Setup(), HERE, probe)
    assert probe.asked == 2
    assert len(list(folder.iterdir())) == 1


def test_a_damaged_file_is_told_of_and_probed_again(folder, caplog):
    probe = Probe()
    ceilings.find(Setup(), HERE, probe)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:10])
    with caplog.at_level(logging.WARNING):
        assert ceilings.find(Setup(), HERE, probe) == FOUND
    assert "damaged" in caplog.text
    assert probe.asked == 2


def test_a_cache_that_cannot_be_written_is_told_of_and_no_reason_to_stop(
    monkeypatch, tmp_path, caplog
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEUROJOULE_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        assert ceilings.find(Setup(), HERE, Probe()) == FOUND
    assert "not kept" in caplog.text


def test_the_copy_rate_is_that_of_the_smallest_buffer_that_holds_the_work():
    rates = msgspec.structs.replace(
        FOUND,
        copies=(
            CopyRate(buffer_bytes=1000, bytes_per_s=1.0),
            CopyRate(buffer_bytes=10, bytes_per_s=3.0),
        ),
    )
    assert rates.bytes_per_s(5) == rates.bytes_per_s(10) == 3.0
    assert rates.bytes_per_s(11) == rates.bytes_per_s(10**9) == 1.0


def test_every_record_holds_the_ceilings_of_its_setup(tmp_path):
    spec = Spec(
        suite="t", task="xor", model="mlp", seed=0, scale="smoke",
        recipe=Recipe(steps=5, batch_size=4),
    )  # fmt: skip
    (record,) = runner.run([spec], runner.Session(tmp_path))
    assert record.ceilings.flops_per_s > 1e8
    assert record.ceilings.product_power_w > 0
    assert len(record.ceilings.copies) == len(ceilings.COPY_BYTES)
