"""Biophysical cells whose input and output are a task; see docs/neuron.md.

`dataset("l5_nmda", simulations=200, seconds=6, seed=0, cache_folder=folder)` gives their input and
output, `get_cell` a cell as data, `simulate` its output on an input of your own.
"""

from neurojoule.cells.catalogue import ABLATIONS, get_cell, inputs, names, simulate, steps
from neurojoule.cells.cell import Cell, Drive, Section, Synapses, TreeDrive
from neurojoule.cells.data import BURN_IN_MS, CLIP_MV, Dataset, dataset, dataset_of
from neurojoule.cells.layer5 import biophysics, with_channels
from neurojoule.cells.point import PointCell
from neurojoule.cells.published import neuron_io
from neurojoule.cells.swc import read_swc
from neurojoule.cells.traces import Traces

__all__ = [
    "ABLATIONS",
    "BURN_IN_MS",
    "CLIP_MV",
    "Cell",
    "Dataset",
    "Drive",
    "PointCell",
    "Section",
    "Synapses",
    "Traces",
    "TreeDrive",
    "biophysics",
    "dataset",
    "dataset_of",
    "get_cell",
    "inputs",
    "names",
    "neuron_io",
    "read_swc",
    "simulate",
    "steps",
    "with_channels",
]
