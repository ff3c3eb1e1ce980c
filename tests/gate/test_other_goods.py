"""Goods that left otherwise than they were released: two lots, two parties, another product, another patient, one vial too many."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gatekeeper.goods import bypasses
from tests.gate.following import LIFTED, SUSPENDED
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH
from tests.gate.test_events import MANY, TWO_COVERED
from tests.gate.test_records_live import FIVE, SERIALISED, serials, shipped
from tests.gate.test_revisions import units
from tests.gate.warehouse import Warehouse, event

OTHER: Wire = {"patient_id": "P-2", "authorization_id": "AU-2", "prescriber_id": "PR-1", "administering_site_id": "HF1"}
SHIP_TO: Wire = json.loads(order())["ship_to"]


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def told(warehouse: Warehouse) -> list[tuple[str, Any]]:
    """Kind of each alert, and why or which problems."""
    return [(kind, seen.get("why") or seen.get("problems")) for kind, seen in alerts(warehouse.ledger)]


@pytest.mark.parametrize("batch", [1, None])
def test_two_lots_of_one_line_cannot_be_one_record(warehouse: Warehouse, batch: int | None) -> None:
    """One alert, and the record says what was released; a third report of the same changes nothing of that."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(shipped(quantity=2, lot="L1"), shipped(quantity=3, lot="L2"), batch=batch)
    assert [kind for kind, _ in told(warehouse)] == ["shipment_disputed"]
    assert told(warehouse)[0][1] == ["lots_differ"]
    record = live(ledger) or {}
    assert (record["quantity"], record["lot"]) == (5, "A1234")
    assert units(ledger) == {"AU-MANY": 5}
    assert wrong(ledger) == []


def test_two_lots_in_one_event_are_of_two_lines(warehouse: Warehouse) -> None:
    """Each line is corrected by itself; an event names a line once."""
    warehouse.judge(order("SO-1", TWO_COVERED))
    lines = [{"line": 1, "quantity": 5, "lot": "L1"}, {"line": 2, "quantity": 5, "lot": "L2"}]
    warehouse.tell(event("shipped", lines=lines))
    assert [(live(warehouse.ledger, line=line) or {})["lot"] for line in (1, 2)] == ["L1", "L2"]
    assert alerts(warehouse.ledger) == []
    [answer] = warehouse.tell(event("shipped", lines=[lines[0], lines[0] | {"lot": "L2"}]))
    assert answer.kind == "refused"


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("first", ["here", "there"])
def test_two_parties_of_one_line_cannot_be_one_record(warehouse: Warehouse, first: str, batch: int | None) -> None:
    """Part to another site: the record that is right of the one is not made wrong for the other's sake; a person is told."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    ship_to = SHIP_TO | {"rems_site_id": "HF4"}
    here, there = shipped(quantity=2), event("shipped", lines=[{"line": 1, "quantity": 3}], ship_to=ship_to)
    warehouse.tell(*([here, there] if first == "here" else [there, here]), batch=batch)
    assert sorted(told(warehouse)) == [("shipment_bypassed", ["other_site"]), ("shipment_disputed", ["parties_differ"])]
    record = live(ledger) or {}
    right = (2, "HF1", None) if first == "here" else (3, "HF4", True)
    assert (record["quantity"], record["ship_to"]["site_id"], record.get("outside_gate")) == right
    assert units(ledger) == {"AU-MANY": 5}, "all of it left"
    assert wrong(ledger) == []


def test_two_parties_in_one_event_are_of_two_lines(warehouse: Warehouse) -> None:
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", TWO_COVERED))
    warehouse.tell(event("shipped", lines=[{"line": 1}, {"line": 2, "patient": OTHER}]))
    assert [(live(ledger, line=line) or {})["patient_id"] for line in (1, 2)] == ["P-1", "P-2"]
    assert told(warehouse) == [("shipment_bypassed", ["other_patient"])]


def test_goods_for_another_patient_are_recorded_for_that_one(warehouse: Warehouse) -> None:
    """Past the gate, with what would have been decided; the units are used up where they were used."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(shipped(quantity=5, patient=OTHER))
    record = live(ledger) or {}
    assert (record["kind"], record["outside_gate"]) == ("correction", True)
    assert (record["patient_id"], record["authorization_id"]) == ("P-2", "AU-2")
    [(kind, seen)] = alerts(ledger)
    assert (kind, seen["why"], seen["outcome"]) == ("shipment_bypassed", ["other_patient"], "held")
    assert [reason["code"] for reason in seen["reasons"]] == ["authorization_exhausted"]
    assert units(ledger) == {"AU-2": 5}
    assert wrong(ledger) == []


@pytest.mark.parametrize("product", [CAMPATH["product"], {"ndc": "58468-0200-9"}])
def test_another_product_than_was_released_stays_open_until_people_say_what_left(warehouse: Warehouse, product: Wire) -> None:
    """One that nobody restricts, or a package that nobody knows: the record of what was released stays, and a bypass lacks its product."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(shipped(quantity=5, product=product))
    assert told(warehouse) == [("shipment_bypassed", ["other_product"])]
    assert alerts(ledger)[0][1]["lacks"] == ["product"]
    [bypass] = bypasses.listed(ledger.engine, every=True)
    assert (bypass.state, bypass.lacks) == ("open", "product")
    record = live(ledger) or {}
    assert (record["kind"], record["quantity"]) == ("original", 5)
    assert wrong(ledger) == []


def test_a_cancellation_makes_no_record_of_another_product_than_was_released(warehouse: Warehouse) -> None:
    """It left after that instant, but people have to say what it was; nobody said that what was released did."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(shipped(quantity=2, product=CAMPATH["product"]), event("cancelled", at="2026-11-19T16:00:00-05:00"), batch=1)
    record = live(ledger) or {}
    assert (record["kind"], record["quantity"], record.get("outside_gate")) == ("original", 5, None)
    assert [bypass.state for bypass in bypasses.listed(ledger.engine, every=True)] == ["open"]
    assert wrong(ledger) == []


def test_a_serial_too_many_is_an_alert_and_no_record_has_it(warehouse: Warehouse) -> None:
    """Six vials of a line of five, in one event or in two: the line holds what was released, and what was shipped besides."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=[*FIVE, "F"]))
    assert told(warehouse) == [("shipment_disputed", ["more_than_released"])]
    record = live(ledger) or {}
    assert (record["kind"], record["quantity"], record["serials"]) == ("original", 5, FIVE)
    assert set(serials(ledger)) == {*FIVE, "F"}
    warehouse.judge(order("SO-3", MANY | {"/lines/0/serials": ["F"], "/lines/0/quantity": 1}))
    assert live(ledger, "SO-3") is None
    warehouse.judge(order("SO-2", SERIALISED | {"/lines/0/serials": ["G", "H", "I", "J", "K"]}))
    warehouse.tell(shipped("SO-2", serials=["G", "H", "I", "J", "K"]), shipped("SO-2", serials=["L"]), batch=1)
    assert set(serials(ledger)) == {*FIVE, "F", *"GHIJKL"}
    assert told(warehouse)[1:] == [("shipment_disputed", ["more_than_released"])]
    assert (live(ledger, "SO-2") or {})["serials"] == ["G", "H", "I", "J", "K"]
    assert wrong(ledger) == []


@pytest.mark.parametrize("batch", [1, None])
def test_a_covered_product_in_the_place_of_what_nobody_restricts_left_past_the_gate(warehouse: Warehouse, batch: int | None) -> None:
    """The line was let go as nobody's, and Lemtrada left by it: recorded, used up, and told. Another product of nobody's is not."""
    nobodys = {"product": CAMPATH["product"]}
    ordered = json.loads(order())["lines"][0]
    warehouse.judge(order("SO-1", MANY | {"/lines/0/product": CAMPATH["product"]}), order("SO-2", {"/lines/0": CAMPATH | {"line": 1}}))
    said = {"line": 1, "product": ordered["product"], "quantity": 5, "lot": "A1234", "serials": FIVE}
    warehouse.tell(event("shipped", lines=[said]), event("shipped", "SO-2", lines=[{"line": 1} | nobodys]), batch=batch)

    assert told(warehouse) == [("shipment_bypassed", ["not_released"])]
    assert (live(warehouse.ledger) or {})["outside_gate"] is True
    assert units(warehouse.ledger) == {"AU-MANY": 5}
    assert set(serials(warehouse.ledger)) == set(FIVE)
    assert wrong(warehouse.ledger) == []


@pytest.mark.parametrize(("seconds", "past"), [(-1, False), (0, False), (1, True), (3599, True), (3600, False), (3601, False)])
def test_what_left_while_its_line_was_withdrawn_left_past_the_gate(warehouse: Warehouse, seconds: int, past: bool) -> None:  # noqa: FBT001
    """By the instant when it left, also where that is told only after the line was released again; not before, and not from then on."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    withdrawn = NOON + timedelta(hours=1)
    for hours, site in ((0, SUSPENDED), (1, LIFTED)):
        ledger.set_clock(withdrawn + timedelta(hours=hours))
        ledger.load(authorization("AU-MANY", 1000), site)
        warehouse.follow()
    ledger.set_clock(withdrawn + timedelta(hours=2))
    at = (withdrawn + timedelta(seconds=seconds)).isoformat()
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 3}], at=at))
    assert [why for kind, why in told(warehouse) if kind == "shipment_bypassed"] == [["withdrawn"]] * past
    record = live(ledger) or {}
    assert (record["quantity"], record.get("outside_gate", False), "verdict_id" in record) == (3, past, not past)
    assert wrong(ledger) == []
