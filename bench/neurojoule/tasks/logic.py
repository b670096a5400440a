"""Boolean functions of a few bits, by their whole truth table.

XOR is what a single point neuron cannot learn (Minsky & Papert 1969) and a single human dendrite
can (Gidon et al. 2020). There is nothing to generalise to: all three splits are the truth table.
"""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from neurojoule.registry import Split, Task, add_task

Table = tuple[Tensor, Tensor]
"""Inputs (2^bits, bits) and outputs (2^bits, 1), all 0 or 1, float32."""


def truth_table(bits: int, function: Callable[[tuple[int, ...]], bool | int]) -> Table:
    """All inputs in counting order, and what `function` gives for each."""
    rows = list(product((0, 1), repeat=bits))
    x = torch.tensor(rows, dtype=torch.float32)
    y = torch.tensor([[float(function(row))] for row in rows])
    return x, y


def two_input_function(code: int) -> Table:
    """One of the 16 Boolean functions of two bits; bit i of `code` is its value in row i.

    Rows are 00, 01, 10, 11, so that AND is 0b1000 and XOR 0b0110.
    """
    return truth_table(2, lambda row: code >> (2 * row[0] + row[1]) & 1)


def _add(name: str, summary: str, source: str, table: Callable[[], Table], bits: int) -> None:
    def load(_split: Split) -> Table:
        return table()

    ones = float(table()[1].mean())
    add_task(
        Task(
            name=name,
            summary=summary,
            source=source,
            inputs=(bits,),
            axes=("bit",),
            outputs=1,
            loss="binary",
            metric="accuracy",
            chance=max(ones, 1 - ones),
            target=1.0,
            load=load,
            binary=True,
        )
    )


_add("and", "Both of two bits", "truth table", lambda: two_input_function(0b1000), 2)
_add("or", "Any of two bits", "truth table", lambda: two_input_function(0b1110), 2)
_add(
    "xor",
    "Just one of two bits: what no single point neuron can learn",
    "Minsky & Papert 1969; Gidon et al. 2020",
    lambda: two_input_function(0b0110),
    2,
)


def _parity(bits: int) -> None:
    _add(
        f"parity-{bits}",
        f"Whether an odd number of {bits} bits is on",
        "Minsky & Papert 1969",
        lambda: truth_table(bits, lambda row: sum(row) % 2),
        bits,
    )


for _bits in (3, 4, 5):
    _parity(_bits)

_add(
    "binding",
    "Two features of one object: (a and b) or (c and d), not one feature of each",
    "the feature binding problem of Caze, Humphries & Gutkin 2013",
    lambda: truth_table(4, lambda row: row[0] & row[1] | row[2] & row[3]),
    4,
)
