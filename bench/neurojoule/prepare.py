"""What a run needs before it is measured: data in the model's view, a seeded model, its learner."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from neurojoule import sizing, views, work
from neurojoule.metrics import quality
from neurojoule.registry import Model, Shape, Split, Task, get_model, get_task
from neurojoule.spec import Spec
from neurojoule.train import Data, Learn, Trained, gradient_learner, predict, train

WARM_UP_STEPS = 3


@dataclass(frozen=True)
class Prepared:
    """The parts of one run, on the device.

    Attributes:
        spec, entry, task: what is run.
        model: the module that learns.
        forward: the module, or its compiled form; takes inputs as they are kept.
        solved: its width, and how well that meets the budget.
        train, validation: the splits; the test split is not read yet.
        synchronise: waits for the device.
    """

    spec: Spec
    entry: Model
    task: Task
    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    solved: sizing.Solved
    train: Data
    validation: Data
    synchronise: Callable[[], None]

    def reals(self, x: Tensor) -> Tensor:
        """Inputs as numbers; large binary ones are kept as bool."""
        return x.to(getattr(torch, self.spec.setup.dtype)) if x.dtype == torch.bool else x

    def inputs(self, x: Tensor) -> Tensor:
        """Inputs as the model takes them: numbers, or bool where it reads spikes itself."""
        return x if reads_spikes(self.model) else self.reals(x)

    def some(self, most: int) -> Tensor:
        """The first inputs of the validation as kept, fewer where the model says so."""
        return self.validation.x[: min(most, self.entry.batch or most)]

    def learner(self) -> Learn:
        """One update of the model, by its own rule or by gradients."""
        if self.entry.learns == "own":
            learn: Learn = self.model.learn  # type: ignore[assignment]
            if self.train.x.dtype == torch.bool:
                return lambda x, y: learn(self.inputs(x), y)
            return learn
        return gradient_learner(self.model, self.task.loss, self.spec.recipe, self.forward)

    def validate(self) -> float:
        """The metric on the validation split with the weights as they are."""
        output = predict(self.forward, self.validation.x)
        return quality(self.task.metric, output, self.validation.y)

    def learn(self) -> Trained:
        """One execution of the training, from the state that the model is in."""
        torch.manual_seed(self.spec.seed)
        return train(
            self.model,
            self.learner(),
            self.train,
            self.spec.recipe,
            validate=self.validate,
            higher_is_better=self.task.higher_is_better,
            seed=self.spec.seed,
            synchronise=self.synchronise,
        )

    def warm_up(self) -> None:
        """A few updates and predictions outside every window: allocations, compilers, caches."""
        start = copy.deepcopy(self.model.state_dict())
        learn = self.learner()
        size = min(self.spec.recipe.batch_size, len(self.train))
        self.model.train()
        for _ in range(WARM_UP_STEPS):
            learn(self.train.x[:size], self.train.y[:size])
        self.model.eval()
        self.validate()
        self.model.load_state_dict(start)
        self.model.zero_grad(set_to_none=True)


def prepare(spec: Spec) -> Prepared:
    """Load the data, solve the width, build the model; in the dtype and on the device asked for."""
    entry, task = get_model(spec.model), get_task(spec.task)
    shape, options = views.shape(entry, task), dict(spec.options)
    solved = sizing.solve(entry, shape, spec.size, options, count=partial(operations, shape))
    model = sizing.build(entry, shape, solved.width, options, spec.seed)
    model = model.to(spec.setup.torch_device, getattr(torch, spec.setup.dtype))
    data = load(spec, "train")
    return Prepared(
        spec=spec,
        entry=entry,
        task=task,
        model=model,
        forward=_forward(spec, model, data),
        solved=solved,
        train=data,
        validation=load(spec, "validation"),
        synchronise=synchroniser(spec.setup.torch_device),
    )


def load(spec: Spec, split: Split) -> Data:
    """One split in the model's view; of the training split only the share asked for.

    A model that takes long for a sample says how many it is given (`Model.samples`).
    """
    entry, task = get_model(spec.model), get_task(spec.task)
    x, y = task.load(split)
    if split == "train" and spec.share < 1:
        keep = max(1, round(len(x) * spec.share))
        chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(spec.seed))[:keep]
        x, y = x[chosen], y[chosen]
    if entry.samples is not None and entry.samples < len(x):
        chosen = torch.linspace(0, len(x) - 1, entry.samples).round().long()
        x, y = x[chosen], y[chosen]
    x = views.arrange(x, task, entry.takes)
    device, dtype = spec.setup.torch_device, getattr(torch, spec.setup.dtype)
    y = y.to(device, dtype) if y.is_floating_point() else y.to(device)
    return Data(x.to(device) if x.dtype == torch.bool else x.to(device, dtype), y)


def reads_spikes(model: nn.Module) -> bool:
    """Whether the model says that it takes binary inputs as bool: its first layer goes by them."""
    return bool(getattr(model, "reads_spikes", False))


def _forward(spec: Spec, model: nn.Module, data: Data) -> Callable[[Tensor], Tensor]:
    """The model as it is called: compiled if so asked, batches of bool made numbers on the way."""
    forward: Callable[[Tensor], Tensor] = torch.compile(model) if spec.setup.compile else model
    if data.x.dtype != torch.bool or reads_spikes(model):
        return forward
    dtype = getattr(torch, spec.setup.dtype)
    return lambda x: forward(x.to(dtype))


def synchroniser(device: str) -> Callable[[], None]:
    """What waits until the device has done all it was asked; a CPU is never behind."""
    if device.startswith("cuda"):
        return partial(torch.cuda.synchronize, device)
    return torch.mps.synchronize if device == "mps" else lambda: None


def operations(shape: Shape, model: nn.Module) -> float:
    """Dense FLOPs of one inference: what a ladder of operations budgets."""
    return work.count(model, torch.zeros(2, *shape.inputs)).forward_flops
