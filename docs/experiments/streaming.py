"""A simulated second of a cell's surrogates: windows in a batch, and one sequence step by step.

Models of the neuron tasks at comparable sizes, on drawn spikes of 22 Hz. Batched, a window is 700
ms of which 500 are answered, and 64 go together; a streamed step is 1 ms of one sequence. All take
turns in one process; medians of CPU time and of the ratios are printed.

    python docs/experiments/streaming.py
"""

import statistics
import time

import torch

from neurojoule.kernels import prepare
from neurojoule.kernels.streaming import stream
from neurojoule.registry import Shape, get_model

ROUNDS, BATCH, SYNAPSES, TIME_MS = 9, 64, 320, 700
SHAPE = Shape((SYNAPSES, TIME_MS), 2, (SYNAPSES, TIME_MS), steps=500)
MODELS: dict[str, tuple[int, dict[str, int]]] = {
    "tcn_surrogate": (32, {"layers": 3, "bins": 16, "first_taps": 192, "taps": 5}),
    "glm": (1, {"bins": 16, "taps": 200}),
    "elm": (20, {}),
    "gru": (24, {}),
    "dann_temporal": (16, {}),
}


def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    spikes = torch.rand(BATCH, SYNAPSES, TIME_MS) < 0.022
    numbers = spikes.float()
    nets = {name: get_model(name).build(SHAPE, w, **o).eval() for name, (w, o) in MODELS.items()}
    streams = {name: stream(net) for name, net in nets.items()}

    def batched(name: str) -> float:
        x = spikes if getattr(nets[name], "reads_spikes", False) else numbers
        start_s = time.process_time()
        nets[name](x)
        return (time.process_time() - start_s) / (BATCH * TIME_MS / 1000)

    def streamed(name: str) -> float:
        start_s = time.process_time()
        for t in range(TIME_MS):
            streams[name].step(numbers[:1, :, t])
        return (time.process_time() - start_s) / (TIME_MS / 1000)

    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in MODELS}
    with torch.inference_mode():
        for turn in range(ROUNDS + 1):
            for name in MODELS:
                pair = batched(name), streamed(name)
                if turn:  # the first is a warm-up
                    seconds[name].append(pair)
    print(
        "ms a simulated second: batched, streamed, their ratio; each over that of the first model"
    )
    first = seconds[next(iter(MODELS))]
    for name, pairs in seconds.items():
        wide, narrow = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(s / b for b, s in pairs)
        to_first = [
            statistics.median(mine[i] / its[i] for mine, its in zip(pairs, first, strict=True))
            for i in (0, 1)
        ]
        print(
            f"{name:14} {wide:6.2f} {narrow:6.1f} {ratio:5.0f}   "
            f"{to_first[0]:.2f} {to_first[1]:.2f}"
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    prepare()
    main()
