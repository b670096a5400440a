"""Energy to CO2 equivalent, for any grid; the share of making the machine; things to compare with.

Pure functions. CO2e is never stored: it is computed from joules when a report is made, so that one
run can be read on every grid. Grid intensities are those that CodeCarbon ships (national yearly
means); its regional files use other boundaries and are not mixed in.

A source that stands beside a number was read in November 2026, itself or its abstract, unless a
comment says otherwise.
"""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from neurojoule.errors import UserError

J_PER_KWH = 3.6e6

WORLD = "WLD"
"""Code of the world average: the default grid of a report, always labelled as such."""


@dataclass(frozen=True)
class Grid:
    """Where the electricity comes from.

    Attributes:
        code: ISO 3166-1 alpha-3, or `WLD` for the world average.
        name: the country's name.
        g_per_kwh: grams of CO2 equivalent a kilowatt-hour.
        year: the year that the intensity describes.
        source: who says so.
    """

    code: str
    name: str
    g_per_kwh: float
    year: int
    source: str

    def __str__(self) -> str:
        return f"{self.name}, {self.g_per_kwh:.0f} g CO2e/kWh ({self.year}; {self.source})"


_OWID = "Our World in Data and Ember, as shipped by CodeCarbon"
_IEA = "IEA Global Energy & CO2 Status Report 2019, as shipped by CodeCarbon"


@cache
def grids() -> dict[str, Grid]:
    """All grids by code: the world average, then the countries in CodeCarbon's data by name."""
    data = files("codecarbon") / "data" / "private_infra"
    mix = json.loads((data / "global_energy_mix.json").read_text(encoding="utf-8"))
    sources = json.loads((data / "carbon_intensity_per_source.json").read_text(encoding="utf-8"))
    world = Grid(WORLD, "World average", float(sources["world_average"]), 2018, _IEA)
    countries = (
        Grid(code, entry["country_name"], float(entry["carbon_intensity"]), entry["year"], _OWID)
        for code, entry in mix.items()
    )
    return {grid.code: grid for grid in (world, *sorted(countries, key=lambda g: g.name))}


def grid(country: str) -> Grid:
    """The grid of `country`, an ISO 3166-1 alpha-3 code or a country's name, in any case.

    Raises:
        UserError: when CodeCarbon has no figure for it, with the nearest by code and by name.
            (CodeCarbon itself would silently take the world average.)
    """
    known = grids()
    given = country.strip()
    if given.upper() in known:
        return known[given.upper()]
    by_name = {g.name.casefold(): g for g in known.values()}
    if given.casefold() in by_name:
        return by_name[given.casefold()]
    near = [
        *(known[c] for c in difflib.get_close_matches(given.upper(), known, n=3, cutoff=0.6)),
        *(by_name[n] for n in difflib.get_close_matches(given.casefold(), by_name, n=3)),
    ]
    advice = (
        "Did you mean " + ", ".join(f"{g.code} ({g.name})" for g in dict.fromkeys(near)) + "?"
        if near
        else "Give an ISO 3166-1 alpha-3 code, such as FRA, DEU, USA or CHN, or WLD for the world."
    )
    raise UserError(f"No grid intensity is known for the country {country!r}. {advice}")


def co2e_g(energy_j: float, grid: Grid, *, pue: float = 1.0) -> float:
    """Grams of CO2 equivalent of the electricity.

    Args:
        energy_j: joules at the machine.
        grid: where they come from.
        pue: power usage effectiveness, the joules a building draws for one at the machine; 1 for
            a desk. The Green Grid, White paper 49 (2012; from memory). Data centres averaged 1.58
            in 2023 (Uptime Institute, Intelligence Update 221, November 2023).

    Raises:
        ValueError: when `pue` is below 1.
    """
    if not pue >= 1:
        raise ValueError(f"A PUE is 1 or more; given {pue}.")
    return energy_j * pue / J_PER_KWH * grid.g_per_kwh


def embodied_g(
    time_s: float,
    *,
    manufacture_kg: float,
    lifetime_years: float,
    share: float = 1.0,
) -> float:
    """Grams of CO2 equivalent of making the machine that fall to `time_s` seconds of its life.

    M = TE x TS x RS, Green Software Foundation, Software Carbon Intensity Specification (ISO/IEC
    21031:2024): the total, times the share of the expected life, times the share of the machine.

    Args:
        time_s: how long the machine was held.
        manufacture_kg: kg CO2e of making it, from the maker's product carbon footprint sheet; the
            larger part of a laptop's whole life is its making, of a server's its use.
        lifetime_years: how long it will be used; the specification's own example has 4.
        share: of the machine that was held, such as 2 of 16 cores.

    Raises:
        ValueError: when the lifetime is not positive or the share not in [0, 1].
    """
    if lifetime_years <= 0 or not 0 <= share <= 1:
        raise ValueError(f"Lifetime {lifetime_years} years, share {share}: out of range.")
    return manufacture_kg * 1e3 * time_s / (lifetime_years * 365.25 * 86400) * share


@dataclass(frozen=True)
class Unit:
    """Something to compare with: what one of it costs, as a central value and a range.

    Attributes:
        name: what is counted, such as "seconds of a human brain".
        of: whether one of it costs joules or grams of CO2e.
        low, central, high: that cost, with its range.
        source: where it comes from.
    """

    name: str
    of: str
    low: float
    central: float
    high: float
    source: str


UNITS: tuple[Unit, ...] = (
    Unit(
        "seconds of a human brain",
        "J",
        12.0,
        20.0,
        23.2,
        "20 W: Balasubramanian 2021, PNAS 118 e2107022118. Low: 20 % of a 60 W basal rate; "
        "high: 20 % of 2,400 kcal a day.",
    ),
    Unit(
        "hours of an LED bulb",
        "J",
        7 * 3600.0,
        9 * 3600.0,
        12 * 3600.0,
        "9 W for the 800 lumens of a 60 W incandescent bulb, as bulbs are labelled; 7 and 12 W are "
        "those of 114 and 67 lumens a watt.",
    ),
    # EPA: 8,887 g a gallon were read, and make 400 g a mile at 22.2 miles a gallon.
    Unit(
        "kilometres of a petrol car",
        "g",
        108.0,
        400 / 1.609344,
        300.0,
        "400 g a mile: EPA, Greenhouse Gas Emissions from a Typical Passenger Vehicle (2023). Low: "
        "mean of new cars in the EU, Iceland and Norway in 2022, electric ones included, in the "
        "laboratory (EEA). High: own margin of 20 %.",
    ),
    # Not at hand: Dhar's page (quoted alike by several) and, of the ICCT's paper, the 747 Mt and
    # 8.5e12 km (918 Mt with freight was found). The factor 2 is what Jungbluth & Meili recommend.
    Unit(
        "passenger's return flights New York to Beijing",
        "g",
        1.94e6,
        2.4e6,
        3.9e6,
        "2.4 t: 300 t over 125 flights, Dhar 2020, Nature Machine Intelligence 2, 423. Low: "
        "22,000 km at 88 g CO2 a passenger-km, the world's mean: 747 Mt of passenger flights in "
        "2018 (Graver, Zhang & Rutherford 2019, ICCT) over 8.5e12 km. High: the latter times 2 for "
        "effects at altitude (Jungbluth & Meili 2019, Int. J. LCA 24, 404).",
    ),
)


@dataclass(frozen=True)
class Equivalent:
    """An amount of some `Unit`, with the range that its cost leaves."""

    unit: Unit
    low: float
    central: float
    high: float


def equivalents(energy_j: float, grams: float) -> tuple[Equivalent, ...]:
    """How many of each of `UNITS` the joules, or the grams of CO2e, amount to."""
    amounts = {"J": energy_j, "g": grams}
    return tuple(
        Equivalent(
            unit,
            amounts[unit.of] / unit.high,
            amounts[unit.of] / unit.central,
            amounts[unit.of] / unit.low,
        )
        for unit in UNITS
    )
