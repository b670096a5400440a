"""What is to be run: a `Spec`, and the `Setup`, `Recipe`, `Size` and `Scale` it is made of.

Everything here is frozen, is written as canonical JSON and is hashed: two runs with equal specs
are the same experiment, and any difference that could change a number changes the hash.
"""

import hashlib
import re
from typing import Literal, Self, get_args

import msgspec

from neurojoule.errors import UnknownNameError, UserError

DType = Literal["float32", "float64", "bfloat16"]
DTYPES: tuple[DType, ...] = ("float32", "float64", "bfloat16")

Option = str | int | float | bool

Probe = Literal["noise", "loss", "switch"]
PROBES: tuple[Probe, ...] = get_args(Probe)
"""What a trained network can be put through: noisy inputs, lost synapses, another task."""


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes and repeats, never rules (MEASURING: the window is long enough to mean something).

    Attributes:
        name: how the user asks for it.
        min_window_s: a training run shorter than this is replayed until its window is as long.
        inference_window_s: inference is repeated for this long.
        idle_window_s: length of the idle windows that stand before and after a block.
        seeds: how many seeds each row gets when the user does not say.
        max_attempts: how often a contaminated run is measured before its energy is given up.
        timeout_s: a run that takes longer is stopped and recorded as `timeout`.
        fresh_processes: every run's process imports everything itself, instead of being forked
            from a server that has.
    """

    name: str
    min_window_s: float
    inference_window_s: float
    idle_window_s: float
    seeds: int
    max_attempts: int
    timeout_s: float
    fresh_processes: bool = False


SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale("smoke", 0.5, 0.1, 0.5, seeds=1, max_attempts=1, timeout_s=120),
        Scale("quick", 2.0, 0.5, 2.0, seeds=3, max_attempts=2, timeout_s=600),
        Scale("full", 10.0, 2.0, 10.0, 10, max_attempts=3, timeout_s=14_400, fresh_processes=True),
        Scale(
            "paper", 60.0, 10.0, 60.0, 10, max_attempts=3, timeout_s=172_800, fresh_processes=True
        ),
    )
}


def scale(name: str) -> Scale:
    """The scale called `name`.

    Raises:
        UnknownNameError: with the nearest names.
    """
    try:
        return SCALES[name]
    except KeyError:
        raise UnknownNameError("scale", name, SCALES) from None


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hardware side of a run, written `device:threads[:dtype][:compile]`, as in `cpu:1`."""

    device: str = "cpu"
    threads: int = 1
    dtype: DType = "float32"
    compile: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `cpu:2`, `cpu:1:bfloat16`, `cuda`, `cpu:1:float32:compile`.

        Raises:
            UserError: when a part is none of the above.
        """
        device, *rest = text.strip().split(":")
        if device not in {"cpu", "cuda", "mps"} and not re.fullmatch(r"cuda\d+", device):
            raise UnknownNameError("device", device, ["cpu", "cuda", "cuda0", "mps"])
        threads, dtype, compiled = 1, DTYPES[0], False
        for part in rest:
            if part.isdigit() and int(part) > 0:
                threads = int(part)
            elif part in DTYPES:
                dtype = part
            elif part == "compile":
                compiled = True
            else:
                raise UserError(
                    f"The setup {text!r} has a part {part!r} that is neither a number of threads, "
                    f"nor one of {', '.join(DTYPES)}, nor 'compile'. "
                    "Write for example cpu:1, cpu:2:bfloat16 or cuda."
                )
        return cls(device, threads, dtype, compiled)

    def __str__(self) -> str:
        extra = (self.dtype if self.dtype != "float32" else "", "compile" if self.compile else "")
        return ":".join((self.device, str(self.threads), *filter(None, extra)))

    @property
    def torch_device(self) -> str:
        """The device as torch spells it: `cuda0` becomes `cuda:0`."""
        return re.sub(r"^cuda(\d+)$", r"cuda:\1", self.device)


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is trained: the same for every family on a task, but for the tuned rate.

    Attributes:
        steps: updates at the most; the budget that every family shares.
        batch_size: samples an update; larger than the training set means the whole set.
        learning_rate: Adam's, found by the same search for every family (`tuned.toml`).
        optimiser: `adam` or `sgd`.
        weight_decay: decoupled, as in AdamW.
        schedule: `constant`, or `cosine` down to zero over `steps`.
        gradient_clip: largest gradient norm; 0 leaves gradients alone.
        evaluate_every: steps between two validations.
        patience: validations without improvement before stopping; 0 uses up all steps.
        stop_at: validation quality at which training ends; None never ends it.
    """

    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    optimiser: Literal["adam", "sgd"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    gradient_clip: float = 0.0
    evaluate_every: int = 100
    patience: int = 0
    stop_at: float | None = None


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rung of a ladder: the budget for which a family solves its own width.

    Attributes:
        budget: how many, or None for the model's own default width.
        of: what is budgeted: trainable parameters, floating-point operations an inference, or the
            width itself.
    """

    budget: int | None = None
    of: Literal["parameters", "operations", "width"] = "parameters"

    def __str__(self) -> str:
        unit = {"parameters": "p", "operations": "op", "width": "w"}[self.of]
        return "default" if self.budget is None else f"{self.budget}{unit}"


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One training of one model on one task with one seed on one setup.

    Attributes:
        suite: the suite that asked.
        task: a registered task.
        model: a registered model.
        options: the model's own settings beside its width, in the order given.
        size: the budget its width is solved for.
        share: share of the training data, 1/64 ... 1.
        seed: of initialisation, batch order and subset; the splits do not depend on it.
        setup: device, threads, dtype, compilation.
        recipe: optimiser, budget, stop rule.
        scale: name of the scale, which sets the windows.
        probes: what the trained network is put through when all is measured
            (`neurojoule.robustness`). Where nothing is asked the field is not written, and the
            hash is that of a spec from before there were probes.
    """

    suite: str
    task: str
    model: str
    seed: int
    recipe: Recipe
    options: tuple[tuple[str, Option], ...] = ()
    size: Size = Size()
    share: float = 1.0
    setup: Setup = Setup()
    scale: str = "quick"
    probes: tuple[Probe, ...] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UserError(
                f"A share of the training data lies in (0, 1]; given {self.share} for {self.model}."
            )
        if self.seed < 0:
            raise UserError(f"A seed is 0 or more; given {self.seed} for {self.model}.")
        for probe in self.probes or ():
            if probe not in PROBES:
                raise UnknownNameError("probe", probe, PROBES)
        scale(self.scale)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, the first 16 hex digits."""
        return hashlib.sha256(canonical_json(self)).hexdigest()[:16]

    @property
    def arm(self) -> str:
        """What is compared: model, options, size, share: all but task, seed and setup."""
        parts = [self.model, *(f"{name}={value}" for name, value in self.options)]
        if self.size.budget is not None:
            parts.append(str(self.size))
        if self.share != 1:
            parts.append(f"share={self.share:g}")
        return " ".join(parts)

    def __str__(self) -> str:
        return f"{self.suite}/{self.task}: {self.arm}, seed {self.seed}, {self.setup}"


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return msgspec.json.encode(value, order="sorted")
