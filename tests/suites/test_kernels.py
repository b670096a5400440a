"""The suite of the kernels: equal forms, honest figures, and no run of another suite."""

import json

import pytest
import torch

from neurojoule.record import Ceilings, CopyRate
from neurojoule.spec import Setup
from neurojoule_suites.layers import LAYERS
from neurojoule_suites.stages import build, call, counted, inputs, stages

CPU = Setup.parse("cpu:1")
SHARED = ("causal-24", "strided", "gru", "leak")
"""Layers whose forms have the same weights under the same names."""

RUN = ("--benchmark", "--nj-scale", "smoke", "-p", "no:cacheprovider")


@pytest.mark.parametrize("name", SHARED)
def test_both_forms_compute_the_same(name):
    x = inputs(LAYERS[name], CPU, 4)
    plain, fast = build(LAYERS[name], CPU)
    torch.testing.assert_close(fast(x), plain(x), rtol=1e-4, atol=1e-5)


def test_a_streamed_step_equals_the_window_after_as_many_steps():
    layer = LAYERS["streaming"]
    plain, fast = build(layer, CPU)
    x = inputs(layer, CPU, 1)
    with torch.inference_mode():
        for _ in range(plain.steps):
            y = fast(x)
        torch.testing.assert_close(y, plain(x), rtol=1e-4, atol=1e-5)


def test_a_step_changes_the_weights_and_the_other_stages_do_not():
    layer = LAYERS["strided"]
    assert stages(layer) == ("forward", "backward", "step")
    for stage in stages(layer):
        _, fast = build(layer, CPU)
        before = fast.weight.detach().clone()
        call(fast, inputs(layer, CPU, 3), stage)()
        assert torch.equal(fast.weight, before) == (stage != "step")


def test_operations_bytes_and_share_of_the_ceiling_by_hand():
    limits = Ceilings(
        flops_per_s=1e9,
        copies=(CopyRate(buffer_bytes=2**30, bytes_per_s=1e9),),
        product_power_w=None,
        copy_power_w=None,
    )
    layer = LAYERS["strided"]
    _, fast = build(layer, CPU)
    found = counted(fast, inputs(layer, CPU, 100), "forward", 0.01, limits)
    # 25 units x 25 channels x 3 taps at 10 steps, 100 samples, a multiply-add is 2
    assert found["operations"] == 2 * 25 * 25 * 3 * 10 * 100
    # weights and biases once, input and output once, 4 bytes each
    assert found["bytes"] == 4 * (25 * 25 * 3 + 25 + 100 * 25 * (19 + 10))
    assert found["share_of_ceiling"] == pytest.approx(3.75e6 / 1e9 / 0.01)


@pytest.fixture
def project(pytester):
    pytester.makepyfile(test_mine="def test_mine():\n    pass\n")
    return pytester


def test_selected_kernels_are_timed_and_nothing_is_trained(project):
    selected = "kernels and (strided or streaming)"
    result = project.runpytest_subprocess(
        *RUN, "-k", selected, "--benchmark-json=b.json", timeout=120
    )
    result.assert_outcomes(passed=4, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*= kernels =*", "*strided*step*plain*x [[]*of the ceiling*"])
    assert not list(project.path.glob("runs/*.json"))
    found = json.loads((project.path / "b.json").read_text())["benchmarks"]
    step = next(b for b in found if b["name"] == "bench_kernels[strided-step]")
    extra = step["extra_info"]
    assert step["stats"]["rounds"] == 3
    assert extra["ratio"] > 0
    assert extra["ratio_quartiles"][0] <= extra["ratio"] <= extra["ratio_quartiles"][1]
    assert extra["kernel"] == "conv1d, as a product where small"
    assert extra["peak_memory_bytes"] > 0
    forward = next(b for b in found if b["name"] == "bench_kernels[strided-forward]")
    assert forward["extra_info"]["latency_s"] > 0
    assert forward["extra_info"]["throughput_per_s"] > 0


def test_a_bare_pytest_times_nothing(project):
    project.runpytest_subprocess().assert_outcomes(passed=1)
