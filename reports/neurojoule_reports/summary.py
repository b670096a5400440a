"""The report at a glance: three sentences for the terminal and the top of the page."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from neurojoule import carbon, quantities
from neurojoule_reports import measured, page
from neurojoule_reports.costs import Duel
from neurojoule_reports.frames import ARM_KEY, Frames
from neurojoule_reports.rounds import shown
from neurojoule_reports.verdict import TaskVerdict
from neurojoule_reports.wording import listed


@dataclass(frozen=True)
class Facts:
    """Counts for the head of the page.

    Dates are those of the records, so that the same records give the same page.

    Attributes:
        superseded: runs of a spec that was run again on the same machine.
        of_two_codes: arms whose runs are not all of the same code, in words.
    """

    runs: int
    models: int
    tasks: int
    machines: tuple[str, ...]
    first: str
    last: str
    energy_valid: int
    finished: int
    superseded: int
    of_two_codes: tuple[str, ...]


def facts(frames: Frames) -> Facts:
    """Count what the frames hold."""
    runs = frames.runs
    started = sorted(runs["started_utc"].astype(str))
    return Facts(
        len(runs),
        shown(frames).runs["model"].nunique(),
        len(runs[["suite", "task"]].drop_duplicates()),
        tuple(sorted(runs["machine"].unique())),
        started[0][:10] if started else "",
        started[-1][:10] if started else "",
        int(runs["energy_valid"].sum()),
        int((runs["status"] == "ok").sum()),
        int(runs["superseded"].sum()),
        _of_two_codes(runs),
    )


def _of_two_codes(runs: pd.DataFrame) -> tuple[str, ...]:
    current = runs[~runs["superseded"]]
    codes = current.groupby(ARM_KEY)["fingerprint"].nunique()
    return tuple(
        sorted({f"{arm} on {task}" for _, task, _, arm in codes[codes > 1].index.to_list()})
    )


def sentences(frames: Frames, verdicts: Sequence[TaskVerdict]) -> tuple[str, ...]:
    """Quality, cost, trust: one sentence each, about the setting with the most runs."""
    if frames.runs.empty:
        return (
            "There are no runs to report.",
            "Run `neurojoule run` first.",
            "No energy is known.",
        )
    setting = page.settings(frames.runs)[0]
    here = [v for v in verdicts if v.setting == setting]
    return _quality(here), _cost(here), _trust(frames, setting)


def _quality(verdicts: Sequence[TaskVerdict]) -> str:
    parts = []
    for v in verdicts:
        if not v.leader:
            parts.append(f"{v.task}: no run finished")
        elif not v.quality:
            parts.append(f"{v.task}: only {v.leader} finished")
        elif len(v.undecided) == len(v.quality):
            fewest = min(c.n for c in v.quality if c.refusal)
            parts.append(f"{v.task}: {v.leader} is ahead, with not enough runs ({fewest} of 3)")
        elif ahead := [c.b for c in v.quality if c.clear and c.value < 0]:
            behind = f"and is behind {listed(ahead)} in the seeds that both finished"
            parts.append(f"{v.task}: {v.leader} leads by its median {behind}{_not_compared(v)}")
        elif v.peers:
            shown = [v.leader, *v.peers]
            names = (
                " and ".join(shown) if len(shown) == 2 else f"{v.leader} and {len(v.peers)} others"
            )
            parts.append(f"{v.task}: no clear difference between {names}{_not_compared(v)}")
        else:
            parts.append(f"{v.task}: {v.leader} wins{_not_compared(v)}")
    return f"Quality \u2013 {'; '.join(parts)}."


def _not_compared(v: TaskVerdict) -> str:
    n = len(v.undecided)
    return f" (not enough runs to compare {n} other{'s' * (n > 1)})" if n else ""


def _cost(verdicts: Sequence[TaskVerdict]) -> str:
    parts = [f"{v.task}: {_duel_words(v.duels[-1], v.metric)}" for v in verdicts if v.duels]
    if parts:
        return f"Dendritic against point units of the same size \u2013 {'; '.join(parts)}."
    cheap = [
        f"{v.task}: {c.arm} trains with {quantities.si(c.value, c.unit)}"
        for v in verdicts
        for c in v.cheapest[:1]
        if c.arm
    ]
    if cheap:
        return f"Least energy of those that are good enough \u2013 {'; '.join(cheap)}."
    return "Cost \u2013 no costs can be compared."


def _duel_words(duel: Duel, metric: str) -> str:
    quality, energy = duel.quality, duel.costs["train energy"]
    name = metric.replace("_", " ")
    alike, said = [], []
    if quality.refusal:
        said.append(f"{name}: {quality.refusal}")
    elif not quality.clear:
        alike.append(name)
    elif metric == "accuracy":
        said.append(f"{quantities.signed(100 * quality.value)} points")
    else:
        said.append(f"{name} {'better' if quality.value > 0 else 'worse'}")
    if energy.refusal:
        said.append(f"energy: {energy.refusal}")
    elif energy.clear:
        said.append(f"{quantities.digits(energy.value)} times the training energy")
    else:
        alike.append("training energy")
    if alike:
        said.append(f"no clear difference in {' or '.join(alike)}")
    return f"{duel.dendritic} against {duel.point}, {', '.join(said)}"


def _trust(frames: Frames, setting: str) -> str:
    runs = frames.runs[frames.runs["setting"] == setting]
    grades = set(runs["grade"].dropna())
    grade = next((g for g in ("constant", "guessed", "modelled", "user") if g in grades), "")
    older = int(runs["superseded"].sum())
    runs = runs[~runs["superseded"]]
    known = f"{int(runs['energy_valid'].sum())} of {len(runs)} runs have valid energy"
    if older:
        known += f" ({older} older run{'s' * (older > 1)} of the same specs set aside)"
    if not grades:
        return f"Trust \u2013 {known}; no joule was recorded on {setting}."
    r2 = [r for r in measured.redundancies(frames) if r.setting == setting]
    same = [r for r in r2 if measured.adds_nothing(r)]
    tail = ""
    if r2 and len(same) == len(r2):
        tail = "; joules add nothing to seconds here"
    grade = grade or "measured"
    how = measured.GRADE_WORDS[grade]
    return f"Trust \u2013 {known} on {setting}; CPU and GPU joules are {grade}: {how}{tail}."


def total_j(frames: Frames) -> float:
    """Joules of all results and of the benchmark itself, as far as they are known."""
    runs = frames.runs
    return float(runs["train_energy_j"].sum() + runs["footprint_j"].sum())


def equivalents(frames: Frames, grid: carbon.Grid) -> tuple[carbon.Equivalent, ...]:
    """What all of it amounts to, in things that people know."""
    energy = total_j(frames)
    return carbon.equivalents(energy, carbon.co2e_g(energy, grid))
