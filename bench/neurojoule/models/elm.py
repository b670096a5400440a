"""The expressive leaky memory neuron: one cell as a leaky memory behind branches of synapses.

    s_t = k_s s_(t-1) + w_s x_t,   w_s >= 0           synapses
    b_t = sum of s_t over each branch                 branches
    d_t = 1.7159 tanh(2/3 MLP([b_t, k_m m_(t-1)]))    one hidden layer of 2 M units
    m_t = k_m m_(t-1) + lambda (1 - k_m) d_t          memory
    y_t = W m_t,    k = exp(-1 / tau)                 a step is 1 ms

A. Spieler, N. Rahaman, G. Martius, B. Scholkopf & A. Levina, "The Expressive Leaky Memory Neuron:
an Efficient and Expressive Phenomenological Neuron Model Can Solve Long-Horizon Tasks",
arXiv:2306.16922 (2023), in the form with branches.

All synapses share one time constant, so the sum over a branch and the leak commute: branches are
summed first, and 45 of them leak instead of 4,500 synapses. The half of the MLP that reads the
branches is computed for all steps at once.
"""

import math

import torch
from torch import Tensor, nn

from neurojoule.errors import UnknownNameError, UserError
from neurojoule.kernels.compact import CompactLinear
from neurojoule.kernels.elm import ACTIVATIONS, GAIN, SCALE, MemoryStream, memory
from neurojoule.kernels.scan import is_watched, leak
from neurojoule.kernels.sums import features_first, unit_sums
from neurojoule.models.readout import read_out
from neurojoule.registry import Shape, model

SYNAPSE_MS = 5.0
LAMBDA = 5.0
FASTEST_MS = 1.0


class Branches(CompactLinear):
    """b = sum over a branch of max(w, 0) sign x: synapses whose weights cannot change their sign.

    Args:
        channels: of the input.
        index: int64 (branches, synapses), the channel of each synapse.
        inhibitory: bool (channels), those that count negatively.
    """

    sign: Tensor

    def __init__(self, channels: int, index: Tensor, inhibitory: Tensor) -> None:
        super().__init__(channels, index, bias=False)
        nn.init.constant_(self.weight, 0.5)
        sign = 1.0 - 2.0 * inhibitory[self.members].view(self.weight.shape)
        self.register_buffer("sign", sign, persistent=False)

    def strength(self) -> Tensor:
        """What a spike adds through each synapse, (branches, synapses)."""
        return self.weight.clamp(min=0) * self.sign

    def forward(self, x: Tensor) -> Tensor:
        """Map x (samples, channels) to (samples, branches)."""
        strength = self.strength()
        table = features_first(x, self.in_features, self.weight)
        return unit_sums(table, strength.flatten(), None, self.synapses).t()


def overlapping(channels: int, branches: int, synapses: int) -> Tensor:
    """Which channels a branch reads, int64 (branches, synapses): neighbours, branches in a circle.

    Branch i begins at channel i x stride, where the stride is the least that reaches all channels.
    With fewer channels than branches there are as many branches as channels; with fewer channels
    than synapses a branch reads every channel once.
    """
    branches, synapses = min(branches, channels), min(synapses, channels)
    stride = math.ceil(channels / branches)
    start = torch.arange(branches)[:, None] * stride
    return (start + torch.arange(synapses)) % channels


def interlocked(index: Tensor, channels: int) -> Tensor:
    """The same where the second half of the channels lies between those of the first."""
    return index // 2 + index % 2 * (channels // 2)


@model(
    "elm",
    family="surrogate",
    takes="sequence",
    summary="Expressive leaky memory neuron: branches of leaky synapses and a memory behind an MLP",
    source="Spieler et al. 2023, arXiv:2306.16922 (branch-ELM)",
    default_width=20,
    answers_steps=True,
)
class ELM(nn.Module):
    """One branch-ELM neuron of B branches, K synapses each, and M memory units.

    B K + (B + M + 1) 2 M + (2 M + 1) M + (M + 1) C parameters. Time constants are fixed: 5 ms of
    the synapses, log-spaced from 1 ms to `slowest_ms` of the memory.

    Args:
        shape: inputs (channels, time), outputs C.
        width: memory units M.
        branches: B, at most one a channel.
        synapses: of one branch K, at most one a channel.
        slowest_ms: the longest time constant of the memory, in steps.
        activation: of the hidden layer, `relu` or `silu`.
        inhibition: whether the second half of the channels inhibits at the places of the first, as
            in the tasks of a cell: a branch reads both kinds of its stretch, and inhibition counts
            negatively.

    Raises:
        UnknownNameError: for another activation.
        UserError: when there is no branch or synapse, or the slowest is not slower than 1 ms; when
            the stride leaves channels between branches; or when an odd number of channels has no
            half.
    """

    left: Tensor
    gain: Tensor

    def __init__(
        self,
        shape: Shape,
        width: int,
        *,
        branches: int = 45,
        synapses: int = 100,
        slowest_ms: float = 150.0,
        activation: str = "relu",
        inhibition: bool = False,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise UnknownNameError("activation", activation, ACTIVATIONS)
        if min(branches, synapses) < 1 or slowest_ms < FASTEST_MS:
            raise UserError(
                "An elm has at least one branch, one synapse a branch and a slowest time constant "
                f"of {FASTEST_MS} ms or more; given branches={branches}, synapses={synapses}, "
                f"slowest_ms={slowest_ms}."
            )
        channels, _ = shape.inputs
        index = overlapping(channels, branches, synapses)
        if int(torch.bincount(index.flatten(), minlength=channels).min()) == 0:
            raise UserError(
                f"{branches} branches of {synapses} synapses leave some of {channels} channels "
                "without a reader. Give more branches or synapses."
            )
        self.steps = shape.steps
        self.activation = activation
        inhibitory = torch.zeros(channels, dtype=torch.bool)
        if inhibition:
            if channels % 2:
                raise UserError(
                    "inhibition=True wants as many inhibitory channels as excitatory ones; there "
                    f"are {channels} in all."
                )
            index = interlocked(index, channels)
            inhibitory[channels // 2 :] = True
        self.branches = Branches(channels, index, inhibitory)
        self.drive = nn.Linear(len(index), 2 * width)
        self.recall = nn.Linear(width, 2 * width, bias=False)
        self.write = nn.Linear(2 * width, width)
        self.readout = nn.Linear(width, shape.outputs)
        tau_ms = torch.logspace(math.log10(FASTEST_MS), math.log10(slowest_ms), width)
        left = torch.exp(-1 / tau_ms)
        self.register_buffer("left", left, persistent=False)
        self.register_buffer("gain", LAMBDA * (1 - left), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        m = self.memories(x)  # (time, batch, M)
        return read_out(self.readout, m.permute(1, 2, 0), self.steps)

    def memories(self, x: Tensor) -> Tensor:
        """The memory after every step, (time, batch, M), of x (batch, channels, time)."""
        batch, channels, time = x.shape
        # Channels outermost, as the sums over synapses read them: (batch x time, channels).
        samples = x.transpose(0, 1).reshape(channels, batch * time).t()
        b = self.branches(samples).view(batch, time, -1).transpose(0, 1)  # (time, batch, branches)
        b = leak(b, b.new_full((), math.exp(-1 / SYNAPSE_MS)))
        z = self.drive(b)  # (time, batch, 2 M)
        if is_watched():
            return self.stepwise(z)
        recall, write = self.recall, self.write
        return memory(
            z, recall.weight, write.weight, write.bias, self.left, self.gain, self.activation
        )

    def stepwise(self, z: Tensor) -> Tensor:
        """The same from z (time, batch, 2 M), one step after another, each layer called."""
        activation = ACTIVATIONS[self.activation].of
        m = z.new_zeros(z.shape[1], len(self.left))
        states = []
        for row in z:
            m = m * self.left
            d = SCALE * torch.tanh(GAIN * self.write(activation(row + self.recall(m))))
            m = m + self.gain * d
            states.append(m)
        return torch.stack(states)

    @torch.no_grad()
    def stream(self, samples: int) -> MemoryStream:
        """The same, one step a call."""
        branches, synapses = self.branches.weight.shape
        strength = self.branches.strength()
        dense = strength.new_zeros(branches, self.branches.in_features)
        index = self.branches.members.view(branches, synapses)
        dense.scatter_add_(1, index, strength)  # (branches, channels)
        return MemoryStream(
            self.drive.weight @ dense,
            self.drive.bias,
            math.exp(-1 / SYNAPSE_MS),
            (self.recall.weight, self.write.weight, self.write.bias, self.left, self.gain),
            self.activation,
            (self.readout.weight, self.readout.bias),
            samples,
        )

    def units(self) -> dict[str, int]:
        """One neuron: its branches and memory units."""
        return {"soma": 1, "dendrite": self.branches.out_features, "memory": len(self.left)}
