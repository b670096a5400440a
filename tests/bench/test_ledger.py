"""Costs of one run, each against a calculation by hand."""

import pytest

import records
from neurojoule import ledger
from neurojoule.prices import GRADE_FACTORS, GRADE_SOURCES, NEUROMORPHIC, TECHNOLOGIES
from neurojoule.record import GRADES, Component, Machine
from neurojoule.spec import Setup
from priced import CEILINGS, FACTS, replace


def modelled(**changes):
    return records.record(machine=Machine(name="here", facts=FACTS), ceilings=CEILINGS, **changes)


def measured(energy_j, period_s=0.001):
    base = records.record(ceilings=CEILINGS)
    part = Component(
        name="cpu", energy_j=energy_j, grade="measured", source="RAPL", update_period_s=period_s
    )
    window = replace(base.train.window, components=(part,))
    return replace(base, train=replace(base.train, window=window, energy_j={"cpu": energy_j / 4}))


def test_the_meters_scenarios_are_the_load_curves_by_hand():
    # 1.9 CPU seconds in 2 s of 2 threads: load 0.475; one execution takes 0.5 s; TDP 8 W.
    found = ledger.meter(modelled(), "train")
    assert found["as reported"] == 2.0
    assert found["linear in load, 10% when idle"] == pytest.approx(4 * (0.1 + 0.9 * 0.475))
    assert found["cubic in load, 10% when idle"] == pytest.approx(4 * (0.1 + 0.9 * 0.475**3))
    assert found["linear in load, 50% when idle"] == pytest.approx(4 * (0.5 + 0.5 * 0.475))
    assert found["cubic in load, 50% when idle"] == pytest.approx(4 * (0.5 + 0.5 * 0.475**3))
    assert len(found) == 5


def test_measured_joules_have_no_load_curve():
    assert ledger.meter(measured(40.0), "train") == {"as reported": 10.0}


def test_ram_is_never_ranked():
    found = ledger.meter(modelled(), "infer")
    assert found["as reported"] == 0.008  # and not the 0.04 J of RAM


def test_the_systematic_range_spans_the_curves_and_the_factor_of_the_grade():
    cost = ledger.cost(modelled(), "train", "meter")
    linear_50 = 4 * (0.5 + 0.5 * 0.475)
    cubic_10 = 4 * (0.1 + 0.9 * 0.475**3)
    assert cost.central_j == 2.0  # guessed: off by up to 4 either way
    assert cost.low_j == pytest.approx(cubic_10 / 4)
    assert cost.high_j == pytest.approx(linear_50 * 4)


def test_a_slow_meter_widens_the_range_by_what_its_edges_may_be_wrong():
    quick, slow = measured(40.0, 0.001), measured(40.0, 0.1)
    assert ledger.off_by(quick, "train") == pytest.approx(1.1 * (1 + 0.001 / 2))
    assert ledger.off_by(slow, "train") == pytest.approx(1.1 * 1.05)
    assert ledger.cost(slow, "train", "meter").low_j < ledger.cost(quick, "train", "meter").low_j


def test_energy_that_is_not_valid_or_not_known_has_no_price():
    assert ledger.cost(modelled(energy_valid=False), "train", "meter") is None
    base = modelled()
    gone = replace(base, train=replace(base.train, energy_j={"cpu": None, "ram": 1.0}))
    assert ledger.cost(gone, "train", "meter") is None
    assert ledger.cost(modelled(train=None), "train", "meter") is None


def test_the_roofline_is_the_longer_of_operations_and_bytes():
    # Training: 1,000 FLOPs at 1e10 are 100 ns; 36 bytes x 1000/14 passes at 4e9 are 643 ns.
    run = modelled()
    assert ledger.least_time_s(run, "train") == pytest.approx(36 * 1000 / 14 / 4e9)
    assert ledger.least_energy_j(run, "train") == pytest.approx(5.0 * 36 * 1000 / 14 / 4e9)
    # With hardly a byte to move, the product decides.
    light = modelled(work=replace(run.work, forward_bytes=0.1))
    assert ledger.least_time_s(light, "train") == pytest.approx(1e-7)
    assert ledger.least_energy_j(light, "train") == pytest.approx(8.0e-7)


def test_a_larger_model_copies_from_a_slower_memory():
    run = modelled()
    large = modelled(work=replace(run.work, state_bytes=2_000))
    huge = modelled(work=replace(run.work, state_bytes=10**9))
    moved = 36 * 1000 / 14
    assert ledger.least_time_s(large, "train") == pytest.approx(moved / 2e9)
    assert ledger.least_time_s(huge, "train") == pytest.approx(moved / 2e9)
    assert ledger.least_time_s(large, "infer") == pytest.approx(36 / 4e9)  # weights alone: 500 B


def test_without_ceilings_or_power_there_is_no_roofline():
    assert ledger.cost(records.record(), "train", "roofline") is None
    blind = modelled()
    blind = replace(blind, ceilings=replace(CEILINGS, copy_power_w=None))
    assert ledger.least_energy_j(blind, "train") is None
    assert ledger.least_time_s(blind, "train") is not None


def test_a_run_says_which_share_of_the_ceiling_it_reached():
    # 1,000 FLOPs in 0.5 s against 1e10 a second.
    assert ledger.share_of_ceiling(modelled(), "train") == pytest.approx(2e-7)
    assert ledger.share_of_ceiling(modelled(), "infer") == pytest.approx(14 / 0.002 / 1e10)
    assert ledger.share_of_ceiling(records.record(), "train") is None


def test_the_technology_prices_effective_operations_and_bytes():
    # 4 multiply-accumulates at 1.31 + 0.38 pJ, 2 accumulates at 0.38 pJ, 36 bytes of SRAM at
    # 7.5 pJ to 14 pJ for 8 bytes (Jouppi et al. 2021).
    found = ledger.technology(modelled(), "infer")
    arithmetic = 4 * 1.69 + 2 * 0.38
    assert found["7 nm, memory on the chip at 0.938 pJ a byte"] == pytest.approx(
        1e-12 * (arithmetic + 36 * 7.5 / 8)
    )
    assert found["7 nm, memory on the chip at 1.75 pJ a byte"] == pytest.approx(
        1e-12 * (arithmetic + 36 * 14 / 8)
    )
    # Horowitz 2014: 3.7 + 0.9 and 0.9 pJ, DRAM 1.3 to 2.6 nJ for 64 bits.
    assert found["45 nm, memory beside the chip at 325 pJ a byte"] == pytest.approx(
        1e-12 * (4 * 4.6 + 2 * 0.9 + 36 * 2600 / 8)
    )
    cost = ledger.cost(modelled(), "infer", "technology")
    assert cost.low_j <= cost.central_j <= cost.high_j


def test_training_is_priced_as_its_dense_flops_in_forward_passes():
    once = ledger.technology(modelled(), "infer")
    training = ledger.technology(modelled(), "train")
    for name, value in once.items():
        assert training[name] == pytest.approx(value * 1000 / 14)


def test_a_data_type_without_a_published_price_is_not_priced():
    run = modelled()
    double = replace(run, spec=replace(run.spec, setup=Setup(dtype="float64")))
    assert ledger.technology(double, "infer") == {}
    assert ledger.cost(double, "infer", "technology") is None


def test_only_a_model_without_multiplications_has_a_neuromorphic_price():
    assert ledger.neuromorphic(modelled(), "infer") is None
    run = modelled()
    spiking = modelled(work=replace(run.work, effective_macs=0.0, effective_acs=100.0))
    cost = ledger.neuromorphic(spiking, "infer")
    assert cost.low_j == pytest.approx(100 * 1.54e-12)
    assert cost.high_j == pytest.approx(100 * 45e-12)
    assert cost.low_j < 100 * 23.6e-12 < cost.high_j  # Loihi (Davies et al. 2018)


def test_every_price_and_every_grade_has_a_source():
    assert all(entry.source for entry in (*TECHNOLOGIES, NEUROMORPHIC))
    assert set(GRADE_FACTORS) == set(GRADE_SOURCES) == set(GRADES)
    assert all(entry.byte_pj.low <= entry.byte_pj.high for entry in TECHNOLOGIES)


def test_a_step_of_a_stream_is_priced_by_the_meter_alone():
    base = modelled()
    streaming = replace(base.inference, batch_size=1, time_s=0.001, energy_j={"cpu": 0.004})
    record = replace(base, streaming=streaming)
    cost = ledger.cost(record, "stream", "meter")
    cubic_10 = 0.008 * (0.1 + 0.9 * 0.475**3)  # 8 W for 1 ms, at the window's load of 0.475
    linear_50 = 0.008 * (0.5 + 0.5 * 0.475)
    assert cost.central_j == 0.004
    assert cost.low_j == pytest.approx(min(cubic_10, 0.004) / GRADE_FACTORS["guessed"])
    assert cost.high_j == pytest.approx(max(linear_50, 0.004) * GRADE_FACTORS["guessed"])
    assert ledger.operations(record, "stream") is None
    assert ledger.cost(record, "stream", "roofline") is None
    assert ledger.cost(record, "stream", "technology") is None
    assert ledger.cost(base, "stream", "meter") is None


def test_what_was_not_trained_has_no_price_of_training_in_any_ledger():
    base = modelled()
    train = replace(base.train, time_s=0.0, energy_j={"cpu": 0.0})
    record = replace(base, train=train, work=replace(base.work, training_flops=0.0))
    for name in ledger.LEDGERS:
        assert ledger.cost(record, "train", name) is None
        assert (ledger.cost(record, "infer", name) is None) == (
            ledger.cost(base, "infer", name) is None
        )
