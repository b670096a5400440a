"""What the report package adds to the command line (entry points `neurojoule.commands`)."""

import argparse
from pathlib import Path


def report(parser: argparse.ArgumentParser) -> None:
    """Write the report: one HTML page, figures, a table of all runs."""
    parser.add_argument("runs", nargs="+", type=Path, help="folders of records")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("report"), help="folder of the report"
    )
    parser.add_argument(
        "--country", default="WLD", help="whose grid, as an ISO code (default: world average)"
    )
    parser.set_defaults(handler=_report)


def _report(options: argparse.Namespace) -> int:
    from neurojoule_reports.render import report as render

    written = render(options.runs, options.out, country=options.country)
    print("\n".join(written.verdict))
    print(f"\nReport: {written.path.resolve().as_uri()}")
    return 0
