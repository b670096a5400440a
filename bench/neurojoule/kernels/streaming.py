"""A causal convolutional network one step at a time, from cached state.

Batched, a network sees a whole window at once. In use (a surrogate in place of a neuron, say) steps
arrive one by one, and computing the window anew for each would repeat all but the last column. Here
every convolution keeps what its past inputs add to its outputs to come, and a step costs each
weight once, or not at all where its input is 0.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels import jit, stream_loops
from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.kernels.events import EventConv1d
from neurojoule.kernels.sums import is_compiled

_TOLERANCE = 1e-4
_TRIAL_STEPS = 32


class Streaming:
    """`model`, advanced by one step a call, with the outputs of its batched form.

    The model maps (batch, channels, time) to (batch, outputs, time), or to (batch, outputs) read at
    the last step. Its only mixing of time are `CausalConv1d`, `EventConv1d`, or `torch.nn.Conv1d`
    of stride 1 fed with its input padded on the left by (taps - 1) x dilation zeros. It is copied,
    with weight norms folded in, and the copy is compared with the original over a few steps.

    Args:
        model: as above; it is left as it is.
        samples: sequences that are advanced side by side.

    Attributes:
        kernel: the implementation in use.

    Raises:
        UserError: when the model has a convolution that is not causal in the way above, or its
            streamed outputs differ from the batched ones.
    """

    def __init__(self, model: nn.Module, *, samples: int = 1) -> None:
        self.samples = samples
        self._model = _replace(copy.deepcopy(model).eval(), samples)
        self._steps = [m for m in self._model.modules() if isinstance(m, _Step)]
        if not self._steps:
            raise UserError(f"{type(model).__name__} has no convolution to stream.")
        self.channels = self._steps[0].channels
        self._compare(model)
        self.reset()

    @property
    def kernel(self) -> str:
        """The implementation in use."""
        return self._steps[0].kernel

    def reset(self) -> None:
        """Forget the past: the next step is the first of a sequence."""
        for step in self._steps:
            step.reset()

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Advance by one step: x (samples, channels) -> (samples, outputs).

        Raises:
            UserError: when x has another shape.
        """
        if x.shape != (self.samples, self.channels):
            raise UserError(
                f"A step takes an input of shape ({self.samples}, {self.channels}) (samples, "
                f"channels); given {tuple(x.shape)}."
            )
        y: Tensor = self._model(x.unsqueeze(2))
        return y.squeeze(2) if y.ndim == 3 else y

    @torch.no_grad()
    def _compare(self, model: nn.Module) -> None:
        """Refuse a model whose streamed outputs are not its batched ones."""
        like = next(model.parameters())
        spikes = torch.arange(self.samples * self.channels * _TRIAL_STEPS).remainder(3) == 0
        x = spikes.to(like).view(self.samples, self.channels, _TRIAL_STEPS)
        training = model.training
        batched = model.eval()(x)
        model.train(training)
        expected = batched[..., -1] if batched.ndim == 3 else batched
        for t in range(_TRIAL_STEPS):
            y = self.step(x[:, :, t])
        if y.shape != expected.shape or not torch.allclose(y, expected, _TOLERANCE, _TOLERANCE):
            raise UserError(
                f"{type(model).__name__} gives other outputs step by step than batched, so "
                "something beside left-padded convolutions mixes its time. It cannot be streamed."
            )


class _Step(nn.Module):
    """One convolution, one step a call, where the batched form had padding + 1 or more steps."""

    def __init__(self, conv: nn.Conv1d | EventConv1d, samples: int) -> None:
        super().__init__()
        units, self.channels, taps = conv.weight.shape
        self.dilation = conv.dilation[0] if isinstance(conv, nn.Conv1d) else 1
        span = (taps - 1) * self.dilation + 1
        pads_itself = isinstance(conv, CausalConv1d | EventConv1d)
        self.padding = 0 if pads_itself else span - 1
        self.head = 0
        weight = conv.weight.detach()  # of a weight-normed one, the product
        bias = weight.new_zeros(units) if conv.bias is None else conv.bias.detach()
        self.bias = bias.repeat(samples, 1)  # (samples, units)
        if is_compiled(weight):
            # (taps x channels, units), the newest tap first
            self.weight = weight.flip(2).permute(2, 1, 0).reshape(-1, units).contiguous()
            self.state = weight.new_zeros(samples * span, units)
        else:
            self.weight = weight
            self.state = weight.new_zeros(samples, self.channels, span)

    @property
    def kernel(self) -> str:
        return "numba" if is_compiled(self.weight) else "conv1d"

    def reset(self) -> None:
        self.head = 0
        self.state.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Map (samples, channels, padding + 1), of which the last step is new, to its output."""
        if x.shape[2] != self.padding + 1:
            raise UserError(
                f"A convolution is fed with {x.shape[2]} steps for one new step, where a causal "
                f"one is padded on the left to {self.padding + 1}. It cannot be streamed."
            )
        if not is_compiled(self.weight):
            self.state = torch.cat([self.state[:, :, 1:], x[:, :, -1:]], 2)
            y = F.conv1d(self.state, self.weight, dilation=self.dilation)
            return y + self.bias.unsqueeze(2)  # (samples, units, 1)
        y = self.bias.clone()  # (samples, units)
        newest = x[:, :, -1].contiguous()  # (samples, channels)
        advance = stream_loops.compiled()
        jit.run(advance, newest, self.weight, self.state, y, self.head, self.dilation)
        self.head = (self.head + 1) % (len(self.state) // len(x))
        return y.unsqueeze(2)


def _replace(module: nn.Module, samples: int) -> nn.Module:
    """Put a `_Step` in the place of every convolution."""
    if isinstance(module, nn.Conv1d | EventConv1d):
        if isinstance(module, nn.Conv1d):
            _check_causal(module)
        return _Step(module, samples)
    for name, child in module.named_children():
        setattr(module, name, _replace(child, samples))
    return module


def _check_causal(conv: nn.Conv1d) -> None:
    if conv.stride != (1,) or conv.padding not in {(0,), "valid"} or conv.groups != 1:
        raise UserError(
            "A convolution that can be streamed has stride 1, one group, and its padding outside, "
            f"on the left; given {conv}."
        )
