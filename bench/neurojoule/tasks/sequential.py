"""Images pixel by pixel: what must be remembered over the whole sequence.

Q. V. Le, N. Jaitly & G. E. Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified
Linear Units", arXiv:1504.00941 (2015). Permuted, the pixels come in one fixed random order, so that
what belongs together in space no longer comes together in time.
"""

from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from neurojoule.registry import Split, Task, add_task
from neurojoule.tasks.digits import TASK as DIGITS
from neurojoule.tasks.idx import MNIST

PERMUTATION_SEED = 42


def permutation(pixels: int) -> Tensor:
    """The order of the pixels in all samples of a permuted task: int64 (pixels,)."""
    return torch.randperm(pixels, generator=torch.Generator().manual_seed(PERMUTATION_SEED))


def _add(images: Task, *, permuted: bool, target: float) -> None:
    pixels = prod(images.inputs)
    order = permutation(pixels) if permuted else torch.arange(pixels)

    def load(split: Split) -> tuple[Tensor, Tensor]:
        x, y = images.load(split)
        return x.flatten(1)[:, order], y

    add_task(
        replace(
            images,
            name=f"{'permuted' if permuted else 'sequential'}_{images.name}",
            summary=f"{images.summary}; one pixel a step" + permuted * ", in random order",
            source=f"{images.source}; as a sequence: Le, Jaitly & Hinton 2015",
            inputs=(pixels,),
            axes=("time",),
            load=load,
            target=target,
        )
    )


_add(DIGITS, permuted=False, target=0.9)
_add(DIGITS, permuted=True, target=0.9)
_add(MNIST, permuted=False, target=0.95)
_add(MNIST, permuted=True, target=0.9)
