"""Goods that left past the gate: an alert with what would have been decided, and a record all the same."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.goods import bypasses
from gatekeeper.goods.bypasses import read_completion
from gatekeeper.storage import tables, waiting_events
from gatekeeper.storage.engine import transaction
from tests.gate.following import Always
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live, records, shelves
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH
from tests.gate.test_events import MANY
from tests.gate.test_revisions import revision, units
from tests.gate.test_site_aliases import ANNA, BERT
from tests.gate.warehouse import Warehouse, event

ORDERED: Wire = json.loads(order())
LINE: Wire = ORDERED["lines"][0]
PATIENT: Wire = LINE["patient"] | {"authorization_id": "AU-MANY"}
WHOLE: Wire = {"line": 1, "quantity": 5, "product": LINE["product"], "patient": PATIENT, "lot": "A1234"}
SHIP_TO: Wire = ORDERED["ship_to"]


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def waiting(ledger: Ledger) -> list[tuple[str, int]]:
    return [(row[3], row[2]) for row in ledger.rows(tables.WAITING_EVENT)]


def read_on(warehouse: Warehouse, ends: dict[int, int], topic_id: str = "the topic") -> None:
    """The broker was asked how far the orders have been written."""
    with transaction(warehouse.ledger.engine) as cursor:
        waiting_events.mark(cursor, waiting_events.unmarked(cursor), topic_id, ends)
    warehouse.follow()


def found(warehouse: Warehouse) -> list[Any]:
    return bypasses.listed(warehouse.ledger.engine, every=True)


def test_an_event_waits_until_the_orders_are_read_past_its_arrival(warehouse: Warehouse) -> None:
    """In every partition; then its goods left past the gate, and the record names nobody's verdict."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-0", MANY))
    warehouse.tell(event("shipped", lines=[WHOLE], ship_to=SHIP_TO))
    warehouse.follow()
    assert waiting(ledger) == [("SO-1", 1)]
    read_on(warehouse, {0: 1, 1: 1})
    assert (waiting(ledger), alerts(ledger)) == ([("SO-1", 1)], [])
    ledger.judge(order("SO-9", MANY), partition=1)
    warehouse.follow()
    assert waiting(ledger) == []
    record = live(ledger)
    assert record is not None
    assert (record["kind"], record["outside_gate"], "verdict_id" in record) == ("original", True, False)
    assert (record["quantity"], record["ship_to"]["site_id"], record["ship_from"]) == (5, "HF1", {"site_id": None})
    assert record["patient_id"] == PATIENT["patient_id"]
    [(kind, seen)] = alerts(ledger)
    assert (kind, seen["why"], seen["lacks"]) == ("shipment_bypassed", ["not_released"], [])
    assert (seen["outcome"], seen["reasons"]) == ("released", [])
    assert units(ledger) == {"AU-MANY": 15}
    assert [bypass.state for bypass in found(warehouse)] == ["recorded"]
    assert wrong(ledger) == []


def test_an_event_waits_a_configured_time_at_most(warehouse: Warehouse) -> None:
    """Whatever the broker says, or does not say."""
    warehouse.tell(event("shipped", lines=[WHOLE], ship_to=SHIP_TO))
    warehouse.ledger.set_clock(NOON + timedelta(seconds=899))
    warehouse.follow()
    assert live(warehouse.ledger) is None
    warehouse.ledger.set_clock(NOON + timedelta(seconds=900))
    warehouse.follow()
    assert live(warehouse.ledger) is not None


@pytest.mark.parametrize("short", [False, True])
def test_an_order_that_comes_in_time_settles_what_waited(warehouse: Warehouse, short: bool) -> None:  # noqa: FBT001
    """Confirmed, or corrected; a return that came first too. Nothing left past the gate."""
    ledger = warehouse.ledger
    warehouse.tell(
        event("returned", lines=[{"line": 1, "quantity": 1}]), event("shipped", lines=[{"line": 1, "quantity": 3 if short else 5}])
    )
    warehouse.judge(order("SO-1", MANY))
    warehouse.follow()
    assert waiting(ledger) == []
    assert (live(ledger) or {})["quantity"] == (3 if short else 5)
    assert [each["quantity"] for each in shelves(ledger)["SO-1", 1, 1].returned] == [1]
    assert alerts(ledger) == []
    assert units(ledger) == {"AU-MANY": 4}
    assert wrong(ledger) == []


@pytest.mark.parametrize("serials", [{}, {"serials": ["A", "B", "C", "D", "E"]}])
def test_a_release_that_comes_later_closes_the_alert(warehouse: Warehouse, serials: Wire) -> None:
    """Its record takes the place of the one outside the gate; the line's own goods do not stand in its way, nor count twice."""
    ledger = warehouse.ledger
    warehouse.tell(event("shipped", lines=[WHOLE | serials], ship_to=SHIP_TO))
    read_on(warehouse, {0: 0})
    assert (live(ledger) or {})["outside_gate"]
    warehouse.judge(order("SO-1", {f"/lines/0/{name}": value for name, value in serials.items()} | MANY))
    warehouse.follow()
    said = records(ledger)
    assert [(each["kind"], each.get("outside_gate")) for each in said] == [("original", True), ("original", None), ("void", True)]
    assert said[2]["replaces"] == said[0]["record_id"]
    assert live(ledger) == said[1]
    assert units(ledger) == {"AU-MANY": 5}
    assert len(ledger.rows(tables.SERIAL)) == len(serials.get("serials", ()))
    assert [(bypass.state, bypass.is_open) for bypass in found(warehouse)] == [("released", False)]
    assert wrong(ledger) == []


def test_goods_of_a_stopped_line_left_past_the_gate(warehouse: Warehouse) -> None:
    """With what stopped it; a release of the line after all, by a fact, closes the alert."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", {"/lines/0/patient/authorization_id": "AU-NEW"}))
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 2}]))
    record = live(ledger)
    assert record is not None
    assert (record["outside_gate"], record["quantity"], record["ship_from"]) == (True, 2, {"site_id": ORDERED["ship_from"]["site_id"]})
    [(kind, seen)] = alerts(ledger)
    assert (kind, [reason["code"] for reason in seen["reasons"]]) == ("shipment_bypassed", ["authorization_unknown"])
    ledger.load(authorization("AU-MANY", 1000), authorization("AU-NEW", 5), as_of=NOON)
    warehouse.follow()
    record = live(ledger)
    assert record is not None
    assert ("outside_gate" in record, record["kind"], record["quantity"]) == (False, "correction", 2)
    assert units(ledger) == {"AU-NEW": 5}
    assert [bypass.state for bypass in found(warehouse)] == ["released"]
    assert wrong(ledger) == []


def test_partial_shipments_outside_the_gate_add_up(warehouse: Warehouse) -> None:
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", {"/lines/0/patient/authorization_id": "AU-NEW"}))
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 2}]), event("shipped", lines=[{"line": 1, "quantity": 1}]), batch=1)
    record = live(ledger) or {}
    assert (record["kind"], record["outside_gate"], record["quantity"]) == ("correction", True, 3)
    assert wrong(ledger) == []


def test_goods_that_nobody_restricts_need_no_record(warehouse: Warehouse) -> None:
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 2, "product": CAMPATH["product"]}], ship_to=SHIP_TO))
    read_on(warehouse, {0: 0})
    assert (records(warehouse.ledger), alerts(warehouse.ledger), waiting(warehouse.ledger)) == ([], [], [])


@pytest.mark.parametrize(
    ("line", "more", "lacks"),
    [
        ({"line": 1}, {}, "product,quantity,ship_to"),
        ({name: value for name, value in WHOLE.items() if name != "patient"}, {"ship_to": SHIP_TO}, "patient"),
        (WHOLE, {}, "ship_to"),
        (WHOLE | {"unit": "pallet"}, {"ship_to": SHIP_TO}, "unit_unknown"),
    ],
)
def test_what_lacks_something_stays_open_until_two_people_complete_it(warehouse: Warehouse, line: Wire, more: Wire, lacks: str) -> None:
    """One proposes, another approves; the record is then made, and goes out by the relay."""
    ledger, book = warehouse.ledger, Always(warehouse.ledger.rules)
    warehouse.tell(event("shipped", lines=[line], **more))
    read_on(warehouse, {0: 0})
    assert records(ledger) == []
    [bypass] = bypasses.listed(ledger.engine, every=False)
    assert (bypass.state, bypass.lacks) == ("open", lacks)
    assert {alert["why"][0] for _, alert in alerts(ledger)} == {"not_released"}
    name = str(bypass.bypass_id)
    given = {member: value for member, value in WHOLE.items() if member != "line"} | {"unit": "vial", "ship_to": SHIP_TO}
    said = read_completion(json.dumps(given | {"ship_from": {"site_id": "DC-07"}}).encode())
    arguments: tuple[Any, ...] = (book, warehouse.terms)

    bypasses.complete(ledger.engine, name, said, "Seen on the packing slip.", ANNA, *arguments)
    assert records(ledger) == []
    with pytest.raises(Unusable, match="Another person"):
        bypasses.approve(ledger.engine, name, "Mine.", ANNA, *arguments)
    assert bypasses.approve(ledger.engine, name, "Seen too.", BERT, *arguments).state == "approved"

    record = live(ledger)
    assert record is not None
    assert (record["outside_gate"], record["quantity"], record["ship_from"], record["sequence"]) == (True, 5, {"site_id": "DC-07"}, 1)
    assert units(ledger) == {"AU-MANY": 5}
    assert [topic for sent in warehouse.outbox() for topic, _ in sent.said] == ["compliance-alerts", "distribution-records"]
    with pytest.raises(Unusable, match="approved"):
        bypasses.approve(ledger.engine, name, "Again.", BERT, *arguments)
    assert bypasses.listed(ledger.engine, every=False) == []
    assert wrong(ledger) == []


@pytest.mark.parametrize("batch", [1, None])
def test_two_that_lack_something_are_completed_one_after_the_other(warehouse: Warehouse, batch: int | None) -> None:
    """What is still to be completed of the same line stands in the way of neither, and is in no record before."""
    ledger, book = warehouse.ledger, Always(warehouse.ledger.rules)
    warehouse.tell(*[event("shipped", lines=[{"line": 1, "quantity": quantity}]) for quantity in (2, 3)], batch=batch)
    read_on(warehouse, {0: 0})
    given = {member: value for member, value in WHOLE.items() if member not in ("line", "quantity")} | {"ship_to": SHIP_TO}
    said = read_completion(json.dumps(given).encode())
    found = bypasses.listed(ledger.engine, every=False)
    quantities = []
    for bypass in found:
        bypasses.complete(ledger.engine, str(bypass.bypass_id), said, "Seen.", ANNA, book, warehouse.terms)
        bypasses.approve(ledger.engine, str(bypass.bypass_id), "Seen too.", BERT, book, warehouse.terms)
        quantities.append((live(ledger) or {})["quantity"])
    assert (len(found), quantities[0] in (2, 3), quantities[1:]) == (2, True, [5])
    assert units(ledger) == {"AU-MANY": 5}
    assert wrong(ledger) == []


def test_a_completion_that_is_not_enough_or_not_wanted_counts_for_nothing(warehouse: Warehouse) -> None:
    ledger, book = warehouse.ledger, Always(warehouse.ledger.rules)
    warehouse.tell(event("shipped", lines=[{"line": 1}]))
    read_on(warehouse, {0: 0})
    name = str(bypasses.listed(ledger.engine, every=False)[0].bypass_id)
    arguments: tuple[Any, ...] = (book, warehouse.terms)
    with pytest.raises(Unusable, match="lack or contradict: product, ship_to"):
        bypasses.complete(ledger.engine, name, read_completion(b'{"quantity": 5}'), "Guessed.", ANNA, *arguments)
    given = {member: value for member, value in WHOLE.items() if member != "line"} | {"ship_to": SHIP_TO}
    bypasses.complete(ledger.engine, name, read_completion(json.dumps(given).encode()), "Guessed.", ANNA, *arguments)
    assert bypasses.refuse(ledger.engine, name, "No.", BERT, *arguments).state == "open"
    with pytest.raises(Unusable, match="nothing is proposed"):
        bypasses.approve(ledger.engine, name, "Yes.", BERT, *arguments)
    assert records(ledger) == []
    wrong_serials = read_completion(json.dumps(given | {"serials": ["A", "A", "B", "C", "D"]}).encode())
    with pytest.raises(Unusable, match="no event may say"):
        bypasses.complete(ledger.engine, name, wrong_serials, "Guessed.", ANNA, *arguments)


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"patient": {"patient_id": 5}}', b'{"what": 1}', b"{}", b"\xff", b'{"quantity": 0}'])
def test_a_file_that_cannot_be_read_is_told_without_repeating_it(raw: bytes) -> None:
    with pytest.raises(Unusable) as told:
        read_completion(raw)
    assert "what" not in str(told.value).replace("what stands", "")


def test_a_revision_that_was_never_seen_is_waited_for(warehouse: Warehouse) -> None:
    """The order was seen, but not the revision that the warehouse speaks of."""
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(event("shipped", revision=2, lines=[1]))
    assert waiting(warehouse.ledger) == [("SO-1", 1)]
    warehouse.judge(revision(2, MANY))
    warehouse.follow()
    assert (live(warehouse.ledger, revision=2) or {})["quantity"] == 5
    assert [kind for kind, _ in alerts(warehouse.ledger)] == ["released_order_superseded"]


def test_what_left_of_an_order_that_was_cancelled_before_it_came_is_recorded(warehouse: Warehouse) -> None:
    """The cancellation ended its examination; what is known of the goods makes the record all the same."""
    ledger = warehouse.ledger
    warehouse.tell(event("cancelled"))
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(event("shipped", lines=[1]))
    record = live(ledger)
    assert record is not None
    assert (record["outside_gate"], record["quantity"], record["ship_to"]["site_id"]) == (True, 5, "HF1")
    [(kind, seen)] = alerts(ledger)
    assert (kind, seen["outcome"], [reason["code"] for reason in seen["reasons"]]) == ("shipment_bypassed", "blocked", ["order_cancelled"])
    assert wrong(ledger) == []


@pytest.mark.parametrize("serials", [[], ["A", "B", "C", "D", "E"]])
def test_what_came_back_before_the_release_came_back_once(warehouse: Warehouse, serials: list[str]) -> None:
    """A stopped line's goods left and two came back; the line is released after all: the return stands, and is not recorded twice."""
    ledger = warehouse.ledger
    named: Wire = {"/lines/0/serials": serials} if serials else {}
    warehouse.judge(order("SO-1", {"/lines/0/patient/authorization_id": "AU-NEW"} | named))
    back: Wire = {"line": 1, "verified": True} | ({"serials": serials[:2]} if serials else {"quantity": 2})
    warehouse.tell(event("shipped", lines=[1]), event("returned", lines=[back]))
    assert (live(ledger) or {})["outside_gate"]
    ledger.load(authorization("AU-MANY", 1000), authorization("AU-NEW", 5), as_of=NOON)
    warehouse.follow()
    assert "outside_gate" not in (live(ledger) or {"outside_gate": True})
    assert [each["quantity"] for each in shelves(ledger)["SO-1", 1, 1].returned] == [2]
    assert units(ledger) == {"AU-NEW": 3}
    assert sorted(row[0] for row in ledger.rows(tables.SERIAL)) == serials[2:]
    assert "return_disputed" not in {kind for kind, _ in alerts(ledger)}
    assert wrong(ledger) == []
