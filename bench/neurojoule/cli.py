"""The command `neurojoule`: run, list, show, doctor, and what other packages add.

Everything here is thin: it reads arguments, calls the engine and prints. Commands that read
records (`report`, `compare`, `gate`) come from the report package through the entry points in the
group `neurojoule.commands`, since the engine knows nothing of reports.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from neurojoule import __version__
from neurojoule.errors import UserError

RUNS = Path("runs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code: 0, 1 for a negative answer, 2 for bad input."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        code: int = options.handler(options)
    except UserError as error:
        print(f"neurojoule: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nneurojoule: stopped; finished runs are kept, run again to go on", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neurojoule",
        description="What a neuron model's accuracy costs in energy, carbon and operations.",
    )
    parser.add_argument("--version", action="version", version=f"neurojoule {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_, configure in (
        ("run", "measure suites and write records", _configure_run),
        ("list", "models, tasks and suites", _configure_list),
        ("show", "the card of a model, task or suite", _configure_show),
        (
            "check-model",
            "tell the author of a model in words what is wrong with it",
            _configure_check_model,
        ),
        ("doctor", "what this machine can measure, and how well", _configure_doctor),
    ):
        configure(commands.add_parser(name, help=help_, description=help_))
    for entry in sorted(entry_points(group="neurojoule.commands"), key=lambda entry: entry.name):
        configure = entry.load()
        first = (configure.__doc__ or "").strip().splitlines()[0].rstrip(".")
        summary = first[:1].lower() + first[1:]
        configure(commands.add_parser(entry.name, help=summary, description=summary))
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of a measurement, the same for `run` and whatever else measures."""
    parser.add_argument("--scale", default="quick", help="smoke, quick (default), full or paper")
    parser.add_argument(
        "--setup",
        action="append",
        metavar="SETUP",
        help="device:threads[:dtype][:compile], as in cpu:1 (default); may be given several times",
    )
    parser.add_argument("--seeds", type=_positive, help="runs a row (default: by scale)")
    parser.add_argument(
        "--runs", type=Path, default=RUNS, help="folder of the records (default: runs)"
    )
    parser.add_argument("--machine", metavar="NAME", help="name of this machine in the records")
    parser.add_argument("--rerun", action="store_true", help="measure again what has a record")
    parser.add_argument("--task", action="append", help="only this task; may be repeated")
    parser.add_argument("--model", action="append", help="only this model; may be repeated")
    add_meter_options(parser)


def add_meter_options(parser: argparse.ArgumentParser) -> None:
    """What the user may tell the meter."""
    parser.add_argument(
        "--cpu-tdp-w", type=float, help="thermal design power of the CPU, where it is not known"
    )
    parser.add_argument("--ram-w", type=float, help="power of the memory modules")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is expected, not {text!r}")
    return int(text)


def _configure_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="suites to run (default: all)")
    add_run_options(parser)
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="write the report there when all is done"
    )
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> int:
    from neurojoule import runner
    from neurojoule.meter import MeterSettings
    from neurojoule.progress import duration, ticker
    from neurojoule.record import Record
    from neurojoule.registry import get_model, get_task
    from neurojoule.spec import Setup
    from neurojoule.suite import Row, claims_hash, further, get_suites, plan

    models = {get_model(name).name for name in options.model or ()}
    tasks = {get_task(name).name for name in options.task or ()}
    chosen = get_suites(options.suites)
    setups = [Setup.parse(text) for text in options.setup or ("cpu:1",)]

    def keep(row: Row) -> bool:
        return (not models or row.model in models) and (not tasks or row.task in tasks)

    specs, left_out = plan(
        chosen, scale_name=options.scale, seeds=options.seeds, setups=setups, keep=keep
    )
    for reason in left_out:
        print(f"left out: {reason}", file=sys.stderr)
    if not specs:
        raise UserError("No row of the chosen suites has this task and this model.")
    session = runner.Session(
        folder=options.runs,
        machine_name=options.machine,
        settings=MeterSettings(options.cpu_tdp_w, options.ram_w),
        rerun=options.rerun,
        claims_hash=claims_hash(),
    )
    records: list[Record] = []
    while specs:
        with ticker().shown() as tell:
            records += runner.run(specs, session, tell)
        specs = further(
            chosen,
            records,
            scale_name=options.scale,
            seeds=options.seeds,
            setups=setups,
            keep=keep,
        )
    bad = sum(record.status != "ok" for record in records)
    spent = duration(sum(record.seconds.get("total", 0.0) for record in records))
    print(
        f"{len(records)} records in {options.runs} ({spent} of runs)"
        + (f"; {bad} did not end well" if bad else "")
    )
    if options.report is not None:
        return _report(options.runs, options.report)
    return 0


def _report(runs: Path, folder: Path) -> int:
    return main(["report", str(runs), "-o", str(folder)])


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", nargs="?", choices=("models", "tasks", "suites"))
    parser.set_defaults(handler=_list)


def _list(options: argparse.Namespace) -> int:
    from neurojoule.cards import tables

    print(tables(options.kind))
    return 0


def _configure_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of a model, task or suite")
    parser.set_defaults(handler=_show)


def _show(options: argparse.Namespace) -> int:
    from neurojoule.cards import card

    print(card(options.name))
    return 0


def _configure_check_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of a registered model")
    parser.set_defaults(handler=_check_model)


def _check_model(options: argparse.Namespace) -> int:
    import inspect

    from neurojoule.check_model import examine, table
    from neurojoule.registry import get_model

    findings = examine(options.name)
    build = get_model(options.name).build
    print(f"{options.name}: {inspect.getsourcefile(build)}\n{table(findings)}")
    return int(any(finding.verdict == "wrong" for finding in findings))


def _configure_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--measure", action="store_true", help="watch the meter at work as well (one minute)"
    )
    add_meter_options(parser)
    parser.set_defaults(handler=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from neurojoule.doctor import examine
    from neurojoule.meter import MeterSettings

    settings = MeterSettings(options.cpu_tdp_w, options.ram_w)
    print(examine(settings, measure=options.measure))
    return 0
