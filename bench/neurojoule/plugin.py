"""`pytest --benchmark`: the suites as pytest items, on top of pytest-benchmark.

A bare `pytest` never runs a suite. With `--benchmark`, files `bench_*.py` are collected (the
installed suites, when no path is given), every row of a suite becomes an item, and before the
first item all runs are done as one plan in randomised blocks. An item then publishes its finished
records: a round is a seed, and its time is the measured training time, which reaches
pytest-benchmark through its public `timer`. The records are the truth, pytest-benchmark's JSON a
by-product.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from neurojoule.errors import UserError
from neurojoule.record import Record
from neurojoule.spec import Setup, Spec, scale
from neurojoule.suite import Measure, Row, Suite, available, suites
from neurojoule.summary import medians

KEY: pytest.StashKey["Benchmark"] = pytest.StashKey()


class Clock:
    """A timer whose time passes only when a record says so."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        """Seconds that have passed."""
        return self._now_s

    def pass_(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now_s += seconds


clock = Clock()


class Benchmark:
    """The state of one benchmarking session: its options, specs and finished records.

    `notes` are lines that items without records want in the summary.
    """

    def __init__(self, config: pytest.Config) -> None:
        option = config.getoption
        self.scale = scale(option("nj_scale"))
        self.setups = [Setup.parse(text) for text in option("nj_setup") or ["cpu:1"]]
        seeds: int | None = option("nj_seeds")
        if seeds is not None and seeds < 1:
            raise UserError(f"--nj-seeds {seeds} asks for no run; give 1 or more runs a row.")
        self.seeds = self.scale.seeds if seeds is None else seeds
        self.runs = Path(option("nj_runs"))
        self.rerun: bool = option("nj_rerun")
        self.machine: str | None = option("nj_machine")
        self.records: dict[Spec, Record] = {}
        self.reused: set[Spec] = set()
        self.left_out: dict[str, str] = {}
        self.notes: list[str] = []

    def specs(self, suite: Suite, row: Row, setup: Setup) -> list[Spec]:
        """The specs behind one item."""
        return suite.specs(row, self.scale.name, self.seeds, setup)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --benchmark and the options that go with it."""
    group = parser.getgroup("neurojoule", "neurojoule: accuracy against energy")
    group.addoption(
        "--benchmark", action="store_true", help="run the benchmark suites instead of the tests"
    )
    group.addoption("--nj-scale", default="quick", help="smoke, quick (default), full or paper")
    group.addoption(
        "--nj-setup", action="append", metavar="SETUP", help="cpu:1 (default), cpu:2, cuda, ..."
    )
    group.addoption("--nj-seeds", type=int, help="runs a row (default: by scale)")
    group.addoption("--nj-runs", default="runs", help="folder of the records (default: runs)")
    group.addoption("--nj-rerun", action="store_true", help="measure again what has a record")
    group.addoption("--nj-machine", help="name of this machine in the records")


def pytest_configure(config: pytest.Config) -> None:
    """Check the options and point the collection at the suites."""
    if not config.getoption("benchmark"):
        return
    _refuse(config)
    try:
        config.stash[KEY] = Benchmark(config)
    except UserError as error:
        raise pytest.UsageError(str(error)) from error
    config.addinivalue_line("python_files", "bench_*.py")
    config.addinivalue_line("python_functions", "bench_*")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = sorted({str(_folder(suite)) for suite in suites().values()})


def _refuse(config: pytest.Config) -> None:
    """Options of pytest-benchmark and others that cannot go with measured runs."""
    given = {
        "-n (pytest-xdist)": config.getoption("numprocesses", None),
        "--benchmark-disable": config.getoption("benchmark_disable", None),
        "--benchmark-skip": config.getoption("benchmark_skip", None),
        "--codspeed": config.getoption("codspeed", None),
    }
    for name, value in given.items():
        if value:
            raise pytest.UsageError(
                f"--benchmark cannot go with {name}: runs are measured one at a time, each in a "
                "process of its own. Leave one of the two out."
            )


def _folder(suite: Suite) -> Path:
    return _file(suite).parent


def _file(suite: Suite) -> Path:
    import inspect

    return Path(inspect.getfile(suite.rows))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect suites only with --benchmark, and nothing else then.

    A suite that does not run by default is collected when its file is named.
    """
    if collection_path.suffix != ".py" or collection_path.name == "conftest.py":
        return None
    is_suite = collection_path.name.startswith("bench_")
    if KEY in config.stash:
        hidden = {_file(suite) for suite in suites().values() if not suite.default}
        return None if is_suite and collection_path not in hidden else True
    return True if is_suite else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item of every row on every setup."""
    suite = getattr(metafunc.module, "SUITE", None)
    if "row" not in metafunc.fixturenames or not isinstance(suite, Suite):
        return
    benchmark = metafunc.config.stash.get(KEY, None)
    if benchmark is None:
        metafunc.parametrize("row", [])
        return
    rows, missing = available(suite.rows(benchmark.scale))
    benchmark.left_out |= dict.fromkeys(missing, suite.name)
    params = [
        pytest.param(
            benchmark.specs(suite, row, setup),
            id=_id(benchmark.specs(suite, row, setup)[0], several=len(benchmark.setups) > 1),
            marks=pytest.mark.benchmark(group=f"{suite.name}: {row.task}", timer=clock),
        )
        for setup in benchmark.setups
        for row in rows
    ]
    metafunc.parametrize("row", params)


def _id(spec: Spec, *, several: bool) -> str:
    arm = spec.arm.replace(" ", ",")
    return f"{spec.task}-{arm}" + (f"-{spec.setup}" if several else "")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Do all runs of the selected items as one plan, before the first item."""
    benchmark = session.config.stash.get(KEY, None)
    if benchmark is not None and not session.config.option.collectonly:
        specs = [
            spec
            for item in session.items
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            for spec in cast("list[Spec]", item.callspec.params.get("row", []))
        ]
        if specs:
            _measure_all(specs, benchmark, session.config)
    return (yield)


def _measure_all(specs: list[Spec], benchmark: Benchmark, config: pytest.Config) -> None:
    from neurojoule import runner
    from neurojoule.progress import Ticker, ticker
    from neurojoule.suite import claims_hash, further

    session = runner.Session(
        folder=benchmark.runs,
        machine_name=benchmark.machine,
        rerun=benchmark.rerun,
        claims_hash=claims_hash(),
    )

    def tell(step: runner.Progress, show: Ticker) -> None:
        if step.reused:
            benchmark.reused.add(step.record.spec)
        show(step)

    chosen = [known for known in suites().values() if known.name in {s.suite for s in specs}]
    records: list[Record] = []
    todo = specs
    try:
        while todo:
            with ticker().shown() as show:
                records += runner.run(todo, session, lambda step: tell(step, show))
            todo = further(
                chosen,
                records,
                scale_name=benchmark.scale.name,
                seeds=benchmark.seeds,
                setups=benchmark.setups,
            )
    except UserError as error:
        raise pytest.UsageError(str(error)) from error
    benchmark.records = {record.spec: record for record in records}
    storing = {
        name: config.getoption(name, None)
        for name in ("benchmark_save", "benchmark_autosave", "benchmark_compare")
    }
    if all(spec in benchmark.reused for spec in specs) and any(storing.values()):
        used = ", ".join(f"--{key.replace('_', '-')}" for key, value in storing.items() if value)
        raise pytest.UsageError(
            f"Nothing was measured: every record in {benchmark.runs} was reused, so {used} would "
            "store or compare yesterday's numbers as today's. Add --nj-rerun to measure again."
        )


@pytest.fixture
def measure(request: pytest.FixtureRequest, benchmark: Any) -> Measure:
    """Publish the finished records of one row: a round a seed, its time the training time."""
    state = request.config.stash.get(KEY, None)
    if state is None:
        pytest.skip("a suite runs with `pytest --benchmark` only")

    def publish(specs: Sequence[Spec]) -> None:
        records = [state.records[spec] for spec in specs]
        good = [record for record in records if record.train is not None]
        times_s = iter([record.train.time_s for record in good if record.train is not None])
        if good:
            benchmark.pedantic(lambda: clock.pass_(next(times_s)), rounds=len(good), iterations=1)
            benchmark.extra_info.update(_extra(good, state))
        bad = [record for record in records if record.status != "ok"]
        if bad:
            pytest.fail("\n".join(f"{r.spec}: {r.status}: {r.error}" for r in bad), pytrace=False)

    return publish


def _extra(records: list[Record], state: Benchmark) -> dict[str, Any]:
    """What stands beside the time in pytest-benchmark's JSON: plain types, no NaN."""
    return {
        **medians(records),
        "records": [record.run_id for record in records],
        "reused": sum(record.spec in state.reused for record in records),
        "energy_valid": all(record.energy_valid for record in records),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Drop the momentary clock rate: it makes every comparison cry that the machine differs."""
    for name in [key for key in machine_info.get("cpu", {}) if key.startswith("hz_actual")]:
        del machine_info["cpu"][name]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table that pytest-benchmark cannot print: quality, joules, CO2e, FLOPs, parameters."""
    benchmark = config.stash.get(KEY, None)
    if benchmark is None:
        return
    if benchmark.notes:
        terminalreporter.section("kernels")
        for line in benchmark.notes:
            terminalreporter.write_line(line)
    if not benchmark.records:
        return
    from neurojoule.summary import table

    terminalreporter.section("neurojoule")
    for line in table(list(benchmark.records.values())):
        terminalreporter.write_line(line)
    for reason in benchmark.left_out:
        terminalreporter.write_line(f"left out: {reason}")
    reused = f", {len(benchmark.reused)} of them from before" if benchmark.reused else ""
    terminalreporter.write_line(f"{len(benchmark.records)} records in {benchmark.runs}{reused}")
