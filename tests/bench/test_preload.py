"""What the fork server does once: everything that a run needs, and no thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, neurojoule.preload
from neurojoule.kernels import dendrite_loops
print(len(os.listdir("/proc/self/task")), dendrite_loops.compiled.cache_info().currsize)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_the_loops_are_ready_and_no_thread_was_started():
    quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | quiet,
    )
    assert done.stdout.split() == ["1", "1"]
