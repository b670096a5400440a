import hashlib
from importlib.resources import files

import msgspec
import pytest

import synthetic
from cells import AMPA, NMDA, cell
from neurojoule.errors import UserError
from neurojoule.registry import models
from neurojoule_reports import claim_kinds, claims, frames, ladder, verdict
from neurojoule_suites import SUITES
from neurojoule_suites.claims import digest

TOML = (files("neurojoule_suites") / "claims.toml").read_bytes()
ALL = claims.load(TOML, digest())


def judge(name, records, fixed=ALL):
    table = frames.runs(records)
    made = frames.Frames(table, frames.arms(table), (), tuple(records))
    found = claims.findings(fixed, made, verdict.verdicts(made))
    return next(f for f in found if f.claim.id == name)


def xor(seeds=12, **wrong):
    """Units on XOR; `wrong` says how many runs of a model end with 3 of 4."""
    out = []
    for model in ("mcp", "perceptron", "dcaap", "two_layer_neuron"):
        solves = seeds if model in {"dcaap", "two_layer_neuron"} else 0
        solved = solves - wrong.get(model, 0)
        for seed in range(seeds):
            r = synthetic.make(suite="logic", task="xor", model=model, size=None, seed=seed)
            right = 1.0 if seed < abs(solved) else 0.75
            quality = msgspec.structs.replace(r.quality, test=right)
            out.append(msgspec.structs.replace(r, quality=quality, claims_hash=digest()))
    return out


def test_the_claims_file_is_whole_and_its_hash_is_that_of_its_bytes():
    assert len({c.id for c in ALL.claims}) == len(ALL.claims) >= 12
    assert digest() == hashlib.sha256(TOML).hexdigest()[:16]
    assert all(c.estimand and c.rule and c.sources for c in ALL.claims)


def test_claims_name_models_and_suites_that_exist():
    known = set(models())
    suites = {suite.name for suite in SUITES}
    for claim in ALL.claims:
        test = claim.test
        if isinstance(test, claim_kinds.Reaches):
            assert {*test.can, *test.cannot} <= known
        if isinstance(test, claim_kinds.Exchange):
            assert set(test.suites) <= suites
        assert getattr(test, "model", "mlp") in known


def test_a_broken_file_says_what_is_wrong():
    with pytest.raises(UserError, match=r"claims\.toml cannot be read: .*kind"):
        claims.load(TOML.replace(b'kind = "grid"', b'kind = "gird"'))


def test_without_runs_nothing_is_measured_but_what_is_published():
    for claim in ALL.claims:
        status = judge(claim.id, []).status
        assert status == ("does not hold" if claim.id == "training-flights" else "not measured")


def test_published_figures_in_flights_by_hand():
    words = judge("training-flights", []).evidence.words
    assert "3.2 t, 0.82 to 1.6 return flights" in words  # 3.2 t over 3.9 t and over 1.94 t


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({}, "holds"),
        ({"perceptron": 1}, "does not hold"),  # one point unit that solves it refutes
        ({"dcaap": 8}, "does not hold"),
        ({"dcaap": 3}, "not settled"),
    ],
)
def test_xor_is_decided_by_its_rule(wrong, status):
    assert judge("xor-unit", xor(**wrong)).status == status


def test_fewer_runs_than_were_fixed_settle_nothing():
    found = judge("xor-unit", xor(seeds=9))
    assert found.status == "not settled"
    assert (found.evidence.runs, found.claim.runs) == (9, 10)


def test_a_claim_edited_after_the_runs_is_marked():
    assert judge("xor-unit", xor()).edited == 0
    later = claims.load(TOML, "0" * 16)
    assert judge("xor-unit", xor(), later).edited == 48


def exchange(dendritic, point, seeds=6):
    """digits: a dendritic network of 1,000 parameters, point ones of 1,000 to 16,000."""
    out = [
        synthetic.make(model="dann", size=1000, seed=s, top=dendritic, flops_per_parameter=2)
        for s in range(seeds)
    ]
    for size, top in point.items():
        out += [synthetic.make(model="mlp", size=size, seed=s, top=top) for s in range(seeds)]
    return out


def test_waste_holds_where_an_equally_good_point_network_costs_clearly_more():
    records = exchange(0.999, {1000: 0.8, 64_000: 0.999})
    assert judge("waste-energy", records).status == "holds"
    assert judge("waste-energy", records).evidence.tasks == (("vision", "digits"),)


def test_waste_does_not_hold_where_the_smallest_point_network_is_better():
    assert judge("waste-energy", exchange(0.5, {1000: 0.99})).status == "does not hold"


def shares(dendritic, point, seeds=6):
    """digits in the suite of ladders: equally large networks on all the data and on a quarter."""
    return [
        synthetic.make(suite="ladders", model=model, share=share, seed=s, top=top)
        for model, top in (("dann", dendritic), ("mlp", point))
        for share in (1.0, 0.25)
        for s in range(seeds)
    ]


def test_waste_of_samples_is_judged_by_the_ladder_of_data():
    # All the data does not make the point network as good: it needs more than all.
    found = judge("waste-samples", shares(0.999, 0.7))
    assert found.status == "holds"
    assert found.evidence.words == "digits: more than 1.00 times (beyond the ladder)."
    assert judge("waste-samples", shares(0.6, 0.999)).status == "does not hold"
    assert judge("waste-samples", exchange(0.999, {1000: 0.8})).status == "not measured"


def test_a_task_of_two_suites_is_judged_once_by_its_ladder():
    wasteful = exchange(0.999, {1000: 0.8, 64_000: 0.999})  # in the suite vision
    frugal = [
        synthetic.make(suite="ladders", model=model, size=1000, seed=s, top=top, cost=cost)
        for model, top, cost in (("dann", 0.5, 2.0), ("mlp", 0.99, 1.0))
        for s in range(6)
    ]
    found = judge("waste-energy", wasteful + frugal)
    assert found.evidence.tasks == (("ladders", "digits"),)
    assert found.status == "does not hold"


MATCHED = "neuron_l5_nmda-no_nmda_matched"


def test_depth_is_the_smallest_within_the_margin_of_the_best():
    records = cell("neuron_l5_nmda", NMDA) + cell(MATCHED, AMPA) + cell("neuron_l5_ampa", AMPA)
    found = judge("nmda-depth", records)
    assert found.status == "holds"
    assert f"5 for neuron_l5_nmda, 1 for {MATCHED}" in found.evidence.words
    assert judge("ampa-shallow", records).status == "holds"
    units = judge("units-640-2048", records)
    assert units.status == "holds"
    assert "Least units within 2%: 640." in units.evidence.words


def test_few_units_refute_many_only_on_a_ladder_that_has_many():
    few = judge("units-640-2048", cell("neuron_l5_nmda", AMPA))
    assert few.status == "does not hold"
    short = judge("units-640-2048", cell("neuron_l5_nmda", {(1, 8): 0.3, (3, 32): 0.3}))
    assert short.status == "not settled"
    assert short.evidence.words == "Least units within 2%: 8. The ladder ends at 96."


def test_equal_depths_refute_and_noise_leaves_it_open():
    same = cell("neuron_l5_nmda", AMPA) + cell(MATCHED, AMPA)
    assert judge("nmda-depth", same).status == "does not hold"
    noisy = cell("neuron_l5_nmda", NMDA, 0.5) + cell(MATCHED, AMPA, 0.5)
    assert judge("nmda-depth", noisy).status == "not settled"


def test_the_least_that_could_be_enough_and_the_least_that_surely_is():
    table = frames.runs(cell("t", {(1, 10): 0.305, (2, 10): 0.30}, 0.02))
    found = ladder.least(table, "tcn_surrogate", 0.02)
    assert found.depth == (1, 2) or found.depth[1] == float("inf")
    assert found.depth[0] == 1


def test_hardware_is_set_beside_the_choice_of_model():
    records = [
        synthetic.make(model=model, seed=s, machine=machine, cost=cost, grade="measured")
        for model, cost in (("mlp", 1.0), ("dann", 1.1))
        for machine in ("laptop", "workstation")
        for s in range(4)
    ]
    found = judge("hardware-matters", records)
    # 0.35 x 45 W against 12 W is a factor of 1.31; between the models it is 1.1.
    assert found.status == "holds"
    assert "a factor of 1.3" in found.evidence.words


def test_grids_differ_less_than_models_that_differ_a_hundredfold():
    records = [
        synthetic.make(model=model, seed=s, cost=cost)
        for model, cost in (("mlp", 1.0), ("dann", 100.0))
        for s in range(4)
    ]
    assert judge("grid-matters", records).status == "does not hold"
    assert judge("grid-matters", [r for r in records if r.spec.model == "mlp"]).status == (
        "not measured"
    )


def test_a_factor_between_models_is_read_from_those_that_were_trained_to_the_end():
    models = (("mlp", 1.0), ("dann", 100.0))
    records = [
        synthetic.make(model=model, seed=s, cost=cost) for model, cost in models for s in range(4)
    ]
    # First rounds, an arm that was given up, and one without joules: they cost otherwise.
    records += [synthetic.make(model=model, steps=60, cost=1e-4) for model, _ in models]
    records += [synthetic.make(model="tcn", steps=60, cost=1e6)]
    records += [synthetic.make(model="gru", seed=s, valid=False, cost=1e9) for s in range(4)]
    found = judge("grid-matters", records)
    assert found.status == "does not hold"
    assert judge("grid-matters", records[:8]).evidence.words == found.evidence.words
