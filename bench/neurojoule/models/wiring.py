"""Who is connected with whom: random, local and global receptive fields, drawn once.

Every function draws from torch's generator and gives an index of shape (units, synapses): which
inputs a unit reads, all different.
"""

from itertools import product

import torch
from torch import Tensor

from neurojoule.errors import UnknownNameError, UserError

FIELDS = ("random", "local", "global")

_CHUNK = 1024  # rows of scores held at once: 1024 x 784 float32 are 3 MB


def random_inputs(units: int, synapses: int, inputs: int) -> Tensor:
    """Every unit reads `synapses` different inputs, all sets equally likely."""
    return _smallest(torch.zeros(1, inputs), torch.zeros(units, dtype=torch.int64), synapses)


def covering_inputs(units: int, synapses: int, inputs: int) -> Tensor:
    """Random inputs, but each is read as long as there are as many units as inputs.

    The first synapses of all units go through the inputs in random order, round after round; the
    other synapses fall on any different inputs.
    """
    first = torch.randperm(inputs)[torch.arange(units) % inputs]  # (units,)
    parts = []
    for chosen in torch.split(first, _CHUNK):
        lots = torch.rand(len(chosen), inputs).scatter(1, chosen[:, None], -1.0)
        parts.append(lots.topk(synapses, largest=False, sorted=False).indices)
    return torch.cat(parts)


def receptive_fields(
    fields: str, grid: tuple[int, ...], somata: int, dendrites: int, synapses: int
) -> Tensor:
    """The inputs of each dendrite, (somata x dendrites, synapses), soma by soma.

    `random`: any inputs. `local`: a random centre for each dendrite, its synapses from the
    neighbourhood of the centre (3 x 3 in an image), then from outward rings. `global`: a random
    centre for each soma, in whose neighbourhood, then rings, lie its dendrites' centres; each
    dendrite's synapses as before (Chavlis & Poirazi 2025).

    The rings are of Chebyshev distance; within the last one needed the choice is random. An image
    with channels is a grid of three axes, whose first has no distance.

    Raises:
        UserError: for unknown fields; or where local ones would not differ from random ones,
            because a dendrite reads all inputs; or where a soma has more dendrites than inputs.
    """
    inputs = 1
    for extent in grid:
        inputs *= extent
    if fields not in FIELDS:
        raise UnknownNameError("kind of receptive field", fields, FIELDS)
    if fields == "random":
        return random_inputs(somata * dendrites, synapses, inputs)
    if synapses >= inputs:
        raise UserError(
            f"A dendrite with {synapses} synapses reads all {inputs} inputs, so fields={fields!r} "
            "would be fields='random'. Give fewer synapses, or take random fields."
        )
    ring = rings(grid)
    if fields == "local":
        centre = torch.randint(inputs, (somata * dendrites,))
    else:
        if dendrites > inputs:
            raise UserError(
                f"{dendrites} dendrites need as many different centres, and there are {inputs} "
                "inputs. Give fewer dendrites, or take local fields."
            )
        soma = torch.randint(inputs, (somata,))
        centre = _smallest(ring, soma, dendrites).reshape(-1)  # (somata x dendrites,)
    return _smallest(ring, centre, synapses)


def rings(grid: tuple[int, ...]) -> Tensor:
    """Which ring around input i holds input j, (inputs, inputs): 1 for i and its neighbours."""
    place = torch.tensor(list(product(*map(range, grid))), dtype=torch.float32)  # (inputs, axes)
    if len(grid) == 3:
        place = place[:, 1:]
    distance = (place[:, None] - place[None]).abs().amax(-1)  # (inputs, inputs)
    return distance.clamp(min=1)


def _smallest(score: Tensor, row: Tensor, count: int) -> Tensor:
    """For each entry of `row`, `count` places of the smallest score[row], ties broken by lot."""
    parts = []
    for rows in torch.split(row, _CHUNK):
        lots = score[rows] + torch.rand(len(rows), score.shape[1])  # scores are whole numbers
        parts.append(lots.topk(count, largest=False, sorted=False).indices)
    return torch.cat(parts)
