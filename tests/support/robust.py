"""Made-up runs that were put through every probe, with laws that can be found again."""

import msgspec

import synthetic
from neurojoule.record import Perturbed, Robustness, Switched

NOISE = (0.5, 1.0, 2.0)
LOST = (0.1, 0.4)

# model: (family, quality before, loss of quality for each unit of a level, forgotten)
MODELS = {
    "mlp": ("point", 0.96, 0.20, 0.70),
    "cnn2d": ("point", 0.98, 0.22, 0.60),
    "dann": ("dendritic", 0.95, 0.10, 0.40),
    "dann_linear": ("dendritic", 0.94, 0.12, 0.50),
}


def run(model, seed, *, task="digits", wiggle=0.002, **changes):
    """One run; what seeds differ by is the same for all models, and so cancels in pairs."""
    family, before, slope, forgotten = MODELS[model]
    r = synthetic.make(suite="robustness", task=task, model=model, family=family, seed=seed)
    shift = wiggle * (seed % 3 - 1)
    own = wiggle / 10 * ((seed * len(model)) % 5 - 2)
    quality = msgspec.structs.replace(r.quality, test=before + shift + own, validation=before)
    perturbed = [
        Perturbed(kind=kind, level=level, quality=before + shift - slope * level, draws=5)
        for kind, levels in (("noise", NOISE), ("loss", LOST))
        for level in levels
    ]
    switched = Switched(status="ok", after=before + shift - forgotten, learned=0.9)
    found = Robustness(perturbed=tuple(perturbed), switched=switched)
    return msgspec.structs.replace(r, quality=quality, robustness=found, **changes)


def study(seeds=5, **options):
    return [run(model, seed, **options) for model in MODELS for seed in range(seeds)]
