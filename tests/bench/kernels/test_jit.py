"""Compiled loops: imported late, cached where one can write, done without where numba is not."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from neurojoule.kernels import jit
from neurojoule.kernels.compact import CompactLinear


def add_twice(x, y):
    for i in range(len(y)):
        y[i] += 2 * x[i]


@pytest.fixture
def read_only_package(monkeypatch, tmp_path):
    """As if only the user's cache folder could be written."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    real = jit.writable
    monkeypatch.setattr(jit, "writable", lambda folder: tmp_path in folder.parents and real(folder))
    return tmp_path


def test_machine_code_goes_to_the_users_cache_where_the_package_is_read_only(read_only_package):
    loop = jit.jit(add_twice, "vector vector")
    y = np.ones(3)
    loop(np.arange(3.0), y)
    assert y.tolist() == [1, 3, 5]
    assert list((read_only_package / "neurojoule" / "numba").rglob("*.nbc"))


def test_where_nothing_can_be_written_loops_are_compiled_all_the_same(monkeypatch):
    monkeypatch.setattr(jit, "writable", lambda _: False)
    y = np.ones(3, dtype=np.float32)
    jit.jit(add_twice, "vector vector")(np.arange(3, dtype=np.float32), y)
    assert y.tolist() == [1, 3, 5]


def test_a_folder_that_cannot_be_made_is_not_writable(tmp_path):
    (tmp_path / "file").touch()
    assert jit.writable(tmp_path / "new" / "deep")
    assert not jit.writable(tmp_path / "file" / "folder")


def test_without_numba_a_layer_runs_in_plain_torch_and_says_so(monkeypatch):
    layer = CompactLinear(7, torch.tensor([[0, 2, 4], [1, 3, 6]]))
    x = torch.randn(4, 7)
    expected = layer(x)
    monkeypatch.setitem(sys.modules, "numba", None)  # its import now raises ImportError
    jit.available.cache_clear()
    try:
        assert layer.kernel == "embedding_bag"
        torch.testing.assert_close(layer(x), expected)
    finally:
        jit.available.cache_clear()


def test_importing_the_kernels_does_not_import_numba():
    modules = "compact convolution events masked streaming"
    code = f"import sys; from neurojoule.kernels import {modules.replace(' ', ', ')}; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print('numba' in sys.modules)"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "False\n"


def test_another_kind_of_array_is_refused_and_not_converted():
    loop = jit.jit(add_twice, "vector vector")
    with pytest.raises(TypeError, match="No matching definition"):
        loop(np.arange(3), np.ones(3))
