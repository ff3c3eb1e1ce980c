"""The table of USPS Publication 28 agrees with an independent one, and with what that one lacks or has otherwise."""

from scourgify.address_constants import DIRECTIONAL_REPLACEMENTS, OCCUPANCY_TYPE_ABBREVIATIONS, STREET_TYPE_ABBREVIATIONS

from gatekeeper.domain.usps import ABBREVIATIONS

OTHERWISE = {"KEY": "KY", "UPPER": "UPPR"}
"""Appendix C1 abbreviates KEY as a suffix; C2 says UPPR."""
MORE = {"COMMONS": "CMNS", "CROSSROADS": "XRDS", "CAUSWA": "CSWY", "TRLRS": "TRLR", "HANGAR": "HNGR"}


def test_it_is_the_table_of_the_library() -> None:
    tables = STREET_TYPE_ABBREVIATIONS | OCCUPANCY_TYPE_ABBREVIATIONS | DIRECTIONAL_REPLACEMENTS
    words = {word: short for word, short in tables.items() if " " not in word and word != short}
    assert {**words, **OTHERWISE, **MORE} == ABBREVIATIONS


def test_an_abbreviation_stands_for_itself() -> None:
    assert {short: ABBREVIATIONS[short] for short in ABBREVIATIONS.values() if short in ABBREVIATIONS} == {}


def test_every_designator_of_appendix_c2() -> None:
    wanted = {
        "APARTMENT": "APT",
        "BASEMENT": "BSMT",
        "BUILDING": "BLDG",
        "DEPARTMENT": "DEPT",
        "FLOOR": "FL",
        "FRONT": "FRNT",
        "HANGER": "HNGR",
        "LOBBY": "LBBY",
        "LOWER": "LOWR",
        "OFFICE": "OFC",
        "PENTHOUSE": "PH",
        "ROOM": "RM",
        "SPACE": "SPC",
        "SUITE": "STE",
        "TRAILER": "TRLR",
        "UPPER": "UPPR",
    }
    assert {word: ABBREVIATIONS.get(word) for word in wanted} == wanted
    assert [word for word in ("LOT", "PIER", "REAR", "SIDE", "SLIP", "STOP", "UNIT", "STE", "#") if word in ABBREVIATIONS] == []
