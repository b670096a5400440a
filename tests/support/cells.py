"""Made-up ladders of surrogates of one cell: validation loss by depth and width."""

import msgspec

import synthetic


def rung(task, layers, width, validation, seed):
    r = synthetic.make(
        suite="neuron", task=task, model="tcn_surrogate", family="surrogate", size=None, seed=seed,
        options=(("layers", layers), ("width", width)),
    )  # fmt: skip
    quality = msgspec.structs.replace(
        r.quality, metric="log_loss", higher_is_better=False, validation=validation,
        test=validation, chance=1.0, target=0.0,
    )  # fmt: skip
    work = msgspec.structs.replace(r.work, width=width)
    return msgspec.structs.replace(r, quality=quality, work=work)


def cell(task, losses, spread=0.0):
    """A ladder: (depth, width) -> validation loss, three seeds."""
    return [
        rung(task, depth, width, loss * (1 + spread * (seed - 1)), seed)
        for (depth, width), loss in losses.items()
        for seed in range(3)
    ]


NMDA = {(1, 128): 0.5, (3, 128): 0.4, (5, 128): 0.302, (7, 128): 0.3}
AMPA = {(1, 128): 0.2, (3, 128): 0.199, (7, 128): 0.2}
