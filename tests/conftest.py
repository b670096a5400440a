"""What tests share: pytester, and folders of their own for caches."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Generated data is cached once a session, outside the user's own cache."""
    monkeypatch.setenv("NEUROJOULE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
