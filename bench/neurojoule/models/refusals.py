"""Why a model cannot learn a task, in the words that its user reads; None when it can."""

from math import prod

from neurojoule.registry import Task

SYNAPSES = 16
"""Inputs of one unit or dendrite where they are few (K of Chavlis & Poirazi 2025)."""


def too_few_inputs(task: Task) -> str | None:
    """A control of sparse connections means nothing where all are connected anyway."""
    count = prod(task.inputs)
    if count > SYNAPSES:
        return None
    return (
        f"{task.name} has {count} inputs and a unit {SYNAPSES} synapses, so all would be connected "
        "with all and this control would be the network that it controls."
    )


def not_logic(task: Task) -> str | None:
    """A single unit with binary inputs answers yes or no."""
    if task.binary and task.outputs == 1 and task.loss == "binary":
        return None
    return f"{task.name} is no Boolean function, and a single binary unit answers only yes or no."


def not_classes(task: Task) -> str | None:
    """The perceptron's rule corrects one class a sample."""
    if task.steps:
        return f"{task.name} asks for {task.steps} classes, and the perceptron's rule corrects one."
    if task.loss != "mean_squared_error":
        return None
    return f"{task.name} asks for values, and the perceptron's rule corrects classes only."


MOST_FACTORS = 1024
"""Inputs that a product along a branch can still be learnt with; a branch multiplies them all."""


def too_many_factors(task: Task) -> str | None:
    """A product of thousands of sigmoids is 0, and so are its gradients."""
    count = prod(task.inputs)
    if count <= MOST_FACTORS:
        return None
    return (
        f"{task.name} has {count} inputs, and every branch would multiply them all: beyond "
        f"{MOST_FACTORS} such a product and its gradients vanish."
    )


def not_spikes(task: Task) -> str | None:
    """A layer that works spike by spike needs spikes, in time."""
    if task.binary and "time" in task.axes:
        return None
    return f"{task.name} has no spikes in time: the layer works spike by spike, on 0 and 1."
