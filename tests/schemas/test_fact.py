"""The limits of registry facts and of a snapshot's header."""

from typing import Any

import pytest
from msgspec import UNSET

from schemas.fact import Heartbeat, SiteFact
from schemas.reading import Unreadable, read_fact, read_header
from schemas.site_alias import KEPT_FACT, SiteAlias
from tests.schemas.messages import FACTS, HEADER, SITE, encoded, with_value, without

BY_KIND = {fact["fact"]: fact for fact in FACTS}
MAY_BE_LEFT_OUT = {
    "site": {"valid_through", "name", "address", "identifiers", "authorized_representative"},
    "patient": set(),
    "prescriber": {"npi"},
    "authorization": {"course", "form_submitted_on"},
    "recall": set(),
    "program": {"notice"},
    "heartbeat": set(),
}


def problems(document: Any, read: Any = read_fact) -> list[str]:
    answer = read(encoded(document))
    return list(answer.problems) if isinstance(answer, Unreadable) else []


@pytest.mark.parametrize("kind", BY_KIND)
def test_what_may_be_left_out(kind: str) -> None:
    """Of each fact exactly these members; every other is told when it is missing or null."""
    for name in BY_KIND[kind]:
        optional = name in MAY_BE_LEFT_OUT[kind]

        assert problems(without(BY_KIND[kind], f"/{name}")) == ([] if optional else [f"/{name}"])
        assert problems(with_value(BY_KIND[kind], f"/{name}", None)) == [f"/{name}"]
        assert problems(with_value(BY_KIND[kind], f"/{name}", "")) == ([] if optional else [f"/{name}"])


@pytest.mark.parametrize("status", ["pending", "suspended", "decertified", "withdrawn"])
def test_since_when_it_is_certified(status: str) -> None:
    """Only a certified site has to say it."""
    assert problems(without(with_value(SITE, "/status", status), "/certified_on")) == []
    assert problems(with_value(with_value(SITE, "/status", status), "/certified_on", "")) == []


@pytest.mark.parametrize(
    ("kind", "pointer", "right", "wrong"),
    [
        ("site", "/sequence", [1, 2_147_483_647], [0, 2_147_483_648, 1.0, "1", True]),
        ("site", "/program", ["a" * 64, "a:b"], ["a b", "a" * 65]),
        ("site", "/class", ["pharmacy", "wholesaler"], ["hospital", "Pharmacy", 1]),
        ("site", "/status", ["withdrawn"], ["enrolled"]),
        ("site", "/effective_on", ["1900-01-01", "2199-12-31"], ["1899-12-31", "2200-01-01", "2026-02-29"]),
        ("site", "/certified_on", ["1900-01-01"], ["1899-12-31"]),
        ("site", "/valid_through", ["2199-12-31"], ["9999-12-31"]),
        ("site", "/name", ["x" * 200], ["x" * 201, "a\tb"]),
        ("site", "/identifiers", [{}], [[], {"phone": []}]),
        ("patient", "/status", ["withdrawn"], ["certified"]),
        ("prescriber", "/status", ["decertified"], ["suspended"]),
        ("prescriber", "/npi", ["x"], ["x" * 201]),
        ("authorization", "/units", [1, 2_147_483_647], [0, 2_147_483_648]),
        ("authorization", "/valid_through", ["2199-12-31"], ["2200-01-01"]),
        ("authorization", "/valid_from", ["1900-01-01"], ["1899-12-31"]),
        ("authorization", "/form_submitted_on", ["1900-01-01"], ["1899-12-31"]),
        ("authorization", "/administering_site_id", ["HF:1"], ["HF 1"]),
        ("recall", "/status", ["lifted"], ["active"]),
        ("recall", "/lot", ["x" * 200], ["x" * 201]),
        ("program", "/mode", ["discretion", "ended"], ["inactive"]),
        ("program", "/notice", ["x" * 2_000], ["x" * 2_001, "a\nb"]),
        ("heartbeat", "/as_of", ["2026-11-20T06:00:00+01:00"], ["2026-11-20", "2200-01-01T00:00:00Z"]),
        ("heartbeat", "/fact", [], ["pulse", 1, []]),
    ],
)
def test_limits(kind: str, pointer: str, right: list[Any], wrong: list[Any]) -> None:
    """Each at its last right and first wrong value."""
    for value in right:
        assert problems(with_value(BY_KIND[kind], pointer, value)) == []
    for value in wrong:
        assert [pointer] == [problem[: len(pointer)] for problem in problems(with_value(BY_KIND[kind], pointer, value))]


@pytest.mark.parametrize("account", ["10023", "WD:1:2", ":1", "WD:", "W D:1", "a" * 65 + ":1", "a:" + "1" * 65])
def test_an_account_on_file_names_its_wholesaler(account: str) -> None:
    assert problems(with_value(SITE, "/identifiers/account", ["WD-001:1", account])) == ["/identifiers/account/1"]


def test_an_empty_list_is_none_on_file() -> None:
    read = read_fact(encoded(SITE))

    assert isinstance(read, SiteFact)
    assert read.site_class == "healthcare_facility"
    assert read.identifiers is not UNSET
    assert (read.identifiers.npi, read.identifiers.dea, read.identifiers.hin) == (("1234567893",), UNSET, UNSET)


def test_a_heartbeat_has_no_day() -> None:
    assert isinstance(read_fact(encoded(BY_KIND["heartbeat"])), Heartbeat)
    assert problems(BY_KIND["heartbeat"] | {"effective_on": "2026-01-01"}) == ["/effective_on"]


@pytest.mark.parametrize(
    ("pointer", "right", "wrong"),
    [
        ("/snapshot", ["a" * 64], ["", "a b"]),
        ("/sequence", [1, 2_147_483_647], [0, 2_147_483_648]),
        ("/facts", [0, 2_147_483_647], [-1, 2_147_483_648, 1.0]),
        ("/as_of", ["2026-11-20T06:00:00.5Z"], ["2026-11-20 06:00:00Z"]),
        ("/sha256", ["0123456789abcdef" * 4], ["A" * 64, "0" * 63, "0" * 65]),
        ("/covers", [["site"], ["site", "patient", "prescriber", "authorization", "recall", "program"], ""], [[], "site"]),
    ],
)
def test_header(pointer: str, right: list[Any], wrong: list[Any]) -> None:
    """A header that covers nothing is refused: left out, the list means everything."""
    for value in right:
        assert problems(with_value(HEADER, pointer, value), read_header) == []
    for value in wrong:
        assert problems(with_value(HEADER, pointer, value), read_header) == [pointer]


@pytest.mark.parametrize(("covers", "told_at"), [(["heartbeat"], "/covers/0"), (["site", "site"], "/covers/1")])
def test_covers(covers: list[str], told_at: str) -> None:
    assert problems(with_value(HEADER, "/covers", covers), read_header) == [told_at]


def test_no_registry_gives_a_site_alias() -> None:
    """It is the wholesaler's own: in a topic or a file of a registry it cannot be read."""
    alias = {
        "fact": "site_alias", "alias_id": "A-1", "program": "lemtrada", "site_id": "HF-0001", "wholesaler_id": "WD-001",
        "effective_on": "2026-11-20", "through": "2027-11-20", "account": "777",
    }  # fmt: skip
    assert isinstance(KEPT_FACT.decode(encoded(alias)), SiteAlias)
    assert problems(alias) == ["/fact"]
    assert problems(alias | {"sequence": 5}) == ["/fact"]
    assert problems(HEADER | {"covers": ["site_alias"]}, read_header) == ["/covers/0"]
