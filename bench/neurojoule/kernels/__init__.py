"""Contractions that touch only the synapses that exist, beside the plain forms they must equal."""


def prepare() -> None:
    """Compile or load every loop now, so that none is compiled while something is measured.

    Starts no thread; a process forked afterwards has the loops for nothing. Without numba there is
    nothing to prepare: the layers run, and name, their plain forms.
    """
    from neurojoule.kernels import (
        dendrite_loops,
        event_loops,
        gru_loops,
        jit,
        scan_loops,
        stream_loops,
        synapse_loops,
    )

    if jit.available():
        dendrite_loops.compiled()
        event_loops.compiled()
        gru_loops.compiled()
        scan_loops.compiled()
        stream_loops.compiled()
        synapse_loops.compiled()
