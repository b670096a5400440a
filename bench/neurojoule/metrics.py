"""How good outputs are: one number that ranks, and beside it the field's other measures.

A biophysical cell's task asks for two numbers every ms: a spike logit and the soma voltage. Its
rank is the log-loss of the spikes, in nats a ms; the area under the ROC, true-positive rates and
the explained variance of the voltage stand beside it (Beniaguev, Segev & London 2021).
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from neurojoule.registry import Metric

PRIOR_LOGIT = -6.0
"""Added to every model's spike logit: a cell that fires at 2.5 Hz does so in 1 ms of 400. Without
it the first hundreds of updates of every model go into learning that spikes are rare."""

VOLTAGE_SCALE_MV, VOLTAGE_OFFSET_MV = 10.0, -67.7
"""The voltage to be predicted is (v - offset) / scale (Spieler et al. 2023)."""

FALSE_POSITIVE_RATES = (0.0025, 0.01)

PUBLISHED_LIMIT_HZ = 4.0
"""24 spikes in 6 s: what fires oftener the published evaluation leaves out."""


def by_step(output: Tensor, y: Tensor) -> Tensor:
    """Outputs for several steps as (samples, outputs, steps), whatever the model's form of them.

    Args:
        output: (samples, outputs), (samples, outputs, steps) or (samples, outputs x steps).
        y: classes (samples,) or (samples, steps), or values (samples, outputs) or
            (samples, outputs, steps).
    """
    if y.ndim == 3:
        return output.reshape(y.shape)
    asks_steps = y.ndim == 2 and not y.is_floating_point()
    return output.reshape(len(y), -1, y.shape[1]) if asks_steps else output


def quality(metric: Metric, output: Tensor, y: Tensor) -> float:
    """The metric of outputs against targets.

    `accuracy` of one output is its sign against 0 or 1, of several their largest against the class;
    of several steps the share of steps. `smape` is 200 |y - o| / (|y| + |o|) in the mean: per cent,
    as in NeuroBench (Yik et al. 2025). `log_loss` is that of the spikes, in nats a step.
    """
    if metric == "log_loss":
        logit, spike = _spikes(output, y)
        return float(F.binary_cross_entropy_with_logits(logit, spike))
    if metric == "smape":
        o, y = output.double(), y.double()
        return float((200 * (y - o).abs() / (y.abs() + o.abs())).mean())
    if metric == "mean_squared_error":
        return float(F.mse_loss(output.float(), y.float()))
    if y.is_floating_point():
        return float(((output > 0) == (y > 0.5)).double().mean())
    return float((by_step(output, y).argmax(1) == y).double().mean())


def measures(metric: Metric, output: Tensor, y: Tensor, recordings: int = 0) -> dict[str, float]:
    """What else the field reports of the same outputs; empty where the metric says all.

    For `log_loss`: the area under the ROC over every step (`auc`) and its log-odds, true-positive
    rates at two false-positive rates, root mean square error (mV) and explained variance of the
    voltage, and that variance after the prediction was given the mean and deviation of the target
    (`..._rescaled`). The published evaluation does that, and leaves out simulations that fire more
    than 24 times in 6 s: where the samples are so many recordings, each cut into as many in a row,
    `auc_published` and `voltage_variance_explained_published` are without those. A measure that
    does not exist, such as the area where no spike is, is left out.

    Args:
        metric: that ranks.
        output: as of `by_step`, with a step a ms.
        y: likewise.
        recordings: how many; 0 when they are not known.

    Raises:
        ValueError: samples that are not as many of each recording.
    """
    if metric != "log_loss":
        return {}
    logit, spike = _spikes(output, y)
    voltage, target = by_step(output, y)[:, 1].double(), y[:, 1].double()
    found = {
        "voltage_rmse_mv": VOLTAGE_SCALE_MV * float(F.mse_loss(voltage, target).sqrt()),
        **_explained(voltage, target),
        **roc(logit.flatten(), spike.flatten() > 0.5),
    }
    if recordings:
        kept = _calm(spike, recordings)
        found |= _published(logit[kept], spike[kept], voltage[kept], target[kept])
    return {name: value for name, value in found.items() if math.isfinite(value)}


def roc(score: Tensor, positive: Tensor) -> Mapping[str, float]:
    """`auc`, `auc_log_odds`, `true_positive_at_0.25_percent` and `..._at_1_percent`.

    Equal scores count half, as in the Mann-Whitney statistic; rates are read from the ROC's own
    points, by linear interpolation.

    Args:
        score: (n,), higher for a spike.
        positive: (n,), whether there was one.
    """
    hits = int(positive.sum())
    if not 0 < hits < len(positive):
        return {}
    order = score.argsort(descending=True)
    ranked = score[order]
    last = torch.cat([ranked.diff() != 0, ranked.new_ones(1, dtype=torch.bool)])  # of equal scores
    hit = positive[order].cumsum(0)[last].double() / hits
    missed = (~positive[order]).cumsum(0)[last].double() / (len(positive) - hits)
    zero = hit.new_zeros(1)
    x, y = torch.cat([zero, missed]), torch.cat([zero, hit])
    auc = float(torch.trapezoid(y, x))
    found = {"auc": auc}
    if 0 < auc < 1:
        found["auc_log_odds"] = math.log(auc / (1 - auc))
    for rate in FALSE_POSITIVE_RATES:
        found[f"true_positive_at_{100 * rate:g}_percent"] = _at(x, y, rate)
    return found


def _calm(spike: Tensor, recordings: int) -> Tensor:
    """Which samples are of recordings that fire no more often than the published limit."""
    each, rest = divmod(len(spike), recordings)
    if rest:
        raise ValueError(f"{len(spike)} samples are not as many of each of {recordings} recordings")
    rate = spike.reshape(recordings, -1).mean(1)
    return (rate <= PUBLISHED_LIMIT_HZ / 1000).repeat_interleave(each)


def _published(logit: Tensor, spike: Tensor, voltage: Tensor, target: Tensor) -> dict[str, float]:
    area = roc(logit.flatten(), spike.flatten() > 0.5).get("auc")
    explained = _explained(voltage, target).get("voltage_variance_explained_rescaled")
    found = {"auc_published": area, "voltage_variance_explained_published": explained}
    return {name: value for name, value in found.items() if value is not None}


def _at(x: Tensor, y: Tensor, rate: float) -> float:
    """The ROC's height at a false-positive rate."""
    right = min(int(torch.searchsorted(x, rate, right=True)), len(x) - 1)
    left = right - 1
    width = float(x[right] - x[left])
    share = (rate - float(x[left])) / width if width > 0 else 1.0
    return float(y[left] + share * (y[right] - y[left]))


def _explained(voltage: Tensor, target: Tensor) -> dict[str, float]:
    """Explained variance as it is, and after a change of mean and deviation."""
    variance = float(target.var(correction=0))
    if variance == 0:
        return {}
    plain = 1 - float(F.mse_loss(voltage, target)) / variance
    found = {"voltage_variance_explained": plain}
    deviation = voltage.std(correction=0)
    if float(deviation) > 0:
        scaled = (voltage - voltage.mean()) / deviation * target.std(correction=0) + target.mean()
        rescaled = 1 - float(F.mse_loss(scaled, target)) / variance
        found["voltage_variance_explained_rescaled"] = rescaled
    return found


def _spikes(output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and spikes (samples, steps) of outputs and targets of (samples, 2, steps)."""
    return by_step(output, y)[:, 0].double() + PRIOR_LOGIT, y[:, 0].double()
