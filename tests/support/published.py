"""Made-up NeuronIO files in exactly the published layout."""

import io
import pickle
import struct
from types import BuiltinFunctionType
from typing import ClassVar

import numpy as np

SEGMENTS = 11


def simulation(rng, seconds=1):
    """One simulation as the authors' script leaves it."""
    ms = 1000 * seconds

    def times():
        segments = np.arange(SEGMENTS)  # segments and times are NumPy's scalars, from np.nonzero
        return {k: list(np.flatnonzero(rng.random(ms) < 0.02)) for k in segments}

    return {
        "recordingTimeHighRes": np.arange(0, ms, 0.125).astype(np.float16),
        "somaVoltageHighRes": rng.normal(-65, 5, 8 * ms).astype(np.float16),
        "recordingTimeLowRes": np.arange(ms),
        "somaVoltageLowRes": rng.normal(-62, 8, ms).astype(np.float16),
        "exInputSpikeTimes": times(),
        "inhInputSpikeTimes": times(),
        "outputSpikeTimes": np.array([100.6, 250.0, 999.4]).astype(np.float16),
        "dendriticVoltagesLowRes": np.asfortranarray(rng.normal(-65, 5, (SEGMENTS, 9))),
    }


def content(simulations=3, seed=0, seconds=1):
    """What one file holds."""
    rng = np.random.default_rng(seed)
    return {
        "Params": {
            "randomSeed": 7,
            "numSimulations": simulations,
            "totalSimDurationInSec": seconds,
            "allSegmentsType": ["basal"] * 6 + ["apical"] * 5,
            "allSegments_DistFromSoma": np.linspace(0, 900, SEGMENTS).tolist(),
            "ISICV": np.float64(0.9),
        },
        "Results": {
            "listOfSingleSimulationDicts": [simulation(rng, seconds) for _ in range(simulations)]
        },
    }


class Python2Pickler(pickle._Pickler):
    """Protocol 2 as cPickle wrote it: text and bytes as plain strings, NumPy's module of then."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        raw = text if isinstance(text, bytes) else text.encode("latin1")
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    def save_array_function(self, function, name=None):
        module = function.__module__.replace("numpy._core", "numpy.core")
        self.write(f"c{module}\n{name or function.__qualname__}\n".encode())
        self.memoize(function)

    dispatch[str] = save_string
    dispatch[bytes] = save_string
    dispatch[BuiltinFunctionType] = save_array_function
    dispatch[type] = save_array_function


def python2(value):
    """A pickle as Python 2 wrote it."""
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(value)
    return file.getvalue()
