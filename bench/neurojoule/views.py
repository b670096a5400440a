"""How a model is shown a task: the adapters, documented in one place, the same for every model.

A task's input has axes of time, space, channels or bits; a model takes a vector, a sequence or an
image. Nothing is added or lost on the way, only rearranged:

| axes of the task    | vector    | sequence (channels, time)          | image                     |
|---------------------|-----------|------------------------------------|---------------------------|
| (bit,)              | as it is  | (1, bits): one bit a step          | none: bits have no space  |
| (time,)             | as it is  | (1, time)                          | none                      |
| (channel, time)     | flattened | as it is                           | none                      |
| (row, column)       | flattened | (columns, rows): one row a step    | (1, rows, columns)        |
| (channel, row, col) | flattened | (channels x columns, rows)         | as it is                  |
"""

from torch import Tensor

from neurojoule.registry import Model, Shape, Task, View

_SPATIAL = {("row", "column"), ("channel", "row", "column")}


def why_not(model: Model, task: Task) -> str | None:
    """Why `model` cannot learn `task`, in a sentence, or None when it can."""
    if model.takes == "image" and task.axes not in _SPATIAL:
        return (
            f"{model.name} takes images, and an input of {task.name} has the axes "
            f"({', '.join(task.axes)}), which are no image."
        )
    if task.causal and not model.answers_steps:
        return (
            f"{task.name} wants every answer from what came before it, and {model.name} answers "
            "from the whole input at once. A tcn_surrogate with taps=1 is a perceptron on a "
            "sliding window."
        )
    return model.refuses(task)


def shape(model: Model, task: Task) -> Shape:
    """The shape of `task` as `model` sees it.

    A model that cannot answer step by step gives the answers to all steps at once.
    """
    inputs = _arranged(task.inputs, task.axes, model.takes)
    if task.steps and not model.answers_steps:
        return Shape(inputs, task.outputs * task.steps, task.inputs, task=task.name)
    return Shape(inputs, task.outputs, task.inputs, task.steps, task.name)


def arrange(x: Tensor, task: Task, view: View) -> Tensor:
    """Show inputs of shape (samples, *task.inputs) in the given view, contiguous."""
    if view == "sequence" and task.axes == ("row", "column"):
        x = x.transpose(1, 2)  # (samples, columns, rows): time runs down the rows
    if view == "sequence" and task.axes == ("channel", "row", "column"):
        x = x.transpose(2, 3)  # (samples, channels, columns, rows)
    return x.reshape(len(x), *_arranged(task.inputs, task.axes, view)).contiguous()


def _arranged(inputs: tuple[int, ...], axes: tuple[str, ...], view: View) -> tuple[int, ...]:
    if view == "vector":
        count = 1
        for extent in inputs:
            count *= extent
        return (count,)
    if view == "image":
        return inputs if len(inputs) == 3 else (1, *inputs)
    match axes:
        case ("row", "column"):
            return inputs[1], inputs[0]
        case ("channel", "row", "column"):
            return inputs[0] * inputs[2], inputs[1]
        case ("channel", "time"):
            return inputs
        case _:
            return 1, inputs[0]
