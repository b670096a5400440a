"""Layers of spiking neurons, trained through a surrogate of their threshold's derivative.

    lif_snn  I_t = a I_(t-1) + W x_t + b,   V_t = k V_(t-1) + (1 - k) I_t - S_(t-1)
             S_t = [V_t > 1],               dS/dV = 1 / (1 + 10 |V - 1|)^2
    dh_snn   d_t = beta d_(t-1) + (1 - beta)(W x_t + b) in each branch, over its share of the inputs
             V_t = alpha V_(t-1) + (1 - alpha) sum_d d_t - S_(t-1),   S_t = [V_t > 1]

    Both: y = W_o (mean over time of S) + c.

E. O. Neftci, H. Mostafa & F. Zenke, "Surrogate Gradient Learning in Spiking Neural Networks", IEEE
Signal Processing Magazine 36 (2019). H. Zheng et al., "Temporal dendritic heterogeneity
incorporated with spiking neural networks for learning multi-timescale dynamics", Nature
Communications 15, 277 (2024); its surrogate: B. Yin, F. Corradi & S. M. Bohte, Nature Machine
Intelligence 3 (2021).
"""

import math

import torch
from torch import Tensor, nn

from neurojoule.errors import UserError
from neurojoule.kernels.compact import CompactLinear
from neurojoule.kernels.scan import leak, spike
from neurojoule.registry import Shape, model

THRESHOLD = 1.0
STEEPNESS = 10.0
SYNAPSE_STEPS, MEMBRANE_STEPS = 5.0, 10.0


def fast_sigmoid(u: Tensor) -> Tensor:
    """SuperSpike's slope, 1 / (1 + 10 |u|)^2, of the voltage u above threshold."""
    return (1 + STEEPNESS * u.abs()).square().reciprocal()


def multi_gaussian(u: Tensor) -> Tensor:
    """Yin et al.'s slope: a Gaussian at the threshold, two wide negative ones beside it.

    0.5 (1.15 N(u; 0, 0.5) - 0.15 N(u; 0.5, 3) - 0.15 N(u; -0.5, 3)), N a normal density.
    """

    def normal(centre: float, deviation: float) -> Tensor:
        scale = 1 / (deviation * math.sqrt(2 * math.pi))
        return scale * torch.exp((u - centre).square() / (-2 * deviation**2))

    return 0.5 * (1.15 * normal(0, 0.5) - 0.15 * (normal(0.5, 3) + normal(-0.5, 3)))


@model(
    "lif_snn",
    family="spiking",
    takes="sequence",
    summary="Leaky integrate-and-fire neurons with current synapses, one hidden layer",
    source="Neftci, Mostafa & Zenke 2019",
    default_width=64,
)
class LIF(nn.Module):
    """One hidden layer of H neurons: (c + 1) H + (H + 1) C parameters.

    The synaptic current decays in 5 steps and the membrane in 10; neither is learnt. The gradient
    ignores the reset, as in the authors' code. An input of any value is a current.

    Args:
        shape: inputs (channels, time), outputs C.
        width: neurons H.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.synapses = nn.Linear(shape.inputs[0], width)
        nn.init.uniform_(self.synapses.bias, 0, 0.5)  # near threshold, so that they begin to fire
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C)."""
        logits: Tensor = self.readout(self.spikes(x).mean(0))
        return logits

    def spikes(self, x: Tensor) -> Tensor:
        """The spikes (time, batch, H) of x (batch, channels, time)."""
        drive = self.synapses(x.permute(2, 0, 1))  # (time, batch, H)
        current = leak(drive, drive.new_full((), math.exp(-1 / SYNAPSE_STEPS)))
        k = math.exp(-1 / MEMBRANE_STEPS)
        return spike(
            (1 - k) * current,
            drive.new_full((), k),
            fast_sigmoid,
            threshold=THRESHOLD,
            detached_reset=True,
        )

    def units(self) -> dict[str, int]:
        """Spiking neurons."""
        return {"spiking": self.synapses.out_features}


@model(
    "dh_snn",
    family="spiking",
    takes="sequence",
    summary="Spiking neurons with dendritic branches, each with a time constant that is learnt",
    source="Zheng et al. 2024 (DH-SNN)",
    default_width=64,
)
class DHSNN(nn.Module):
    """One hidden layer of H neurons with D branches; a branch has its own share of the channels.

    Each neuron deals the channels out to its branches at random, once. alpha = sigma(u) with u
    from U(0, 4), beta = sigma(t) with t from U(2, 6). c H + 2 D H + H + (H + 1) C parameters.

    Args:
        shape: inputs (channels, time), outputs C.
        width: neurons H.
        branches: of a neuron D, at most one a channel.

    Raises:
        UserError: when there is no branch.
    """

    def __init__(self, shape: Shape, width: int, *, branches: int = 4) -> None:
        super().__init__()
        if branches < 1:
            raise UserError(f"A dh_snn has at least one branch; given branches={branches}.")
        channels = shape.inputs[0]
        branches = min(branches, channels)
        self.shape = (width, branches)
        self.synapses = CompactLinear(channels, dealt(channels, width, branches))
        self.branch_leak = nn.Parameter(torch.empty(width, branches).uniform_(2, 6))  # t
        self.leak = nn.Parameter(torch.empty(width).uniform_(0, 4))  # u
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C)."""
        logits: Tensor = self.readout(self.spikes(x).mean(0))
        return logits

    def spikes(self, x: Tensor) -> Tensor:
        """The spikes (time, batch, H) of x (batch, channels, time)."""
        batch, channels, time = x.shape
        samples = x.permute(2, 0, 1).reshape(time * batch, channels)
        drive = self.synapses(samples).view(time, batch, *self.shape)  # (time, batch, H, D)
        beta, alpha = torch.sigmoid(self.branch_leak), torch.sigmoid(self.leak)
        d = leak((1 - beta) * drive, beta)
        return spike(
            (1 - alpha) * d.sum(3),
            alpha,
            multi_gaussian,
            threshold=THRESHOLD,
            detached_reset=False,
        )

    def units(self) -> dict[str, int]:
        """Spiking neurons and their branches."""
        width, branches = self.shape
        return {"spiking": width, "dendrite": width * branches}


def dealt(channels: int, units: int, branches: int) -> Tensor:
    """Who reads whom, int64 (units x branches, most): each unit deals all channels out, once.

    Branches get equally many, the first ones one more where it does not come out even.
    """
    order = torch.rand(units, channels).argsort(1)  # (units, channels)
    most = -(-channels // branches)
    padded = order.new_full((units, most * branches), -1)
    padded[:, :channels] = order
    return padded.view(units, most, branches).transpose(1, 2).reshape(units * branches, most)
