"""Leaking and spiking by loops: the same as step by step, in value and gradient."""

import pytest
import torch

from neurojoule.kernels import scan


def slope(u):
    return 1 / (1 + u.abs()).square()


def some(dtype, k_shape):
    torch.manual_seed(0)
    x = torch.randn(30, 3, 4, dtype=dtype) + 0.3
    k = torch.rand(k_shape, dtype=dtype)
    return [(x.clone().requires_grad_(), k.clone().requires_grad_()) for _ in range(2)]


@pytest.mark.parametrize("k_shape", [(), (4,), (3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_leak_equals_its_steps(dtype, k_shape):
    (x, k), (x_slow, k_slow) = some(dtype, k_shape)
    s, s_slow = scan.leak(x, k), scan.leak_stepwise(x_slow, k_slow)
    torch.testing.assert_close(s, s_slow)
    weights = torch.randn_like(s)
    (s * weights).sum().backward()
    (s_slow * weights).sum().backward()
    torch.testing.assert_close(x.grad, x_slow.grad)
    torch.testing.assert_close(k.grad, k_slow.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("detached_reset", [True, False])
@pytest.mark.parametrize("k_shape", [(), (4,), (3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_spikes_equal_their_steps(dtype, k_shape, detached_reset):
    (x, k), (x_slow, k_slow) = some(dtype, k_shape)
    options = {"threshold": 1.0, "detached_reset": detached_reset}
    s = scan.spike(x, k, slope, **options)
    s_slow = scan.spike_stepwise(x_slow, k_slow, slope, **options)
    assert torch.equal(s, s_slow)
    assert 0.05 < s.mean() < 0.95
    weights = torch.randn_like(s)
    (s * weights).sum().backward()
    (s_slow * weights).sum().backward()
    torch.testing.assert_close(x.grad, x_slow.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(k.grad, k_slow.grad, rtol=1e-4, atol=1e-4)


def test_the_gradient_of_a_leak_is_its_finite_difference():
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    k = torch.rand(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(scan.leak, (x, k))


def test_without_numba_torch_does_the_same(monkeypatch):
    (x, k), _ = some(torch.float32, (4,))
    fast = scan.leak(x, k), scan.spike(x, k, slope, threshold=1.0, detached_reset=True)
    monkeypatch.setattr("neurojoule.kernels.jit.available", lambda: False)
    slow = scan.leak(x, k), scan.spike(x, k, slope, threshold=1.0, detached_reset=True)
    torch.testing.assert_close(fast, slow)
