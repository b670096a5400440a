"""The layers of the suite `kernels`: each in its plain and in its fast form, with its input."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.kernels.compact import BlockLinear, CompactLinear, DendriticLayer
from neurojoule.kernels.convolution import CausalConv1d
from neurojoule.kernels.events import EventConv1d
from neurojoule.kernels.gru import FewStatesGRU
from neurojoule.kernels.masked import MaskedLinear
from neurojoule.kernels.scan import leak, leak_stepwise
from neurojoule.kernels.small_convolution import SmallConv1d
from neurojoule.kernels.streaming import Streaming

SLOPE = 0.1

Pair = tuple[nn.Module, nn.Module]


@dataclass(frozen=True)
class Layer:
    """A layer at one shape.

    Attributes:
        shape: in words, batch first.
        pair: builds the plain and the fast form, with the same function where weights are shared.
        batch: samples of a call.
        sample: shape of the input of one.
        full: share of ones in an input of spikes; None for a normal one.
        trains: whether there is a backward pass.
    """

    shape: str
    pair: Callable[[], Pair]
    batch: int
    sample: tuple[int, ...]
    full: float | None = None
    trains: bool = True

    def x(self, batch: int) -> Tensor:
        """A batch of inputs, the same every time."""
        draw = torch.Generator().manual_seed(0)
        if self.full is None:
            return torch.randn(batch, *self.sample, generator=draw)
        return (torch.rand(batch, *self.sample, generator=draw) < self.full).float()


class Soma(nn.Module):
    """Dendrites, leaky ReLU, somata, one after another."""

    def __init__(self, dendrites: nn.Module, somata: nn.Module) -> None:
        super().__init__()
        self.dendrites, self.somata = dendrites, somata

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, somata)."""
        y: Tensor = self.somata(F.leaky_relu(self.dendrites(x), SLOPE))
        return y


class Bags(nn.Module):
    """`embedding_bag` both ways: what a layer of synapses is without compiled loops."""

    members: Tensor
    offsets: Tensor

    def __init__(self, index: Tensor) -> None:
        super().__init__()
        units, synapses = index.shape
        self.register_buffer("members", index.flatten())
        self.register_buffer("offsets", torch.arange(units + 1) * synapses)
        self.weight = nn.Parameter(torch.randn(units * synapses) / synapses**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, units)."""
        return F.embedding_bag(
            self.members,
            x.t().contiguous(),
            self.offsets,
            per_sample_weights=self.weight,
            mode="sum",
            include_last_offset=True,
        ).t()


class Window(nn.Module):
    """A causal network asked about the last step: the whole window anew for each."""

    def __init__(self, net: nn.Module, steps: int) -> None:
        super().__init__()
        self.net, self.steps = net, steps

    def forward(self, x: Tensor) -> Tensor:
        """Map the newest step (batch, channels) to (batch, outputs), behind a past of the same."""
        y: Tensor = self.net(x.unsqueeze(2).expand(-1, -1, self.steps))
        return y[..., -1]


class Streamed(nn.Module):
    """The same network, one step from the state it keeps; as many streams as samples."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.stream = Streaming(net)

    @property
    def kernel(self) -> str:
        """The implementation in use."""
        return self.stream.kernel

    def forward(self, x: Tensor) -> Tensor:
        """Map the newest step (batch, channels) to (batch, outputs)."""
        if self.stream.samples != len(x):
            self.stream = Streaming(self.net, samples=len(x))
        return self.stream.step(x)


class Leaks(nn.Module):
    """Leaky states after every step, in a loop or step by step."""

    def __init__(self, units: int, *, stepwise: bool) -> None:
        super().__init__()
        self.kept = nn.Parameter(torch.full((units,), 0.9))
        self.run = leak_stepwise if stepwise else leak
        self.kernel = "stepwise" if stepwise else "numba scan"

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, steps, units) to (steps, batch, units)."""
        return self.run(x.transpose(0, 1), self.kept)


class States(nn.Module):
    """The states of a recurrent layer, without its last ones."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, steps, channels) to (batch, steps, states)."""
        y: Tensor = self.layer(x)[0]
        return y


def _fields(units: int, inputs: int, synapses: int) -> Tensor:
    """Every unit reads `synapses` different inputs, drawn at random."""
    return torch.rand(units, inputs).argsort(1)[:, :synapses].clone()


def _masked(inputs: int, index: Tensor, somata: int) -> nn.Module:
    own = torch.arange(len(index)).view(somata, -1)
    return Soma(MaskedLinear(inputs, index), MaskedLinear(len(index), own))


def _dendrites(*, fused: bool) -> Pair:
    index = _fields(2048, 784, 16)
    parts = CompactLinear(784, index), BlockLinear(128, 16)
    fast = DendriticLayer(*parts, SLOPE) if fused else Soma(*parts)
    return _masked(784, index, 128), fast


def _synapses(plain: Callable[[Tensor], nn.Module]) -> Pair:
    index = _fields(2048, 784, 16)
    return plain(index), CompactLinear(784, index, bias=False)


def _causal(channels: int, units: int, taps: int, dilation: int) -> Pair:
    plain = nn.Conv1d(channels, units, taps, dilation=dilation)
    padded = nn.Sequential(nn.ConstantPad1d(((taps - 1) * dilation, 0), 0.0), plain)
    fast = CausalConv1d(channels, units, taps, dilation=dilation)
    fast.load_state_dict(plain.state_dict())
    return padded, fast


def _events() -> Pair:
    padded = nn.Sequential(nn.ConstantPad1d((23, 0), 0.0), nn.Conv1d(320, 64, 24))
    return padded, EventConv1d(320, 64, 24)


def _streams() -> Pair:
    layers: list[nn.Module] = []
    for depth in range(7):
        channels, taps = (320, 54) if depth == 0 else (128, 24)
        layers += [
            nn.ConstantPad1d((taps - 1, 0), 0.0),
            nn.Conv1d(channels, 128, taps),
            nn.ReLU(),
        ]
    net = nn.Sequential(*layers, nn.Conv1d(128, 2, 1)).eval()
    return Window(net, 54 + 6 * 23), Streamed(net)


def _strided() -> Pair:
    plain = nn.Conv1d(25, 25, 3, stride=2, padding=1)
    fast = SmallConv1d(25, 25, 3, stride=2, padding=1)
    fast.load_state_dict(plain.state_dict())
    return plain, fast


def _gru() -> Pair:
    plain = nn.GRU(1, 6, batch_first=True, bidirectional=True)
    fast = FewStatesGRU(1, 6, bidirectional=True)
    fast.load_state_dict(plain.state_dict())
    return States(plain), States(fast)


LAYERS = {
    "dendrites-fused": Layer(
        "128 x 784, 128 somata x 16 x 16", lambda: _dendrites(fused=True), 128, (784,)
    ),
    "dendrites-parts": Layer(
        "128 x 784, 128 somata x 16 x 16", lambda: _dendrites(fused=False), 128, (784,)
    ),
    "synapses-masked": Layer(
        "128 x 784, 2048 units x 16",
        lambda: _synapses(lambda index: MaskedLinear(784, index, bias=False)),
        128,
        (784,),
    ),
    "synapses-bags": Layer("128 x 784, 2048 units x 16", lambda: _synapses(Bags), 128, (784,)),
    "spikes": Layer("16 x 320 x 600, 64 units, 24 taps", _events, 16, (320, 600), full=0.02),
    "streaming": Layer(
        "1 x 320, 7 layers x 128, taps 54, 24", _streams, 1, (320,), full=0.02, trains=False
    ),
    "causal-24": Layer(
        "100 x 24 x 40, 24 units, 5 taps 8 apart", lambda: _causal(24, 24, 5, 8), 100, (24, 40)
    ),
    "causal-320": Layer(
        "8 x 320 x 300, 48 units, 54 taps", lambda: _causal(320, 48, 54, 1), 8, (320, 300)
    ),
    "strided": Layer("100 x 25 x 19, 25 units, 3 taps 2 apart", _strided, 100, (25, 19)),
    "gru": Layer("100 x 40 x 1, 6 states both ways", _gru, 100, (40, 1)),
    "leak": Layer(
        "100 x 100 x 64",
        lambda: (Leaks(64, stepwise=True), Leaks(64, stepwise=False)),
        100,
        (100, 64),
    ),
}
"""By name; the plain form is what published code or torch does."""
