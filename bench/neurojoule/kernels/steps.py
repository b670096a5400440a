"""What stands in the place of a layer that mixes time when its steps come one by one.

Each keeps what the past adds to the present, and is called as its layer is, with one new step at
the end of its input.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import jit, stream_loops, wiring
from neurojoule.kernels.binned import BinnedConv1d
from neurojoule.kernels.binned_synapses import BinnedSynapses
from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.kernels.events import EventConv1d
from neurojoule.kernels.sums import is_compiled


class NotStreamableError(UserError):
    """A model that has no step-by-step form with the outputs of its batched one."""


def check_input(x: Tensor, samples: int, channels: int) -> None:
    """A step's input is (samples, channels).

    Raises:
        UserError: if not.
    """
    if x.shape != (samples, channels):
        raise UserError(
            f"A step takes an input of shape ({samples}, {channels}) (samples, channels); given "
            f"{tuple(x.shape)}."
        )


class Step(nn.Module):
    """A layer in time, one step a call, for `samples` sequences side by side.

    Attributes:
        channels: of its input.
        kernel: the implementation in use.
    """

    channels: int
    kernel: str

    def reset(self) -> None:
        """Forget the past."""
        raise NotImplementedError


class _Place:
    """Where the present is in a ring; not of the module itself, whose attributes set slowly."""

    def __init__(self, span: int) -> None:
        self.head, self.span = 0, span

    def next(self) -> int:
        """The present place; the next call gives the one after it."""
        head = self.head
        self.head = (head + 1) % self.span
        return head


def _arrays(*tensors: Tensor) -> tuple[jit.Array, ...]:
    """The tensors' memory as loops take it, once instead of at every step."""
    return tuple(x.detach().numpy() for x in tensors)


def step_of(layer: nn.Module, samples: int) -> nn.Module | None:
    """What replaces this layer, or None where it stays (and what it holds is looked at).

    Raises:
        NotStreamableError: when the layer sees the future.
    """
    match layer:
        case BinnedConv1d() if is_compiled(layer.weight):
            return BinnedStep(layer, samples)
        case BinnedSynapses() if is_compiled(layer.weight):
            return SynapsesStep(layer, samples)
        case BinnedConv1d() | BinnedSynapses():
            return ConvolutionStep(layer.taps_weight().detach(), layer.bias.detach(), samples)
        case EventConv1d() | CausalConv1d():
            return _convolution(layer, samples, padding=0)
        case nn.Conv1d():
            _check_causal(layer)
            span = (layer.kernel_size[0] - 1) * layer.dilation[0]
            return _convolution(layer, samples, padding=span)
        case nn.RNNBase():
            return GatedStep(layer, samples)
        case nn.BatchNorm1d() if layer.track_running_stats:
            return FrozenNorm(layer)
        case _:
            return None


def _convolution(layer: nn.Conv1d | EventConv1d, samples: int, *, padding: int) -> Step:
    weight = layer.weight.detach()  # of a weight-normed one, the product
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
    dilation = layer.dilation[0] if isinstance(layer, nn.Conv1d) else 1
    return ConvolutionStep(weight, bias, samples, dilation=dilation, padding=padding)


class ConvolutionStep(Step):
    """A convolution: what past inputs add to the outputs to come.

    Args:
        weight: (units, channels, taps).
        bias: (units,).
        samples: sequences side by side.
        dilation: steps between two taps.
        padding: steps before the new one that the layer is fed with.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, samples: int, *, dilation: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        units, self.channels, taps = weight.shape
        self.dilation, self.padding = dilation, padding
        span = (taps - 1) * dilation + 1
        self.place = _Place(span)
        self.bias = bias.repeat(samples, 1)  # (samples, units)
        self.compiled = is_compiled(weight)
        self.kernel = "numba" if self.compiled else "conv1d"
        if self.compiled:
            # (taps x channels, units), the newest tap first
            self.weight = weight.flip(2).permute(2, 1, 0).reshape(-1, units).contiguous()
            self.state = weight.new_zeros(samples * span, units)
            self.arrays = _arrays(self.weight, self.state)
        else:
            self.weight = weight
            self.state = weight.new_zeros(samples, self.channels, span)

    def reset(self) -> None:
        """Forget the past."""
        self.place.head = 0
        self.state.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Map (samples, channels, padding + 1), of which the last step is new, to its output."""
        if x.shape[2] != self.padding + 1:
            raise NotStreamableError(
                f"A convolution is fed with {x.shape[2]} steps for one new step, where a causal "
                f"one is padded on the left to {self.padding + 1}. It cannot be streamed."
            )
        if not self.compiled:
            self.state = torch.cat([self.state[:, :, 1:], x[:, :, -1:]], 2)
            y = F.conv1d(self.state, self.weight, dilation=self.dilation)
            return y + self.bias.unsqueeze(2)  # (samples, units, 1)
        y = self.bias.clone()  # (samples, units)
        newest = x[:, :, -1].contiguous()  # (samples, channels)
        advance = stream_loops.compiled().advance
        advance(newest.numpy(), *self.arrays, y.numpy(), self.place.next(), self.dilation)
        return y.unsqueeze(2)


class _ChangesStep(Step):
    """Filters constant within bins: a ring of changes to come, and their running sum.

    Both are float64. There the differences of float32 weights are exact and those of one filter
    sum to 0, so a running sum does not drift, however long it runs.

    Args:
        layer: whose edges and bias these are.
        channels: of its input.
        samples: sequences side by side.
    """

    kernel = "numba"

    def __init__(self, layer: BinnedConv1d | BinnedSynapses, channels: int, samples: int) -> None:
        super().__init__()
        self.channels = channels
        span = int(layer.edges[-1]) + 1
        self.place = _Place(span)
        self.bias = layer.bias.detach().repeat(samples, 1)  # (samples, units)
        units = len(layer.bias)
        self.advance: Callable[..., None]
        self.arrays: tuple[jit.Array, ...]
        self.coming = torch.zeros(samples * span, units, dtype=torch.float64)
        self.total = torch.zeros(samples, units, dtype=torch.float64)

    def reset(self) -> None:
        """Forget the past."""
        self.place.head = 0
        self.coming.zero_()
        self.total.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Map (samples, channels, 1) to (samples, units, 1)."""
        y = self.bias.clone()
        newest = x[:, :, -1].contiguous()  # (samples, channels)
        self.advance(newest.numpy(), *self.arrays, y.numpy(), self.place.next())
        return y.unsqueeze(2)


class BinnedStep(_ChangesStep):
    """`BinnedConv1d`, one step a call."""

    def __init__(self, layer: BinnedConv1d, samples: int) -> None:
        channels = layer.weight.shape[1]
        super().__init__(layer, channels, samples)
        changes = _changes(layer.weight).permute(1, 2, 0)  # (channels, edges, units)
        flat = changes.reshape(channels, -1).contiguous()
        self.advance = stream_loops.compiled().advance_binned
        self.arrays = _arrays(flat, layer.edges, self.coming, self.total)


class SynapsesStep(_ChangesStep):
    """`BinnedSynapses`, one step a call."""

    def __init__(self, layer: BinnedSynapses, samples: int) -> None:
        super().__init__(layer, layer.channels, samples)
        synapses = wiring.synapses(layer.channels, layer.index)
        changes = _changes(layer.weight).flatten(0, 1)[synapses.order]  # (synapses, edges)
        self.advance = stream_loops.compiled().advance_synapses
        self.arrays = _arrays(
            *(changes, synapses.reader_offsets, synapses.readers),
            *(layer.edges, self.coming, self.total),
        )


def _changes(weight: Tensor) -> Tensor:
    """What a filter (..., bins) is more from each edge on, float64 (..., bins + 1)."""
    return F.pad(weight.detach().double(), (1, 1)).diff()


class GatedStep(Step):
    """A GRU or LSTM of one layer and one direction, batch first, one step a call."""

    def __init__(self, layer: nn.RNNBase, samples: int) -> None:
        super().__init__()
        if (
            not isinstance(layer, nn.GRU | nn.LSTM)
            or layer.bidirectional
            or layer.num_layers > 1
            or layer.proj_size
            or not (layer.batch_first and layer.bias)
        ):
            raise NotStreamableError(
                "A recurrent layer that can be streamed is a GRU or LSTM of one layer that runs "
                f"forwards, batch first, with biases and no projection; given {layer}."
            )
        self.channels = layer.input_size
        self.long = isinstance(layer, nn.LSTM)
        self.kernel = "lstm_cell" if self.long else "gru_cell"
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        self.parts = tuple(cast("Tensor", getattr(layer, name)).detach() for name in names)
        self.h = self.parts[0].new_zeros(samples, layer.hidden_size)
        self.c = torch.zeros_like(self.h)

    def reset(self) -> None:
        """Forget the past."""
        self.h, self.c = torch.zeros_like(self.h), torch.zeros_like(self.c)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map (samples, 1, channels) to its state (samples, 1, H), and the last states."""
        if self.long:
            self.h, self.c = torch.lstm_cell(x[:, -1], (self.h, self.c), *self.parts)
        else:
            self.h = torch.gru_cell(x[:, -1], self.h, *self.parts)
        return self.h.unsqueeze(1), (self.h, self.c)


class FrozenNorm(nn.Module):
    """A batch norm with the statistics that it has: one scale and shift a channel."""

    def __init__(self, norm: nn.BatchNorm1d) -> None:
        super().__init__()
        mean, variance = (cast("Tensor", x) for x in (norm.running_mean, norm.running_var))
        scale = (variance + norm.eps).rsqrt()
        if norm.affine:
            scale = scale * norm.weight.detach()
        shift = -mean * scale + (norm.bias.detach() if norm.affine else 0.0)
        self.scale, self.shift = scale.unsqueeze(1), shift.unsqueeze(1)  # (channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (samples, channels, steps) to the same shape."""
        return torch.addcmul(self.shift, x, self.scale)


def _check_causal(conv: nn.Conv1d) -> None:
    if conv.stride != (1,) or conv.padding not in {(0,), "valid"} or conv.groups != 1:
        raise NotStreamableError(
            "A convolution that can be streamed has stride 1, one group, and its padding outside, "
            f"on the left; given {conv}."
        )
