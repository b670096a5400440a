"""The table of robustness: a row for each run, probe and level; what `robustness.csv` holds."""

from collections.abc import Iterator

import pandas as pd

from neurojoule.record import Record
from neurojoule_reports.frames import Frames, ranked

COLUMNS = (
    "run_id", "suite", "task", "setting", "model", "arm", "family", "seed", "probe", "level",
    "draws", "quality_before", "quality", "kept", "quality_second",
)  # fmt: skip
"""Of `robustness.csv`: `probe` is noise, flips, loss or switch; `level` that of the perturbation,
empty for switch; `quality` is on the run's own task, and `quality_second` on the task that was
learned after it, where one was."""

SWITCH = "switch"

_OF_RUN = ("suite", "task", "setting", "model", "arm", "family", "seed")


def table(frames: Frames) -> pd.DataFrame:
    """A row for each run that counts, probe and level, with `COLUMNS`; unknown numbers are NaN."""
    probed = [r for r in frames.records if r.robustness is not None and r.quality is not None]
    names = [r.run_id for r in probed]
    counted = ranked(frames.runs[frames.runs["run_id"].isin(names)]).set_index("run_id")
    facts = counted[list(_OF_RUN)].to_dict("index")
    order = {run_id: place for place, run_id in enumerate(counted.index)}
    kept = sorted((r for r in probed if r.run_id in facts), key=lambda r: order[r.run_id])
    rows = [facts[r.run_id] | found for r in kept for found in _rows(r)]
    made = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = ["level", "draws", "quality_before", "quality", "kept", "quality_second"]
    made[numbers] = made[numbers].apply(pd.to_numeric)
    return made


def _rows(r: Record) -> Iterator[dict[str, object]]:
    assert r.quality is not None
    assert r.robustness is not None
    before, chance = r.quality.test, r.quality.chance
    sign = 1 if r.quality.higher_is_better else -1

    def found(probe: str, quality: float | None, **more: object) -> dict[str, object]:
        room = sign * (before - chance)
        kept = None if quality is None or room <= 0 else sign * (quality - chance) / room
        return {
            "run_id": r.run_id, "probe": probe, "quality_before": before, "quality": quality,
            "kept": kept, **more,
        }  # fmt: skip

    for p in r.robustness.perturbed:
        yield found(p.kind, p.quality, level=p.level, draws=p.draws)
    switched = r.robustness.switched
    if switched is not None:
        yield found(SWITCH, switched.after, quality_second=switched.learned)
