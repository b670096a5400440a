"""What every registered model keeps to, on every task that it does not refuse."""

import copy

import pytest
import torch
from torch import nn

from neurojoule import registry, sizing, views, work
from neurojoule.registry import Shape
from neurojoule.spec import Recipe
from neurojoule.train import LOSSES, gradient_learner

# A batch of a simulation takes a second, but for the point neuron: test_biophysical has the others.
MODELS = {n: model for n, model in registry.models().items() if n != "neuron_simulator"}
PAIRS = [
    pytest.param(model, task, id=f"{model.name}-{task.name}")
    for model in MODELS.values()
    for task in registry.tasks().values()
    if views.why_not(model, task) is None
    and (model.family != "biophysical" or task.name == "neuron_lif")
]

# Small enough to differentiate numerically: (options, shape).
SMALL = {
    "active_dendrites": ({"segments": 1, "winners": 1.0}, Shape((6,), 3, (6,))),
    "cnn1d": ({}, Shape((1, 20), 3, (20,))),
    "cnn2d": ({}, Shape((2, 6, 7), 3, (2, 6, 7))),
    "dann": ({"dendrites": 2, "synapses": 3}, Shape((6,), 3, (6,))),
    "dann_dense": ({"dendrites": 2}, Shape((6,), 3, (6,))),
    "dann_factorial": ({"dendrites": 2, "synapses": 3}, Shape((6,), 3, (6,))),
    "dann_linear": ({"dendrites": 2, "synapses": 3}, Shape((6,), 3, (6,))),
    "dnm": ({}, Shape((6,), 3, (6,))),
    "elm": ({"activation": "silu"}, Shape((2, 4), 3, (2, 4))),
    "glm": ({}, Shape((2, 4), 3, (2, 4))),
    "gru": ({}, Shape((2, 4), 3, (2, 4))),
    "ktree": ({}, Shape((8,), 3, (8,))),
    "logistic": ({}, Shape((6,), 3, (6,))),
    "lstm": ({"readout": "last"}, Shape((2, 4), 3, (2, 4))),
    "mlp": ({"skip": True}, Shape((6,), 3, (6,))),
    "mlp_sparse": ({"synapses": 2}, Shape((6,), 3, (6,))),
    "tcn": ({"kernel": 2}, Shape((2, 5), 3, (2, 5))),
    "tcn_surrogate": ({"first_taps": 3, "taps": 2}, Shape((2, 5), 3, (2, 5))),
    "two_layer_neuron": ({"synapses": 3}, Shape((6,), 3, (6,))),
}


def small(name, width=3):
    options, shape = SMALL[name]
    return sizing.build(registry.get_model(name), shape, width, options, seed=1), shape


def some_data(task, count=4):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(count, *task.inputs, generator=generator)
    x = x.round() if task.binary else x
    if task.loss == "cross_entropy":
        asked = (count, task.steps) if task.steps else (count,)
        return x, torch.randint(task.outputs, asked, generator=generator)
    asked = (count, task.outputs, task.steps) if task.steps else (count, task.outputs)
    return x, torch.rand(asked, generator=generator).round()


@pytest.mark.parametrize(("model", "task"), PAIRS)
def test_every_pair_that_is_not_refused_builds_learns_a_step_and_is_counted(model, task):
    x, y = some_data(task)
    x = views.arrange(x, task, model.takes)
    module = sizing.build(model, views.shape(model, task), model.default_width, {}, seed=0)
    output = module(x)
    assert output[0].numel() == task.outputs * max(1, task.steps)
    if model.learns == "own":
        loss = module.learn(x, y)
    else:
        loss = LOSSES[task.loss](output, y)
        loss.backward()
        assert all(p.grad is not None for p in module.parameters())
    assert torch.isfinite(loss)
    assert work.count(module, x).forward_flops > 0
    assert all(count > 0 for count in module.units().values())
    assert len(module.units()) > 0


@pytest.mark.parametrize("name", sorted(MODELS))
def test_weights_survive_saving_and_loading_into_a_module_of_another_seed(name):
    model = registry.get_model(name)
    known = map(registry.get_task, ("digits", "parity-5", "neuron_lif"))
    task = next(task for task in known if model.refuses(task) is None)
    shape = views.shape(model, task)
    saved, other = (sizing.build(model, shape, 3, {}, seed) for seed in (0, 1))
    x = views.arrange(some_data(task, 8)[0], task, model.takes)
    other.load_state_dict(copy.deepcopy(saved.state_dict()))
    torch.testing.assert_close(other(x), saved(x), rtol=0, atol=0)


def test_every_model_that_follows_a_gradient_has_its_gradient_checked():
    followers = {m.name for m in registry.models().values() if m.learns == "gradient"}
    # What fires follows a surrogate: test_single_neuron, test_spiking. Spikes have no gradient:
    # test_dendritic_temporal.
    assert followers == {*SMALL, "dann_temporal", "dcaap", "dh_snn", "lif_snn"}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_gradients_equal_finite_differences(name):
    module, shape = small(name)
    module.double()
    x = torch.randn(2, *shape.inputs, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in module.named_parameters()]

    def call(x, *parameters):
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    parameters = [p.detach().clone().requires_grad_() for p in module.parameters()]
    assert torch.autograd.gradcheck(call, (x, *parameters))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_no_weight_is_cut_off_from_the_output(name):
    module, shape = small(name, width=8)
    module.eval()  # a norm of the batch would take away whatever a bias adds
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # no unit of ReLU is silent
        for parameter in module.parameters():
            parameter.abs_()
    module(torch.rand(64, *shape.inputs, generator=generator)).square().sum().backward()
    for parameter_name, parameter in module.named_parameters():
        assert (parameter.grad != 0).all(), parameter_name


@pytest.mark.parametrize("name", sorted(SMALL))
def test_it_fits_a_hundred_digits(name):
    model, task = registry.get_model(name), registry.get_task("digits")
    x, y = (part[:100] for part in task.load("train"))
    x = views.arrange(x, task, model.takes)
    module = sizing.build(model, views.shape(model, task), model.default_width, {}, seed=0)
    learn = gradient_learner(module, task.loss, Recipe(150, 100, learning_rate=1e-2))
    for _ in range(150):
        learn(x, y)
    assert (module(x).argmax(1) == y).float().mean() >= 0.95


@pytest.mark.parametrize("name", ["dann", "gru", "tcn"])
def test_equal_seeds_build_equal_modules_and_others_do_not(name):
    options, shape = SMALL[name]
    model = registry.get_model(name)
    first, second, other = (
        nn.utils.parameters_to_vector(sizing.build(model, shape, 4, options, seed).parameters())
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
