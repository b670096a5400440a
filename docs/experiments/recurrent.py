"""The looped GRU beside torch's: from how many states on torch's matrix products win.

Forward and backward, and forward alone, on bidirectional layers. Pairs alternate in one process;
median ratios are printed, above 1 where the loop is faster. `neurojoule.kernels.gru.MOST_STATES`
and `MOST_TRAINED_STATES` are chosen from this table.

    python docs/experiments/recurrent.py
"""

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

from neurojoule.kernels import gru
from neurojoule.kernels.gru import FewStatesGRU

STATES = (2, 6, 12, 16, 24, 32, 48, 64, 96)


def clocked(layer: nn.Module, x: Tensor) -> tuple[float, float]:
    """Seconds of a forward pass without gradients, and of one with its backward pass."""
    with torch.inference_mode():
        start_s = time.perf_counter()
        layer(x)
        forward_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    layer(x)[0].sum().backward()
    return forward_s, time.perf_counter() - start_s


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    gru.MOST_STATES = gru.MOST_TRAINED_STATES = max(STATES)  # measured on both sides of the rule
    print("| states | training, batch 100 | batch 8 | inference, batch 256 | batch 1 |")
    print("|---|---|---|---|---|")
    for states in STATES:
        ours = FewStatesGRU(1, states, bidirectional=True)
        theirs = nn.GRU(1, states, batch_first=True, bidirectional=True)
        theirs.load_state_dict(ours.state_dict())
        cells = []
        for batch, which in ((100, 1), (8, 1), (256, 0), (1, 0)):
            x = torch.randn(batch, options.steps, 1)
            clocked(ours, x), clocked(theirs, x)
            ratios = [
                clocked(theirs, x)[which] / clocked(ours, x)[which] for _ in range(options.pairs)
            ]
            cells.append(f"{statistics.median(ratios):.1f}")
        print(f"| {states} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
