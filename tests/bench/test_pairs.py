"""Every model on every task that it can take: trained, validated, tested at the scale smoke."""

import math
from collections import Counter
from functools import cache

import torch

from neurojoule import registry, sizing, views
from neurojoule.metrics import quality
from neurojoule.spec import Recipe
from neurojoule.train import Data, gradient_learner, predict, train

SAMPLES = 48


@cache
def some_of(name, split):
    """The first samples of a split; drawn at random, in the same form, where the data is absent.

    The cells' data takes minutes to simulate and is drawn too.
    """
    task = registry.get_task(name)
    cell = task.loss == "spikes_and_voltage"
    if task.needs() is None and not cell:
        x, y = task.load(split)
        return x[:SAMPLES].clone(), y[:SAMPLES].clone()
    generator = torch.Generator().manual_seed(("train", "validation", "test").index(split))
    count = 16 if cell else SAMPLES
    x = torch.rand(count, *task.inputs, generator=generator)
    x = (x < 0.05).float() if task.binary else x
    if cell:
        return x, torch.rand(count, task.outputs, task.steps, generator=generator).round()
    return x, torch.randint(task.outputs, (count,), generator=generator)


# Of this package; what else is installed answers for itself. A simulation takes a second a batch:
# test_biophysical.
MODELS = [
    m
    for m in registry.models().values()
    if m.build.__module__.startswith("neurojoule.") and m.family != "biophysical"
]
TASKS = [t for t in registry.tasks().values() if t.load.__module__.startswith("neurojoule.")]


def pairs():
    return [(m, t) for m in MODELS for t in TASKS if views.why_not(m, t) is None]


def stands_for(task):
    """What a pair is told apart by: its task; of cells, drawn here, only the form."""
    if task.loss == "spikes_and_voltage":
        return task.inputs, task.outputs, task.steps, task.binary, task.causal, task.metric
    return task.name


def smoke(model, task):
    """One run's training at its smallest: 3 updates, validations around them, then the test."""
    recipe = Recipe(steps=3, batch_size=16, learning_rate=1e-3, evaluate_every=2)
    parts = {
        split: Data(views.arrange(x, task, model.takes), y)
        for split in ("train", "validation", "test")
        for x, y in [some_of(task.name, split)]
    }
    module = sizing.build(model, views.shape(model, task), model.default_width, {}, seed=0)
    learn = module.learn if model.learns == "own" else gradient_learner(module, task.loss, recipe)

    def score(split):
        output = predict(module, parts[split].x)
        return quality(task.metric, output, parts[split].y)

    trained = train(
        module,
        learn,
        parts["train"],
        recipe,
        validate=lambda: score("validation"),
        higher_is_better=task.higher_is_better,
        seed=0,
    )
    module.load_state_dict(trained.best)
    module.eval()
    return trained, score("test")


def test_every_possible_pair_trains_at_smoke():
    torch.set_num_threads(1)
    wrong = {}
    for model, task in {(m.name, stands_for(t)): (m, t) for m, t in pairs()}.values():
        trained, tested = smoke(model, task)
        if trained.status != "ok" or trained.steps != 3 or not math.isfinite(tested):
            wrong[model.name, task.name] = (trained.status, tested)
    assert wrong == {}


def test_what_cannot_be_paired_says_why():
    reasons = {
        (model.name, task.name): views.why_not(model, task) for model in MODELS for task in TASKS
    }
    for (model, task), reason in reasons.items():
        assert reason is None or ((task in reason or model in reason) and reason.endswith(".")), (
            model,
            task,
            reason,
        )
    assert sum(reason is None for reason in reasons.values()) == len(pairs())


def test_every_model_has_several_tasks_and_every_task_many_models():
    tasks_of = Counter(model.name for model, _ in pairs())
    models_of = Counter(task.name for _, task in pairs())
    few = {model.name for model in MODELS if tasks_of[model.name] < 4}
    assert few == {"planted"}  # the suite's test of itself, on digits only
    # Few models answer at every step from the past alone, and they are of several families.
    assert all(models_of[task.name] >= (6 if task.causal else 10) for task in TASKS)
