"""How far does a linear filter get in imitating `lif`, and why no further?

    python docs/experiments/lif.py

Between two spikes the cell is a linear filter of its input, whose weights and time constants are
known here. Printed is what its membrane without threshold and reset (the cell's, and ones that
forget faster, as a reset makes the cell do) knows of the test split: the AUC of its potential for
the cell's spikes, and the share of the voltage's variance in its best straight line.
"""

import math
from dataclasses import replace

import numpy as np
import torch

from neurojoule.cells import get_cell, simulate
from neurojoule.cells.point import PointCell
from neurojoule.metrics import roc
from neurojoule.models.biophysical import packed
from neurojoule.registry import get_task

MEMBRANES_MS = (20.0, 15.0, 10.0, 7.0, 5.5, 4.0)


def main() -> None:
    """Print a line a membrane."""
    cell = get_cell("lif")
    assert isinstance(cell, PointCell)
    x, y = get_task("neuron_lif").load("test")
    bits, asked = packed(x), slice(-y.shape[2], None)
    spike, voltage = y[:, 0].flatten() > 0, y[:, 1].flatten().numpy()
    print("| membrane | AUC | voltage explained |")
    print("|---:|---:|---:|")
    for membrane_ms in MEMBRANES_MS:
        free = replace(cell, membrane_ms=membrane_ms, threshold_mv=math.inf)
        potential = simulate(free, bits).soma_mv[:, asked].ravel()
        auc = roc(torch.from_numpy(potential), spike)["auc"]
        explained = float(np.corrcoef(potential, voltage)[0, 1] ** 2)
        print(f"| {membrane_ms:g} ms | {auc:.4f} | {explained:.4f} |")


if __name__ == "__main__":
    main()
