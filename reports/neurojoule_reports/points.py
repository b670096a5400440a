"""What a figure shows: the points of one task in one setting against one footprint.

The page's script reads the same columns of the same frame; `figures.py` draws from here, and a
test compares what the two have drawn.
"""

import pandas as pd

from neurojoule import carbon
from neurojoule_reports.columns import Axis
from neurojoule_reports.naming import teachers
from neurojoule_reports.pareto import front

SAME = ("arm", "model", "family", "ok", "share")
XY = ("x", "y", "x_low", "y_low", "x_high", "y_high")


def points(arms: pd.DataFrame, axis: Axis, phase: str, grid: carbon.Grid) -> pd.DataFrame:
    """A row an arm that has both quality and this footprint, in the order of the frame.

    Columns: arm, model, family, ok, share, x, x_low, x_high (SI units; grams for CO2e), y, y_low,
    y_high, on_front. `arms` holds the rows of one task in one setting. What is imitated is on no
    front: it competes with none of its imitations.
    """
    column = axis.column(phase)
    if column is None or arms.empty:
        return pd.DataFrame(columns=[*SAME, *XY, "on_front"])
    scale = carbon.co2e_g(1.0, grid) if axis.name == "co2e" else 1.0
    table = arms[list(SAME)].copy()
    for suffix in ("", "_low", "_high"):
        table[f"x{suffix}"] = arms[f"{column}{suffix}"] * scale
        table[f"y{suffix}"] = arms[f"quality{suffix}"]
    table = table[(table["x"] > 0) & table["y"].notna()].reset_index(drop=True)
    higher = bool(arms["higher_is_better"].dropna().astype(bool).all())
    rivals = table[~teachers(table)]
    kept = front(list(rivals["x"]), list(rivals["y"] if higher else -rivals["y"]))
    table["on_front"] = table.index.isin(rivals.index[kept])
    return table
