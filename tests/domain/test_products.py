"""The forms of an NDC, and which product the codes name."""
# ruff: noqa: RUF001 - digits and letters that only look like those of ASCII are the point

import pytest

from gatekeeper.domain.products import NOT_COVERED, covered_package, find_product, gtin_of, ndc_of_record, ndc_readings, read_product
from gatekeeper.domain.program import Program
from tests.domain.worlds_of_cases import LEMTRADA

KEY = "058468020001"


@pytest.mark.parametrize(
    "ndc", ["58468-0200-1", "58468-0200-01", "58468-200-01", "058468-0200-01", "058468-200-01", "058468-0200-1", "58468020001", KEY]
)
def test_writings_of_one_package(ndc: str) -> None:
    assert ndc_readings(ndc) == (KEY,)


def test_four_four_two() -> None:
    assert ndc_readings("0093-7180-56") == ("000093718056",)


def test_ten_digits_have_three_readings() -> None:
    assert ndc_readings("5846802001") == ("005846802001", "058468002001", KEY)


def test_readings_that_are_the_same_are_one() -> None:
    assert ndc_readings("0000000000") == ("000000000000",)


@pytest.mark.parametrize("ndc", ["0093-718056", "58468-02001"])
def test_hri_forms_are_read_and_nobodys(ndc: str) -> None:
    assert ndc_readings(ndc) == ()


@pytest.mark.parametrize(
    "ndc",
    [
        "",
        "LEMTRADA",
        "584680200",
        "0584680200010",
        "58468-02-001",
        "00093-71-8056",
        "4444-333-22",
        "55555-333-1",
        "666666-333-333",
        "58468-0200-1 ",
        "58468_0200_1",
        "５８４６８-0200-1",
        "58468-0200-1\n",
    ],
)
def test_what_is_no_ndc(ndc: str) -> None:
    assert ndc_readings(ndc) is None


def test_gtin_of_an_ndc() -> None:
    assert gtin_of("5846802001") == "00358468020017"


@pytest.mark.parametrize(("key", "ndc"), [(KEY, "58468-0200-01"), ("123456020001", "123456-0200-01")])
def test_ndc_of_a_record(key: str, ndc: str) -> None:
    assert ndc_of_record(key) == ndc


def test_what_nobody_restricts_asks_for_no_mode() -> None:
    def never(program: Program) -> bool:
        raise AssertionError(program)

    assert find_product(read_product("00093-7180-56", "00300937180562", (LEMTRADA,)), (LEMTRADA,), never) == NOT_COVERED


def test_covered_whatever_the_mode() -> None:
    assert covered_package("58468-0200-1", None, (LEMTRADA,)) == LEMTRADA.packages[0]
    assert covered_package("58468-0200-2", None, (LEMTRADA,)) is None


@pytest.mark.parametrize(("ndc", "gtin"), [("58468-0200-2", None), ("n/a", None), (None, "50358468020012"), ("n/a", "00358468020018")])
def test_nothing_is_watched_where_no_program_is_in_force(ndc: str | None, gtin: str | None) -> None:
    assert find_product(read_product(ndc, gtin, (LEMTRADA,)), (LEMTRADA,), lambda _: False) == NOT_COVERED
    assert find_product(read_product(ndc, gtin, ()), (), lambda _: True) == NOT_COVERED
