"""Every number of docs/kernels.md: `python docs/experiments/kernels.py [SECTION ...]`.

One thread. The forms of a row take turns, each for a short window whose first call is not timed, so
that a slow moment of the machine falls on all of them; a ratio is the median over the rounds of
time divided by time, with the quartiles of that ratio in brackets. Time is the CPU time of the
process: on a quiet machine the same as the clock's, on a busy one without the wait for a core.
Public tools only: torch, numba and this package.
"""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from convolutions import convolution, strided
from loop import published as torchs
from torch import Tensor, nn
from torch.nn import functional as F
from turns import Forms, backward, inference, show, turns

from neurojoule import work
from neurojoule.kernels import dendrite_loops, jit, prepare
from neurojoule.kernels.compact import BlockLinear, CompactLinear, DendriticLayer
from neurojoule.kernels.convolution import causal_conv1d
from neurojoule.kernels.events import EventConv1d, SpikeEvents
from neurojoule.kernels.masked import MaskedLinear
from neurojoule.kernels.streaming import Streaming
from neurojoule.optimiser import optimiser
from neurojoule.prepare import Prepared
from neurojoule.prepare import prepare as prepared
from neurojoule.registry import get_task, models
from neurojoule.spec import Recipe, Size, Spec
from neurojoule.views import why_not
from neurojoule_suites import bench_sequence

BATCH, INPUTS, SOMATA, DENDRITES, SYNAPSES, CLASSES = 128, 784, 128, 16, 16, 10
UNITS = SOMATA * DENDRITES


def wiring(units: int = UNITS, inputs: int = INPUTS) -> Tensor:
    """Random fields: every dendrite reads 16 different inputs."""
    return torch.stack([torch.randperm(inputs)[:SYNAPSES].clone() for _ in range(units)])


class Parts(nn.Module):
    """Dendrites and somata as modules one after another."""

    def __init__(self, dendrites: nn.Module, somata: nn.Module) -> None:
        super().__init__()
        self.dendrites, self.somata = dendrites, somata

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, somata)."""
        y: Tensor = self.somata(F.leaky_relu(self.dendrites(x), 0.1))
        return y


def networks(
    names: tuple[str, ...] = ("masked", "compact", "fused", "mlp"),
    inputs: int = INPUTS,
    somata: int = SOMATA,
) -> dict[str, nn.Module]:
    """The same dendritic network in three forms, and an MLP with as many parameters."""
    torch.manual_seed(0)
    units = somata * DENDRITES
    index, own = wiring(units, inputs), torch.arange(units).view(somata, DENDRITES)
    parameters = (SYNAPSES + 1) * units + (DENDRITES + 1) * somata + (somata + 1) * CLASSES
    width = round((parameters - CLASSES) / (inputs + 1 + CLASSES))
    layers: dict[str, Callable[[], nn.Module]] = {
        "masked": lambda: Parts(MaskedLinear(inputs, index), MaskedLinear(units, own)),
        "compact": lambda: Parts(CompactLinear(inputs, index), BlockLinear(somata, DENDRITES)),
        "fused": lambda: DendriticLayer(
            CompactLinear(inputs, index), BlockLinear(somata, DENDRITES), 0.1
        ),
        "mlp": lambda: nn.Linear(inputs, width),
    }
    return {
        name: nn.Sequential(
            layers[name](),
            nn.LeakyReLU(0.1),
            nn.Linear(width if name == "mlp" else somata, CLASSES),
        )
        for name in names
    }


def dendrites() -> None:
    """The dendritic network, whole."""
    nets = networks()
    x, y = torch.randn(BATCH, INPUTS), torch.randint(CLASSES, (BATCH,))
    optimisers = {n: torch.optim.Adam(net.parameters(), fused=True) for n, net in nets.items()}

    def step(name: str) -> None:
        backward(nets[name], x, y)
        optimisers[name].step()

    for net in nets.values():
        print(sum(p.numel() for p in net.parameters()), "parameters", type(net[0]).__name__)
    dense = copy.deepcopy(nets["masked"])
    dense[0] = Parts(nn.Linear(INPUTS, UNITS), nn.Linear(UNITS, SOMATA))
    tests: dict[str, Callable[[str], object]] = {
        "inference": lambda name: inference(nets[name], x),
        "forward + backward": lambda name: backward(nets[name], x, y),
        "training step (fused Adam)": step,
    }
    for title, test in tests.items():
        forms: Forms = {name: lambda name=name, test=test: test(name) for name in nets}
        if title == "inference":
            forms["dense, the mask multiplied in before"] = lambda: inference(dense, x)
        times = show(f"Dendritic network, {title}, batch {BATCH}", forms)
        print(f"  fused / mlp {np.median(times['fused'] / times['mlp']):.2f}", end="")
        print(f", compact / mlp {np.median(times['compact'] / times['mlp']):.2f}")
    single, many = x[:1].contiguous(), torch.randn(1024, INPUTS)
    for title, batch in {"batch 1": single, "batch 1024": many}.items():
        show(
            f"Dendritic network, inference, {title}",
            {
                name: lambda net=net, batch=batch: inference(net, batch)
                for name, net in nets.items()
            },
        )


def candidates() -> None:
    """Forms of the sum over synapses, and of its weight's gradient."""
    torch.manual_seed(0)
    index = wiring()
    layer = CompactLinear(INPUTS, index)
    members, offsets, *_ = layer.synapses
    x = torch.randn(BATCH, INPUTS)
    weight, bias = layer.weight.detach(), torch.zeros(UNITS)
    table, flat = x.t().contiguous(), weight.flatten()
    dense = torch.zeros(UNITS, INPUTS).scatter_(1, index, weight)
    out, dy = torch.empty(UNITS, BATCH), torch.randn(UNITS, BATCH)
    fields = torch.randn(UNITS, BATCH, SYNAPSES)  # as if contiguous fields lay ready
    numba_forward = jit.jit(gather, "matrix ints ints vector matrix")
    forms: Forms = {
        "dense matrix product": lambda: F.linear(x, dense),
        "gather, multiply, sum": lambda: (x[:, index] * weight).sum(-1),
        "batched products, fields lie ready": lambda: torch.bmm(fields, weight.unsqueeze(2)),
        "numba": lambda: jit.run(numba_forward, table, members, offsets, flat, out),
        "embedding_bag": lambda: F.embedding_bag(
            members, table, offsets, per_sample_weights=flat, mode="sum", include_last_offset=True
        ),
        "  the transposition before it": lambda: x.t().contiguous(),
    }
    with torch.inference_mode():
        show("Sum over the synapses, forward", forms)
    for dtype in (torch.float64, torch.bfloat16):
        wide, weights = table.to(dtype), flat.to(dtype)
        with torch.inference_mode():
            show(
                f"The same in {dtype}",
                {
                    "embedding_bag": lambda wide=wide, weights=weights: F.embedding_bag(
                        members,
                        wide,
                        offsets,
                        per_sample_weights=weights,
                        mode="sum",
                        include_last_offset=True,
                    )
                },
                rounds=5,
            )
    leaf = flat.clone().requires_grad_()
    bags = F.embedding_bag(
        members, table, offsets, per_sample_weights=leaf, mode="sum", include_last_offset=True
    )
    dw, db = torch.empty_like(flat), torch.empty(UNITS)
    loop = dendrite_loops.compiled().weight_gradient
    show(
        "Gradient of the weight",
        {
            "dense matrix product": lambda: dy @ x,
            "gather, multiply, sum": lambda: (x[:, index] * dy.t().unsqueeze(2)).sum(0),
            "embedding_bag": lambda: torch.autograd.grad(bags, leaf, dy, retain_graph=True),
            "numba": lambda: jit.run(loop, table, members, offsets, dy, dw, db),
        },
    )
    somatic = torch.randn(SOMATA, DENDRITES)
    y, dh, dsoma = torch.zeros(SOMATA, BATCH), torch.empty_like(dy), torch.empty_like(somatic)
    loops = dendrite_loops.compiled()
    show(
        "Passes over the dendrites",
        {
            "leaky ReLU": lambda: F.leaky_relu(dy, 0.1),
            "leaky ReLU backward": lambda: torch.ops.aten.leaky_relu_backward(dy, out, 0.1, False),
            "bias": lambda: dy + bias.unsqueeze(1),
            "soma (bmm)": lambda: torch.bmm(
                somatic.unsqueeze(1), dy.view(SOMATA, DENDRITES, BATCH)
            ),
            "all of it forward, fused": lambda: jit.run(
                loops.soma_forward, out, bias, somatic, y, 0.1
            ),
            "all of it backward, fused": lambda: jit.run(
                loops.soma_backward, out, somatic, y, dh, dsoma, 0.1
            ),
        },
    )


def gather(table, members, offsets, weight, y):  # noqa: ANN001, ANN201 - compiled by numba
    """The numba candidate for the forward pass, four synapses at a time."""
    for u in range(len(y)):
        out = y[u]
        out[:] = 0
        k = offsets[u]
        while k + 4 <= offsets[u + 1]:
            x0, x1 = table[members[k]], table[members[k + 1]]
            x2, x3 = table[members[k + 2]], table[members[k + 3]]
            w0, w1, w2, w3 = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
            for b in range(len(out)):
                out[b] += w0 * x0[b] + w1 * x1[b] + w2 * x2[b] + w3 * x3[b]
            k += 4
        while k < offsets[u + 1]:
            x0, w0 = table[members[k]], weight[k]
            for b in range(len(out)):
                out[b] += w0 * x0[b]
            k += 1


def ceilings() -> None:
    """What this core can do at best: arithmetic in the caches, bytes beyond them."""
    a = torch.randn(1024, 1024)
    medium, large = torch.empty(262_144), torch.empty(64 << 20)
    vector, matrix = torch.randn(3072), torch.randn(768, 3072)  # 9.4 MB
    times = turns(
        {
            "product": lambda: a @ a,
            "1 MB": lambda: torch.add(medium, 1, out=medium),
            "256 MB": lambda: torch.add(large, 1, out=large),
            "9 MB": lambda: torch.mv(matrix, vector),
        },
        rounds=7,
    )
    ms = {name: float(np.median(values)) for name, values in times.items()}
    print(f"\nmatrix product {2 * 1024**3 / ms['product'] / 1e6:.0f} GFLOP/s")
    print(f"read and write 1 MB in place: {8 * 262_144 / ms['1 MB'] / 1e6:.0f} GB/s")
    print(f"read and write 256 MB in place: {8 * (64 << 20) / ms['256 MB'] / 1e6:.0f} GB/s")
    print(f"read 9.4 MB of weights (mv): {4 * matrix.numel() / ms['9 MB'] / 1e6:.0f} GB/s")


def memory() -> None:
    """Peak memory of building and training, each form in a process of its own."""
    print("\nPeak memory of five training steps, above that before the network was built")
    for name in ("masked", "compact", "fused", "mlp"):
        done = subprocess.run(  # noqa: S603 - this very script
            [sys.executable, __file__, "peak", name], check=True, capture_output=True, text=True
        )
        print(f"  {name:42} {float(done.stdout):9.1f} MB")


def peak(name: str) -> None:
    """Print the rise of this process's high-water mark, in MB, while it trains one form."""

    def train(net: nn.Module, x: Tensor) -> None:
        optimiser = torch.optim.Adam(net.parameters(), fused=True)
        for _ in range(5):
            backward(net, x, torch.randint(CLASSES, (BATCH,)))
            optimiser.step()

    # A small network of the same form first loads the code that any size of it needs.
    train(networks((name,), inputs=32, somata=2)[name], torch.randn(BATCH, 32))
    x = torch.randn(BATCH, INPUTS)
    before = _status_kb("VmRSS")
    net = networks((name,))[name]
    Path("/proc/self/clear_refs").write_text("5")
    train(net, x)
    print((_status_kb("VmHWM") - before) / 1e3)


def _status_kb(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def events() -> None:
    """The first layer over spikes."""
    samples, channels, steps, taps, units = 16, 320, 600, 24, 64
    torch.manual_seed(0)
    sparse, dense = EventConv1d(channels, units, taps), nn.Conv1d(channels, units, taps)
    dy = torch.randn(samples, units, steps)
    for percent in (2, 10, 50):
        x = (torch.rand(samples, channels, steps) < percent / 100).float()
        spikes = SpikeEvents.from_dense(x)

        def train(layer: nn.Module, call: Callable[[], Tensor]) -> None:
            layer.zero_grad()
            call().backward(dy)

        def convolve(x: Tensor = x) -> Tensor:
            y: Tensor = dense(F.pad(x, (taps - 1, 0)))
            return y

        show(
            f"First layer over spikes, {percent} % full, forward + backward",
            {
                "conv1d": lambda call=convolve: train(dense, call),
                "events": lambda s=spikes: train(sparse, lambda: sparse(s)),
                "events found in a dense input": lambda x=x: train(sparse, lambda: sparse(x)),
            },
            rounds=5,
        )
        with torch.inference_mode():
            show(
                "  forward",
                {
                    "conv1d": convolve,
                    "conv1d, channels-last": lambda x=x: causal_conv1d(x, dense.weight, dense.bias),
                    "events": lambda s=spikes: sparse(s),
                },
                rounds=5,
            )


def streaming() -> None:
    """7 layers of 128 units, filters 54 then 24, 320 inputs."""
    torch.manual_seed(0)
    for normed in (False, True):
        layers: list[nn.Module] = []
        for i in range(7):
            inputs, taps = (320, 54) if i == 0 else (128, 24)
            layers += [nn.ConstantPad1d((taps - 1, 0), 0.0), nn.Conv1d(inputs, 128, taps)]
            layers += [nn.ReLU(), nn.BatchNorm1d(128)] if normed else [nn.ReLU()]
        net = nn.Sequential(*layers, nn.Conv1d(128, 2, 1)).eval()
        field = 54 + 6 * 23
        window = torch.randn(1, 320, field)
        stream = Streaming(net)
        spikes = (torch.rand(64, 1, 320) < 0.02).float()
        dense = torch.randn(64, 1, 320)
        clock = {"step": 0}

        def step(steps: Tensor, stream: Streaming = stream, clock: dict = clock) -> None:
            clock["step"] += 1
            stream.step(steps[clock["step"] % len(steps)])

        show(
            f"One step, {'conv, ReLU, batch norm' if normed else 'conv, ReLU'}",
            {
                f"the window of {field} steps anew": lambda net=net, w=window: inference(net, w),
                "streamed, 2 % spikes": lambda step=step, s=spikes: step(s),
                "streamed, every input other than 0": lambda step=step, d=dense: step(d),
            },
        )


def families() -> None:
    """Where an update's time goes, by model, at the size of the suite `sequence` or its default."""
    published = {name: (options, size) for name, options, size in bench_sequence.PUBLISHED}
    square = torch.randn(1024, 1024)
    product_ms = float(np.median(turns({"product": lambda: square @ square}, rounds=7)["product"]))
    flops_per_ms = 2 * 1024**3 / product_ms
    print("\nms of an update on MNIST-1D, batch 100; before: Adam as it comes, loss.item()")
    print(f"  {'':18}{'before':>8}{'now':>8}{'forward':>9}{'backward':>9}{'update':>8}{'floor':>8}")
    for name, entry in models().items():
        if entry.learns != "gradient" or why_not(entry, get_task("mnist1d")) is not None:
            continue
        options, size = published.get(name, ({}, Size()))
        spec = Spec(
            suite="families",
            task="mnist1d",
            model=name,
            options=tuple(options.items()),
            size=size,
            seed=0,
            recipe=Recipe(steps=1, batch_size=100, learning_rate=1e-4),
        )
        print(f"  {name:18}" + "".join(_shares(prepared(spec), flops_per_ms)))


def _shares(run: Prepared, flops_per_ms: float) -> list[str]:
    model, before, x, y = run.model, torchs(run.model), run.train.x[:100], run.train.y[:100]
    parameters = [p for p in model.parameters() if p.requires_grad]
    adam, update = torch.optim.Adam(before.parameters()), optimiser(run.spec.recipe, parameters)
    learn = run.learner()

    def loss() -> Tensor:
        return F.cross_entropy(model(x), y)

    def both() -> None:
        for parameter in parameters:
            parameter.grad = None
        loss().backward()

    def published() -> None:
        found = F.cross_entropy(before(x), y)
        found.item()
        found.backward()
        adam.step()
        adam.zero_grad()

    both()
    forms: Forms = {
        "before": published,
        "now": lambda: learn(x, y),
        "forward": loss,
        "both": both,
        "update": update,
    }
    ms = {k: float(np.median(v)) for k, v in turns(forms, rounds=7, window_s=0.02).items()}
    counted = work.count(model, x)
    flops = (counted.forward_flops + counted.backward_flops) * len(x)
    columns = (
        ms["before"],
        ms["now"],
        ms["forward"],
        ms["both"] - ms["forward"],
        ms["update"],
        flops / flops_per_ms,
    )
    widths = (8, 8, 9, 9, 8, 8)
    return [f"{value:{width}.3f}" for value, width in zip(columns, widths, strict=True)]


SECTIONS = {
    section.__name__: section
    for section in (
        ceilings,
        candidates,
        dendrites,
        memory,
        events,
        streaming,
        convolution,
        strided,
        families,
    )
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    prepare()
    if sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2])
    else:
        print("torch", torch.__version__, "one thread")
        for section in sys.argv[1:] or SECTIONS:
            SECTIONS[section]()
