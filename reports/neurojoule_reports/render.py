"""Records to a report: one HTML file that opens offline, figures, and `runs.csv`."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

import neurojoule
from neurojoule import carbon
from neurojoule.errors import UnknownNameError, UserError
from neurojoule.storage import write_atomically
from neurojoule_reports import (
    budgets,
    claims,
    critical,
    curves,
    exchange,
    export,
    figures,
    frames,
    machines,
    measured,
    methods,
    neuron,
    overview,
    page,
    palette,
    robustness,
    robustness_table,
    roofline,
    rounds,
    selftest,
    summary,
    verdict,
)
from neurojoule_reports.columns import AXES, RUN_COLUMNS
from neurojoule_reports.filters import FILTERS

FORMATS = ("html", "png", "svg", "csv", "parquet", "markdown", "json", "boamps")

DEFAULT = FORMATS[:4]

SCRIPT = (
    "data.js", "svg.js", "labels.js", "curves.js", "ladders.js", "figures.js", "table.js",
    "controls.js",
)  # fmt: skip
"""Parts of the page's script, joined in this order within one function."""

MAX_FIGURES = 24
"""Beyond this many figures, files are drawn for the setting with the most runs only."""


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        path: the page, or the folder when no page was asked for.
        verdict: three lines, for the terminal.
        files: all files written.
    """

    path: Path
    verdict: tuple[str, ...]
    files: tuple[Path, ...]


def report(
    folders: Sequence[Path],
    out: Path,
    *,
    country: str = carbon.WORLD,
    formats: Sequence[str] = DEFAULT,
) -> Report:
    """Read the records in `folders` and write the report to the folder `out`.

    Args:
        folders: folders of records; any number of machines and versions.
        out: made when it does not exist; files of an earlier report are overwritten.
        country: the grid that the page starts with, by ISO code or name; the world average
            unless said. The reader can choose another in the page.
        formats: any of `FORMATS`; parquet needs pyarrow.

    Raises:
        UserError: a folder does not exist, `out` cannot be written, a country or format is unknown.
    """
    grid = carbon.grid(country)
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("format", name, FORMATS)
    tables = frames.load(folders)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _write(tables, out, grid, formats)
    except OSError as error:
        raise UserError(
            f"The report cannot be written to {out}: {error.strerror or error}. "
            "Give a folder that you may write to (option -o)."
        ) from error


def _write(
    tables: frames.Frames,
    out: Path,
    grid: carbon.Grid,
    formats: Sequence[str],
) -> Report:
    written: list[Path] = []
    standing = rounds.shown(tables)
    found = verdict.verdicts(standing)
    sentences = summary.sentences(tables, found)
    if "csv" in formats:
        table = tables.runs.to_csv(index=False, lineterminator="\n")
        written.append(write_text(table, out / "runs.csv"))
        probed = robustness_table.table(tables)
        if not probed.empty:
            lines = probed.to_csv(index=False, lineterminator="\n")
            written.append(write_text(lines, out / "robustness.csv"))
    if "parquet" in formats:
        export.parquet(tables.runs, out / "runs.parquet")
        written.append(out / "runs.parquet")
    if "markdown" in formats:
        made = export.markdown(tables, found, sentences, grid)
        written.append(write_text(made, out / "summary.md"))
    if "json" in formats:
        written.append(write_text(export.as_json(tables, sentences, grid), out / "report.json"))
    if "boamps" in formats:
        written += export.boamps(tables.records, out / "boamps", grid)
    pictures = [name for name in formats if name in {"png", "svg"}]
    if pictures and not tables.arms.empty:
        arms = drawn_arms(standing)
        written += figures.write(arms, out / "figures", grid, pictures)
        ladders = budgets.rungs(standing, arms)
        written += figures.write_ladders(ladders, out / "figures" / "ladders", pictures)
    if "html" in formats:
        text = html(tables, found, sentences, grid)
        written.append(write_text(text, out / "index.html"))
        return Report(written[-1], sentences, tuple(written))
    return Report(out, sentences, tuple(written))


def write_text(text: str, path: Path) -> Path:
    """Write UTF-8, whole or not at all; what is no Unicode becomes a question mark."""
    write_atomically(path, text.encode("utf-8", "replace"))
    return path


def drawn_arms(tables: frames.Frames) -> pd.DataFrame:
    """The arms that files are drawn for: all, or one setting's when there are too many."""
    arms = tables.arms
    if arms.groupby(["suite", "task", "setting"]).ngroups <= MAX_FIGURES:
        return arms
    return arms[arms["setting"] == page.settings(tables.runs)[0]]


def html(
    tables: frames.Frames,
    found: Sequence[verdict.TaskVerdict],
    sentences: Sequence[str],
    grid: carbon.Grid,
) -> str:
    """The page as text."""
    templates = files("neurojoule_reports") / "templates"
    parts = [(templates / "script" / name).read_text(encoding="utf-8") for name in SCRIPT]
    script = "\n".join(['"use strict";', "(() => {", *parts, "})();"])
    css = (templates / "report.css").read_text(encoding="utf-8") + palette.css()
    standing = rounds.shown(tables)
    medians = curves.median_curves(curves.curves(tables.records, standing.runs))
    ranked = critical.rankings(standing)
    pages = {
        name: (templates / file).read_text(encoding="utf-8")
        for name, file in (
            ("page", "report.html"),
            ("robustness", "robustness.html"),
            ("neuron", "neuron.html"),
        )
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(pages),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= FILTERS
    return environment.get_template("page").render(
        # Safe: the package's own script and style, and JSON escaped by `page.embed`.
        script=Markup(script),  # noqa: S704
        css=Markup(css),  # noqa: S704
        data=Markup(page.embed(page.data(tables, grid, medians))),  # noqa: S704
        policy=_policy(script, css),
        facts=summary.facts(tables),
        sentences=sentences,
        verdicts=found,
        left_out=rounds.left_out(tables),
        currencies=exchange.NAMES,
        ladders=budgets.tasks(standing.arms),
        settings=page.settings(tables.runs),
        gradings=measured.gradings(tables),
        error_bars=measured.error_bars(tables),
        selftest=None if tables.selftest is None else selftest.lines(tables.selftest),
        volumes=overview.volumes(standing),
        volume_costs=overview.COSTS,
        equal_energy=overview.equal_energy(standing, medians),
        rooflines=roofline.rooflines(tables),
        neuron=neuron.section(tables),
        neuron_suite=neuron,
        robustness=robustness.section(tables),
        rankings=[(r, "" if r.refusal else critical.diagram(r)) for r in ranked],
        claims=claims.findings(claims.announced(), tables, found),
        redundancies=measured.redundancies(tables),
        spreads=measured.spreads(tables),
        invalid=measured.invalid(tables),
        unfinished=measured.unfinished(tables),
        # Without the folder, so that the same records give the same page anywhere.
        set_aside=[(p.name, why.replace(str(p), p.name)) for p, why in tables.set_aside],
        equivalents=summary.equivalents(tables, grid),
        commands=methods.commands(tables.records),
        sides=machines.pairs_of_settings(tables),
        side_figures=machines.FIGURES,
        maps=machines.maps(tables),
        machines=methods.machines(tables.records),
        versions=methods.versions(tables.runs),
        unsaid_options=methods.unsaid_options(tables.runs),
        columns=RUN_COLUMNS,
        axes=AXES,
        grid=grid,
        version=neurojoule.__version__,
        max_seeds=page.MAX_SEEDS,
    )


def _policy(script: str, css: str) -> str:
    """Nothing may be loaded, and only this script and this style may run."""
    return (
        f"default-src 'none'; script-src '{_sha256(script)}'; style-src '{_sha256(css)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
