"""A model sees a task rearranged, with nothing added or lost."""

import pytest
import torch

from neurojoule import views
from neurojoule.registry import Model, Shape, Task


def a_task(inputs, axes):
    return Task(
        name="some",
        summary="",
        source="",
        inputs=inputs,
        axes=axes,
        outputs=3,
        loss="cross_entropy",
        metric="accuracy",
        chance=1 / 3,
        target=0.9,
        load=lambda _: (torch.zeros(1, *inputs), torch.zeros(1, dtype=torch.int64)),
    )


def a_model(takes, refuses=lambda _: None):
    return Model("viewer", "point", takes, "", "", lambda *_: None, refuses=refuses)


BITS = a_task((4,), ("bit",))
CURVE = a_task((40,), ("time",))
SERIES = a_task((2, 5), ("channel", "time"))
IMAGE = a_task((3, 4), ("row", "column"))
COLOUR = a_task((2, 3, 4), ("channel", "row", "column"))

SHAPES = [
    (BITS, "vector", (4,)),
    (BITS, "sequence", (1, 4)),
    (CURVE, "vector", (40,)),
    (CURVE, "sequence", (1, 40)),
    (SERIES, "vector", (10,)),
    (SERIES, "sequence", (2, 5)),
    (IMAGE, "vector", (12,)),
    (IMAGE, "sequence", (4, 3)),
    (IMAGE, "image", (1, 3, 4)),
    (COLOUR, "vector", (24,)),
    (COLOUR, "sequence", (8, 3)),
    (COLOUR, "image", (2, 3, 4)),
]


@pytest.mark.parametrize(("task", "view", "expected"), SHAPES)
def test_every_view_has_the_documented_shape_and_all_values(task, view, expected):
    count = 2 * torch.Size(task.inputs).numel()
    x = torch.arange(count, dtype=torch.float32).view(2, *task.inputs)
    seen = views.arrange(x, task, view)
    assert seen.shape == (2, *expected)
    assert seen.is_contiguous()
    assert torch.equal(seen.flatten(1).sort().values, x.flatten(1))
    assert views.shape(a_model(view), task) == Shape(expected, 3, task.inputs)


def test_time_runs_down_the_rows_of_an_image():
    x = torch.arange(12.0).view(1, 3, 4)
    seen = views.arrange(x, IMAGE, "sequence")
    for row in range(3):
        assert torch.equal(seen[0, :, row], x[0, row])


def test_a_step_of_a_colour_image_is_one_row_of_all_channels():
    x = torch.arange(24.0).view(1, 2, 3, 4)
    seen = views.arrange(x, COLOUR, "sequence")
    for row in range(3):
        assert torch.equal(seen[0, :, row], x[0, :, row].flatten())


@pytest.mark.parametrize("task", [BITS, CURVE, SERIES])
def test_a_model_of_images_is_told_that_there_is_no_image(task):
    assert "no image" in views.why_not(a_model("image"), task)


def test_a_models_own_refusal_is_passed_on():
    assert views.why_not(a_model("vector", lambda task: f"not {task.name}"), BITS) == "not some"
    assert views.why_not(a_model("vector"), BITS) is None
    assert views.why_not(a_model("image"), IMAGE) is None
