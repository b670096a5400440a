"""What tests share: pytester, and a cache and a lock of their own."""

import tempfile

import pytest
import torch

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True, scope="session")
def own_cache_and_lock(tmp_path_factory):
    """Tests neither read the user's cache nor wait for a benchmark that runs on this machine."""
    base = str(tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROJOULE_CACHE", f"{base}/cache")
        patch.setenv("TMPDIR", base)
        patch.setattr(tempfile, "tempdir", base)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Beside other work, threads that wait for one another take ten times as long over a test."""
    torch.set_num_threads(1)
