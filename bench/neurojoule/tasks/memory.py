"""The adding and the copy problem: two things far apart in time, and ten things long ago.

S. Hochreiter & J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997); in the form
of S. Bai, J. Z. Kolter & V. Koltun, arXiv:1803.01271 (2018).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from neurojoule.registry import Split, Task, add_task

SIZES: dict[Split, int] = {"train": 20_000, "validation": 1_000, "test": 1_000}
SEEDS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}

REMEMBERED = 10
"""Symbols to copy."""

SYMBOLS, DELIMITER = 8, 9
"""Symbols 1 to 8 are to be copied, 0 is blank, and 9 asks for the copy."""


def adding(steps: int, split: Split) -> tuple[Tensor, Tensor]:
    """Two of `steps` random numbers are marked; the target is their sum.

    Returns:
        x (samples, 2, steps): numbers from U(0, 1), and two ones among zeros, one in each half;
        y (samples, 1).
    """
    generator = torch.Generator().manual_seed(SEEDS[split])
    count, half = SIZES[split], steps // 2
    value = torch.rand(count, steps, generator=generator)
    first = torch.randint(half, (count, 1), generator=generator)
    second = torch.randint(half, steps, (count, 1), generator=generator)
    places = torch.cat((first, second), 1)
    marked = torch.zeros(count, steps).scatter(1, places, 1.0)
    return torch.stack((value, marked), 1), value.gather(1, places).sum(1, keepdim=True)


def copying(blanks: int, split: Split) -> tuple[Tensor, Tensor]:
    """Ten symbols, `blanks` - 1 blanks, then eleven delimiters; the ten are asked for at the end.

    Returns:
        x (samples, 10, blanks + 20), one channel a symbol, 0 or 1; y (samples, 10), the classes
        0 to 7 of the symbols, for the last ten steps. All steps before are blank and not scored:
        always saying blank already gets (T + 10) / (T + 20) of all.
    """
    generator = torch.Generator().manual_seed(SEEDS[split])
    count = SIZES[split]
    y = torch.randint(SYMBOLS, (count, REMEMBERED), generator=generator)
    blank = torch.zeros(count, blanks - 1, dtype=torch.int64)
    delimiters = torch.full((count, REMEMBERED + 1), DELIMITER)
    symbols = torch.cat((y + 1, blank, delimiters), 1)  # (samples, blanks + 20)
    return F.one_hot(symbols, SYMBOLS + 2).transpose(1, 2).float().contiguous(), y


def _add_adding(steps: int) -> None:
    add_task(
        Task(
            name=f"adding-{steps}",
            summary=f"The sum of two marked numbers among {steps}",
            source="Hochreiter & Schmidhuber 1997; Bai, Kolter & Koltun 2018",
            inputs=(2, steps),
            axes=("channel", "time"),
            outputs=1,
            loss="mean_squared_error",
            metric="mean_squared_error",
            chance=1 / 6,  # of always answering 1: the variance of the sum of two uniform numbers
            target=0.02,
            load=lambda split: adding(steps, split),
        )
    )


def _add_copy(blanks: int) -> None:
    add_task(
        Task(
            name=f"copy-{blanks}",
            summary=f"Ten symbols, to be repeated {blanks} steps later",
            source="Hochreiter & Schmidhuber 1997; Bai, Kolter & Koltun 2018",
            inputs=(SYMBOLS + 2, blanks + 2 * REMEMBERED),
            axes=("channel", "time"),
            outputs=SYMBOLS,
            loss="cross_entropy",
            metric="accuracy",
            chance=1 / SYMBOLS,
            target=0.95,
            load=lambda split: copying(blanks, split),
            binary=True,
            steps=REMEMBERED,
        )
    )


for _steps in (50, 100, 200):
    _add_adding(_steps)
for _blanks in (30, 100):
    _add_copy(_blanks)
