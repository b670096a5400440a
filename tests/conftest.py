"""What tests share: pytester, and a cache and a lock of their own."""

import tempfile

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def own_cache_and_lock(tmp_path_factory, monkeypatch):
    """Tests neither read the user's cache nor wait for a benchmark that runs on this machine."""
    base = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("NEUROJOULE_CACHE", str(base / "cache"))
    monkeypatch.setenv("TMPDIR", str(base))
    monkeypatch.setattr(tempfile, "tempdir", str(base))
