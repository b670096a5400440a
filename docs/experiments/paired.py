"""Quality of every arm less that of another, paired by seed, with 95 % intervals.

    python docs/experiments/paired.py runs-5 dann mlp
    python docs/experiments/paired.py runs-5 dann dann_linear

Every arm of the first model is set against every arm of the second on the same task; t-intervals,
not corrected for how many there are.
"""

import argparse
from pathlib import Path

from neurojoule.quantities import digits, signed
from neurojoule_reports import frames, stats
from neurojoule_reports.naming import registered


def main() -> None:
    """Print a line for each pair of arms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("model")
    parser.add_argument("other")
    options = parser.parse_args()
    table = frames.ranked(frames.load([options.runs]).runs)
    named = registered(table)
    for task, part in table.groupby("task"):
        of = {
            model: dict(tuple(part[named[part.index] == model].groupby("arm")))
            for model in (options.model, options.other)
        }
        for arm, runs in of[options.model].items():
            for rival, others in of[options.other].items():
                both = runs.merge(others, on=["seed", "setting"])
                change = 100 * (both["quality_x"] - both["quality_y"])
                found = stats.mean_interval(list(change))
                print(
                    f"{task}: {arm} - {rival}: {signed(found.value)} points "
                    f"({digits(found.low, 2)} to {digits(found.high, 2)}), {found.n} seeds"
                )


if __name__ == "__main__":
    main()
