"""The point neuron and its networks: weighted sum, then one nonlinearity.

    h = phi(W x + b)

The neuron of 1943 and 1958 in the form that deep learning kept. `mlp` connects all with all,
`mlp_sparse` leaves every unit a few fixed inputs, `cnn1d` shares weights along time.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.errors import UserError
from neurojoule.kernels.compact import CompactLinear
from neurojoule.kernels.small_convolution import SmallConv1d
from neurojoule.models.refusals import SYNAPSES, too_few_inputs
from neurojoule.models.wiring import covering_inputs
from neurojoule.registry import Shape, model


@model(
    "mlp",
    family="point",
    takes="vector",
    summary="All connected with all: 1 to 3 hidden layers of point neurons with ReLU",
    source="Rumelhart, Hinton & Williams 1986; with skip: Greydanus & Kobak 2024, MNIST-1D",
    default_width=100,
)
class MLP(nn.Module):
    """h_1 = relu(W_1 x + b_1), h_l = relu(W_l h_(l-1) + b_l), y = W h_L + b.

    With `skip`, the second hidden layer adds to the first, h_2 = h_1 + relu(W_2 h_1 + b_2), as in
    the MNIST-1D paper's code (https://github.com/greydanus/mnist1d, models.py).

    For n inputs, width H, L layers, C outputs: (n + 1) H + (L - 1)(H + 1) H + (H + 1) C parameters.

    Args:
        shape: inputs (n,), outputs C.
        width: units a hidden layer H.
        layers: hidden layers L, 1 to 3.
        skip: whether the second hidden layer adds to the first.

    Raises:
        UserError: for another number of layers, or a skip without a second layer.
    """

    def __init__(self, shape: Shape, width: int, *, layers: int = 2, skip: bool = False) -> None:
        super().__init__()
        check_layers(layers)
        if skip and layers < 2:
            raise UserError(f"A skip goes around the 2nd hidden layer; given layers={layers}.")
        self.skip = skip
        self.hidden = nn.ModuleList(
            nn.Linear(shape.features if depth == 0 else width, width) for depth in range(layers)
        )
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        for depth, layer in enumerate(self.hidden):
            h = F.relu(layer(x))  # (batch, H)
            x = x + h if self.skip and depth == 1 else h
        logits: Tensor = self.readout(x)
        return logits

    def units(self) -> dict[str, int]:
        """Hidden point neurons."""
        return {"point": sum(layer.out_features for layer in self.hidden)}  # type: ignore[misc]


@model(
    "mlp_sparse",
    family="point",
    takes="vector",
    summary="Control: point neurons with a few fixed random inputs each, as few as a dendrite has",
    source="the sparse control of Chavlis & Poirazi 2025, without its unconnected units",
    default_width=100,
    refuses=too_few_inputs,
)
class MLPSparse(nn.Module):
    """h_l,u = relu(sum_k w_uk h_(l-1),idx(u,k) + b_u), y = W h_L + b.

    Each unit has exactly K different inputs, drawn once so that no unit lacks a reader. What does
    not exist is not stored: there is no mask. (The published control draws its connections over
    the whole matrix, which leaves about 1/e of its dendrites without a reader. Were each read
    exactly once, it would be the dendritic network itself in another order; that is why this
    control is an `mlp`, whose units share their inputs.)

    (K + 1) L H + (H + 1) C parameters.

    Args:
        shape: inputs (n,), outputs C.
        width: units a hidden layer H.
        layers: hidden layers L, 1 to 3.
        synapses: inputs of one unit K, fewer than n; in the deeper layers at most H.

    Raises:
        UserError: for another number of layers, or if K leaves no connection out.
    """

    def __init__(
        self, shape: Shape, width: int, *, layers: int = 2, synapses: int = SYNAPSES
    ) -> None:
        super().__init__()
        check_layers(layers)
        if not 0 < synapses < shape.features:
            raise UserError(
                f"mlp_sparse needs more inputs than its {synapses} synapses a unit; this task has "
                f"{shape.features}. Give fewer synapses, or take mlp, which is the same then."
            )
        self.hidden = nn.ModuleList(
            CompactLinear(below, covering_inputs(width, min(synapses, below), below))
            for below in (shape.features, *(layers - 1) * [width])
        )
        self.width = width
        self.readout = nn.Linear(width, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        for layer in self.hidden:
            x = F.relu(layer(x))  # (batch, H)
        logits: Tensor = self.readout(x)
        return logits

    def units(self) -> dict[str, int]:
        """Hidden point neurons."""
        return {"point": self.width * len(self.hidden)}


@model(
    "cnn1d",
    family="point",
    takes="sequence",
    summary="Small convolutional reference: 3 strided layers of point neurons with shared weights",
    source="Greydanus & Kobak 2024, MNIST-1D, models.py (ConvBase)",
    default_width=25,
)
class CNN1D(nn.Module):
    """Three convolutions with stride 2 and ReLU (kernels 5, 3, 3; padding 1), linear read-out.

    A sequence shorter than 3 steps is padded by 2 before the first layer, or nothing would be
    left of it; below 10 steps some taps of the later layers meet padding only.

    For c channels, width H and t steps after the third layer:
    (5 c + 1) H + 2 (3 H + 1) H + (H t + 1) C parameters.

    Args:
        shape: inputs (channels, time), outputs C.
        width: channels a layer H.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        channels, time = shape.inputs
        padding = 1 if time >= 3 else 2
        self.conv1 = SmallConv1d(channels, width, 5, stride=2, padding=padding)
        self.conv2 = SmallConv1d(width, width, 3, stride=2, padding=1)
        self.conv3 = SmallConv1d(width, width, 3, stride=2, padding=1)
        steps = (time + 2 * padding - 5) // 2 + 1
        self.steps = (steps, (steps + 1) // 2, (steps + 3) // 4)
        self.readout = nn.Linear(width * self.steps[-1], shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, time) to (batch, C)."""
        h = F.relu(self.conv1(x))  # (batch, H, time / 2)
        h = F.relu(self.conv2(h))  # (batch, H, time / 4)
        h = F.relu(self.conv3(h))  # (batch, H, time / 8)
        logits: Tensor = self.readout(torch.flatten(h, 1))  # (batch, H x time / 8) -> (batch, C)
        return logits

    def units(self) -> dict[str, int]:
        """Point neurons: a channel at one step is one neuron."""
        return {"point": self.conv1.out_channels * sum(self.steps)}


@model(
    "cnn2d",
    family="point",
    takes="image",
    summary="Small convolutional reference for images: 2 strided layers with shared weights",
    source="after LeCun, Bottou, Bengio & Haffner 1998; strides instead of pooling",
    default_width=16,
)
class CNN2D(nn.Module):
    """Two 3 x 3 convolutions with stride 2, padding 1 and ReLU, linear read-out.

    For c channels, width H, a and b rows and columns after the second layer (each extent is halved
    twice, rounded up): (9 c + 1) H + (9 H + 1) H + (H a b + 1) C parameters.

    Args:
        shape: inputs (channels, rows, columns), outputs C.
        width: channels a layer H.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        channels, *extent = shape.inputs
        self.conv1 = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, stride=2, padding=1)
        halved = [(length + 1) // 2 for length in extent]
        quartered = [(length + 1) // 2 for length in halved]
        self.positions = halved[0] * halved[1] + quartered[0] * quartered[1]
        self.readout = nn.Linear(width * quartered[0] * quartered[1], shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, channels, rows, columns) to (batch, C)."""
        h = F.relu(self.conv1(x))  # (batch, H, rows / 2, columns / 2)
        h = F.relu(self.conv2(h))  # (batch, H, rows / 4, columns / 4)
        logits: Tensor = self.readout(torch.flatten(h, 1))
        return logits

    def units(self) -> dict[str, int]:
        """Point neurons: a channel at one place is one neuron."""
        return {"point": self.conv1.out_channels * self.positions}


def check_layers(layers: int) -> None:
    """Hidden layers are 1 to 3.

    Raises:
        UserError: if they are not.
    """
    if layers not in {1, 2, 3}:
        raise UserError(f"An mlp has 1, 2 or 3 hidden layers; given layers={layers}.")
