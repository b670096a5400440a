"""What an arm is called: its model, options, size and share, and of its recipe what tells it apart.

Two runs that differ in anything but seed and machine are runs of different arms. Most studies train
all with one recipe a task, so that the recipe is named only where two arms would be called alike.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from neurojoule.record import Record
from neurojoule.spec import Recipe, Spec

_WORDS: dict[str, Callable[[Recipe], str]] = {
    "learning_rate": lambda r: f"rate {r.learning_rate:g}",
    "steps": lambda r: f"{r.steps} steps",
    "optimiser": lambda r: r.optimiser,
    "batch_size": lambda r: f"batches of {r.batch_size}",
    "schedule": lambda r: f"{r.schedule} rate",
    "weight_decay": lambda r: f"decay {r.weight_decay:g}",
    "gradient_clip": lambda r: (
        f"clipped at {r.gradient_clip:g}" if r.gradient_clip else "unclipped"
    ),
    "patience": lambda r: f"patience {r.patience}",
    "stop_at": lambda r: "all steps" if r.stop_at is None else f"until {r.stop_at:g}",
    "evaluate_every": lambda r: f"validated every {r.evaluate_every}",
}
"""Parts of a recipe in the order in which they are tried, and how each is said."""


def recipe_words(recipe: Recipe) -> str:
    """The whole recipe in a line: equal words, equal recipe."""
    return ", ".join(say(recipe) for say in _WORDS.values())


def suffixes(records: Sequence[Record]) -> list[str]:
    """For each record what is added to the name of its arm and model: "" or ", rate 0.003"."""
    alike: dict[tuple[str, str, str, str], dict[Spec, str]] = defaultdict(dict)
    keys = [_key(record.spec) for record in records]
    identities = [_identity(record.spec) for record in records]
    for key, identity in zip(keys, identities, strict=True):
        alike[key][identity] = ""
    for found in alike.values():
        if len(found) > 1:
            found |= dict(zip(found, _tell_apart(list(found)), strict=True))
    return [alike[key][identity] for key, identity in zip(keys, identities, strict=True)]


def _key(spec: Spec) -> tuple[str, str, str, str]:
    return spec.suite, spec.task, spec.scale, spec.arm


def _identity(spec: Spec) -> Spec:
    """The spec with one seed and setup for all: equal for the runs of one arm."""
    return Spec(
        suite=spec.suite,
        task=spec.task,
        model=spec.model,
        seed=0,
        recipe=spec.recipe,
        options=spec.options,
        size=spec.size,
        share=spec.share,
        scale=spec.scale,
    )


def _tell_apart(specs: Sequence[Spec]) -> list[str]:
    """The shortest list of differences, in the order of `_WORDS`, that gives each its own name."""
    said = [""] * len(specs)
    for say in _WORDS.values():
        if len(set(said)) == len(specs):
            return said
        longer = [f"{so_far}, {say(s.recipe)}" for so_far, s in zip(said, specs, strict=True)]
        if len(set(longer)) > len(set(said)):
            said = longer
    if len(set(said)) == len(specs):
        return said
    # Options that are written alike and are not, such as 1 and "1".
    return [f"{so_far}, spec {s.hash[:6]}" for so_far, s in zip(said, specs, strict=True)]
