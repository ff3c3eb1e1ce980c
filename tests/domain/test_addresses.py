"""What of an address counts."""
# ruff: noqa: RUF001 - digits and letters that only look like those of ASCII are the point

import pytest

from gatekeeper.domain.addresses import address_key
from gatekeeper.domain.order import Address


def key(street: str, street2: str | None = None, postal_code: str = "02110") -> str:
    return address_key(Address(street, street2, "Boston", "MA", postal_code))


@pytest.mark.parametrize(
    ("street", "expected"),
    [
        ("100 Main Street", "100 MAIN ST"),
        ("12-14 St. Mary's Plaza, N.W.", "12 14 ST MARYS PLZ NW"),
        ("45 North Harbor Road Northwest", "45 N HBR RD NW"),
        ("7 Calle Peñón", "7 CALLE PENON"),
        ("1 O\u2019Hara St", "1 OHARA ST"),
        ("9 U.S. Hwy", "9 US HWY"),
        ("9 US.Hwy", "9 US HWY"),
        ("9 A.5 St", "9 A 5 ST"),
        ("Ｓuite_4", "# 4"),
        ("Suite #4", "# 4"),
        ("Apt. Rm 4", "# 4"),
        ("Floor 4", "FL 4"),
        ("#4#5", "# 4 # 5"),
        ("½ Mile Rd", "1 2 MILE RD"),
        ("Straße 5", "STRASSE 5"),
        ("", ""),
    ],
)
def test_words(street: str, expected: str) -> None:
    assert key(street) == f"{expected} | 02110"


def test_the_lines_are_joined() -> None:
    assert key("100 Main St", "Ste 4") == key("100 Main Street Suite 4")
    assert key("100 Main St", "Ste 4") != key("100 Main St")


@pytest.mark.parametrize(("written", "counts"), [("02110-1234", "02110"), ("0211", "0211"), ("MA 02110", "02110"), ("０２１１０", "")])
def test_zip(written: str, counts: str) -> None:
    assert key("1 A St", None, written) == f"1 A ST | {counts}"


def test_city_and_state_do_not_count() -> None:
    assert address_key(Address("1 A St", None, "Boston", "MA", "02110")) == address_key(Address("1 A St", None, "Cambridge", "NH", "02110"))
