"""The page in a real browser: what it draws, what it asks for, what it does at the keyboard."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest

import browser
import cells
import robust
import synthetic
from neurojoule import carbon, quantities
from neurojoule_reports import render

BINARY = browser.find()

pytestmark = pytest.mark.skipif(
    BINARY is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)

HOSTILE = ("</script><script>window.hit=1</script>", "\u05e0\u05d5 \u202e \U0001f9e0", "x" * 300)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    home = tmp_path_factory.mktemp("page")
    records = list(synthetic.study(seeds=3, machines=("laptop", "workstation")))
    records += [synthetic.make(model=name, seed=s) for name in HOSTILE for s in range(3)]
    return render.report([synthetic.save(records, home / "runs")], home / "report")


@pytest.fixture(scope="module")
def chromium():
    with browser.Browser(BINARY) as running:
        running.size(1280)
        yield running


@pytest.fixture
def page(chromium, report):
    chromium.size(1280)
    chromium.open(report.path)
    yield chromium
    assert chromium.problems() == []


def marks(page):
    return page.js(
        "all('#figures figure').map((f) => "
        "[title(f), all('.median', f).map((m) => ({...m.dataset}))])"
    )


def source(report, task, phase, setting="laptop-cpu-1-quick"):
    (path,) = report.path.parent.glob(f"figures/*-{task}-{setting}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return {row["arm"]: row for row in csv.DictReader(file) if row["phase"] == phase}


def test_it_opens_from_a_file_and_asks_for_nothing_else(page, report):
    assert page.requests() == [report.path.resolve().as_uri()]
    assert page.js("window.hit") is None


@pytest.mark.parametrize(("phase", "hash_"), [("train", ""), ("infer", "#phase=infer")])
def test_it_draws_what_the_png_draws(page, report, phase, hash_):
    page.open(report.path, hash_)
    drawn = dict(marks(page))
    assert set(drawn) == {"digits", "mnist1d", "xor"}
    for task, points in drawn.items():
        rows = source(report, task, phase)
        assert {p["arm"] for p in points} == set(rows)
        for p in points:
            row = rows[p["arm"]]
            assert float(p["x"]) == pytest.approx(float(row["x"]), rel=1e-5)
            assert float(p["y"]) == pytest.approx(float(row["y"]), rel=1e-5)
            assert (p["front"] == "1") == (row["on_front"] == "True")


def rungs(path):
    with path.open(encoding="utf-8", newline="") as file:
        return {r["arm"]: (float(r["x"]), float(r["y"])) for r in csv.DictReader(file)}


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    """Three sizes of two models, and two shares of the data at one of them."""
    home = tmp_path_factory.mktemp("climbed")
    records = [
        synthetic.make(suite="ladders", model=model, size=size, share=share, seed=seed)
        for model in ("mlp", "dann")
        for size, share in ((1_000, 1.0), (4_000, 1.0), (16_000, 1.0), (4_000, 1 / 16))
        for seed in range(3)
    ]
    return render.report([synthetic.save(records, home / "runs")], home / "report")


def test_ladders_draw_the_rungs_of_their_files_and_every_seed(page, climbed):
    page.open(climbed.path)
    drawn = page.js(
        "all('#ladder-figures figure').map((f) => [f.querySelector('small').textContent, "
        "all('.median', f).map((m) => ({...m.dataset})), all('.seed', f).length, "
        "all('.ladder', f).map((l) => l.points.length), all('tbody tr', f).length])"
    )
    assert [words for words, *_ in drawn] == [
        "ladders, parameters", "ladders, share of the training data",
    ]  # fmt: skip
    for (_, points, seeds, lines, rows), name in zip(drawn, ("parameters", "data"), strict=True):
        (path,) = climbed.path.parent.glob(f"figures/ladders/*-{name}.csv")
        there = {p["arm"]: (float(p["x"]), float(p["y"])) for p in points}
        assert there.keys() == rungs(path).keys()
        for arm, point in rungs(path).items():
            assert there[arm] == pytest.approx(point, rel=1e-5)
        assert seeds == 3 * len(points)
        assert sum(lines) == rows == len(points)
    ticks = page.js("all('#ladder-figures figure')[1].querySelector('svg').textContent")
    assert "6.25 %" in ticks
    assert "100 %" in ticks


def test_sizes_are_joined_and_shares_of_the_data_are_not(page, climbed):
    page.open(climbed.path)
    lines = page.js("all('#figures .ladder').map((l) => l.points.length)")
    assert sorted(lines) == [1, 1, 3, 3]
    assert sorted(page.js("texts('#figures .label')")) == ["dann", "mlp"]


def test_of_rounds_the_last_is_drawn_and_the_front_of_a_loss_is_its_lower_edge(page, tmp_path):
    runs = synthetic.save(cells.beside(), tmp_path / "runs")
    page.open(render.report([runs], tmp_path / "report").path)
    (points,) = dict(marks(page)).values()
    (path,) = (tmp_path / "report" / "figures").glob("*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = {r["arm"]: r for r in csv.DictReader(file) if r["phase"] == "train"}
    assert {p["arm"] for p in points} == rows.keys()
    assert {p["arm"]: p["front"] == "1" for p in points} == {
        arm: row["on_front"] == "True" for arm, row in rows.items()
    }
    # The simulation is the best and trains for next to nothing, and competes with no imitation.
    assert rows["simulation"]["on_front"] == "False"
    surrogates = [arm for arm in rows if arm.startswith("tcn_surrogate")]
    assert surrogates == ["tcn_surrogate layers=3 width=32, 1000 steps"]
    curves = page.js("all('#curves .curve').map((c) => c.dataset.arm)")
    assert not [arm for arm in curves if arm.startswith("tcn_surrogate") and "1000" not in arm]


def test_the_grid_recomputes_co2e_in_the_page(page, report):
    page.open(report.path, "#axis=co2e&grid=FRA")
    rows = source(report, "digits", "train")
    for p in dict(marks(page))["digits"]:
        grams = carbon.co2e_g(float(rows[p["arm"]]["x"]), carbon.grid("FRA"))
        assert float(p["x"]) == pytest.approx(grams, rel=1e-5)


def test_what_is_shown_stands_in_the_address(page, report):
    page.js("named('#axis button', 'Time').click()")
    page.js("type('grid', 'DEU', 'change')")
    address = page.js("location.hash")
    assert address == "#axis=time&grid=DEU"
    page.open(report.path, address)
    assert page.js("texts('#axis [aria-pressed=true]')") == ["Time"]
    assert page.js("document.getElementById('grid').value") == "DEU"


@pytest.mark.parametrize(
    "address",
    ["#axis=nonsense&phase=%E0%A4%A&grid=&setting=x", "#=&&=", "#axis=samples&phase=infer"],
)
def test_a_broken_address_shows_the_page_all_the_same(page, report, address):
    page.open(report.path, address)
    assert len(dict(marks(page))["digits"]) > 0


def test_settings_are_shown_one_at_a_time(page, report):
    page.open(report.path, "#setting=workstation%20%C2%B7%20cpu%3A1%20%C2%B7%20quick")
    rows = source(report, "digits", "train", "workstation-cpu-1-quick")
    drawn = {p["arm"]: float(p["x"]) for p in dict(marks(page))["digits"]}
    assert drawn == pytest.approx({a: float(r["x"]) for a, r in rows.items()}, rel=1e-5)
    shown = page.js("all('article').filter((a) => !a.hidden).map((a) => a.dataset.setting)")
    assert set(shown) == {"workstation \u00b7 cpu:1 \u00b7 quick"}


def test_families_can_be_hidden(page):
    page.js("named('#legend button', 'point').click()")
    arms = {p["arm"] for p in dict(marks(page))["digits"]}
    assert "mlp 4000p" not in arms
    assert "dann 4000p" in arms


def test_the_table_sorts_and_filters(page):
    column = "all('#table tbody tr').map((r) => parseFloat(r.children[3].textContent))"
    page.js("type('find', 'digits', 'input')")
    page.js("document.querySelector('#table button[aria-label=Quality]').click()")
    down = page.js(column)
    assert len(down) == 21
    assert down == sorted(down, reverse=True)
    page.js("document.querySelector('#table button[aria-label=Quality]').click()")
    assert page.js(column) == sorted(down)
    assert page.js("texts('#table th[aria-sort=ascending]')") == ["Quality"]
    assert set(page.js("texts('#table tbody td:nth-child(2)')")) == {"digits"}


def test_hostile_names_are_shown_as_they_are(page):
    names = page.js("texts('#table tbody th')")
    for name in HOSTILE:
        assert f"{name} 4000p" in names


def test_page_and_files_write_numbers_alike(page, report):
    rows = source(report, "digits", "train")
    cells = page.js(
        "all('tbody tr', figure('digits'))"
        ".map((r) => [r.children[0].textContent, r.children[3].textContent])"
    )
    assert len(cells) == len(rows)
    for arm, text in cells:
        assert text == quantities.si(float(f"{float(rows[arm]['x']):.6g}"), "J")


@pytest.mark.parametrize("width", [380, 800, 1280])
def test_nothing_runs_over_the_edge(page, report, width):
    page.size(width)
    page.open(report.path)
    assert page.js("document.documentElement.scrollWidth") <= width
    edges = page.js("all('figure > svg').map((s) => s.getBoundingClientRect().right)")
    assert max(edges) <= width


def test_every_figure_has_a_description_and_a_table(page):
    figures = page.js(
        "all('#figures figure > svg').map((s) => [s.getAttribute('role'), "
        "s.getAttribute('aria-label').length, all('table tbody tr', s.parentElement).length])"
    )
    assert len(figures) == 3
    for role, words, rows in figures:
        assert role == "img"
        assert words > 40
        assert rows > 0


def test_everything_can_be_reached_and_used_with_the_keyboard(page):
    reached = []
    for _ in range(40):
        page.key("Tab")
        reached.append(page.js("document.activeElement.id || document.activeElement.textContent"))
    for name in ("theme", "setting", "Inference", "Time", "grid", "showseeds"):
        assert name in reached
    page.js("named('#axis button', 'Time').focus()")
    page.key("Enter")
    assert page.js("location.hash") == "#axis=time"
    assert page.js("document.activeElement.textContent") == "Time"


# WCAG 2.1, 1.4.3: relative luminance of each text against the nearest background below it.
CONTRAST = """
(() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => {
    const [r, g, b] = parse(c).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const under = (n) => {
    for (; n; n = n.parentElement) {
      const c = getComputedStyle(n).backgroundColor;
      if (parse(c).length < 4 || parse(c)[3] > 0) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  const bad = [];
  for (const n of all('body *')) {
    if (![...n.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())) continue;
    if (n.closest('script, style, noscript') || !n.getClientRects().length) continue;
    if (n.disabled) continue;
    const ink = getComputedStyle(n)[n.namespaceURI.includes('svg') ? 'fill' : 'color'];
    const [u, v] = [light(ink), light(under(n))];
    const ratio = (Math.max(u, v) + 0.05) / (Math.min(u, v) + 0.05);
    if (ratio < 4.5) bad.push([ratio.toFixed(2), n.tagName, n.textContent.slice(0, 40)]);
  }
  return bad;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_has_contrast_of_at_least_four_and_a_half(page, report, scheme):
    page.size(1280, scheme=scheme)
    page.open(report.path)
    assert page.js(CONTRAST) == []
    dark = page.js("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(20, 22, 26)") == (scheme == "dark")


def axe():
    """The script of axe-core, from whichever package ships it, or None; nothing is imported."""
    for package in ("axe_playwright_python", "axe_core_python"):
        found = find_spec(package)
        for folder in () if found is None else found.submodule_search_locations or ():
            path = Path(folder) / "axe.min.js"
            if path.is_file():
                return path.read_text(encoding="utf-8")
    return None


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Every section, with little in each: axe looks at every element."""
    home = tmp_path_factory.mktemp("small")
    records = [*synthetic.study(seeds=3, sizes=(4_000,)), synthetic.make(machine="workstation")]
    records += robust.study(seeds=3)
    runs = synthetic.save(
        [*records, *cells.cell("neuron_l5_nmda", cells.NMDA), *cells.beside()], home / "runs"
    )
    return render.report([runs], home / "report", formats=["html"])


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (380, "light")])
def test_axe_finds_no_serious_violation(page, small, width, scheme):
    script = axe()
    if script is None:
        pytest.skip("no package here ships axe-core (pip install axe-core-python)")
    page.size(width, scheme=scheme)
    page.open(small.path)
    page.js("all('details').forEach((d) => { d.open = true; })")
    page.js(f"{script};0")
    found = page.js(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations"
        ".filter((v) => ['serious', 'critical'].includes(v.impact))"
        ".map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120))]))"
    )
    assert found == []


@pytest.mark.parametrize(
    "records",
    [
        [],
        [synthetic.make()],
        [synthetic.make(status="failed", error="boom")],
        [synthetic.make(valid=False)],
    ],
    ids=["none", "one", "failed", "no energy"],
)
def test_little_is_shown_without_an_error(chromium, tmp_path, records):
    report = render.report(
        [synthetic.save(records, tmp_path / "runs")], tmp_path / "report", formats=["html"]
    )
    chromium.open(report.path)
    assert chromium.problems() == []
    assert chromium.js("document.querySelector('h1').textContent") == "What accuracy costs"


def test_without_any_valid_energy_the_next_figure_is_drawn(chromium, tmp_path):
    runs = synthetic.save([synthetic.make(valid=False, seed=s) for s in range(3)], tmp_path / "a")
    chromium.open(render.report([runs], tmp_path / "report", formats=["html"]).path)
    assert chromium.js("texts('#axis [aria-pressed=true]')") == ["Time"]
    assert len(chromium.js("all('#figures .median').map(() => 1)")) == 1


def test_a_link_to_a_figure_keeps_what_is_shown(page, report):
    page.open(report.path, "#axis=time")
    page.js("document.querySelector('.overview a').click()")
    assert page.js("location.hash") == "#axis=time"
    assert page.js("document.activeElement.tagName") == "FIGURE"


NEURON = "section[aria-labelledby=neuron]"


def test_the_neurons_figures_are_described_and_their_numbers_stand_in_tables(page, small):
    page.open(small.path)
    drawn = page.js(
        f"all('{NEURON} svg').map((s) => [s.getAttribute('role'), s.getAttribute('aria-label')])"
    )
    assert [role for role, _ in drawn] == ["img"] * 3
    assert all("numbers are in the table below" in words for _, words in drawn)
    page.js(f"all('{NEURON} details').forEach((d) => {{ d.open = true; }})")
    heads = page.js(f"texts('{NEURON} thead tr')")
    for head in ("Layers", "Imitation", "Design"):
        assert any(text.startswith(head) for text in heads)


@pytest.mark.parametrize("width", [380, 1280])
def test_the_neuron_stays_within_the_edge(page, small, width):
    page.size(width)
    page.open(small.path)
    page.js(f"all('{NEURON} details').forEach((d) => {{ d.open = true; }})")
    assert page.js("document.documentElement.scrollWidth") <= width
    edges = page.js(f"all('{NEURON} svg').map((s) => s.getBoundingClientRect().right)")
    assert max(edges) <= width
