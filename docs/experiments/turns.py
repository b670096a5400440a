"""Forms of one computation that take turns, so that a slow moment of the machine falls on all.

Each works for a short window whose first call is not timed; time is the CPU time of the process.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Forms = dict[str, Callable[[], object]]


def turns(forms: Forms, rounds: int = 21, window_s: float = 0.02) -> dict[str, np.ndarray]:
    """Milliseconds a call of every form in every round, the forms taking turns."""
    calls = {}
    for name, form in forms.items():
        form()
        start = time.process_time()
        form()
        calls[name] = max(1, round(window_s / (time.process_time() - start)))
    times: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds):
        for name, form in forms.items():
            form()  # brings back what the form before pushed out of the caches
            start = time.process_time()
            for _ in range(calls[name]):
                form()
            times[name].append(1e3 * (time.process_time() - start) / calls[name])
    return {name: np.array(values) for name, values in times.items()}


def show(title: str, forms: Forms, *, rounds: int = 21) -> dict[str, np.ndarray]:
    """Print median time and the ratio of the first form to each."""
    times = turns(forms, rounds)
    print(f"\n{title}")
    plain = next(iter(times.values()))
    for name, values in times.items():
        low, ratio, high = np.quantile(plain / values, [0.25, 0.5, 0.75])
        print(f"  {name:42} {np.median(values):9.3f} ms   {ratio:6.2f} x [{low:.2f}, {high:.2f}]")
    return times


def backward(net: nn.Module, x: Tensor, y: Tensor) -> None:
    """One forward and backward pass."""
    net.zero_grad()
    F.cross_entropy(net(x), y).backward()


def inference(net: nn.Module, x: Tensor) -> Tensor:
    """One forward pass without a graph."""
    with torch.inference_mode():
        out: Tensor = net(x)
    return out
