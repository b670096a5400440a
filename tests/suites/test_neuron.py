"""Successive halving over the ladder: the rounds follow from the records, and from nothing else."""

import tomllib

import msgspec
import pytest

from neurojoule.record import Quality
from neurojoule.spec import SCALES, Setup
from neurojoule.suite import further, suites
from neurojoule_suites import bench_neuron as neuron
from neurojoule_suites import recipes
from records import record

FULL = SCALES["full"]
PAPER = SCALES["paper"]
PLAN = neuron.PLANS["full"]
SUITE = suites()["neuron"]
TASK = "neuron_l5_nmda"


def layers(spec):
    return dict(spec.options)["layers"]


def loss_of(spec):
    """The deeper, the better; the widest of a depth is the best of it."""
    if spec.model != "tcn_surrogate":
        return 0.5
    return 1 - 0.1 * layers(spec) - 0.001 * spec.size.budget


def joules_of(spec):
    """An update of the reference costs 2 J; of another arm of the ladder in proportion."""
    if spec.model != "tcn_surrogate":
        return 1.0
    return 2.0 * layers(spec) * spec.size.budget / 96


def measured(spec, status="ok"):
    whole = record()
    value = loss_of(spec)
    quality = Quality(
        metric="log_loss",
        higher_is_better=False,
        chance=1.0,
        target=0.5,
        reached=False,
        train=value,
        validation=value,
        test=value,
    )
    cost = {"cpu": joules_of(spec) * spec.recipe.steps, "ram": 9.0}
    return msgspec.structs.replace(
        whole,
        spec=spec,
        status=status,
        quality=quality if status == "ok" else None,
        train=msgspec.structs.replace(whole.train, energy_j=cost),
    )


def next_round(records, scale=FULL):
    return further([SUITE], records, scale_name=scale.name, seeds=None, setups=[Setup()])


def first_round(broken=(), scale=FULL):
    rows = [row for row in SUITE.rows(scale) if row.task == TASK]
    specs = [SUITE.specs(row, scale.name, 10, Setup())[0] for row in rows]
    return [
        measured(spec, "failed" if (spec.model, spec.size.budget) in broken else "ok")
        for spec in specs
    ]


def ladder(specs):
    return {
        (layers(s), s.size.budget)
        for s in specs
        if s.model == "tcn_surrogate" and dict(s.options)["taps"] == neuron.TAPS
    }


def test_the_first_round_has_every_arm_once_for_a_few_updates():
    rows = [row for row in SUITE.rows(FULL) if row.model not in neuron.SIMULATED]
    assert {row.recipe.steps for row in rows} == {PLAN.first_steps}
    assert {row.seeds for row in rows} == {1}
    per_cell = len(PLAN.depths) * len(PLAN.widths) + len(neuron.BESIDE)
    assert len(rows) == per_cell * len(PLAN.cells)


def test_the_cell_itself_stands_beside_its_imitations():
    simulated = {(row.task, row.model) for row in SUITE.rows(FULL)}
    assert ("neuron_lif", "simulation") in simulated
    assert ("neuron_lif", "neuron_simulator") not in simulated  # NEURON is for compartments
    assert (TASK, "neuron_simulator") in simulated


@pytest.mark.parametrize("depth", PLAN.depths)
def test_every_depth_looks_back_equally_far(depth):
    options = neuron.tcn(depth)
    field = options["first_taps"] + (depth - 1) * (options["taps"] - 1)
    assert field == neuron.RECEPTIVE_FIELD_MS


def test_every_network_of_the_ladder_has_a_rate_that_was_searched_for_it():
    # One rate for all depths is the best of some, and what depth is worth is the question.
    searched = tomllib.loads(recipes.TUNED.read_text())["learning_rate"][neuron.TUNED_ON]
    ladder = [neuron.tcn(depth) for plan in neuron.PLANS.values() for depth in plan.depths]
    beside = [(model, options) for model, _, options in neuron.BESIDE]
    for model, options in [*((neuron.LADDER, options) for options in ladder), *beside]:
        assert recipes.tuned_name(model, options) in searched


def test_rounds_halve_the_ladder_and_keep_the_best_of_one_layer():
    records = first_round()
    sizes = []
    while todo := next_round(records):
        sizes.append(len(ladder(todo)))
        records += [measured(spec) for spec in todo]
        if len(sizes) == 2:
            # 8 of 15 by depth and width: all of 7 and 5, two of 3; and of one layer the widest.
            assert ladder(todo) == {
                *((7, w) for w in (8, 32, 64)),
                *((5, w) for w in (8, 32, 64)),
                *((3, w) for w in (32, 64)),
                (1, 64),
            }
    # All, the better half and one; then shares of the best.
    assert sizes == [15, 9, 1]
    shares = {r.spec.share for r in records if layers_or_none(r.spec) == 7}
    assert shares == {1.0, *PLAN.shares}
    # Less data is overfitted sooner, and validated as much oftener.
    recipes = {(r.spec.share, r.spec.recipe.steps): r.spec.recipe for r in records}
    for (share, steps), recipe in recipes.items():
        every = recipes[1.0, steps].evaluate_every * share
        assert recipe.evaluate_every == pytest.approx(every, abs=1)


def test_a_further_round_halves_what_the_one_before_left():
    records = first_round(scale=PAPER)
    sizes = []
    while todo := next_round(records, PAPER):
        sizes.append(len(ladder(todo)))
        records += [measured(spec) for spec in todo]
    assert sizes == [25, 14, 8, 1]


def layers_or_none(spec):
    return dict(spec.options).get("layers")


@pytest.mark.parametrize("scale", [FULL, PAPER], ids=lambda scale: scale.name)
def test_every_arm_of_a_round_spends_the_same_joules(scale):
    records = first_round(scale=scale)
    for updates, _ in neuron.PLANS[scale.name].rounds:
        todo = next_round(records, scale)
        spent = [s.recipe.steps * joules_of(s) for s in todo]
        budget_j = updates * 2.0
        assert spent == pytest.approx([budget_j] * len(spent), rel=0.06)  # two figures of updates
        records += [measured(spec) for spec in todo]


def test_the_last_round_has_all_models_and_seeds():
    records = first_round()
    while todo := next_round(records):
        records += [measured(spec) for spec in todo]
        if {s.model for s in todo} != {"tcn_surrogate"}:
            last = todo
    beside = {(model, str(size)) for model, size, _ in neuron.BESIDE}
    assert beside <= {(s.model, str(s.size)) for s in last}
    assert {s.seed for s in last} == set(range(PLAN.rounds[-1][1]))


def test_an_arm_that_failed_drops_out_and_the_others_go_on():
    records = first_round()
    todo = next_round(records)
    lost = next(s for s in todo if (layers(s), s.size.budget) == (7, 64))
    records += [measured(s, "failed" if s == lost else "ok") for s in todo]
    assert (7, 64) not in ladder(next_round(records))
    assert (7, 32) in ladder(next_round(records))


def test_half_a_round_is_finished_before_the_next_begins():
    records = first_round()
    todo = next_round(records)
    records += [measured(spec) for spec in todo[:4]]
    assert set(next_round(records)) == set(todo[4:])


def test_without_the_reference_nothing_follows():
    assert next_round([r for r in first_round() if r.spec.model == "glm"]) == []


def by_seconds(measured_record, **changes):
    """The same record with CPU seconds in proportion to its joules, at 3 W."""
    spec = measured_record.spec
    seconds = joules_of(spec) * spec.recipe.steps / 3
    train = msgspec.structs.replace(measured_record.train, cpu_s=seconds, **changes)
    return msgspec.structs.replace(measured_record, train=train)


def test_without_a_meter_seconds_stand_for_joules():
    blind = [by_seconds(r, energy_j={"cpu": None}) for r in first_round()]
    assert next_round(blind) == next_round(first_round())


def test_an_arm_measured_beside_other_work_is_priced_by_its_seconds():
    records = [by_seconds(r) for r in first_round()]
    expected = next_round(records)
    spoilt = msgspec.structs.replace(records[3].train, energy_j={"cpu": 1e6})
    records[3] = msgspec.structs.replace(records[3], energy_valid=False, train=spoilt)
    assert next_round(records) == expected
