"""Neurons with dendrites that live in time: few synapses a dendrite, each with a temporal filter.

    h_sd(t) = phi(sum over synapses k, lags l of w_sdk(l) x_idx(s,d,k)(t - l) + b_sd)
    y_s(t)  = phi(sum_d c_sd h_sd(t) + b_s),   phi = leaky ReLU 0.1,   then a linear read-out

The network of S. Chavlis & P. Poirazi, "Dendrites endow artificial neural networks with accurate,
robust and parameter-efficient learning", Nature Communications 16, 943 (2025), whose synapses have
one weight, carried into time; nobody has published it in this form. The filter of a synapse is
constant within bins of lags (`neurojoule.kernels.binned_synapses`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.binned_synapses import BinnedSynapses
from neurojoule.kernels.compact import BlockLinear
from neurojoule.kernels.steps import Step, check_input, step_of
from neurojoule.models.dendritic import SLOPE, check_counts
from neurojoule.models.readout import read_out
from neurojoule.models.refusals import SYNAPSES, not_spikes
from neurojoule.models.wiring import receptive_fields
from neurojoule.registry import Shape, model


@model(
    "dann_temporal",
    family="dendritic",
    takes="sequence",
    summary="Somata whose dendrites filter few channels of spikes in time: dann with a memory",
    source="after Chavlis & Poirazi 2025, carried into time",
    default_width=16,
    refuses=not_spikes,
    answers_steps=True,
)
class DANNTemporal(nn.Module):
    """Dendritic network in time with (K J + 1) D S + (D + 1) S + (S + 1) C parameters.

    A synapse has a filter of J bins. With fewer than K channels a dendrite reads them all; filters
    are never longer than the sequence, and never have more bins than steps.

    Args:
        shape: inputs (channels, time), outputs C.
        width: somata S.
        fields: `random`, `local` or `global` receptive fields (`wiring.receptive_fields`): channels
            are neighbours by their number.
        kinds: kinds of synapse, such as 2 where all excitatory channels come first and the
            inhibitory ones of the same places follow: channels of one place are neighbours,
            whatever their kind.
        dendrites: of one soma, D.
        synapses: of one dendrite, K.
        taps: steps of a filter.
        bins: of a filter, J.
        linear: whether the dendrites have no nonlinearity: the control of what it buys.

    Raises:
        UserError: when fields, kinds, dendrites, synapses, taps or bins do not fit the inputs.
    """

    reads_spikes = True

    def __init__(
        self,
        shape: Shape,
        width: int,
        *,
        fields: str = "random",
        kinds: int = 1,
        dendrites: int = 8,
        synapses: int = SYNAPSES,
        taps: int = 200,
        bins: int = 16,
        linear: bool = False,
    ) -> None:
        super().__init__()
        check_counts(dendrites, synapses)
        channels, time = shape.inputs
        if kinds < 1 or channels % kinds:
            raise UserError(
                f"The channels are 1 or more kinds of equal number; given kinds={kinds}, and "
                f"{channels} channels."
            )
        taps, synapses = min(taps, time), min(synapses, channels)
        places = (kinds, channels // kinds, 1)  # kinds lie at no distance, as channels of an image
        index = receptive_fields(fields, places, width, dendrites, synapses)
        self.counts = {"soma": width, "dendrite": width * dendrites}
        self.steps = shape.steps
        self.slope = 1.0 if linear else SLOPE
        self.dendrites = BinnedSynapses(
            channels, index, taps, min(bins, taps), asked=max(1, shape.steps)
        )
        self.somata = BlockLinear(width, dendrites)
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map spikes x (batch, channels, time) to (batch, C), or (batch, C, steps)."""
        u = self.dendrites(x)  # (batch, D S, steps), in memory (D S, batch, steps)
        batch, count, steps = u.shape
        samples = u.transpose(0, 1).reshape(count, batch * steps).t()  # (batch x steps, D S)
        h = F.leaky_relu(samples, self.slope)
        y = F.leaky_relu(self.somata(h), SLOPE)  # (batch x steps, S)
        states = y.t().reshape(-1, batch, steps).transpose(0, 1)  # (batch, S, steps)
        return read_out(self.readout, states, self.steps)

    def stream(self, samples: int) -> "DANNStream":
        """The same, one step a call."""
        return DANNStream(self, samples)

    def units(self) -> dict[str, int]:
        """Somata and dendrites."""
        return self.counts


class DANNStream:
    """`DANNTemporal`, one step a call; only its synapses remember.

    Args:
        net: whose weights these are.
        samples: sequences side by side.
    """

    def __init__(self, net: DANNTemporal, samples: int) -> None:
        synapses = step_of(net.dendrites, samples)
        assert isinstance(synapses, Step)
        self._synapses, self._slope = synapses, net.slope
        self._shape = (samples, *net.somata.weight.shape)
        self._weight, self._bias = (p.detach() for p in net.somata.parameters())
        self._out, self._constant = (p.detach() for p in net.readout.parameters())

    @property
    def kernel(self) -> str:
        """The implementation of the synapses."""
        return self._synapses.kernel

    def reset(self) -> None:
        """Forget the past."""
        self._synapses.reset()

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Advance by one step: x (samples, channels) -> (samples, C).

        Raises:
            UserError: when x has another shape.
        """
        check_input(x, self._shape[0], self._synapses.channels)
        u: Tensor = self._synapses(x.unsqueeze(2))  # (samples, D S, 1)
        h = F.leaky_relu(u, self._slope).view(self._shape)  # (samples, S, D)
        y = F.leaky_relu((h * self._weight).sum(2) + self._bias, SLOPE)  # (samples, S)
        return F.linear(y, self._out, self._constant)
