"""From the wire to the rules: what is given, what is not, and what an order says."""

import json
from datetime import date
from typing import Any

import pytest

from gatekeeper.domain import facts as domain
from gatekeeper.domain.order import Address, Line, Order, Patient, ShipTo
from gatekeeper.programs import load_programs
from gatekeeper.translate import content_of, fact_of, order_of
from schemas.fact import Fact
from schemas.order import ShipmentOrder
from schemas.reading import Unreadable, read_fact, read_order
from tests.labelled import GIVEN, change

PROGRAMS = load_programs()
FULL: dict[str, Any] = change(
    GIVEN["order"],
    {
        "/revision": 2,
        "/deliver_by": "2026-11-24",
        "/ship_from/gln": "0614141000012",
        "/ship_to/account": "10023",
        "/ship_to/npi": "1234567893",
        "/ship_to/dea": "AP5836727",
        "/ship_to/ncpdp_id": "3712345",
        "/ship_to/hin": "5L2A3B4C5",
        "/ship_to/gln": "0614141000029",
        "/lines/0/product/gtin": "00358468020017",
        "/lines/0/unit": "vial",
        "/lines/0/serials": ["S1", "S2"],
    },
)


def wire(document: dict[str, Any]) -> ShipmentOrder:
    read = read_order(json.dumps(document).encode())
    assert not isinstance(read, Unreadable), read
    return read


def digest(document: dict[str, Any]) -> str:
    return order_of(wire(document), PROGRAMS).digest


def test_every_member_has_its_place() -> None:
    order = order_of(wire(FULL), PROGRAMS)
    address = Address("100 Main Street", "Suite 4", "Boston", "MA", "02110")
    assert order == Order(
        wholesaler_id="WD-001",
        order_id="SO-1",
        revision=2,
        digest=order.digest,
        ship_on=date(2026, 11, 23),
        deliver_by=date(2026, 11, 24),
        ship_from_site_id="DC-07",
        ship_from_gln="0614141000012",
        ship_to=ShipTo(
            address=address,
            rems_site_id="HF1",
            account="10023",
            npi="1234567893",
            dea="AP5836727",
            ncpdp_id="3712345",
            hin="5L2A3B4C5",
            gln="0614141000029",
            name="Harbor Infusion Center",
        ),
        lines=(
            Line(
                line=1,
                ndc="58468-0200-1",
                gtin="00358468020017",
                quantity=5,
                unit="vial",
                lot="A1234",
                expires_on=date(2028, 5, 31),
                serials=("S1", "S2"),
                patient=Patient(patient_id="P-1", authorization_id="AU-1", prescriber_id="PR-1", administering_site_id="HF1"),
            ),
        ),
    )


def test_what_is_not_given_is_none() -> None:
    spare = change(
        GIVEN["order"],
        {
            "/ship_to/name": None,
            "/ship_to/address/street2": None,
            "/lines/0/patient": None,
            "/lines/0/lot": None,
            "/lines/0/expires_on": None,
        },
    )
    order = order_of(wire(spare), PROGRAMS)
    assert (order.revision, order.deliver_by, order.ship_from_gln) == (1, None, None)
    assert order.ship_to == ShipTo(Address("100 Main Street", None, "Boston", "MA", "02110"), "HF1")
    assert order.lines == (Line(1, "58468-0200-1", None, 5),)


@pytest.mark.parametrize(
    "changes",
    [
        {"/revision": 1},
        {"/lines/0/unit": "vial"},
        {"/lines/0/unit": ""},
        {"/lines/0/serials": []},
        {"/deliver_by": ""},
        {"/ship_to/npi": ""},
    ],
)
def test_writings_of_the_same_content(changes: dict[str, Any]) -> None:
    assert digest(change(GIVEN["order"], changes)) == digest(GIVEN["order"])


@pytest.mark.parametrize(
    "changes",
    [
        {"/revision": 2},
        {"/lines/0/unit": "VIAL"},
        {"/lines/0/quantity": 4},
        {"/lines/0/product": {"gtin": "00358468020017"}},
        {"/ordered_at": "2026-01-02T15:00:00Z"},
        {"/ordered_at": "2026-01-02T10:00:00.0-05:00"},
        {"/lines/0/patient/administering_site_id": None},
        {"/ship_to/address/street2": None},
    ],
)
def test_other_content(changes: dict[str, Any]) -> None:
    assert digest(change(GIVEN["order"], changes)) != digest(GIVEN["order"])


def test_only_a_covered_product_has_a_default_unit() -> None:
    assert b'"unit":"vial"' in content_of(wire(GIVEN["order"]), PROGRAMS)
    free = change(GIVEN["order"], {"/lines/0/product": {"ndc": "00093-7180-56"}})
    assert b'"unit"' not in content_of(wire(free), PROGRAMS)


def fact(document: dict[str, Any]) -> Fact:
    read = read_fact(json.dumps(document).encode())
    assert not isinstance(read, Unreadable), read
    return read


def test_facts() -> None:
    world = {(one["fact"], one["sequence"]): fact_of(fact(one)) for one in GIVEN["world"] if one["program"] == "lemtrada"}
    address = Address("100 Main St", "Ste 4", "Boston", "MA", "02110")
    identifiers = (("npi", ("1234567893",)), ("gln", ("0614141000029",)), ("account", ("WD-001:10023",)))
    day = date(2025, 6, 1)
    assert world[("site", 2)] == domain.SiteFact(
        "lemtrada", 2, day, "HF1", "healthcare_facility", "certified", day, date(2027, 5, 31), None, address, identifiers
    )
    assert world[("patient", 13)] == domain.PatientFact("lemtrada", 13, date(2024, 1, 5), "P-1", "enrolled")
    assert world[("prescriber", 17)] == domain.PrescriberFact("lemtrada", 17, date(2023, 2, 1), "PR-1", "certified")
    start, end = date(2024, 1, 1), date(2028, 12, 31)
    assert world[("authorization", 21)] == domain.AuthorizationFact(
        "lemtrada", 21, start, "AU-1", "authorized", "P-1", "PR-1", "HF1", 5, start, end
    )
    assert world[("recall", 31)] == domain.RecallFact("lemtrada", 31, date(2026, 11, 10), "58468-0200-1", "B9999", "recalled")


def test_what_a_site_does_not_have() -> None:
    bare = {"fact": "site", "program": "lemtrada", "sequence": 1, "effective_on": "2026-01-01", "site_id": "A", "class": "pharmacy"}
    assert fact_of(fact(bare | {"status": "pending"})) == domain.SiteFact("lemtrada", 1, date(2026, 1, 1), "A", "pharmacy", "pending")


def test_a_mode() -> None:
    document = {
        "fact": "program",
        "program": "lemtrada",
        "sequence": 1,
        "effective_on": "2026-01-01",
        "mode": "ended",
        "notice": "a letter",
    }
    assert fact_of(fact(document)) == domain.ProgramFact("lemtrada", 1, date(2026, 1, 1), "ended")
