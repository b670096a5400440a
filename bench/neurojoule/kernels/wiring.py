"""Who reads whom: the synapses of a layer, checked once, and seen from units and from inputs.

Synapses are numbered unit by unit. Unit u owns the synapses `offsets[u]` up to `offsets[u + 1]`,
and synapse s reads `inputs[s]`; a unit may own none, and may read one input twice. This is a
compressed sparse row matrix whose values (the weights) live elsewhere, in one flat vector.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from neurojoule.errors import UserError

NO_SYNAPSE = -1
"""Stands in an index where a unit has fewer synapses than the widest one."""


class Synapses(NamedTuple):
    """All synapses of a layer, twice; every tensor is int64.

    Attributes:
        members: (synapses,), the input that each synapse reads, unit by unit.
        offsets: (units + 1,), where each unit's synapses start.
        readers: (synapses,), the unit that each synapse feeds, input by input.
        reader_offsets: (inputs + 1,), where each input's synapses start.
        order: (synapses,), which synapse of `members` each one of `readers` is.
    """

    members: Tensor
    offsets: Tensor
    readers: Tensor
    reader_offsets: Tensor
    order: Tensor


def check(in_features: int, index: Tensor) -> None:
    """Refuse an index that is not int64 (units, synapses) with every entry in [-1, in_features).

    Raises:
        UserError: with what was given and what was expected.
    """
    if in_features < 1:
        raise UserError(f"A layer reads at least one input; given in_features = {in_features}.")
    if not isinstance(index, Tensor) or index.dtype != torch.int64:
        given = index.dtype if isinstance(index, Tensor) else type(index).__name__
        raise UserError(f"A wiring index is a tensor of torch.int64; given {given}. Use .long().")
    if index.ndim != 2 or index.shape[0] == 0:
        raise UserError(
            f"A wiring index has the shape (units, synapses) with at least one unit; given "
            f"{tuple(index.shape)}. A unit with fewer synapses than the others is filled up "
            f"with {NO_SYNAPSE}."
        )
    if index.is_meta:
        return
    wrong = (index < NO_SYNAPSE) | (index >= in_features)
    if wrong.any():
        unit, synapse = wrong.nonzero()[0].tolist()
        raise UserError(
            f"Synapse {synapse} of unit {unit} reads input {int(index[unit, synapse])}, but an "
            f"index of shape {tuple(index.shape)} into inputs of shape (batch, {in_features}) "
            f"holds 0 to {in_features - 1}, or {NO_SYNAPSE} for no synapse."
        )


def synapses(in_features: int, index: Tensor) -> Synapses:
    """The synapses of an index (units, most synapses of a unit).

    On the `meta` device, where a model is built to count its parameters, no entry can be looked at,
    and each one counts as a synapse.

    Raises:
        UserError: as `check`.
    """
    check(in_features, index)
    if index.is_meta:
        members, offsets = index.flatten(), index.new_empty(len(index) + 1)
        return Synapses(
            members, offsets, members, index.new_empty(in_features + 1), members.clone()
        )
    exists = index != NO_SYNAPSE
    return seen_from_both(in_features, index[exists], _starts(exists.sum(1)))


def seen_from_both(in_features: int, members: Tensor, offsets: Tensor) -> Synapses:
    """Sort the synapses of the units by the input that they read."""
    order = members.argsort(stable=True)
    per_unit = offsets.diff()
    unit = torch.arange(len(per_unit), device=order.device).repeat_interleave(per_unit)
    per_input = torch.bincount(members, minlength=in_features)
    return Synapses(members, offsets, unit[order], _starts(per_input), order)


def index_of(mask: Tensor) -> Tensor:
    """The index of a connection matrix: bool (units, inputs) -> int64 (units, most synapses).

    Raises:
        UserError: when the mask is not a boolean matrix.
    """
    if mask.dtype != torch.bool or mask.ndim != 2:
        raise UserError(
            f"A connection mask is boolean with the shape (units, inputs); given {mask.dtype} "
            f"with the shape {tuple(mask.shape)}."
        )
    counts = mask.sum(1)
    index = mask.new_full((len(mask), int(counts.max())), NO_SYNAPSE, dtype=torch.int64)
    column = mask.cumsum(1) - 1  # (units, inputs): the how-manieth synapse of its unit
    unit, entry = mask.nonzero(as_tuple=True)
    index[unit, column[unit, entry]] = entry
    return index


def _starts(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
