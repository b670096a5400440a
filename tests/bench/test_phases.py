"""A step of a stream is measured where the task is causal and the model has a step-by-step form."""

import dataclasses
import itertools

import pytest
import torch
from torch import nn

from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.meter import Meter, MeterSettings
from neurojoule.phases import stream_in_window
from neurojoule.prepare import Prepared
from neurojoule.registry import Task, get_model
from neurojoule.spec import Recipe, Spec
from neurojoule.train import Data

TASK = Task(
    "planted", "", "", inputs=(3, 7), axes=("channel", "time"), outputs=2, loss="binary",
    metric="accuracy", chance=0.5, target=1.0, load=lambda _: None, causal=True, steps=5,
)  # fmt: skip


def streamed(model, task=TASK, *, kept_as=torch.float32):
    x = torch.arange(2 * 3 * 7).reshape(2, 3, 7).remainder(2).to(kept_as)
    data = Data(x, torch.zeros(2, 2, 5))
    prepared = Prepared(
        spec=Spec(suite="t", task="t", model="glm", seed=0, recipe=Recipe(1, 1)),
        entry=get_model("glm"), task=task, model=model.eval(), forward=model, solved=None,
        train=data, validation=data, synchronise=lambda: None,
    )  # fmt: skip
    with Meter(None, MeterSettings()) as meter:
        return stream_in_window(prepared, 0.05, meter), x


class Recorder(nn.Module):
    """Keeps what its stream is given."""

    kernel = "list"

    def __init__(self):
        super().__init__()
        self.seen = []

    def stream(self, samples):
        assert samples == 1
        return self

    def step(self, x):
        self.seen.append(x.clone())
        return x

    def reset(self):
        raise AssertionError


class Backwards(nn.Module):
    """Reads its input from the end."""

    def __init__(self):
        super().__init__()
        self.net = CausalConv1d(3, 2, 2)

    def forward(self, x):
        return self.net(x.flip(2)).flip(2)


class Pooled(Backwards):
    """Wants four steps at a time."""

    def forward(self, x):
        return nn.functional.avg_pool1d(self.net(x), 4, 1)


def test_a_step_costs_the_windows_time_over_its_steps():
    found, _ = streamed(CausalConv1d(3, 2, 4))
    assert found.batch_size == 1
    assert found.samples > 20
    assert found.time_s == pytest.approx(found.window.time_s / found.samples)
    assert 0 < found.latency_p50_s <= found.latency_p95_s
    assert found.window.time_s >= 0.05


@pytest.mark.parametrize("kept_as", [torch.float32, torch.bool])
def test_the_steps_of_one_sequence_follow_on_those_of_another_as_numbers(kept_as):
    model = Recorder()
    _, x = streamed(model, kept_as=kept_as)
    expected = [x[i : i + 1, :, t].float() for i, t in itertools.product(range(2), range(7))]
    assert len(model.seen) > 40
    for given, wanted in zip(model.seen, itertools.cycle(expected), strict=False):
        assert given.dtype == torch.float32
        assert torch.equal(given, wanted)


@pytest.mark.parametrize("model", [Backwards(), Pooled(), nn.Linear(3, 2)])
def test_a_model_without_a_step_by_step_form_leaves_nothing(model):
    assert streamed(model)[0] is None


def test_a_task_whose_answers_may_wait_for_the_end_is_not_streamed():
    assert streamed(CausalConv1d(3, 2, 4), dataclasses.replace(TASK, causal=False))[0] is None
