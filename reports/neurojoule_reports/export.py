"""Beyond the page: Markdown for a pull request, JSON and Parquet for notebooks."""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from neurojoule import carbon, quantities
from neurojoule.errors import UserError
from neurojoule.record import Record
from neurojoule_reports import cards, page, robustness_table, text
from neurojoule_reports.frames import Frames
from neurojoule_reports.verdict import TaskVerdict


def markdown(
    frames: Frames, verdicts: Sequence[TaskVerdict], sentences: Sequence[str], grid: carbon.Grid
) -> str:
    """A summary for a pull request: the verdict, then one table a task and setting."""
    lines = ["## neurojoule", "", *(f"- {_escape(sentence)}" for sentence in sentences)]
    heads = [
        "Arm", "Quality", "Training energy", "Training CO\u2082e", "Training time", "Parameters",
        "Runs", "Energy is",
    ]  # fmt: skip
    for v in verdicts:
        arms = frames.arms[
            (frames.arms["suite"] == v.suite)
            & (frames.arms["task"] == v.task)
            & (frames.arms["setting"] == v.setting)
        ]
        rows = [_row(arm, grid) for arm in arms.to_dict("records")]
        title = f"### {_escape(v.task)} ({_escape(v.setting)})"
        lines += ["", title, "", _escape(v.quality_words), "", text.markdown(heads, rows, left=1)]
    lines += ["", f"CO\u2082e for {_escape(str(grid))}. Energy is CPU + GPU, gross."]
    return "\n".join(lines) + "\n"


def _escape(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")


def _row(arm: dict[Any, Any], grid: carbon.Grid) -> list[str]:
    energy = arm["train_energy_j"]
    return [
        str(arm["arm"]),
        quantities.quality(arm["quality"], str(arm["metric"])),
        quantities.si(energy, "J"),
        quantities.si(carbon.co2e_g(energy, grid), "g"),
        quantities.si(arm["train_time_s"], "s"),
        quantities.si(arm["parameters"], ""),
        f"{arm['ok']} of {arm['runs']}",
        "not known" if pd.isna(arm["grade"]) else str(arm["grade"]),
    ]


def as_json(frames: Frames, sentences: Sequence[str], grid: carbon.Grid) -> str:
    """Runs, arms and probes as rows, the verdict and the grid, in strict JSON."""
    value = {
        "verdict": list(sentences),
        "grid": {"code": grid.code, "g_per_kwh": grid.g_per_kwh, "year": grid.year},
        "arms": _rows(frames.arms),
        "runs": _rows(frames.runs),
        "robustness": _rows(robustness_table.table(frames)),
        "set_aside": [path.name for path, _ in frames.set_aside],
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in table.columns]
    return [
        dict(zip(names, map(page.plain, row), strict=True))
        for row in table.itertuples(index=False, name=None)
    ]


def parquet(table: pd.DataFrame, path: Path) -> None:
    """Write the runs frame for notebooks.

    Raises:
        UserError: when pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            "Parquet needs the package pyarrow, which is not installed. "
            "Run `pip install pyarrow`, or take the format csv."
        )
    flags = {name: table[name].astype("boolean") for name in ("higher_is_better", "reached")}
    table.assign(**flags).to_parquet(path, index=False)


def boamps(records: Sequence[Record], folder: Path, grid: carbon.Grid) -> list[Path]:
    """Write a BoAmps file for each run whose energy is valid, and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for record in records:
        if cards.has_energy(record):
            path = folder / f"{record.run_id}.json"
            value = json.dumps(cards.boamps(record, grid), ensure_ascii=False, indent=1)
            path.write_text(f"{value}\n", encoding="utf-8")
            written.append(path)
    return written
