"""Check digits: published examples pass; every single wrong digit and every swap that the rule can see is rejected."""
# ruff: noqa: RUF001 - digits and letters that only look like those of ASCII are the point

import pytest

from gatekeeper.domain.identifiers import dea_is_valid, gln_is_valid, gs1_check_digit, gtin_14, npi_is_valid


@pytest.mark.parametrize("npi", ["1234567893", "1245319599", "1999999984"])
def test_npi(npi: str) -> None:
    assert npi_is_valid(npi)


@pytest.mark.parametrize("dea", ["AP5836727", "F91234563"])
def test_dea(dea: str) -> None:
    assert dea_is_valid(dea)


@pytest.mark.parametrize("gln", ["0614141000012", "0614141000029"])
def test_gln(gln: str) -> None:
    assert gln_is_valid(gln)


@pytest.mark.parametrize("npi", ["", "123456789", "12345678930", "3000000000", "1234567893\n", "１234567893", "12345 67893"])
def test_npi_form(npi: str) -> None:
    assert not npi_is_valid(npi)


@pytest.mark.parametrize("dea", ["", "AP583672", "AP58367270", "ap5836727", "9P5836727", "A85836727", "AP5836727-012", "AP5836727\n"])
def test_dea_form(dea: str) -> None:
    assert not dea_is_valid(dea)


@pytest.mark.parametrize("gln", ["", "614141000012", "00614141000012", "0614141000012\n"])
def test_gln_form(gln: str) -> None:
    assert not gln_is_valid(gln)


def test_every_wrong_digit_is_seen() -> None:
    for text, is_valid in (("1234567893", npi_is_valid), ("0614141000012", gln_is_valid)):
        for place, right in enumerate(text):
            for wrong in set("0123456789") - {right}:
                assert not is_valid(text[:place] + wrong + text[place + 1 :])


def test_a_swap_of_neighbours_is_seen() -> None:
    assert not npi_is_valid("1234567983")
    assert not dea_is_valid("AP8536727")


@pytest.mark.parametrize(
    ("text", "padded"),
    [
        ("96385074", "00000096385074"),
        ("358468020017", "00358468020017"),
        ("0358468020017", "00358468020017"),
        ("00358468020017", "00358468020017"),
        ("58468020016", None),
        ("000358468020017", None),
        ("00358468020018", None),
        ("", None),
        ("0035846802001７", None),
    ],
)
def test_gtin(text: str, padded: str | None) -> None:
    assert gtin_14(text) == padded


def test_gs1_check_digit() -> None:
    assert gs1_check_digit("0035846802001") == "7"
