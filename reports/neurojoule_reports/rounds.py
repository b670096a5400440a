"""Which runs stand for their arms, where a suite trains in rounds (successive halving).

Such a suite trains every arm for a little, and goes on with the better ones from the start, for
longer. What an arm costs and reaches is then shown by its longest training alone: its learning
curve passes what the shorter ones cost. Rungs of a ladder that were given up after a few updates
say little about their model beside others that were trained to the end (`ladder`), and are left
out too. All of them stay among the records, in `runs.csv` and in the table of all arms.
"""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from neurojoule_reports import ladder
from neurojoule_reports.frames import ARM_KEY, Frames, groups, ranked
from neurojoule_reports.naming import registered

_WHERE = ["suite", "task", "setting"]
_TRAINED = [*_WHERE, "design", "share"]
"""What one arm is in all rounds."""


def shown(frames: Frames) -> Frames:
    """The frames without what longer training outdid; the same object where there is no such run.

    Of several finished recipes of a design, at each share of the data, the longest stays, and
    whatever is longer and did not finish. The rows keep their index. A model's name loses the words
    about its recipe where no other recipe of the design is left, so that its sizes are one model's.
    """
    counted = ranked(frames.runs)
    if not _several(counted).any():
        return frames
    runs = frames.runs
    runs = runs[~_shorter(runs, counted)]
    given_up = pd.MultiIndex.from_tuples(sorted(_given_up(counted)), names=ARM_KEY)
    runs = runs[~pd.MultiIndex.from_frame(runs[ARM_KEY]).isin(given_up)]
    here = pd.MultiIndex.from_frame(frames.arms[ARM_KEY])
    arms = frames.arms[here.isin(pd.MultiIndex.from_frame(runs[ARM_KEY]))]
    plain = _plain_names(runs)
    renamed = pd.Series(pd.MultiIndex.from_frame(arms[ARM_KEY]).map(plain), arms.index)
    again = pd.Series(pd.MultiIndex.from_frame(runs[ARM_KEY]).map(plain), runs.index)
    return replace(frames, runs=runs.assign(model=again), arms=arms.assign(model=renamed))


def left_out(frames: Frames) -> dict[str, str]:
    """For each setting where runs are not shown, how many and why, in a sentence."""
    counted = ranked(frames.runs)
    if not _several(counted).any():
        return {}
    shorter = frames.runs[_shorter(frames.runs, counted)]["setting"].value_counts()
    given_up = pd.Series([setting for _, _, setting, _ in _given_up(counted)], dtype=object)
    ended = given_up.value_counts()
    out = {}
    for setting in sorted({*shorter.index, *ended.index}):
        n, k = int(shorter.get(setting, 0)), int(ended.get(setting, 0))
        parts = [f"{n} shorter run{'s' * (n != 1)} of the same arms"] * (n > 0)
        parts += [f"{k} arm{'s' * (k != 1)} given up after few updates"] * (k > 0)
        out[setting] = (
            f"Every arm stands for its longest training: {' and '.join(parts)} "
            f"{'is' if n + k == 1 else 'are'} not drawn or compared, and listed among all arms."
        )
    return out


def _several(counted: pd.DataFrame) -> pd.Series:
    """Which runs are of a design that was trained for several numbers of updates."""
    return counted.groupby(_TRAINED)["steps"].transform("nunique") > 1


def _shorter(runs: pd.DataFrame, counted: pd.DataFrame) -> pd.Series:
    most = counted.groupby(_TRAINED)["steps"].max()
    longest = most.reindex(pd.MultiIndex.from_frame(runs[_TRAINED])).to_numpy(dtype=float)
    return runs["steps"] < longest  # not where nothing finished: NaN


def _given_up(counted: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """The arms that others of their ladder outlived, of ladders that were trained in rounds."""
    in_rounds = counted[_several(counted)]
    rounds = set(zip(*(in_rounds[k] for k in _WHERE), registered(in_rounds), strict=True))
    for where, part in groups(counted, _WHERE):
        for model in sorted(set(registered(part))):
            if (*where, model) in rounds:
                found = ladder.rungs(part, model)
                yield from ((*where, rung.arm) for rung in found if rung.given_up)


def _plain_names(runs: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """The model of each arm, without its recipe where no other arm is of the same design."""
    alone = runs.groupby(_TRAINED)["arm"].transform("nunique") == 1
    columns = [*ARM_KEY, "model", "design", "share"]
    names = {}
    for row, single in zip(runs[columns].itertuples(index=False), alone, strict=True):
        *key, model, design, share = row
        recipe = str(key[-1]).removeprefix(design).removeprefix(f" share={share:g}")
        names[tuple(key)] = model.removesuffix(recipe) if single else model
    return names
