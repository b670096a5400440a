"""How much is forgotten depends on the learning rate: the arms of the suite `robustness`, by rate.

Every arm learns its task and then the second one, as in the suite, at each of several rates. Prints
Markdown: test quality on the first task before and after, and on the second; means over seeds.

    python docs/experiments/forgetting.py digits --seeds 3
"""

import argparse
from statistics import fmean

import msgspec
import torch

from neurojoule.metrics import quality
from neurojoule.prepare import load, prepare
from neurojoule.spec import SCALES, Setup, Spec
from neurojoule.switching import switch
from neurojoule.train import predict
from neurojoule_suites.bench_robustness import SUITE

RATES = (1e-3, 3e-3, 1e-2, 3e-2)

Result = tuple[float, float, float]
"""Quality on the first task before and after, and on the second."""


def forgetting(spec: Spec) -> Result:
    """What one run keeps."""
    prepared = prepare(spec)
    trained = prepared.learn()
    prepared.model.load_state_dict(trained.best)
    prepared.model.eval()
    test = load(spec, "test")
    before = quality(prepared.task.metric, predict(prepared.forward, test.x), test.y)
    switched = switch(prepared, test)
    assert switched.after is not None
    assert switched.learned is not None
    return before, switched.after, switched.learned


def main() -> None:
    """Print a row an arm, a column a rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="digits")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for row in SUITE.rows(SCALES["quick"]) if row.task == options.task]
    print(f"| {options.task}, in % | {' | '.join(f'{rate:g}' for rate in RATES)} |")
    print("|---" * (len(RATES) + 1) + "|")
    for row in rows:
        cells = []
        for rate in RATES:
            found = [
                forgetting(
                    msgspec.structs.replace(
                        spec, recipe=msgspec.structs.replace(spec.recipe, learning_rate=rate)
                    )
                )
                for spec in SUITE.specs(row, "quick", options.seeds, Setup())
            ]
            before, after, second = (100 * fmean(values) for values in zip(*found, strict=True))
            cells.append(f"{before:.0f} \u2192 {after:.0f}, {second:.0f}")
        print(f"| {row.model} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
