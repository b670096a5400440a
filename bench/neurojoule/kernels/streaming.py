"""A causal network one step at a time, from cached state.

Batched, a network sees a whole window at once. In use (a surrogate in place of a neuron, say) steps
arrive one by one, and computing the window anew for each would repeat all but the last column. Here
every layer that mixes time keeps what its past inputs add to its outputs to come, and a step costs
each weight once, or not at all where its input is 0.
"""

import copy
from typing import Protocol

import torch
from torch import Tensor, nn

from neurojoule.errors import UserError
from neurojoule.kernels.steps import NotStreamableError, Step, check_input, step_of

_TOLERANCE = 1e-4
_TRIAL_STEPS = 32


class Stream(Protocol):
    """A model whose steps come one by one, some sequences side by side.

    Attributes:
        kernel: the implementation in use.
    """

    @property
    def kernel(self) -> str:
        """The implementation in use."""
        ...

    def reset(self) -> None:
        """Forget the past: the next step is the first of a sequence."""
        ...

    def step(self, x: Tensor) -> Tensor:
        """Advance by one step: x (samples, channels) -> (samples, outputs)."""
        ...


def stream(model: nn.Module, *, samples: int = 1) -> Stream:
    """The step-by-step form of a model: that of its method `stream(samples)`, or `Streaming`.

    Raises:
        NotStreamableError: when it has none.
    """
    own = getattr(model, "stream", None)
    if own is None:
        return Streaming(model, samples=samples)
    found: Stream = own(samples)
    return found


class Streaming:
    """`model`, advanced by one step a call, with the outputs of its batched form.

    The model maps (batch, channels, time) to (batch, outputs, time), or to (batch, outputs) read at
    the last step. Its only mixing of time are `CausalConv1d`, `EventConv1d`, `BinnedConv1d`,
    `BinnedSynapses`, a GRU or LSTM that runs forwards, or `torch.nn.Conv1d` of stride 1 fed with
    its input padded on the left by (taps - 1) x dilation zeros. It is copied, with weight norms and
    batch norms folded, and the copy is compared with the original over a few steps.

    Args:
        model: as above; it is left as it is.
        samples: sequences that are advanced side by side.

    Raises:
        NotStreamableError: when the model has a layer that is not causal in the way above, or its
            streamed outputs differ from the batched ones.
    """

    def __init__(self, model: nn.Module, *, samples: int = 1) -> None:
        self.samples = samples
        self._model = _replace(copy.deepcopy(model).eval(), samples)
        self._steps = [m for m in self._model.modules() if isinstance(m, Step)]
        if not self._steps:
            raise NotStreamableError(
                f"{type(model).__name__} has no convolution and no recurrent layer to stream."
            )
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
        check_input(x, self.samples, self.channels)
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
        try:
            for t in range(_TRIAL_STEPS):
                y = self.step(x[:, :, t])
        except NotStreamableError:
            raise
        except (UserError, RuntimeError, ValueError, IndexError) as error:
            raise NotStreamableError(
                f"{type(model).__name__} does not take steps one by one: {error}"
            ) from error
        if y.shape != expected.shape or not torch.allclose(y, expected, _TOLERANCE, _TOLERANCE):
            raise NotStreamableError(
                f"{type(model).__name__} gives other outputs step by step than batched, so "
                "something beside causal layers mixes its time. It cannot be streamed."
            )


def _replace(module: nn.Module, samples: int) -> nn.Module:
    """Put a step in the place of every layer that has one."""
    step = step_of(module, samples)
    if step is not None:
        return step
    for name, child in module.named_children():
        setattr(module, name, _replace(child, samples))
    return module
