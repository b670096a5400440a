"""NEURON as the independent judge: the same cell and input, simulated by other people's code.

The channels are written once more in NMODL (`nmodl/`), compiled on first use into a folder of the
caller's, and loaded once a process. NEURON computes every rate and block anew at every step; it has
no tables here. Needs the extra `neurojoule[neuron]` and a C++ compiler.
"""

import hashlib
import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.cell import Cell, Section
from neurojoule.cells.channels import CHANNELS
from neurojoule.cells.compartments import Compartments, compartments, ordered
from neurojoule.cells.errors import NoJudgeError
from neurojoule.cells.traces import Traces

MECHANISM: dict[str, tuple[str, str]] = {
    "pas": ("pas", "g"),
    "NaTa_t": ("njNa", "gbar"),
    "NaTs2_t": ("njNa", "gbar"),
    "SKv3_1": ("njKv3", "gbar"),
    "Im": ("njIm", "gbar"),
    "Ih": ("njIh", "gbar"),
    "Ca_HVA": ("njCaHVA", "gbar"),
    "Ca_LVAst": ("njCaLVA", "gbar"),
    "SK_E2": ("njSK", "gbar"),
}
"""NEURON's mechanism and the name of its density, by channel."""

SODIUM_SHIFT_MV = {"NaTa_t": 0.0, "NaTs2_t": 6.0}


def why_not() -> str | None:
    """Why NEURON cannot judge here, in a sentence, or None when it can."""
    if importlib.util.find_spec("neuron") is None:
        return "NEURON is not installed; install neurojoule[neuron]."
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        return "There is no C++ compiler (g++ or clang++), which NEURON needs for NMODL."
    if shutil.which("make") is None:
        return "There is no make, which NEURON needs for NMODL."
    return None


def load(folder: Path) -> Any:
    """NEURON's `h` with the mechanisms compiled and loaded.

    Args:
        folder: where compiled mechanisms are kept.

    Raises:
        NoJudgeError: NEURON or a compiler is missing, or the compilation failed.
    """
    reason = why_not()
    if reason is not None:
        raise NoJudgeError(reason)
    library = _compiled(folder)
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    h = importlib.import_module("neuron").h
    if not hasattr(h, "njGlutamate"):
        h.nrn_load_dll(str(library))
    return h


def _compiled(folder: Path) -> Path:
    """The library, compiled unless this version of NEURON has done so for these sources."""
    sources = sorted((Path(__file__).parent / "nmodl").glob("*.mod"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    digest.update(f"{version('neuron')} {sys.version} {platform.machine()}".encode())
    home = folder / f"nmodl-{digest.hexdigest()[:16]}"
    if not home.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _compile(sources, Path(work))
            try:
                Path(work).rename(home)
            except OSError:  # another process was faster; its result is the same
                if not home.exists():
                    raise
            else:
                Path(work).mkdir()  # for TemporaryDirectory to remove
    libraries = sorted(home.glob("*/libnrnmech.*"))
    if not libraries:
        raise NoJudgeError(
            f"{home} holds no compiled mechanisms. Delete that folder and try again."
        )
    return libraries[0]


def _compile(sources: list[Path], work: Path) -> None:
    for source in sources:
        shutil.copy(source, work)
    beside_python = str(Path(sys.executable).parent)
    path = os.pathsep.join((beside_python, os.environ.get("PATH", "")))
    tool = shutil.which("nrnivmodl", path=path)
    if tool is None:
        raise NoJudgeError("nrnivmodl, which comes with NEURON, is not on the PATH.")
    done = subprocess.run(  # noqa: S603 - the tool of the installed NEURON, on our own files
        [tool, "."],
        cwd=work,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not list(work.glob("*/libnrnmech.*")):
        raise NoJudgeError(
            "NEURON could not compile its mechanisms; nrnivmodl said: "
            + " ".join((done.stdout + done.stderr).split())[-600:]
        )


@dataclass(frozen=True)
class Judgement:
    """What NEURON did, and how long it took for it (building the cell left out).

    Attributes:
        traces: as of `solver.simulate`.
        cpu_s: CPU seconds of stepping, over all simulations.
    """

    traces: Traces
    cpu_s: float


def simulate(cell: Cell, bits: NDArray[np.uint8], dt_ms: float, folder: Path) -> Judgement:
    """Run the cell on packed input, as `solver.simulate` does, one simulation after the other.

    Raises:
        NoJudgeError: NEURON or a compiler is missing, the compilation failed, or a section has both
            sodium channels, for which there is one mechanism here.
    """
    for section in cell.sections:
        if section.densities.keys() >= SODIUM_SHIFT_MV.keys():
            raise NoJudgeError(
                f"The section {section.name!r} has both {' and '.join(SODIUM_SHIFT_MV)}, which are "
                "one mechanism in NEURON here. Put them into sections of their own, or judge the "
                "cell with one of them."
            )
    h = load(folder)
    built = _Built(h, cell)
    voltage, spikes, times, cpu_s = [], [], [], 0.0
    for packed in bits:
        soma_mv, spike_ms, took = built.run(packed, dt_ms)
        row = np.zeros(len(packed), dtype=np.bool_)
        # A step's end at a whole ms belongs to the ms that ends there.
        row[np.ceil(spike_ms - 1e-6).astype(np.int64) - 1] = True
        voltage.append(soma_mv)
        spikes.append(row)
        times.append(spike_ms)
        cpu_s += took
    return Judgement(Traces(np.array(voltage), np.array(spikes), tuple(times)), cpu_s)


class _Built:
    """A cell inside NEURON, with its synapses and recorders."""

    def __init__(self, h: Any, cell: Cell) -> None:
        self.h, self.cell = h, cell
        tree: Compartments = compartments(cell)
        self.sections: dict[str, Any] = {}
        for section in ordered(cell.sections):
            self.sections[section.name] = self._section(section)
        segments = [
            (self.sections[s.name], (k + 0.5) / s.segments)
            for s in ordered(cell.sections)
            for k in range(s.segments)
        ]
        self.synapses = [self._glutamate(*segments[i]) for i in tree.dendritic]
        self.synapses += [self._gaba(*segments[i]) for i in tree.dendritic]
        self.inputs = [h.NetCon(None, synapse) for synapse in self.synapses]
        for k, connection in enumerate(self.inputs):
            connection.delay = 0
            connection.weight[0] = 1 if k < len(tree.dendritic) else cell.synapses.gaba_us
        soma = self.sections[ordered(cell.sections)[0].name]
        self.soma = soma(0.5)
        self.spikes = h.Vector()
        self.detector = h.NetCon(self.soma._ref_v, None, sec=soma)  # noqa: SLF001 - NEURON's name
        self.detector.threshold = cell.spike_threshold_mv
        self.detector.record(self.spikes)

    def _section(self, section: Section) -> Any:
        made = self.h.Section(name=section.name.replace(" ", "_").replace(".", "_"))
        made.L, made.diam, made.nseg = section.length_um, section.diameter_um, section.segments
        made.Ra, made.cm = self.cell.axial_resistivity_ohm_cm, section.capacitance_uf_cm2
        if section.parent is not None:
            parent = self.sections[section.parent]
            made.connect(parent((parent.nseg - 0.5) / parent.nseg), 0)
        for name, value in section.densities.items():
            mechanism, density = MECHANISM[name]
            values = value if isinstance(value, tuple) else (value,) * section.segments
            made.insert(mechanism)
            for segment, x in zip(made, values, strict=True):
                setattr(getattr(segment, mechanism), density, x)
                if name == "pas":
                    segment.pas.e = CHANNELS["pas"].reversal_mv
                elif name in SODIUM_SHIFT_MV:
                    segment.njNa.shift = SODIUM_SHIFT_MV[name]
        if "SK_E2" in section.densities:
            made.insert("njPool")
            # A written cai would make NEURON compute eca by Nernst; here it stays as set.
            self.h.ion_style("ca_ion", 3, 1, 0, 0, 0, sec=made)
        for ion, reversal in (("ena", "NaTa_t"), ("ek", "SKv3_1"), ("eca", "Ca_HVA")):
            if hasattr(made(0.5), ion):
                setattr(made, ion, CHANNELS[reversal].reversal_mv)
        return made

    def _glutamate(self, section: Any, x: float) -> Any:
        s = self.cell.synapses
        made = self.h.njGlutamate(section(x))
        made.ampa, made.nmda, made.e = s.ampa_us, s.nmda_us, s.excitatory_reversal_mv
        made.tau1, made.tau2 = s.ampa_ms
        made.tau3, made.tau4 = s.nmda_ms
        made.steepness, made.scale = s.block_per_mv, s.block_scale
        return made

    def _gaba(self, section: Any, x: float) -> Any:
        s = self.cell.synapses
        made = self.h.Exp2Syn(section(x))
        made.tau1, made.tau2 = s.gaba_ms
        made.e = s.inhibitory_reversal_mv
        return made

    def run(
        self, packed: NDArray[np.uint8], dt_ms: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Voltage at the end of each ms, spike times in ms, CPU seconds of stepping."""
        h = self.h
        events = np.argwhere(np.unpackbits(packed, axis=1, count=len(self.inputs)))
        h.CVode().active(0)
        h.dt, h.secondorder = dt_ms, 0
        h.finitialize(self.cell.initial_mv)
        for ms, synapse in events:
            self.inputs[synapse].event(float(ms))
        soma_mv = np.empty(len(packed))
        steps = round(1 / dt_ms)
        started = time.process_time()
        for ms in range(len(packed)):
            for _ in range(steps):
                h.fadvance()
            soma_mv[ms] = self.soma.v
        return soma_mv, np.array(self.spikes), time.process_time() - started
