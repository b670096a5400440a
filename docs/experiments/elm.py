"""The branch-ELM beside a step loop of its equations in TorchScript: forward and backward.

The loop is the published form: every synapse leaks on its own, every step runs the whole network.
Pairs alternate in one process; the median ratio and the largest differences are printed.

    python docs/experiments/elm.py
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from neurojoule.models.elm import ELM
from neurojoule.registry import Shape


@torch.jit.script
def step_loop(  # noqa: PLR0917 - TorchScript takes tensors by position
    x: Tensor,
    index: Tensor,
    weight: Tensor,
    W: Tensor,
    b: Tensor,
    U: Tensor,
    c: Tensor,
    k_m: Tensor,
    gain: Tensor,
    k_s: float,
) -> Tensor:
    """The memory after the last step, (batch, memory), of x (batch, channels, time)."""
    branches, synapses = weight.shape
    s = torch.zeros(x.size(0), branches * synapses)
    m = torch.zeros(x.size(0), k_m.size(0))
    strength = torch.relu(weight).view(-1)
    for t in range(x.size(2)):
        s = k_s * s + strength * x[:, :, t][:, index]
        branch = s.view(x.size(0), branches, synapses).sum(2)
        m = k_m * m
        hidden = torch.relu(torch.nn.functional.linear(torch.cat((branch, m), 1), W, b))
        d = 1.7159 * torch.tanh(2 / 3 * torch.nn.functional.linear(hidden, U, c))
        m = m + gain * d
    return m


def main() -> None:
    """Check equality, alternate the two, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--memory", type=int, default=100)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    channels = 1278
    elm = ELM(Shape((channels, options.steps), 2, (channels, options.steps)), options.memory)
    x = (torch.rand(options.batch, channels, options.steps) < 0.02).float()
    target = torch.randn(options.batch, options.memory)
    index = elm.branches.members

    def ours() -> Tensor:
        return elm.memories(x)[-1]

    def scripted() -> Tensor:
        W = torch.cat((elm.drive.weight, elm.recall.weight), 1)
        layers = (elm.branches.weight, W, elm.drive.bias, elm.write.weight, elm.write.bias)
        k_s = torch.exp(torch.tensor(-1 / 5.0)).item()
        result: Tensor = step_loop(x, index, *layers, elm.left, elm.gain, k_s)
        return result

    def learn(forward: Callable[[], Tensor]) -> tuple[float, Tensor, list[Tensor]]:
        elm.zero_grad()
        start_s = time.perf_counter()
        m = forward()
        (m * target).sum().backward()  # type: ignore[no-untyped-call]
        time_s = time.perf_counter() - start_s
        gradients = [p.grad.clone() for p in elm.parameters() if p.grad is not None]
        return time_s, m.detach(), gradients

    learn(scripted), learn(scripted), learn(ours)  # compile
    times: dict[str, list[float]] = {"scripted": [], "ours": []}
    for _ in range(options.pairs):
        scripted_s, m_loop, g_loop = learn(scripted)
        ours_s, m, g = learn(ours)
        times["scripted"].append(scripted_s)
        times["ours"].append(ours_s)
    ratios = [a / b for a, b in zip(times["scripted"], times["ours"], strict=True)]
    off = float((m - m_loop).abs().max())
    grad = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(g, g_loop, strict=True))
    print(f"step loop {statistics.median(times['scripted']):.2f} s, ", end="")
    print(f"ours {statistics.median(times['ours']):.2f} s a pass forward and backward")
    print(f"{statistics.median(ratios):.1f} times faster ({min(ratios):.1f} to {max(ratios):.1f})")
    print(f"largest difference of memories {off:.1e}, of gradients {grad:.1e} of the largest")


if __name__ == "__main__":
    main()
