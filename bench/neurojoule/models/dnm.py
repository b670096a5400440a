"""The dendritic neuron model: sigmoidal synapses, multiplied along branches, summed at the soma.

    synapse  Y_mi = sigma(k (w_mi x_i - q_mi))
    branch   Z_m = prod_i Y_mi
    soma     y = sigma(k_s (sum_m Z_m - q_s))

Y. Todo, H. Tamura, K. Yamashita & Z. Tang, "Unsupervised learnable neuron model with nonlinear
interaction on dendrites", Neural Networks 60 (2014); S. Gao et al., "Dendritic Neuron Model With
Effective Learning Algorithms for Classification, Approximation, and Prediction", IEEE Transactions
on Neural Networks and Learning Systems 30 (2019).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurojoule.models.refusals import too_many_factors
from neurojoule.registry import Shape, model

GAIN = 5.0
"""Steepness k of a synapse and k_s of the soma, as published for most tasks."""

_AT_ONCE = 2**22  # synapses x samples held at a time: 16 MiB of float32


@model(
    "dnm",
    family="dendritic",
    takes="vector",
    summary="Dendritic neuron model: every branch multiplies sigmoidal synapses of all inputs",
    source="Todo et al. 2014; Gao et al. 2019",
    default_width=8,
    refuses=too_many_factors,
)
class DNM(nn.Module):
    """One neuron an output, M branches each; the soma's sigmoid is that of the loss.

    2 M n C weights and thresholds of synapses, and a threshold q_s and a gain k_s an output
    (learnt, so that values outside (0, 1) and logits of any size can be reached): 2 M n C + 2 C
    parameters. The product is computed as exp of a sum of logarithms. With n factors it would
    vanish if synapses started at random; here a synapse starts near sigma(ln n) = n / (n + 1),
    their product near 1/e.

    Args:
        shape: inputs (n,), outputs C.
        width: branches of a neuron M.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        n, C = shape.features, shape.outputs
        self.synapse = nn.Parameter(torch.empty(C, width, n).uniform_(-1, 1))  # w
        start = math.log(n) / GAIN if n > 1 else 0.0
        spread = torch.empty(C, width, n).uniform_(-0.1, 0.1)
        self.threshold = nn.Parameter(spread - start)  # q
        self.soma_threshold = nn.Parameter(torch.full((C,), width * math.exp(-1)))  # q_s
        self.soma_gain = nn.Parameter(torch.full((C,), GAIN))  # k_s

    def forward(self, x: Tensor) -> Tensor:
        """Map x (batch, n) to (batch, C)."""
        size = max(1, _AT_ONCE // self.synapse.numel())
        return torch.cat([self._soma(part) for part in torch.split(x, size)])

    def _soma(self, x: Tensor) -> Tensor:
        drive = x[:, None, None, :] * self.synapse - self.threshold  # (batch, C, M, n)
        branch = F.logsigmoid(GAIN * drive).sum(3).exp()  # (batch, C, M)
        return self.soma_gain * (branch.sum(2) - self.soma_threshold)  # (batch, C)

    def units(self) -> dict[str, int]:
        """One soma an output, and its branches."""
        outputs, branches, _ = self.synapse.shape
        return {"soma": outputs, "dendrite": outputs * branches}
