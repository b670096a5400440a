"""Noise and loss do what they say, to the number; the same for all models; and only where asked."""

import dataclasses

import msgspec
import pytest
import torch
from torch import nn

from neurojoule import robustness, runner, views
from neurojoule.errors import UnknownNameError
from neurojoule.kernels.masked import MaskedLinear
from neurojoule.prepare import Prepared, load, prepare
from neurojoule.record import Perturbed, Robustness, Switched
from neurojoule.registry import Task, get_model, get_task, models
from neurojoule.sizing import build
from neurojoule.spec import PROBES, Recipe, Spec
from neurojoule.storage import decode, encode
from neurojoule.train import Data
from records import record

RECIPE = Recipe(steps=20, batch_size=64, evaluate_every=10)


def spec(**changes):
    base = Spec(
        suite="t", task="digits", model="mlp", seed=0, recipe=RECIPE, scale="smoke", probes=PROBES
    )
    return msgspec.structs.replace(base, **changes)


def task(**changes):
    base = Task(
        "planted", "", "", inputs=(3,), axes=("time",), outputs=1, loss="mean_squared_error",
        metric="mean_squared_error", chance=1.0, target=0.0, load=lambda _: None,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def prepared(model, of, train, *, seed=0, entry="logistic"):
    return Prepared(
        spec=spec(seed=seed), entry=get_model(entry), task=of, model=model, forward=model,
        solved=None, train=train, validation=train, synchronise=lambda: None,
    )  # fmt: skip


def linear(*weights):
    layer = nn.Linear(len(weights), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
        layer.bias.fill_(0.25)
    return layer


def normal(samples, features):
    return torch.randn(samples, features, generator=torch.Generator().manual_seed(1))


def test_noise_on_a_linear_model_costs_its_weights_squared_times_the_variance():
    model = linear(1.0, -2.0, 0.5)
    x = 3 * normal(20_000, 3)
    with torch.no_grad():
        test = Data(x, model(x))
    found = robustness.under_noise(prepared(model, task(), test), test)
    assert [(p.kind, p.level) for p in found] == [("noise", s) for s in robustness.NOISE]
    variance = float(x.double().var(correction=0))  # of all training inputs together, about 9
    for p in found:
        # E (w . n)^2 = |w|^2 (level sigma)^2; 100,000 draws give it to 0.45 %.
        assert p.quality == pytest.approx(5.25 * p.level**2 * variance, rel=0.02)
    # More of the same noise: twice the level is exactly four times the error.
    assert found[1].quality == pytest.approx(4 * found[0].quality, rel=1e-4)


def test_the_deviation_is_that_of_the_training_inputs_not_of_the_test():
    model, test = linear(1.0, 1.0, 1.0), Data(normal(500, 3), torch.zeros(500, 1))
    twice = Data(2 * test.x, test.y)
    small, large = (robustness.under_noise(prepared(model, task(), t), test) for t in (test, twice))
    # Twice the deviation is the next level of the first.
    assert large[0].quality == pytest.approx(small[1].quality, rel=1e-5)


def test_binary_inputs_are_flipped_with_the_stated_probability():
    bits = (normal(20_000, 3) > 0).float()
    test = Data(bits, bits[:, :1])
    binary = task(binary=True, metric="accuracy", loss="binary", axes=("bit",))
    found = robustness.under_noise(prepared(lambda x: x[:, :1] - 0.5, binary, test), test)
    assert [(p.kind, p.level) for p in found] == [("flips", p) for p in robustness.FLIPS]
    for p in found:
        assert p.quality == pytest.approx(1 - p.level, abs=0.006)  # 4 standard errors


def test_inputs_that_are_kept_as_bool_are_flipped_as_bool():
    bits = normal(1_000, 3) > 0
    binary = task(binary=True, metric="accuracy", loss="binary", axes=("bit",))
    found = []
    for kept in (bits, bits.float()):
        test = Data(kept, bits[:, :1].float())
        found.append(
            robustness.under_noise(prepared(lambda x: x[:, :1].float() - 0.5, binary, test), test)
        )
    assert found[0] == found[1]


def test_every_model_meets_the_same_noise_whatever_its_view_of_the_input():
    images = normal(50, 64).reshape(50, 8, 8)
    of = task(inputs=(8, 8), axes=("row", "column"))
    # The pixel in row 1, column 5, as each view has it.
    pixel = {
        "mlp": lambda x: x[:, 13:14],
        "gru": lambda x: x[:, 5, 1:2],
        "cnn2d": lambda x: x[:, 0, 1, 5:6],
    }
    found = []
    for entry, forward in pixel.items():
        shown = views.arrange(images, of, get_model(entry).takes)
        data = Data(shown, images[:, 1, 5:6])
        found.append(robustness.under_noise(prepared(forward, of, data, entry=entry), data))
    assert found[0] == found[1] == found[2]


def test_runs_of_one_seed_meet_one_noise_and_other_seeds_another():
    test = Data(normal(100, 3), torch.zeros(100, 1))
    once, again, other = (
        robustness.under_noise(prepared(linear(1.0, 1.0, 1.0), task(), test, seed=s), test)
        for s in (0, 0, 1)
    )
    assert once == again
    assert all(a.quality != b.quality for a, b in zip(once, other, strict=True))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.4, 1.0])
def test_the_stated_share_of_weights_is_lost_and_no_bias(share):
    model = nn.Sequential(nn.Linear(7, 11), nn.BatchNorm1d(11), nn.Linear(11, 3))
    maimed = robustness.without_synapses(model, share, robustness.generator("loss", 0, 0))
    zeros = sum(int((layer.weight == 0).sum()) for layer in (maimed[0], maimed[2]))
    assert zeros == round(share * 110)
    assert (maimed[1].weight == 1).all()
    assert (maimed[0].bias == model[0].bias).all()
    kept = maimed[0].weight != 0
    assert (maimed[0].weight[kept] == model[0].weight[kept]).all()
    assert (model[0].weight != 0).all()  # a copy was maimed


def test_a_larger_loss_takes_the_same_weights_and_further_ones():
    model = nn.Linear(30, 30)
    small, large, other = (
        robustness.without_synapses(model, share, robustness.generator("loss", 0, draw)).weight == 0
        for share, draw in ((0.2, 0), (0.4, 0), (0.2, 1))
    )
    assert (large[small]).all()
    assert (small != other).any()


def test_a_masked_weight_is_no_synapse_and_is_left_alone():
    index = torch.rand(50, 20).argsort(1)[:, :4].clone()
    layer = MaskedLinear(20, index)
    maimed = robustness.without_synapses(layer, 0.5, robustness.generator("loss", 0, 0))
    lost = maimed.weight == 0
    assert int(lost.sum()) == 100  # half of 50 x 4, not of 50 x 20
    assert layer.mask[lost].all()
    assert (maimed.weight[~layer.mask] == layer.weight[~layer.mask]).all()


def test_losing_every_synapse_leaves_the_bias():
    model = linear(1.0, -2.0, 0.5)
    gone = robustness.without_synapses(model, 1.0, robustness.generator("loss", 0, 0))
    assert gone(normal(4, 3)).tolist() == [[0.25]] * 4


def test_loss_of_equal_weights_costs_what_the_hypergeometric_says():
    # y = the sum of 40 inputs, each 1: with a share lost the answer is short by exactly that many.
    model, x = linear(*[1.0] * 40), torch.ones(3, 40)
    with torch.no_grad():
        test = Data(x, model(x))
    found = robustness.under_loss(prepared(model, task(inputs=(40,)), test), test)
    assert [(p.kind, p.level, p.draws) for p in found] == [
        ("loss", share, robustness.DRAWS) for share in robustness.LOST
    ]
    assert [p.quality for p in found] == pytest.approx([(40 * s) ** 2 for s in robustness.LOST])


LEARNING = [name for name, model in models().items() if model.family != "biophysical"]
"""A simulation has no weights to lose."""


@pytest.mark.parametrize("name", LEARNING)
def test_of_every_model_the_share_is_exact_and_the_original_stays(name):
    model = get_model(name)
    small = ("digits", "xor", "mnist1d", "spiking_xor")
    of = next(t for t in map(get_task, small) if views.why_not(model, t) is None)
    shape = views.shape(model, of)
    net = build(model, shape, model.default_width, {}, seed=0).eval()
    x = torch.rand(5, *shape.inputs, generator=torch.Generator().manual_seed(0))
    x = x.round() if of.binary else x  # a model of spikes insists on 0 and 1
    with torch.no_grad():
        before = net(x)
        assert torch.allclose(robustness.plain(net)(x), before, atol=1e-6)
        maimed = robustness.without_synapses(net, 0.4, robustness.generator("loss", 0, 0))
        assert torch.equal(net(x), before)
    pairs = list(zip(robustness.weights(robustness.plain(net)), robustness.weights(maimed)))  # noqa: B905
    total = sum(old.numel() for (old, _), _ in pairs)
    changed = sum(int(((new == 0) & (old != 0)).sum()) for (old, _), (new, _) in pairs)
    already = sum(int((old == 0).sum()) for (old, _), _ in pairs)
    assert total > 0
    assert round(0.4 * total) - already <= changed <= round(0.4 * total)


def test_nothing_is_probed_that_was_not_asked_for():
    test = Data(normal(10, 3), torch.zeros(10, 1))
    parts = prepared(linear(1.0, 1.0, 1.0), task(), test)
    silent = dataclasses.replace(parts, spec=spec(probes=msgspec.UNSET))
    assert robustness.probe(silent, test) is None
    only = dataclasses.replace(parts, spec=spec(probes=("loss",)))
    found = robustness.probe(only, test)
    assert {p.kind for p in found.perturbed} == {"loss"}
    assert found.switched is None


def test_a_spec_without_probes_has_the_hash_it_had_before_there_were_any():
    plain = Spec(suite="s", task="xor", model="mlp", seed=0, recipe=Recipe(steps=10, batch_size=4))
    assert plain.hash == "6c9580adc48f6ece"  # computed by the version before
    assert msgspec.structs.replace(plain, probes=("noise",)).hash != plain.hash
    assert b"probes" not in msgspec.json.encode(plain)


def test_an_unknown_probe_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="'noise'"):
        Spec(suite="s", task="xor", model="mlp", seed=0, recipe=RECIPE, probes=("noises",))


def test_a_record_keeps_what_was_found_and_reads_records_from_before():
    found = Robustness(
        perturbed=(Perturbed(kind="loss", level=0.1, quality=0.5, draws=5),),
        switched=Switched(status="ok", after=0.3, learned=None),
    )
    whole = record(robustness=found)
    assert decode(encode(whole)) == whole
    older = msgspec.json.decode(encode(record()))
    del older["robustness"]
    assert decode(msgspec.json.encode(older)).robustness is None


def in_this_process(asked):
    """What a run does, without its windows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(asked.setup.threads)
    try:
        parts = prepare(asked)
        parts.warm_up()
        trained = parts.learn()
        parts.model.load_state_dict(trained.best)
        parts.model.eval()
        return robustness.probe(parts, load(asked, "test"))
    finally:
        torch.set_num_threads(threads)


def test_a_run_records_its_probes_always_the_same_and_is_not_changed_by_them(tmp_path):
    asked, silent = spec(), spec(probes=msgspec.UNSET)
    probed, without = runner.run([asked, silent], runner.Session(tmp_path))
    assert probed.status == without.status == "ok"
    found = probed.robustness
    assert [p.kind for p in found.perturbed] == ["noise"] * 4 + ["loss"] * 4
    assert found.switched.status == "ok"
    assert in_this_process(asked) == found
    assert without.robustness is None
    assert without.quality == probed.quality
    assert without.work.nonzero_parameters == probed.work.nonzero_parameters
    assert 0 < probed.seconds["probes"] < probed.seconds["total"]
    assert "probes" not in without.seconds
