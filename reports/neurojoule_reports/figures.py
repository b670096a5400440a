"""PNG and SVG files: a figure a task and setting, of footprints and of each ladder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from neurojoule import carbon
from neurojoule_reports.budgets import Rungs
from neurojoule_reports.canvas import Panel, draw
from neurojoule_reports.columns import AXES, Axis
from neurojoule_reports.drawing import unit
from neurojoule_reports.frames import groups
from neurojoule_reports.points import points

PANELS = (("train", "energy"), ("infer", "energy"))
"""What each file on footprints shows, left and right."""


def write(
    arms: pd.DataFrame, folder: Path, grid: carbon.Grid, formats: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Draw each task of each setting in `arms` to `folder`, and return the files.

    Beside each figure stands a CSV file with the points that it shows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, part in panels(arms):
        drawn = [
            (phase, axis, points(part, axis, phase, grid))
            for phase, key in PANELS
            for axis in AXES
            if axis.name == key
        ]
        if all(table.empty for _, _, table in drawn):
            continue
        shown = [Panel(_title(axis, phase), _say(axis), table) for phase, axis, table in drawn]
        written += draw(part, shown, folder / name, formats)
        data = pd.concat([t.assign(phase=p, axis=a.name) for p, a, t in drawn], ignore_index=True)
        written.append(_csv(data, folder / f"{name}.csv"))
    return written


def write_ladders(
    ladders: Iterable[Rungs], folder: Path, formats: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Draw each ladder to `folder`, with the points that it shows beside it, and return the files.

    The folder is not made for no ladder.
    """
    written: list[Path] = []
    for name, found in _named(ladders):
        folder.mkdir(parents=True, exist_ok=True)
        ladder = found.ladder
        shares = tuple(sorted(set(found.points["x"]))) if ladder.unit == "%" else ()
        panel = Panel(ladder.label, ladder.say, found.points, found.seeds, shares)
        written += draw(found.arms, [panel], folder / name, formats)
        written.append(_csv(found.points.assign(ladder=ladder.name), folder / f"{name}.csv"))
    return written


def _named(ladders: Iterable[Rungs]) -> Iterator[tuple[str, Rungs]]:
    taken: set[str] = set()
    for found in ladders:
        yield _free(f"{_file_name('-'.join(found.where))}-{found.ladder.name}", taken), found


def _csv(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False, lineterminator="\n")
    return path


def _title(axis: Axis, phase: str) -> str:
    return f"{'Training' if phase == 'train' else 'Inference, a sample'}: {axis.label.lower()}"


def _say(axis: Axis) -> Callable[[float], str]:
    return unit(axis.unit)


def panels(arms: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The name of a file, and the arms that it shows: one for each task in each setting."""
    taken: set[str] = set()
    for key, part in groups(arms, ["suite", "task", "setting"]):
        yield _free(_file_name("-".join(key)), taken), part


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _file_name(text: str) -> str:
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in text)
    return "-".join(filter(None, kept.split("-")))[:100] or "task"
