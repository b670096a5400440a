"""The command line is thin, and its errors are sentences."""

import re
import subprocess
import sys

import pytest

from neurojoule.cli import main
from neurojoule.registry import models, tasks
from neurojoule.suite import suites


def test_list_names_every_model_task_and_suite(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for name in (*models(), *tasks(), *suites()):
        assert re.search(rf"^{re.escape(name)} ", printed, re.MULTILINE), name
    assert main(["list", "suites"]) == 0
    assert "mlp" not in capsys.readouterr().out.split()


@pytest.mark.parametrize("name", ["mlp", "dann", "mnist1d", "xor", "logic"])
def test_show_prints_a_card_with_its_source_or_question(name, capsys):
    assert main(["show", name]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(name)
    assert "Source:" in printed or "?" in printed


def test_a_models_card_says_which_tasks_it_cannot_learn_and_why(capsys):
    main(["show", "mcp"])
    assert re.search(r"^digits +no: ", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "mlpp"], "'mlp'"),
        (["run", "logik"], "'logic'"),
        (["run", "--scale", "quikc"], "'quick'"),
        (["run", "--setup", "cpux"], "'cpu'"),
        (["run", "--model", "dannn"], "'dann'"),
        (["run", "--task", "digitz"], "'digits'"),
        (["run", "logic", "--task", "mnist1d"], "No row"),
        (["run", "--cpu-tdp-w", "-5"], "watts"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "neurojoule: " in error
    assert said in error
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_grades_every_component(capsys):
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for name in ("cpu", "ram"):
        assert re.search(
            rf"^ +{name} +(measured|modelled|guessed|user|constant) ", printed, re.MULTILINE
        )
    assert "What would improve it" in printed


def test_the_doctor_believes_a_power_the_user_gives(capsys):
    main(["doctor", "--cpu-tdp-w", "65"])
    printed = capsys.readouterr().out
    assert re.search(r"cpu +(user|measured)", printed)


def test_help_is_fast_because_it_imports_no_torch():
    code = (
        "import sys; from neurojoule.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
