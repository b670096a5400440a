"""XOR of two bursts of spikes, one long after the other.

After the delayed spiking XOR of H. Zheng et al., Nature Communications 15, 277 (2024): each of two
cues has a low or a high rate, over all 20 channels, and the answer is whether they differ. The
first must be held over a silence in which only noise fires.
"""

import torch
from torch import Tensor

from neurojoule.registry import Split, task

CHANNELS, STEPS = 20, 60
FIRST, SECOND = slice(5, 15), slice(45, 55)
LOW, HIGH, NOISE = 0.1, 0.4, 0.01
"""Probability of a spike a channel and step."""

SIZES: dict[Split, int] = {"train": 4_000, "validation": 500, "test": 1_000}
SEEDS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}


@task(
    "spiking_xor",
    summary="Whether two bursts of spikes, 30 steps apart, differ in their rate",
    source="after Zheng et al. 2024",
    inputs=(CHANNELS, STEPS),
    axes=("channel", "time"),
    outputs=1,
    loss="binary",
    metric="accuracy",
    chance=0.5,
    target=0.95,
    binary=True,
)
def spiking_xor(split: Split) -> tuple[Tensor, Tensor]:
    """Spikes (samples, 20, 60), 0 or 1, and whether the rates differ, (samples, 1).

    The four pairs of rates are equally frequent.
    """
    generator = torch.Generator().manual_seed(SEEDS[split])
    count = SIZES[split]
    pair = torch.randperm(count, generator=generator) % 4
    cues = torch.stack((pair // 2, pair % 2), 1)  # (samples, 2), 1 for the high rate
    rate = torch.full((count, CHANNELS, STEPS), NOISE)
    for cue, when in enumerate((FIRST, SECOND)):
        rate[:, :, when] = torch.where(cues[:, cue] == 1, HIGH, LOW)[:, None, None]
    spikes = (torch.rand(rate.shape, generator=generator) < rate).float()
    return spikes, (cues[:, :1] != cues[:, 1:]).float()
