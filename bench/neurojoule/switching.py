"""Task switching: what a network still knows of its task after it has learned another.

Task A is the run's own. Task B has A's inputs in another order, the same for all samples, and A's
targets: permuted inputs, as in Kirkpatrick et al. 2017 (PNAS 114, 3521) and Iyer et al. 2022. From
its best weights on A the network learns B by the same recipe, with a new optimiser and without a
sample of A; then A's test split is asked again. Forgetting is the quality on A before less after.

Nothing tells a model which task it is asked: no label, no mean input of the task, no head of its
own. (Iyer et al. give the mean input of the task at hand as context; `active_dendrites` here takes
the sample itself for it.) So the task must be recognised from the input, or A is overwritten.

Read with it how well B was learned: a network that cannot learn B has no reason to forget A. And
permuted inputs have no neighbours, so that B is harder for what has local fields than A was.
"""

import copy
import dataclasses
import math

import torch
from torch import Tensor

from neurojoule import views
from neurojoule.metrics import quality
from neurojoule.prepare import Prepared
from neurojoule.record import Switched
from neurojoule.registry import Model, Task
from neurojoule.train import Data, predict


def why_not(task: Task) -> str | None:
    """Why the inputs of `task` cannot be put in another order, or None."""
    if task.steps:
        return (
            f"{task.name} asks for an answer at each step, and another order of its steps would "
            "put effects before their causes. Leave the probe 'switch' out."
        )
    return None


def switch(prepared: Prepared, test: Data) -> Switched:
    """Let a copy of the trained network learn task B, and ask it for both.

    Args:
        prepared: the parts of the run; its model has its best weights and is left as it is.
        test: the test split of task A in the model's view.
    """
    order = other_order(prepared.task, prepared.entry, prepared.spec.seed)
    twin = copy.deepcopy(prepared.model)
    second = dataclasses.replace(
        prepared,
        model=twin,
        forward=lambda x: twin(prepared.reals(x)),
        train=Data(reordered(prepared.train.x, order), prepared.train.y),
        validation=Data(reordered(prepared.validation.x, order), prepared.validation.y),
    )
    trained = second.learn()
    twin.load_state_dict(trained.best or prepared.model.state_dict())
    twin.eval()

    def judge(x: Tensor) -> float | None:
        value = quality(prepared.task.metric, predict(second.forward, x), test.y)
        return value if math.isfinite(value) else None

    return Switched(
        status=trained.status, after=judge(test.x), learned=judge(reordered(test.x, order))
    )


def other_order(task: Task, model: Model, seed: int) -> Tensor:
    """From which place of A's input each place of B's is filled, both in the model's flat view.

    The order is drawn in the task's own layout, so that it is the same task for every model.
    """
    count = math.prod(task.inputs)
    drawn = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    places = torch.arange(count).reshape(1, *task.inputs)
    shown = views.arrange(places, task, model.takes).flatten()  # place of the task by that in view
    return shown.argsort()[drawn[shown]]


def reordered(x: Tensor, order: Tensor) -> Tensor:
    """Inputs (samples, ...) with their numbers in another order."""
    return x.flatten(1)[:, order.to(x.device)].reshape(x.shape)
