"""A recall and goods that left past the gate: whoever received the lot is named, whichever of the two is known first."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gatekeeper.following import recipients
from gatekeeper.following.findings import Finding
from gatekeeper.goods import bypasses
from gatekeeper.goods.bypasses import read_completion
from gatekeeper.storage import tables
from tests.gate.following import Always
from tests.gate.late import findings
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order
from tests.gate.shelves import alerts
from tests.gate.test_bypass import MANY, PATIENT, SHIP_TO, WHOLE
from tests.gate.test_look_back import OTHER_PROGRAM, RECALL, whole
from tests.gate.test_site_aliases import ANNA, BERT
from tests.gate.warehouse import Warehouse, event
from tests.registry.conftest import telling
from tests.registry.telling import Telling

__all__ = ["telling"]

LOT = {"lot": RECALL["lot"]}
OTHER_LOT: Wire = MANY | {"/lines/0/lot": "A9"}
ELSEWHERE: Wire = {"rems_site_id": "HF4", "address": SHIP_TO["address"]}
YESTERDAY = "2026-11-19T16:00:00-05:00"
"""When goods left, before the recall's own day."""


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def outside(ledger: Ledger) -> list[Finding]:
    return [json_of(row[2]) for row in ledger.rows(tables.FINDING_OUTSIDE)]


def json_of(body: bytes) -> Any:
    return json.loads(body)


def never_ordered(warehouse: Warehouse, *events: bytes) -> None:
    """The warehouse says what left, and nobody waits for the orders any longer."""
    warehouse.tell(*events)
    warehouse.ledger.set_clock(NOON + timedelta(hours=1))
    warehouse.follow()


def recalled(ledger: Ledger) -> Any:
    """What the one alert about the recall says."""
    [seen] = [seen for kind, seen in alerts(ledger) if kind == "lot_recalled"]
    return seen


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_a_recall_names_who_received_the_lot_past_the_gate(
    warehouse: Warehouse, telling: Telling, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Never ordered, stopped, or not even complete enough for a record; with what was released, and nothing of another lot or product."""
    monkeypatch.setattr(recipients, "BYPASSES_AT_ONCE", at_once)
    ledger = warehouse.ledger
    warehouse.judge(order("SO-RELEASED", MANY), order("SO-STOPPED", {"/lines/0/patient/authorization_id": "AU-NEW"}))
    warehouse.tell(event("shipped", "SO-STOPPED", lines=[{"line": 1, "quantity": 2}]))
    incomplete = {name: value for name, value in WHOLE.items() if name != "patient"}
    never_ordered(
        warehouse,
        event("shipped", "SO-NEVER", lines=[WHOLE | {"serials": list("VWXYZ")}], ship_to=SHIP_TO),
        event("shipped", "SO-OPEN", lines=[incomplete], ship_to=ELSEWHERE),
        event("shipped", "SO-NOWHERE", lines=[{"line": 1, **LOT}]),
        event("shipped", "SO-OTHER", lines=[WHOLE | {"lot": "A9"}], ship_to=SHIP_TO),
        event("shipped", "SO-NO-LOT", lines=[{name: value for name, value in WHOLE.items() if name != "lot"}], ship_to=SHIP_TO),
    )
    telling.tell(OTHER_PROGRAM | {"sequence": 5000})
    telling.tell(RECALL)
    warehouse.follow()

    seen = recalled(ledger)
    sites = {site["site_id"]: site["shipments"] for site in seen["sites"]}
    assert {site_id: {line["order_id"] for line in lines} for site_id, lines in sites.items()} == {
        "HF1": {"SO-RELEASED", "SO-STOPPED", "SO-NEVER"}, "HF4": {"SO-OPEN"}, None: {"SO-NOWHERE"},
    }  # fmt: skip
    never = next(line for line in sites["HF1"] if line["order_id"] == "SO-NEVER")
    assert (never["state"], never["quantity"], never["serials"], never["left_at"]) == (
        "shipped", 5, list("VWXYZ"), "2026-11-23T16:00:00-05:00",
    )  # fmt: skip
    assert {line["order_id"]: line["quantity"] for line in sites["HF1"]} == {"SO-RELEASED": 5, "SO-STOPPED": 2, "SO-NEVER": 5}
    assert (seen["lines"], seen["looked_at"], seen["states"]) == (5, 5, {"shipped": 4, "released": 1})
    assert not any(secret in json.dumps(seen) for secret in (PATIENT["patient_id"], "AU-MANY"))
    assert {each["order_id"]: each.get("patient_id") for each in outside(ledger)}["SO-NEVER"] == PATIENT["patient_id"]
    [row] = ledger.rows(tables.LOOK_BACK)
    assert (row[4], row[5]) == (5, 5)
    assert whole(ledger)


def test_goods_past_the_gate_alone_are_enough_for_an_alert(warehouse: Warehouse, telling: Telling) -> None:
    """Nothing of the lot was ever released; a recall of what nobody received leaves nothing."""
    never_ordered(warehouse, event("shipped", lines=[WHOLE], ship_to=SHIP_TO))
    telling.tell(RECALL | {"lot": "A9"}, RECALL | {"sequence": 5002})
    warehouse.follow()
    assert [line["order_id"] for line in recalled(warehouse.ledger)["sites"][0]["shipments"]] == ["SO-1"]
    assert len(warehouse.ledger.rows(tables.LOOK_BACK)) == 1


def test_what_left_for_another_site_is_found_there_alone(warehouse: Warehouse, telling: Telling) -> None:
    """The site for which it was released received nothing; what left to its own recipient after a withdrawal is found once."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY), order("SO-2", MANY), order("SO-3", OTHER_LOT), order("SO-3", OTHER_LOT | {"/revision": 2}))
    warehouse.tell(event("shipped", "SO-1", lines=[1], ship_to=ELSEWHERE), event("cancelled", "SO-2", at=YESTERDAY))
    warehouse.tell(event("shipped", "SO-2", lines=[1]), event("shipped", "SO-3", lines=[{"line": 1, **LOT}]))
    telling.tell(RECALL)
    warehouse.follow()
    assert {each.order_id: each.state for each in findings(ledger)} == {"SO-1": "elsewhere", "SO-2": "shipped", "SO-3": "shipped"}
    assert [(each["order_id"], each["site_id"]) for each in outside(ledger)] == [("SO-1", "HF4")]
    sites = {site["site_id"]: [line["order_id"] for line in site["shipments"]] for site in recalled(ledger)["sites"]}
    assert sites == {"HF1": ["SO-2", "SO-3"], "HF4": ["SO-1"]}


def test_a_part_that_left_for_another_site_leaves_the_rest_where_it_was(warehouse: Warehouse, telling: Telling) -> None:
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 2}], ship_to=ELSEWHERE))
    telling.tell(RECALL | {"effective_on": "2026-11-20"})
    warehouse.follow()
    assert [each.state for each in findings(warehouse.ledger)] == ["withdrawn"]
    assert {site["site_id"]: site["quantity"] for site in recalled(warehouse.ledger)["sites"]} == {"HF1": {"vial": 5}, "HF4": {"vial": 2}}


def test_what_was_released_after_all_is_found_once(warehouse: Warehouse, telling: Telling) -> None:
    never_ordered(warehouse, event("shipped", lines=[WHOLE], ship_to=SHIP_TO))
    warehouse.judge(order("SO-1", MANY))
    warehouse.follow()
    telling.tell(RECALL)
    warehouse.follow()
    assert [(each.order_id, each.state) for each in findings(warehouse.ledger)] == [("SO-1", "shipped")]
    assert outside(warehouse.ledger) == []


@pytest.mark.parametrize("at", [{}, {"at": YESTERDAY}])
def test_goods_that_leave_past_the_gate_under_a_recall_say_so_themselves(warehouse: Warehouse, telling: Telling, at: Wire) -> None:
    """Also where they left before its day, and where a record of them lacks nearly everything; of a recall that was lifted nothing."""
    ledger = warehouse.ledger
    telling.tell(RECALL | {"effective_on": "2026-11-20"}, RECALL | {"sequence": 5002, "lot": "L2"})
    telling.tell(RECALL | {"sequence": 5003, "lot": "L2", "status": "lifted"})
    never_ordered(
        warehouse,
        event("shipped", "SO-NEVER", lines=[WHOLE], ship_to=SHIP_TO, **at),
        event("shipped", "SO-NOWHERE", lines=[{"line": 1, **LOT}], **at),
        event("shipped", "SO-LIFTED", lines=[WHOLE | {"lot": "L2"}], ship_to=SHIP_TO, **at),
        event("shipped", "SO-OTHER", lines=[WHOLE | {"lot": "A9"}], ship_to=SHIP_TO, **at),
    )
    said = [seen for kind, seen in alerts(ledger) if kind == "recalled_goods_shipped"]
    assert [(seen["lot"], seen["fact"], seen["site_id"]) for seen in sorted(said, key=lambda seen: str(seen["site_id"]))] == [
        (RECALL["lot"], {"sequence": 5001, "effective_on": "2026-11-20"}, site_id) for site_id in ("HF1", None)
    ]
    assert [kind for kind, _ in alerts(ledger)].count("shipment_bypassed") == 4
    assert ledger.rows(tables.LOOK_BACK) == []


def test_what_is_completed_under_a_recall_says_so_then(warehouse: Warehouse, telling: Telling) -> None:
    """Of which lot the goods were nobody knew before two people said it."""
    ledger = warehouse.ledger
    never_ordered(warehouse, event("shipped", lines=[{"line": 1, "quantity": 5}], ship_to=SHIP_TO))
    telling.tell(RECALL)
    warehouse.follow()
    assert [kind for kind, _ in alerts(ledger)] == ["shipment_bypassed"]
    [bypass] = bypasses.listed(ledger.engine, every=False)
    said = read_completion(json.dumps({"product": WHOLE["product"], "patient": PATIENT, **LOT}).encode())
    arguments = (Always(ledger.rules), warehouse.terms)
    bypasses.complete(ledger.engine, str(bypass.bypass_id), said, "Seen on the packing slip.", ANNA, *arguments)
    assert [kind for kind, _ in alerts(ledger)] == ["shipment_bypassed"]
    bypasses.approve(ledger.engine, str(bypass.bypass_id), "Seen too.", BERT, *arguments)
    assert [kind for kind, _ in alerts(ledger)] == ["shipment_bypassed", "recalled_goods_shipped"]


def test_a_lot_put_in_the_place_of_another_is_seen_whatever_the_day(warehouse: Warehouse, telling: Telling) -> None:
    """Its recall was known before the warehouse said what left, and holds from a later day on."""
    warehouse.judge(order("SO-1", OTHER_LOT), order("SO-2", MANY))
    telling.tell(RECALL)
    warehouse.follow()
    warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1, **LOT}], at=YESTERDAY), event("shipped", "SO-2", lines=[1], at=YESTERDAY))
    assert [seen["line"] for kind, seen in alerts(warehouse.ledger) if kind == "recalled_goods_shipped"] == [1]
    assert [line["order_id"] for line in recalled(warehouse.ledger)["sites"][0]["shipments"]] == ["SO-2"]
