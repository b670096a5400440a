"""What an arm is called: its model, options, size and share, and of its recipe what tells it apart.

Two runs that differ in anything but seed and machine are runs of different arms. Most studies train
all with one recipe a task, so that the recipe is named only where two arms would be called alike.
So are options where they take much room: of them a name has those in which the suite's arms of that
model differ.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
import pandas as pd

from neurojoule.record import Record
from neurojoule.spec import Option, Recipe, Spec

Key = tuple[str, str, str, str]
"""Suite, task, scale, and the arm as it is called without a suffix."""

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


CONTROLS = frozenset({"dann_linear", "dann_dense", "dann_factorial"})
"""Models of the dendritic family that lack what makes a dendrite: its own nonlinearity, or its few
synapses. They are shown like any other and do not stand for dendritic units in a verdict."""


TEACHERS = frozenset({"simulation", "neuron_simulator"})
"""Models that are the thing to be imitated. They stand beside their imitations, and compete with
none: a verdict leaves them out."""


def registered(table: pd.DataFrame) -> pd.Series:
    """The registered name of each row's model, without options and recipe."""
    names: pd.Series = table["model"].astype(str).str.extract(r"^([^ ,]*)", expand=False)
    return names


def dendritic(arms: pd.DataFrame) -> pd.Series:
    """Which rows stand for dendritic units."""
    return (arms["family"] == "dendritic") & ~registered(arms).isin(CONTROLS)


def teachers(table: pd.DataFrame) -> pd.Series:
    """Which rows are no imitations, but what is imitated."""
    return registered(table).isin(TEACHERS)


LABEL = 24
"""Letters of a model's name for which there is room in a figure."""


def labels(models: Iterable[str]) -> dict[str, str]:
    """For each model a name for figures: the whole one where there is room (`LABEL`).

    A longer one keeps of its options and recipe what tells it from the other models here.
    """
    alike: dict[str, list[list[str]]] = defaultdict(list)
    for model in dict.fromkeys(models):
        options, *recipe = model.split(", ")
        name, *words = options.split(" ")
        alike[name].append([model, *words, *(f", {word}" for word in recipe)])
    out = {}
    for name, found in alike.items():
        for (model, *_), words in zip(found, _telling([w[1:] for w in found]), strict=True):
            short = name + "".join(w if w.startswith(",") else f" {w}" for w in words)
            out[model] = model if len(model) <= LABEL else short
    return out


def _telling(models: list[list[str]]) -> list[list[str]]:
    """Of each model's words the fewest, from the left, by which no two are alike."""
    kept: list[list[str]] = [[] for _ in models]
    for i in range(max(map(len, models))):
        if len(set(map(tuple, kept))) == len(models):
            break
        longer = [[*words, *model[i : i + 1]] for words, model in zip(kept, models, strict=True)]
        if len(set(map(tuple, longer))) > len(set(map(tuple, kept))):
            kept = longer
    return kept


def recipe_words(recipe: Recipe) -> str:
    """The whole recipe in a line: equal words, equal recipe."""
    return ", ".join(say(recipe) for say in _WORDS.values())


def but_validations(recipes: "pd.Series[str]") -> "pd.Series[str]":
    """Recipes in words without how often they validate, which does not change what is learnt."""
    return recipes.str.replace(", validated every .*", "", regex=True)


OPTIONS = 32
"""Letters of options for which there is room in a sentence."""

Options = tuple[tuple[str, Option], ...]


@dataclass(frozen=True)
class Name:
    """What tells an arm from the others here.

    Attributes:
        options: those that its name has.
        suffix: what is added to the name of its arm and model: "" or ", rate 0.003".
    """

    options: Options
    suffix: str = ""


def names(records: Sequence[Record]) -> list[Name]:
    """For each record how its arm is called among all of them."""
    kept = _kept_options(records)
    options = [kept[_where(record.spec)] for record in records]
    suffixes = _suffixes(records, options)
    return [Name(some, suffix) for some, suffix in zip(options, suffixes, strict=True)]


def option_words(options: Options) -> str:
    """Options as a name has them: "layers=3 taps=5"."""
    return " ".join(f"{name}={value}" for name, value in options)


_Where = tuple[str, str, str]
"""Suite, model, and its options to the letter: 1, 1.0 and True are equal and not written alike."""


def _where(spec: Spec) -> _Where:
    return spec.suite, spec.model, repr(spec.options)


def _kept_options(records: Iterable[Record]) -> dict[_Where, Options]:
    """Those options of each that its name has.

    All of them, if every arm of the model in the suite has room for its own (`OPTIONS`); otherwise
    those in which its arms differ.
    """
    found: dict[tuple[str, str], dict[_Where, Options]] = defaultdict(dict)
    for record in records:
        spec = record.spec
        found[spec.suite, spec.model][_where(spec)] = spec.options
    out: dict[_Where, Options] = {}
    for several in found.values():
        said = [[option_words((o,)) for o in options] for options in several.values()]
        longest = max(len(" ".join(words)) for words in said)
        shared = set.intersection(*map(set, said)) if longest > OPTIONS else set()
        for where, options in several.items():
            out[where] = tuple(o for o in options if option_words((o,)) not in shared)
    return out


def _suffixes(records: Sequence[Record], options: Sequence[Options]) -> list[str]:
    """For each record what is added to the name that its arm has with these options."""
    alike: dict[Key, dict[Spec, str]] = defaultdict(dict)
    # One object for all equal ones, for there may be a hundred thousand records.
    known: dict[tuple[Key, Spec], tuple[Key, Spec]] = {}
    found_as = []
    for record, named in zip(records, options, strict=True):
        name = (_key(record.spec, named), _identity(record.spec))
        found_as.append(known.setdefault(name, name))
    for key, identity in known:
        alike[key][identity] = ""
    for found in alike.values():
        if len(found) > 1:
            found |= dict(zip(found, _tell_apart(list(found)), strict=True))
    return [alike[key][identity] for key, identity in found_as]


def _key(spec: Spec, options: Options) -> Key:
    return spec.suite, spec.task, spec.scale, msgspec.structs.replace(spec, options=options).arm


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
