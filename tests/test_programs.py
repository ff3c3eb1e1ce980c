"""Program rules are read strictly: a slip of the pen is one plain sentence that names file and key."""

import hashlib
from pathlib import Path

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.programs import load_programs, program_document, program_from
from gatekeeper.rules import RuleBook

BUILT_IN = Path(__file__).parents[1] / "gatekeeper" / "programs" / "lemtrada.toml"
TEXT = BUILT_IN.read_text(encoding="utf-8")


def refused(folder: Path, text: str | bytes, file: str = "rules.toml") -> str:
    (folder / file).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(Unusable) as caught:
        RuleBook.read(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_the_built_in_rules_of_lemtrada() -> None:
    (program,) = load_programs()
    assert program.sha256 == hashlib.sha256(BUILT_IN.read_bytes()).hexdigest()
    (package,) = program.packages
    assert (package.ndc, package.gtin, package.unit, package.units) == ("058468020001", "00358468020017", "vial", (("vial", 1),))
    assert (program.watched, program.classes) == (("0584680200",), ("pharmacy", "healthcare_facility"))
    assert (program.time_zone, program.patient_rule, program.whole_order) == ("America/New_York", "authorized", False)
    assert (program.certification_years, program.transit_days, program.registry_age_limit_hours) == (2, 1, 24)
    assert (program.ship_date_limit_days, program.return_window_business_days) == (7, 75)


def test_a_program_is_kept_and_read_back() -> None:
    for program in load_programs():
        assert program_from(program_document(program)) == program
        assert hash(program_from(program_document(program))) == hash(program)


@pytest.mark.parametrize(
    "key", [line.split(" = ")[0] for line in TEXT.splitlines() if " = " in line and line[0] not in "#[" and line[:4] != "gtin"]
)
def test_every_key_is_needed(key: str, tmp_path: Path) -> None:
    without = "\n".join(line for line in TEXT.splitlines() if not line.startswith(f"{key} ="))
    if key == "name":
        without = TEXT.replace('name = "lemtrada"', "")
    sentence = refused(tmp_path, without)
    assert sentence.startswith("rules.toml: ")
    assert sentence.endswith(f"{key} is missing.")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("transit_days = 1", "transit_days = 1\ncolour = 1", "colour"),
        ('unit = "vial"', 'unit = "vial"\ncolour = 1', "packages[0].colour"),
        ("transit_days = 1", 'transit_days = "1"', "transit_days"),
        ("transit_days = 1", "transit_days = true", "transit_days"),
        ("transit_days = 1", "transit_days = 1.0", "transit_days"),
        ("transit_days = 1", "transit_days = -1", "transit_days"),
        ("certification_years = 2", "certification_years = 0", "certification_years"),
        ("whole_order = false", "whole_order = 0", "whole_order"),
        ('name = "lemtrada"', 'name = "lem trada"', "name"),
        ('name = "lemtrada"', 'name = ""', "name"),
        ("2014-11-14", '"2014-11-14"', "in_force_from"),
        ("2014-11-14", "2014-11-14T00:00:00", "in_force_from"),
        ("2014-11-14", "1214-11-14", "in_force_from"),
        ("2014-11-14", "2014-11-14\nin_force_through = 2014-11-13", "in_force_through"),
        ("America/New_York", "America/Nowhere", "time_zone"),
        ("America/New_York", "../etc", "time_zone"),
        ('"authorized"', '"sometimes"', "patient_rule"),
        ('"continuous"', '"sometimes"', "feed_cadence"),
        ('"healthcare_facility"]', '"hospital"]', "classes"),
        ('["pharmacy", "healthcare_facility"]', "[]", "classes"),
        ('["pharmacy", "healthcare_facility"]', '["pharmacy", "pharmacy"]', "classes"),
        ('["pharmacy", "healthcare_facility"]', '["pharmacy", 1]', "classes"),
        ('"58468-0200"]', '"5846-02"]', "watched"),
        ('ndc = "58468-0200-1"', 'ndc = "5846802001"', "packages[0].ndc"),
        ('ndc = "58468-0200-1"', 'ndc = "58468-02001"', "packages[0].ndc"),
        ("00358468020017", "00358468020018", "packages[0].gtin"),
        ("{ vial = 1 }", "{ vial = 2 }", "packages[0].units"),
        ("{ vial = 1 }", "{ box = 1 }", "packages[0].units"),
        ("{ vial = 1 }", "{ vial = 1, box = 0 }", "packages[0].units"),
        ("{ vial = 1 }", "{ vial = 1, box = true }", "packages[0].units"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, key: str, tmp_path: Path) -> None:
    assert TEXT.count(old) == 1
    assert refused(tmp_path, TEXT.replace(old, new)).startswith(f"rules.toml: {key} ")


def test_a_package_without_gtin_has_the_one_made_of_its_ndc(tmp_path: Path) -> None:
    without = TEXT.replace('gtin = "00358468020017"\n', "")
    (tmp_path / "rules.toml").write_text(without, encoding="utf-8")
    (program,) = load_programs(tmp_path)
    assert program.packages[0].gtin == "00358468020017"
    sentence = refused(tmp_path, without.replace("58468-0200-1", "58468-0200-01"))
    assert sentence.startswith("rules.toml: packages[0].gtin is missing")


def test_two_rows_of_one_package(tmp_path: Path) -> None:
    row = TEXT[TEXT.index("[[packages]]") :]
    assert "058468020001 stands in rules.toml already" in refused(tmp_path, TEXT + row.replace('"58468-0200-1"', '"58468-200-01"'))
    assert "00358468020017 stands in rules.toml already" in refused(tmp_path, TEXT + row.replace('"58468-0200-1"', '"58468-0200-2"'))


def test_two_programs_with_one_package_or_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TEXT, encoding="utf-8")
    assert refused(tmp_path, TEXT, "b.toml") == "b.toml: rules of lemtrada that hold from 2014-11-14 on stand in a.toml already."
    assert refused(tmp_path, TEXT.replace('"lemtrada"', '"other"'), "b.toml") == "b.toml: ndc 058468020001 stands in a.toml already."


@pytest.mark.parametrize("text", ["name = ", b"\xff", "a" * 100_000 + " = ["])
def test_what_is_not_toml(text: str | bytes, tmp_path: Path) -> None:
    assert refused(tmp_path, text).startswith("rules.toml is not ")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing", BUILT_IN):
        with pytest.raises(Unusable):
            load_programs(folder)
