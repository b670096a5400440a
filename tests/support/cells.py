"""Made-up imitations of one cell: ladders, rounds, shares of the data, and the simulation itself.

All costs are round numbers, so that what a report says of them can be calculated by hand.
"""

import math

import msgspec

import synthetic
from neurojoule import record as rec
from neurojoule.spec import Recipe

SAMPLE_MS = 1600
WINDOW_S = SAMPLE_MS / 1000
TRAIN_J = 1400.0


def imitation(task, model, validation, seed, **facts):
    """One run: `watts` and `seconds` a neuron-second, `step_j` a step, `auc`, steps, share."""
    options = facts.get("options", {})
    r = synthetic.make(
        suite="neuron", task=task, model=model, family=facts.get("family", "surrogate"), size=None,
        seed=seed, options=tuple(options.items()), share=facts.get("share", 1.0),
        steps=facts.get("steps", 1000), grade="measured",
    )  # fmt: skip
    measures = facts.get("measures", spikes_and_voltage(facts.get("auc", 0.9)))
    quality = msgspec.structs.replace(
        r.quality, metric="log_loss", higher_is_better=False, validation=validation,
        test=validation, chance=1.0, target=0.0, measures=measures,
    )  # fmt: skip
    work = msgspec.structs.replace(
        r.work, width=options.get("width", 1), forward_flops=facts.get("flops", 1.6e7),
        effective_macs=facts.get("macs", 1.6e6), effective_acs=facts.get("acs", 0.0),
        forward_bytes=1e6, sample_steps=facts.get("sample_steps", SAMPLE_MS),
        training_samples=round(2_080 * facts.get("share", 1.0)),
    )  # fmt: skip
    watts, seconds = facts.get("watts", 1.0), facts.get("seconds", 0.1)
    inference = priced(r.inference, seconds * WINDOW_S, watts * WINDOW_S)
    step_j = facts.get("step_j")
    streaming = None if step_j is None else priced(r.inference, step_j / 10, step_j)
    trained = facts.get("train_j", TRAIN_J)
    train = msgspec.structs.replace(
        r.train, energy_j={"cpu": trained}, time_s=trained / 10, repeats_time_s=(trained / 10,)
    )
    curve = facts.get("curve", r.curve)
    return msgspec.structs.replace(
        r, quality=quality, work=work, inference=inference, streaming=streaming, train=train,
        curve=curve,
    )  # fmt: skip


def priced(inference, seconds, joules):
    """Inference at so many seconds and joules a sample; a window of 10 W, measured, to be sure."""
    window = synthetic.window(0.5, 10.0, grade="measured")
    return msgspec.structs.replace(
        inference, time_s=seconds, energy_j={"cpu": joules}, window=window
    )


def spikes_and_voltage(auc):
    return {
        "auc": auc,
        "auc_log_odds": math.log(auc / (1 - auc)),
        "true_positive_at_0.25_percent": 0.4,
        "true_positive_at_1_percent": 0.6,
        "voltage_rmse_mv": 1.5,
        "voltage_variance_explained": 0.8,
        "voltage_variance_explained_rescaled": 0.79,
        "auc_published": auc + 0.01,
        "voltage_variance_explained_published": 0.85,
    }


def rung(task, layers, width, validation, seed, **facts):
    options = {"layers": layers, "width": width}
    return imitation(task, "tcn_surrogate", validation, seed, options=options, **facts)


def cell(task, losses, spread=0.0, **facts):
    """A ladder: (depth, width) -> validation loss, three seeds."""
    return [
        rung(task, depth, width, loss * (1 + spread * (seed - 1)), seed, **facts)
        for (depth, width), loss in losses.items()
        for seed in range(3)
    ]


NMDA = {(1, 128): 0.5, (3, 128): 0.4, (5, 128): 0.302, (7, 128): 0.3}
AMPA = {(1, 128): 0.2, (3, 128): 0.199, (7, 128): 0.2}


def halving(task="neuron_l5_nmda"):
    """Four arms for 60 updates, two of them for 300 more, one for 1,000 with three seeds."""
    first = {(1, 8): 0.9, (1, 32): 0.8, (3, 8): 0.7, (3, 32): 0.6}
    found = [rung(task, *shape, loss, 0, steps=60) for shape, loss in first.items()]
    found += [rung(task, *shape, first[shape] - 0.1, 0, steps=300) for shape in [(1, 32), (3, 32)]]
    return found + [rung(task, 3, 32, 0.4, seed, steps=1000) for seed in range(3)]


def simulation(task="neuron_l5_nmda", *, watts=2.0, model="simulation", **facts):
    """The cell itself: 2 W a neuron unless said, learned for next to nothing, one seed."""
    measures = spikes_and_voltage(0.95) | {"judged_samples": 256.0}
    return imitation(
        task, model, 0.25, 0, family="biophysical", watts=watts, train_j=7.0, measures=measures,
        steps=16, **facts,
    )  # fmt: skip


def untrained(record):
    """The same record with a recipe of no updates: a training of no time and no joules."""
    spec = msgspec.structs.replace(record.spec, recipe=Recipe(0, 1))
    train = msgspec.structs.replace(
        record.train, time_s=0.0, cpu_s=0.0, repeats_time_s=(0.0, 0.0), energy_j={"cpu": 0.0}
    )
    work = msgspec.structs.replace(record.work, training_flops=0.0)
    first = rec.CurvePoint(step=0, time_s=0, cpu_s=0, flops=0, loss=None, validation=0.25)
    return msgspec.structs.replace(record, spec=spec, train=train, work=work, curve=(first,))


def beside(task="neuron_l5_nmda"):
    """What gives every table and figure of the section something to show."""
    gru = {"family": "recurrent", "step_j": 1e-3}
    found = [
        imitation(task, "gru", 0.2 + 0.05 * share**-0.7, seed, share=share, **gru)
        for share in (1 / 8, 1 / 4, 1 / 2, 1.0)
        for seed in range(3)
    ]
    return [*found, *halving(task), simulation(task, step_j=2e-3)]
