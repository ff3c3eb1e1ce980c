"""A table whose columns changed places is refused; one that is honest is not, however thin."""

import csv
import io
from itertools import combinations
from pathlib import Path

import pytest

from gatekeeper.domain.identifiers import npi_is_valid
from gatekeeper.errors import Unusable
from gatekeeper.registry.site_rows import rows_of
from gatekeeper.registry.states import state_of, zip_is_of
from gatekeeper.registry.zip_codes import FILE

STREETS = ["100 Main Street", "12-14 Elm Ave", "7B Oak Road", "One Harbor Plaza", "PO Box 12"]
UNITS = ["Suite 4", "", "Floor 2", "STE 210", "#7"]
CITIES = ["Boston", "New York", "St. Paul", "29 Palms", "Ely"]
PLACES = [("MA", "02110"), ("New York", "10001"), ("MN", "55101-1234"), ("CA", "92277"), ("NV", "893011234")]
NPIS = [str(number) for number in range(1234567000, 1234568000) if npi_is_valid(str(number))]


def row(number: int) -> dict[str, str]:
    """Of a site as registries write them; no two alike."""
    at = number % 5
    return {
        "sequence": str(number), "effective_on": f"2025-0{at + 2}-02", "site_id": f"HF-{number:04}", "class": "healthcare_facility",
        "status": "certified", "certified_on": f"2025-0{at + 1}-01", "valid_through": f"2027-0{at + 1}-28",
        "name": ["Harbor Infusion Center", "360 Oncology", "21st Century Clinic", "Ely Hospital", "Café Care"][at],
        "address.street": STREETS[at], "address.street2": UNITS[at], "address.city": CITIES[at], "address.state": PLACES[at][0],
        "address.postal_code": PLACES[at][1], "identifiers.npi": NPIS[number % 90], "identifiers.dea": f"AP58367{number % 90 + 10}",
        "identifiers.ncpdp_id": f"37123{number % 90 + 10}", "identifiers.hin": f"5L2A3B{number % 90 + 10}0",
        "identifiers.gln": f"06141410{number:05}", "identifiers.account": f"WD-001:{number}|WD-002:{number}",
        "authorized_representative": ["J. Rivera", "Dr. Ann Lee", "M. Ortiz, 617-555-0100", "Robert Smith 3rd", "Li Wei"][at],
    }  # fmt: skip


COLUMNS = tuple(row(1))


def read(rows: list[dict[str, str]], swapped: tuple[str, str] = ("", "")) -> int:
    """How many facts the table has; with the heads of two columns changed for each other."""
    one, other = swapped
    names = {one: other, other: one}
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow([names.get(column, column) for column in rows[0]])
    lines.writerows(each.values() for each in rows)
    return len(list(rows_of(io.BytesIO(text.getvalue().encode()), "sites.csv", "lemtrada", lambda _: None)))


def without(column: str, number: int) -> dict[str, str]:
    return {name: "" if name == column else cell for name, cell in row(number).items()}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20, 100])
def test_an_honest_table_is_read(count: int) -> None:
    rows = [row(number) for number in range(1, count + 1)]
    assert read(rows) == count
    assert read([dict(reversed(each.items())) for each in rows]) == count


DECIDE_NOTHING = {
    ("name", "address.city"), ("name", "authorized_representative"), ("address.city", "authorized_representative"),
}  # fmt: skip
"""Words are words; nothing is decided by any of them."""
DAYS = {("effective_on", "valid_through"), ("effective_on", "certified_on")}
"""So few sites may each be told of late, or in advance."""


@pytest.mark.parametrize("swapped", list(combinations(COLUMNS, 2)), ids="-".join)
def test_two_columns_that_changed_places_are_noticed(swapped: tuple[str, str]) -> None:
    for count, unnoticed in ((5, DECIDE_NOTHING | DAYS), (40, DECIDE_NOTHING)):
        rows = [row(number) for number in range(1, count + 1)]
        if swapped in unnoticed:
            assert read(rows, swapped) == count
        else:
            with pytest.raises(Unusable, match=r"^sites\.csv.*[.:]"):
                read(rows, swapped)


CROSSED = [
    ("identifiers.npi", "address.postal_code"), ("identifiers.npi", "identifiers.ncpdp_id"), ("identifiers.dea", "identifiers.gln"),
    ("identifiers.gln", "site_id"), ("identifiers.npi", "name"), ("address.city", "address.state"), ("address.street", "address.city"),
    ("certified_on", "valid_through"), ("sequence", "address.postal_code"),
]  # fmt: skip


@pytest.mark.parametrize("swapped", CROSSED, ids="-".join)
def test_of_one_row_what_can_be_nothing_else_is_noticed(swapped: tuple[str, str]) -> None:
    with pytest.raises(Unusable):
        read([row(5)], swapped)


ODD = [
    {"identifiers.npi": "none"}, {"identifiers.npi": "1234567890"}, {"identifiers.dea": "", "identifiers.hin": "AP5836727"},
    {"address.street": "Harbor Medical Building", "address.street2": "100 Main Street"}, {"address.state": "Mass."},
    {"name": "360 Oncology", "address.street": "One Main Street"}, {"address.postal_code": "2110"}, {"address.city": "29 Palms"},
    {"authorized_representative": "617-555-0100"}, {"site_id": "02110"}, {"effective_on": "2027-12-01"}, {"identifiers.ncpdp_id": "x"},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_one_odd_value_is_no_reason_to_refuse_a_table(odd: dict[str, str]) -> None:
    assert read([row(1) | odd]) == 1
    assert read([row(1) | odd, row(2)]) == 2
    assert read([row(number) | (odd if number == 1 else {}) for number in range(1, 6)]) == 5


def test_cities_and_persons_that_are_written_with_more_are_no_others() -> None:
    more = {"address.city": "Boston, MA 02110", "authorized_representative": "617-555-0100"}
    assert read([row(number) | more for number in range(1, 31)]) == 30


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"identifiers.npi": "1234567890"}, "most values of the column identifiers.npi have not the check digit of an NPI"),
        (
            {"address.state": "MA", "address.postal_code": "94105"},
            "most values of the column address.postal_code are no ZIP codes of their",
        ),
        ({"address.postal_code": "2110"}, "none of the 30 values of the column address.postal_code look like a ZIP code"),
        ({"address.street2": "100 Main Street", "address.street": "Suite 4"}, "looks like a part of a building"),
    ],
)
def test_columns_that_are_wrong_in_themselves(cells: dict[str, str], sentence: str) -> None:
    with pytest.raises(Unusable, match=sentence):
        read([row(number) | cells for number in range(1, 31)])


def test_a_sequence_is_written_without_zeros_before_it() -> None:
    with pytest.raises(Unusable, match="/sequence"):
        read([row(1) | {"sequence": "02110"}])


def test_every_zip_code_is_of_a_state() -> None:
    codes = [line.split()[0] for line in Path(FILE).read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    states = sorted({state for name in ("MA", "Puerto Rico", "dc") if (state := state_of(name))})
    assert states == ["DC", "MA", "PR"]
    assert {code[:3] for code in codes if not any(zip_is_of(code, state) for state in every_state())} == set()


def every_state() -> set[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return {state for one in letters for other in letters if (state := state_of(one + other))}
