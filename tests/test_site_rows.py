"""Tables of few sites: each of them may be odd, and only what cannot be is refused."""

import hashlib
import io
from datetime import UTC, datetime

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.registry.site_columns import ENOUGH, MANY
from gatekeeper.registry.snapshot import read_csv
from schemas.fact import Fact, SnapshotHeader

AT = datetime(2026, 11, 20, 17, tzinfo=UTC)
SITE = {
    "site_id": "HF-{}", "sequence": "{}", "effective_on": "2025-06-01", "class": "healthcare_facility", "status": "certified",
    "certified_on": "2025-06-01", "valid_through": "2027-05-31", "name": "Harbor", "address.street": "100 Main St",
    "address.city": "Boston", "address.state": "MA", "address.postal_code": "02110", "identifiers.npi": "1234567893",
}  # fmt: skip
ODD: dict[str, tuple[dict[str, str], int, str]] = {
    "certified from a later day on": (
        {"certified_on": "2026-12-01"}, MANY, "no certified_on is before its effective_on, and most are after it"),
    "told of when it was over": ({"effective_on": "2027-06-01"}, MANY, "every valid_through is before its effective_on"),
    "an NPI of nine digits": (
        {"identifiers.npi": "123456789"}, ENOUGH, "none of the 3 values of the column identifiers.npi look like an NPI"),
    "a city like a state": (
        {"address.city": "LA", "address.state": "Maine"}, ENOUGH, "none of the 3 values of the column address.city look like a city"),
}  # fmt: skip


def facts(count: int, changed: dict[str, str]) -> list[Fact]:
    """What a table of so many sites says, each of them changed so."""
    lines = [",".join(SITE), *[",".join((SITE | changed).values()).format(number, number) for number in range(1, count + 1)], ""]
    raw = "\n".join(lines).encode()
    header = SnapshotHeader(
        snapshot="lemtrada", sequence=50, as_of="2026-11-20T06:00:00Z", facts=count, sha256=hashlib.sha256(raw).hexdigest()
    )
    return list(read_csv(io.BytesIO(raw), "sites.csv", header, AT).facts)


@pytest.mark.parametrize("why", ODD)
def test_what_few_sites_may_be_says_nothing_of_the_columns_and_of_many_it_does(why: str) -> None:
    changed, many, sentence = ODD[why]
    assert len(facts(1, changed)) == 1
    assert len(facts(many - 1, changed)) == many - 1
    with pytest.raises(Unusable, match=f"^sites.csv: {sentence}: columns changed places"):
        facts(many, changed)


def test_names_may_begin_with_a_number_where_no_street_does() -> None:
    assert len(facts(MANY, {"name": "21st Century Oncology", "address.street": "One Main Street"})) == MANY


def test_no_certificate_ends_before_it_begins() -> None:
    with pytest.raises(Unusable, match="most certificates end before they begin, by valid_through and certified_on"):
        facts(1, {"valid_through": "2025-05-31"})


@pytest.mark.parametrize("name", ["@Home Infusion", "-", "+Plus Care", "- none -", "@", "+1 555 0100"])
def test_a_name_or_a_street_may_begin_with_the_sign_of_a_formula(name: str) -> None:
    assert len(facts(1, {"name": name, "address.street": name})) == 1


@pytest.mark.parametrize("cell", ["=1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|x", "-A1=B1", "+Sheet2!A1"])
def test_a_formula_is_refused(cell: str) -> None:
    with pytest.raises(Unusable, match=r"line 2: column 8 is a formula, as its . shows, and no fact about a site\.$"):
        facts(1, {"name": cell})
