"""What is left of a trained network's quality when inputs are noisy or synapses are lost.

The network keeps its best weights; nothing is learned here. Noise is added to the inputs of the
test split alone: training never saw it. (The public code of Chavlis & Poirazi 2025, `opt.py`, adds
it to all three splits and clips to [0, 1]; that asks whether a network can learn *from* noise.)
A lost synapse is a trainable weight set to 0. The rule is the same for all families: every weight
that exists is as likely to go, in whichever layer; biases, norms, thresholds and leaks stay.

All that is random comes from the run's seed. Runs of one seed meet the same noise, whatever the
model, because it is drawn in the task's own layout; and a higher level is more of the same draw:
larger noise, further flips, further losses.
"""

import copy
import hashlib
import math
from collections.abc import Callable, Iterator
from statistics import fmean

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurojoule import switching, views
from neurojoule.metrics import quality
from neurojoule.prepare import Prepared
from neurojoule.record import Perturbed, Robustness
from neurojoule.train import Data, predict

NOISE = (0.25, 0.5, 1.0, 2.0)
"""Standard deviations of Gaussian noise, in those of the training inputs (one for all features)."""

FLIPS = (0.05, 0.1, 0.2, 0.4)
"""Probabilities that an input which is 0 or 1 is turned over; takes the place of Gaussian noise."""

LOST = (0.05, 0.1, 0.2, 0.4)
"""Shares of the weights that are set to 0."""

DRAWS = 5
"""Perturbations of a level; the record holds the mean of their qualities."""

_NORMS = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d,
    nn.InstanceNorm3d, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm,
)  # fmt: skip


def probe(prepared: Prepared, test: Data) -> Robustness | None:
    """Put the trained network of a run through the probes that its spec asks for, if any.

    Args:
        prepared: the parts of the run; its model has its best weights and is left as it is.
        test: the test split in the model's view.
    """
    asked = prepared.spec.probes or ()
    if not asked:
        return None
    found: list[Perturbed] = []
    if "noise" in asked:
        found += under_noise(prepared, test)
    if "loss" in asked:
        found += under_loss(prepared, test)
    switched = switching.switch(prepared, test) if "switch" in asked else None
    return Robustness(perturbed=tuple(found), switched=switched)


def under_noise(prepared: Prepared, test: Data) -> list[Perturbed]:
    """Quality on noisy test inputs: flipped where the task's inputs are binary, else Gaussian."""
    task, seed, x = prepared.task, prepared.spec.seed, test.x
    shape = (len(x), *task.inputs)

    def drawn(draw: Callable[..., Tensor], kind: str, number: int) -> Tensor:
        values = draw(shape, generator=generator(kind, seed, number))
        return views.arrange(values, task, prepared.entry.takes).to(x.device)

    def judge(inputs: Tensor) -> float:
        return quality(task.metric, predict(prepared.forward, inputs), test.y)

    if task.binary:
        lots = [drawn(torch.rand, "flips", number) for number in range(DRAWS)]
        turned = x.logical_not().to(x.dtype)
        return [
            _mean("flips", level, [judge(torch.where(lot < level, turned, x)) for lot in lots])
            for level in FLIPS
        ]
    noise = [drawn(torch.randn, "noise", number) for number in range(DRAWS)]
    spread = float(prepared.train.x.double().std(correction=0))
    return [
        _mean("noise", level, [judge(x + (level * spread * unit).to(x.dtype)) for unit in noise])
        for level in NOISE
    ]


def under_loss(prepared: Prepared, test: Data) -> list[Perturbed]:
    """Quality with a share of the weights at 0; nothing where a model has no weights."""
    model, task, seed = prepared.model, prepared.task, prepared.spec.seed

    def judge(level: float, number: int) -> float:
        maimed = without_synapses(model, level, generator("loss", seed, number))
        output = predict(lambda x: maimed(prepared.reals(x)), test.x)
        return quality(task.metric, output, test.y)

    if not list(weights(plain(model))):
        return []
    return [
        _mean("loss", level, [judge(level, number) for number in range(DRAWS)]) for level in LOST
    ]


def generator(kind: str, seed: int, number: int) -> torch.Generator:
    """The random numbers of one draw: they depend on its kind, the run's seed and its number."""
    digest = hashlib.sha256(f"{kind} {seed} {number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))


def without_synapses(model: nn.Module, share: float, lots: torch.Generator) -> nn.Module:
    """A copy of `model` in which this share of its weights, drawn at random, is 0.

    Which weights go is drawn over the whole network, so that the share is exact but for rounding
    to a whole weight; a layer loses more or less. With the same generator a larger share
    takes the same weights and further ones.
    """
    twin = plain(model)
    found = list(weights(twin))
    counts = [int(exists.sum()) for _, exists in found]
    lost = torch.zeros(sum(counts), dtype=torch.bool)
    lost[torch.randperm(len(lost), generator=lots)[: round(share * len(lost))]] = True
    with torch.no_grad():
        for (weight, exists), gone in zip(found, torch.split(lost, counts), strict=True):
            hit = torch.zeros_like(exists)
            hit[exists] = gone.to(exists.device)
            weight.masked_fill_(hit, 0.0)
    return twin.eval()


def weights(model: nn.Module) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """The trainable weights of a network, each with a bool tensor that says which entries exist.

    A weight is a parameter whose own name begins with `weight` or `synapse`, as torch's layers, a
    recurrent layer's projections and this package's layers call what multiplies an input; but not a
    norm's. A layer with a boolean `mask` of the weight's shape has no synapses outside it.
    """
    seen: set[int] = set()
    for module in model.modules():
        if isinstance(module, _NORMS):
            continue
        mask = getattr(module, "mask", None)
        for name, parameter in module.named_parameters(recurse=False):
            called = name.startswith(("weight", "synapse"))
            if not called or not parameter.requires_grad or id(parameter) in seen:
                continue
            seen.add(id(parameter))
            if isinstance(mask, Tensor) and mask.shape == parameter.shape:
                yield parameter, mask.bool()
            else:
                yield parameter, torch.ones_like(parameter, dtype=torch.bool)


def plain(model: nn.Module) -> nn.Module:
    """A copy whose parametrised weights (weight norm) are the numbers that the layers compute with.

    Without that a weight at 0 would change what it is normalised with.
    """
    twin = copy.deepcopy(model)
    for module in list(twin.modules()):
        if not parametrize.is_parametrized(module):
            continue
        names = list(module.parametrizations)  # type: ignore[arg-type]
        values = {name: getattr(module, name).detach().clone() for name in names}
        # torch's own removal would take the weight off the class, which the original shares.
        module.__class__ = parametrize.type_before_parametrizations(module)
        del module.parametrizations
        for name, value in values.items():
            setattr(module, name, nn.Parameter(value))
    return twin


def _mean(kind: str, level: float, qualities: list[float]) -> Perturbed:
    mean = fmean(qualities)
    known = mean if math.isfinite(mean) else None
    return Perturbed(kind=kind, level=level, quality=known, draws=len(qualities))  # type: ignore[arg-type]
