"""How samples are divided: the same for every model, seed and machine."""

import numpy as np
from numpy.typing import NDArray

SEED = 42
"""Of every split: splits do not depend on the seed of a run."""


def stratified(
    labels: NDArray[np.integer], shares: tuple[float, ...]
) -> tuple[NDArray[np.int64], ...]:
    """Indices of the parts, each with its share of every class, in random order.

    The last part takes what is left.

    Args:
        labels: classes of all samples, (samples,).
        shares: of all parts but the last.
    """
    generator = np.random.default_rng(SEED)
    parts: list[list[NDArray[np.int64]]] = [[] for _ in range(len(shares) + 1)]
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        cuts = np.round(np.cumsum(shares) * len(members)).astype(np.int64)
        for part, chosen in zip(parts, np.split(members, cuts), strict=True):
            part.append(chosen)
    return tuple(generator.permutation(np.concatenate(part)) for part in parts)
