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
    parser.add_argument(
        "--format",
        action="append",
        help="html, png, svg, csv, parquet, markdown, json or boamps; may be repeated "
        "(default: html, png, svg, csv)",
    )
    parser.set_defaults(handler=_report)


def _report(options: argparse.Namespace) -> int:
    from neurojoule_reports.render import DEFAULT
    from neurojoule_reports.render import report as render

    formats = options.format or DEFAULT
    written = render(options.runs, options.out, country=options.country, formats=formats)
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
    from neurojoule.storage import read, write_atomically
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


def compare(parser: argparse.ArgumentParser) -> None:
    """Compare two folders of records: two machines, or two versions."""
    parser.add_argument("a", type=Path, help="folder of records")
    parser.add_argument("b", type=Path, help="another folder of records")
    parser.set_defaults(handler=_compare)


def _compare(options: argparse.Namespace) -> int:
    from neurojoule_reports import machines

    print(machines.compare([options.a], [options.b]))
    return 0


def gate(parser: argparse.ArgumentParser) -> None:
    """Fail (exit code 1) when cost rose beyond noise, or quality fell."""
    parser.add_argument("baseline", type=Path, help="folder of records to hold against")
    parser.add_argument("runs", type=Path, help="folder of records to judge")
    parser.add_argument(
        "--annotate", action="store_true", help="print annotations for GitHub's pages as well"
    )
    parser.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        help="append the table as Markdown to this file, such as $GITHUB_STEP_SUMMARY",
    )
    parser.set_defaults(handler=_gate)


def _gate(options: argparse.Namespace) -> int:
    from neurojoule_reports import gate as gates

    found = gates.gate([options.baseline], [options.runs])
    print(found.table)
    if options.annotate:
        print(found.annotations)
    if options.summary is not None:
        _append(found.markdown, options.summary)
    return 0 if found.passed else 1


def _append(markdown: str, path: Path) -> None:
    from neurojoule.errors import UserError

    try:
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(markdown)
    except OSError as error:
        raise UserError(
            f"The summary cannot be written to {path}: {error.strerror}. Give a file in a folder "
            "that exists and that you may write to (option --summary)."
        ) from error


def card(parser: argparse.ArgumentParser) -> None:
    """Print a model card of one run, with its CO2 as Hugging Face writes it."""
    parser.add_argument("record", type=Path, help="the file of one record")
    parser.add_argument("--country", default="WLD", help="whose grid (default: world average)")
    parser.set_defaults(handler=_card)


def _card(options: argparse.Namespace) -> int:
    from neurojoule import carbon
    from neurojoule.errors import UserError
    from neurojoule.storage import decode
    from neurojoule_reports.cards import model_card

    try:
        data = options.record.read_bytes()
    except OSError as error:
        raise UserError(f"{options.record} cannot be read: {error.strerror}.") from error
    print(model_card(decode(data, str(options.record)), carbon.grid(options.country)))
    return 0
