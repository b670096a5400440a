"""Neuron: which network imitates a pyramidal cell, and what does that cost?

D. Beniaguev, I. Segev & M. London, Neuron 109 (2021): a network of one hidden layer imitates a cell
without NMDA synapses, one with them needs five to eight layers. What decides is fixed in
`claims.toml`: the smallest network within 2 % of the best validation log-loss over the ladder of
depths and widths, all with the same receptive field of 200 ms.

Every arm has the same budget of joules. A joule is another amount of work on another machine, so
the budget is what one arm of the ladder, the reference, spends on a number of updates. A first
round of a few updates shows what an update of each arm costs; then the better half of the ladder by
validation log-loss goes on with a larger budget, round by round (successive halving, Jamieson &
Talwalkar 2016). The best arm of one layer always goes on, since the question is about it, and so do
the models beside the ladder.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from neurojoule.record import Record, ranked_j
from neurojoule.registry import get_model, get_task
from neurojoule.spec import Option, Recipe, Scale, Size, Spec
from neurojoule.suite import Measure, Row, Suite
from neurojoule_suites.recipes import learning_rate, tuned_name

RECEPTIVE_FIELD_MS = 200
TAPS, BINS = 5, 10
LADDER = "tcn_surrogate"
REFERENCE = (3, 32)
"""Depth and width of the arm in whose updates the budgets are given."""

TUNED_ON = "neuron_l5_nmda"
"""The cell on which learning rates were searched; they hold for all cells alike."""

BATCH = 8
VALIDATIONS = 6
FEWEST_STEPS = 40


@dataclass(frozen=True)
class Plan:
    """What a scale runs.

    Attributes:
        cells: tasks, without the prefix.
        depths, widths: of the ladder.
        first_steps: updates of every arm in the first round.
        rounds: budgets of the rounds after it, in updates of the reference arm, and the seeds.
        in_neuron: cells that NEURON simulates too, which takes it minutes.
        beside_seeds: seeds of the models beside the ladder, in the last round.
        shares: of the training data, for the learning curves of the best arm.
    """

    cells: tuple[str, ...]
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    first_steps: int
    rounds: tuple[tuple[int, int], ...]
    in_neuron: tuple[str, ...] = ("l5_nmda",)
    beside_seeds: int = 1
    shares: tuple[float, ...] = ()


CELLS = ("lif", "l5_ampa", "l5_nmda", "l5_nmda-no_nmda_matched")
DEPTHS, WIDTHS = (1, 2, 3, 5, 7), (8, 32, 64)

PLANS = {
    "smoke": Plan(("lif",), (1, 3), (32,), 4, ((8, 1),)),
    "quick": Plan(
        CELLS, (1, 3, 7), (8, 32), 60, ((300, 1), (1_000, 3)), shares=(1 / 8, 1 / 4, 1 / 2)
    ),
    "full": Plan(
        CELLS,
        DEPTHS,
        WIDTHS,
        100,
        ((300, 1), (1_000, 3)),
        CELLS,
        3,
        (1 / 8, 1 / 4, 1 / 2),
    ),
    "paper": Plan(
        CELLS,
        DEPTHS,
        (*WIDTHS, 128, 256),
        200,
        ((1_000, 1), (4_000, 1), (30_000, 5)),
        CELLS,
        5,
        (1 / 8, 1 / 4, 1 / 2),
    ),
}


def tcn(depth: int) -> dict[str, Option]:
    """Options of a surrogate of that depth which looks back 200 ms.

    Normalised first, unlike the published one, of which most units of a single layer die: the
    question is what depth is worth, not what dead units cost (docs/results.md).
    """
    return {
        "layers": depth,
        "first_taps": RECEPTIVE_FIELD_MS - (depth - 1) * (TAPS - 1),
        "taps": TAPS,
        "bins": BINS,
        "norm_first": True,
    }


ELM: dict[str, Option] = {
    "branches": 40,
    "synapses": 24,
    "inhibition": True,
    "slowest_ms": 300.0,
    "activation": "silu",
}
"""A branch reads as much of the cell as published, 8 %, and overlaps threefold; the published 100
synapses of 1,278 would be a third of the 320 here."""

BESIDE: tuple[tuple[str, Size, dict[str, Option]], ...] = (
    ("glm", Size(), {"taps": RECEPTIVE_FIELD_MS, "bins": BINS}),
    # A perceptron of two hidden layers on a sliding window.
    (LADDER, Size(32, "width"), tcn(1) | {"layers": 2, "taps": 1}),
    ("elm", Size(10, "width"), ELM),
    ("elm", Size(30, "width"), ELM),
    ("gru", Size(24, "width"), {}),
    (
        "dann_temporal",
        Size(16, "width"),
        {"fields": "local", "kinds": 2, "taps": RECEPTIVE_FIELD_MS, "bins": BINS},
    ),
)
"""The models that are compared with the ladder: name, size, options."""

SIMULATED = {"simulation": 16, "neuron_simulator": 2}
"""The cell itself, which learns nothing but how to read its spikes out: updates that show it all
the samples it takes. Every seed would be the same."""

Arm = tuple[str, tuple[tuple[str, Option], ...], Size]
"""Model, options, size: what stays the same from round to round."""


def rows(scale: Scale) -> list[Row]:
    """The first round: every arm for a few updates, which show what an update costs.

    With them the cell itself, simulated, which has no further round.
    """
    plan = PLANS[scale.name]
    found = []
    for cell in plan.cells:
        task = f"neuron_{cell}"
        found += [
            _row(task, arm, plan.first_steps, seeds=1) for arm in (*_ladder(plan), *_beside())
        ]
        found += [
            Row(task, model, Recipe(steps, BATCH, evaluate_every=steps), seeds=1)
            for model, steps in SIMULATED.items()
            if get_model(model).refuses(get_task(task)) is None
            and (model != "neuron_simulator" or cell in plan.in_neuron)
        ]
    return found


def further_rows(scale: Scale, records: Sequence[Record]) -> list[Row]:
    """The rows of every round that the records so far allow.

    Nothing follows for a cell whose reference arm has no record.
    """
    plan = PLANS[scale.name]
    found: list[Row] = []
    for task in dict.fromkeys(record.spec.task for record in records):
        found += _rounds(plan, task, [r for r in records if r.spec.task == task])
    return found


def _rounds(plan: Plan, task: str, records: Sequence[Record]) -> list[Row]:
    cost = _costs(records, plan.first_steps)
    if _arm(*REFERENCE) not in cost:
        return []
    found: list[Row] = []
    going = [arm for arm in _ladder(plan) if arm in cost]
    for number, (budget, seeds) in enumerate(plan.rounds, 1):
        beside = [arm for arm in _beside() if arm in cost and number == len(plan.rounds)]
        steps = {arm: _updates(cost, arm, budget) for arm in (*going, *beside)}
        found += [_row(task, arm, steps[arm], seeds) for arm in going]
        found += [_row(task, arm, steps[arm], plan.beside_seeds) for arm in beside]
        scores = _scores(records, {arm: steps[arm] for arm in going})
        if len(scores) < len(going):
            return found
        best = min(going, key=lambda arm: scores[arm])
        going = _better_half(going, scores)
    for share in plan.shares:
        found.append(_row(task, best, steps[best], seeds, share))
    return found


def _ladder(plan: Plan) -> list[Arm]:
    return [_arm(depth, width) for depth in plan.depths for width in plan.widths]


def _arm(depth: int, width: int) -> Arm:
    return LADDER, tuple(tcn(depth).items()), Size(width, "width")


def _beside() -> list[Arm]:
    return [(model, tuple(options.items()), size) for model, size, options in BESIDE]


def _row(task: str, arm: Arm, steps: int, seeds: int, share: float = 1.0) -> Row:
    model, options, size = arm
    recipe = Recipe(
        steps=steps,
        batch_size=BATCH,
        learning_rate=learning_rate(TUNED_ON, tuned_name(model, dict(options))),
        schedule="cosine",
        # Less data is overfitted sooner: an eighth of it after a few percent of the updates.
        evaluate_every=max(1, round(steps * share) // VALIDATIONS),
    )
    return Row(task, model, recipe, dict(options), size, share, seeds=seeds)


def _of(record: Record) -> Arm:
    return record.spec.model, record.spec.options, record.spec.size


def _costs(records: Iterable[Record], steps: int) -> dict[Arm, float]:
    """What an update of each arm costs: joules, or seconds of the CPU where no joule is valid.

    A joule measured beside somebody else's work is not valid; such an arm is priced by its CPU
    seconds at what a second of the others cost.
    """
    first = {
        _of(r): r
        for r in records
        if r.spec.model not in SIMULATED and r.spec.recipe.steps == steps and r.status == "ok"
    }
    cpu_s = {arm: r.train.cpu_s for arm, r in first.items() if r.train}
    joules = {
        arm: value
        for arm, r in first.items()
        if r.train and r.energy_valid and (value := ranked_j(r.train.energy_j)) is not None
    }
    power_w = median([joules[arm] / cpu_s[arm] for arm in joules]) if joules else 1.0
    return {arm: joules.get(arm, power_w * cpu_s[arm]) / steps for arm in cpu_s}


def _updates(cost: dict[Arm, float], arm: Arm, budget: int) -> int:
    """Updates for what the reference arm spends on `budget` of them, to two figures."""
    wanted = budget * cost[_arm(*REFERENCE)] / cost[arm]
    unit = float(10 ** max(0, math.floor(math.log10(max(wanted, 1))) - 1))
    return max(FEWEST_STEPS, round(round(wanted / unit) * unit))


def _scores(records: Iterable[Record], steps: dict[Arm, int]) -> dict[Arm, float]:
    """Median validation log-loss of the arms at so many updates; infinite where none ended well."""
    values: dict[Arm, list[float]] = defaultdict(list)
    for record in records:
        arm = _of(record)
        if record.spec.share == 1 and steps.get(arm) == record.spec.recipe.steps:
            quality = record.quality
            values[arm].append(math.inf if quality is None else quality.validation)
    return {arm: median(found) for arm, found in values.items()}


def _better_half(arms: Sequence[Arm], scores: dict[Arm, float]) -> list[Arm]:
    """The better half, and the best arm of one layer in any case; in the order of the ladder."""
    ordered = sorted(arms, key=lambda arm: scores[arm])
    kept = ordered[: math.ceil(len(ordered) / 2)]
    shallow = [arm for arm in ordered if ("layers", 1) in arm[1]]
    return [arm for arm in arms if arm in {*kept, *shallow[:1]}]


SUITE = Suite(
    "neuron",
    "Which network imitates one pyramidal cell, with and without NMDA, and what does it cost?",
    rows,
    default=False,
    further_rows=further_rows,
)


def bench_neuron(measure: Measure, row: list[Spec]) -> None:
    """One row of the first round; the rounds that follow stand in the summary."""
    measure(row)
