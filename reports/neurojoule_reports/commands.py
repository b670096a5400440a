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


def selftest(parser: argparse.ArgumentParser) -> None:
    """Test the suite itself: equals must not be called different, planted costs must be found."""
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs/selftest"),
        help="folder of its own for records and result (default: runs/selftest)",
    )
    parser.add_argument("--scale", default="smoke", help="length of the windows (default: smoke)")
    parser.add_argument("--seeds", type=int, default=40, help="runs an arm (default: 40)")
    parser.add_argument(
        "--judge-only",
        action="store_true",
        help="judge the records that are there",
    )
    parser.set_defaults(handler=_selftest)


def _selftest(options: argparse.Namespace) -> int:
    from neurojoule.cli import main
    from neurojoule.record import read, write_atomically
    from neurojoule_reports import selftest

    records = options.runs / "records"
    if not options.judge_only:
        how = ["--scale", options.scale, "--seeds", str(options.seeds), "--runs", str(records)]
        code = main(["run", selftest.SUITE, *how])
        if code != 0:
            return code
    result = selftest.evaluate(read([records]).records, selftest.simulate())
    write_atomically(options.runs / selftest.RESULT, selftest.encode(result))
    print("\n".join(selftest.lines(result)))
    return 0
