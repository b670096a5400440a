"""Where a surrogate is cheaper than the simulation, and where not: dense and event-driven.

The same untrained networks with a first layer that is dense, that works spike by spike, and, as the
suite `neuron` has it, that works spike by spike and is constant within bins; and the solver, 32
simulations of `l5_nmda` together. All see the same windows of its input and take turns on one core.
Printed are medians of CPU seconds a neuron-second in a batch, their ratio to the solver's in the
same turn, CPU seconds step by step, and operations. Where joules are seconds times a power, as
without a meter, their ratios are these. A dense one takes too long to train here to be tried.

    python docs/experiments/dense.py
    python docs/experiments/dense.py 3x32 --turns 5
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from neurojoule import work
from neurojoule.cells import get_cell, inputs, simulate, solver
from neurojoule.cells.operations import operations_per_ms
from neurojoule.kernels import prepare
from neurojoule.kernels.streaming import stream
from neurojoule.quantities import si
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Option
from neurojoule.tasks.neuron import WINDOW_MS
from neurojoule.views import shape
from neurojoule_suites.bench_neuron import LADDER, tcn

CELL, SIMULATIONS, BATCH, STREAMED_MS = "l5_nmda", 32, 8, 200
FORMS: dict[str, dict[str, Option]] = {
    "dense": {"bins": 0},
    "spike by spike": {"bins": 0, "events": True},
    "spike by spike and binned": {},
}
WINDOW_S = WINDOW_MS / 1000


def main() -> None:
    """Take turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=["3x32", "7x48"], metavar="LAYERSxWIDTH")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    prepare()
    cell = get_cell(CELL)
    bits = np.stack([inputs(cell, WINDOW_MS, 0, index) for index in range(SIMULATIONS)])
    on = np.unpackbits(bits[:BATCH], axis=2, count=320)  # (batch, ms, synapses)
    spikes = torch.from_numpy(np.ascontiguousarray(on.transpose(0, 2, 1))).bool()
    batched: dict[str, Callable[[], object]] = {"the solver": lambda: simulate(cell, bits)}
    seconds_of = {"the solver": SIMULATIONS * WINDOW_S}
    flop_s = {"the solver": 1000.0 * operations_per_ms(cell, solver.DT_MS)}
    streamed: dict[str, float] = {}
    for size in options.shapes:
        layers, width = map(int, size.split("x"))
        for form, changed in FORMS.items():
            name = f"{layers} layers of {width}, {form}"
            seen = shape(get_model(LADDER), get_task(f"neuron_{CELL}"))
            net = get_model(LADDER).build(seen, width, **tcn(layers) | changed).eval()
            x = spikes if getattr(net, "reads_spikes", False) else spikes.float()
            batched[name] = lambda net=net, x=x: net(x)
            seconds_of[name] = BATCH * WINDOW_S
            with torch.inference_mode():
                flop_s[name] = work.count(net, spikes[:2].float()).forward_flops / WINDOW_S
                streamed[name] = _step_s(net, spikes[:1].float()) * 1000
    taken: dict[str, list[float]] = {name: [] for name in batched}
    with torch.inference_mode():
        for turn in range(options.turns + 1):
            for name, once in batched.items():
                start_s = time.process_time()
                once()
                if turn:  # the first is a warm-up
                    taken[name].append((time.process_time() - start_s) / seconds_of[name])
    print("| | batched | over the solver | step by step | operations |")
    print("|---|---:|---:|---:|---:|")
    for name, times in taken.items():
        ratios = [a / b for a, b in zip(times, taken["the solver"], strict=True)]
        step = si(streamed[name], "s") if name in streamed else ""
        print(
            f"| {name} | {si(statistics.median(times), 's')} "
            f"| {statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g}) "
            f"| {step} | {si(flop_s[name], 'FLOP')} |"
        )


def _step_s(net: torch.nn.Module, x: torch.Tensor) -> float:
    """CPU seconds of a step of 1 ms of one sequence."""
    running = stream(net)
    for t in range(STREAMED_MS):
        running.step(x[:, :, t])
    start_s = time.process_time()
    for t in range(STREAMED_MS, 2 * STREAMED_MS):
        running.step(x[:, :, t])
    return (time.process_time() - start_s) / STREAMED_MS


if __name__ == "__main__":
    main()
