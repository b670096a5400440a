"""Metrics against other libraries and by hand."""

import math

import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from neurojoule.metrics import PRIOR_LOGIT, by_step, measures, quality, roc
from neurojoule.train import LOSSES, VOLTAGE_WEIGHT


def cell(windows: int = 3, steps: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs that know something of the targets, (windows, 2, steps) each."""
    generator = torch.Generator().manual_seed(0)
    y = torch.rand(windows, 2, steps, generator=generator)
    y[:, 0] = (y[:, 0] < 0.05).float()
    output = y + 0.7 * torch.randn(y.shape, generator=generator)
    return output, y


def test_area_under_the_curve_is_that_of_scikit_learn_ties_included():
    generator = torch.Generator().manual_seed(1)
    for digits in (7, 1):  # hardly any ties, and almost nothing else
        score = (torch.randn(5000, generator=generator) * 10**digits).round() / 10**digits
        positive = torch.rand(5000, generator=generator) < torch.sigmoid(score - 3)
        found = roc(score, positive)
        expected = roc_auc_score(positive, score)
        assert found["auc"] == pytest.approx(expected, abs=1e-9)
        assert found["auc_log_odds"] == pytest.approx(math.log(expected / (1 - expected)), abs=1e-6)
        false, true, _ = roc_curve(positive, score, drop_intermediate=False)
        for rate, name in ((0.0025, "0.25"), (0.01, "1")):
            below = false.searchsorted(rate, side="right") - 1
            height = true[below] + (true[below + 1] - true[below]) * (rate - false[below]) / (
                false[below + 1] - false[below]
            )
            assert found[f"true_positive_at_{name}_percent"] == pytest.approx(height, abs=1e-9)


def test_a_perfect_score_has_no_log_odds_and_no_spike_has_no_area():
    spikes = torch.tensor([0.0, 1.0, 0.0]) > 0
    assert roc(torch.tensor([0.1, 0.9, 0.2]), spikes)["auc"] == 1
    assert "auc_log_odds" not in roc(torch.tensor([0.1, 0.9, 0.2]), spikes)
    assert roc(torch.tensor([0.1, 0.9, 0.2]), torch.zeros(3, dtype=torch.bool)) == {}


def test_log_loss_is_that_of_scikit_learn_with_the_prior_added():
    output, y = cell()
    p = torch.sigmoid(output[:, 0].double() + PRIOR_LOGIT).flatten()
    expected = log_loss(y[:, 0].flatten(), p)
    assert quality("log_loss", output, y) == pytest.approx(expected, rel=1e-6)


def test_the_loss_is_the_log_loss_and_a_share_of_the_squared_error():
    output, y = cell()
    voltage = float(((output[:, 1] - y[:, 1]) ** 2).mean())
    expected = quality("log_loss", output, y) + VOLTAGE_WEIGHT * voltage
    assert float(LOSSES["spikes_and_voltage"](output, y)) == pytest.approx(expected, rel=1e-5)


def test_voltage_is_measured_in_mv_and_as_explained_variance():
    output, y = cell()
    found = measures("log_loss", output, y)
    error = (output[:, 1] - y[:, 1]).double()
    assert found["voltage_rmse_mv"] == pytest.approx(10 * float((error**2).mean()) ** 0.5, rel=1e-6)
    variance = float(y[:, 1].double().var(correction=0))
    explained = 1 - float((error**2).mean()) / variance
    assert found["voltage_variance_explained"] == pytest.approx(explained, rel=1e-6)
    # After taking over mean and deviation only the correlation is left: 1 - (2 - 2 r).
    r = float(torch.corrcoef(torch.stack([output[:, 1].flatten(), y[:, 1].flatten()]))[0, 1])
    rescaled = found["voltage_variance_explained_rescaled"]
    assert rescaled == pytest.approx(2 * r - 1, abs=1e-5)
    assert rescaled > explained


def test_the_published_evaluation_leaves_out_what_fires_more_than_24_times_in_6_s():
    # Three recordings of 6 s, cut into five: 24 spikes, 25, and none.
    rng = torch.Generator().manual_seed(0)
    y = torch.randn(15, 2, 1200, generator=rng)
    y[:, 0] = 0
    for recording, spikes in ((0, 24), (1, 25)):
        whole = torch.zeros(6000)
        whole[torch.randperm(6000, generator=rng)[:spikes]] = 1
        y[5 * recording : 5 * recording + 5, 0] = whole.reshape(5, 1200)
    output = y + torch.randn(y.shape, generator=rng)
    found = measures("log_loss", output, y, recordings=3)
    kept = [*range(5), *range(10, 15)]
    without = measures("log_loss", output[kept], y[kept])
    assert found["auc_published"] == without["auc"] != found["auc"]
    rescaled = without["voltage_variance_explained_rescaled"]
    assert found["voltage_variance_explained_published"] == rescaled
    assert "auc_published" not in without
    with pytest.raises(ValueError, match=r"15 samples .* 4 recordings"):
        measures("log_loss", output, y, recordings=4)


def test_a_constant_voltage_explains_nothing_and_cannot_be_rescaled():
    _, y = cell()
    output = y.clone()
    output[:, 1] = y[:, 1].mean()
    found = measures("log_loss", output, y)
    assert found["voltage_variance_explained"] == pytest.approx(0, abs=1e-5)


def test_outputs_of_all_steps_at_once_are_the_same_outputs():
    output, y = cell()
    assert torch.equal(by_step(output.flatten(1), y), output)
    assert quality("log_loss", output.flatten(1), y) == quality("log_loss", output, y)


def test_other_metrics_have_no_other_measures():
    assert measures("accuracy", torch.rand(4, 3), torch.tensor([0, 1, 2, 0])) == {}
