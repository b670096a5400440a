"""The example of a third-party package: installed into a folder of its own, used from outside."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "neurojoule-square"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment in which it is installed: its modules and its entry points, as pip does."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE / "src" / "neurojoule_square", folder / "neurojoule_square")
    shutil.copytree(EXAMPLE / "tests", folder / "tests")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    facts = folder / f"neurojoule_square-{project['version']}.dist-info"
    facts.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (facts / "METADATA").write_text(head)
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (facts / "entry_points.txt").write_text("\n".join(groups))
    return folder, {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def run(installed, *arguments):
    folder, environment = installed
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_own_test_passes_where_it_is_installed(installed):
    done = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "models"), "Somata that sum squaring dendrites"),
        (("show", "square_dendrites"), "parameters at width 32"),
        (("show", "square"), "Is a squaring dendrite better"),
    ],
)
def test_the_command_line_knows_its_model_and_its_suite(installed, arguments, words):
    done = run(installed, "-m", "neurojoule", *arguments)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def test_without_it_there_is_no_such_model():
    done = subprocess.run(
        [sys.executable, "-m", "neurojoule", "show", "square_dendrites"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "called 'square_dendrites'" in done.stderr
