import json
from importlib.resources import files

import pytest

from neurojoule import carbon
from neurojoule.errors import UserError


def test_one_kilowatt_hour_emits_the_intensity_of_the_grid():
    france = carbon.grid("FRA")
    assert carbon.co2e_g(3.6e6, france) == pytest.approx(france.g_per_kwh)


def test_every_country_of_codecarbon_has_its_value_and_year():
    path = files("codecarbon") / "data" / "private_infra" / "global_energy_mix.json"
    theirs = json.loads(path.read_text(encoding="utf-8"))
    ours = carbon.grids()
    assert set(ours) == {*theirs, carbon.WORLD}
    for code, entry in theirs.items():
        assert ours[code].g_per_kwh == pytest.approx(entry["carbon_intensity"])
        assert ours[code].year == entry["year"]
        assert ours[code].name == entry["country_name"]


def test_values_agree_with_what_codecarbon_itself_computes():
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    for code in ("FRA", "DEU", "CHN"):
        name = carbon.grid(code).name
        kg = Emissions(DataSource()).get_country_emissions(
            Energy.from_energy(2.0), GeoMetadata(country_iso_code=code, country_name=name)
        )
        assert carbon.co2e_g(2 * 3.6e6, carbon.grid(code)) == pytest.approx(1000 * kg, rel=1e-6)


def test_the_world_average_is_labelled_as_such_and_never_a_silent_fallback():
    assert "World average" in str(carbon.grid("WLD"))
    with pytest.raises(UserError, match="No grid intensity is known for the country 'XYZ'"):
        carbon.grid("XYZ")


@pytest.mark.parametrize("given", ["fra", " FRA ", "France", "france"])
def test_a_country_is_known_by_code_or_name_in_any_case(given):
    assert carbon.grid(given).code == "FRA"


@pytest.mark.parametrize(
    ("given", "nearest"), [("FRE", "FRA \\(France\\)"), ("Germny", "DEU \\(Germany\\)")]
)
def test_an_unknown_country_names_the_nearest_by_code_and_by_name(given, nearest):
    with pytest.raises(UserError, match=nearest):
        carbon.grid(given)


def test_pue_multiplies_and_cannot_be_below_one():
    world = carbon.grid("WLD")
    assert carbon.co2e_g(100, world, pue=1.58) == pytest.approx(1.58 * carbon.co2e_g(100, world))
    for pue in (0.9, float("nan")):
        with pytest.raises(ValueError, match="PUE"):
            carbon.co2e_g(1, world, pue=pue)


def test_the_embodied_share_is_the_share_of_life_and_machine():
    # By hand: 1300 kg, an hour of 4 years, half of the machine.
    hour = 1300e3 / (4 * 365.25 * 24) / 2
    got = carbon.embodied_g(3600, manufacture_kg=1300, lifetime_years=4, share=0.5)
    assert got == pytest.approx(hour)
    with pytest.raises(ValueError, match="out of range"):
        carbon.embodied_g(1, manufacture_kg=1, lifetime_years=0)


def test_equivalents_of_known_amounts():
    by_name = {e.unit.name: e for e in carbon.equivalents(20 * 3600, 2.4e6)}
    assert by_name["seconds of a human brain"].central == pytest.approx(3600)
    assert by_name["passenger's return flights New York to Beijing"].central == pytest.approx(1)
    assert by_name["hours of an LED bulb"].central == pytest.approx(20 / 9)
    # 300 t of CO2e, as in Dhar 2020, are 125 flights.
    flights = carbon.equivalents(0, 300e6)[-1]
    assert flights.central == pytest.approx(125)


def test_every_equivalence_has_a_source_and_an_ordered_range():
    for unit in carbon.UNITS:
        assert 0 < unit.low <= unit.central <= unit.high
        assert any(character.isdigit() for character in unit.source)
