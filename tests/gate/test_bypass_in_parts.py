"""Goods that nobody released and that were reported in parts: of two lots one record, of two recipients one record and one open bypass."""

import json
from typing import Any

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.goods import bypasses
from gatekeeper.goods.bypasses import read_completion
from gatekeeper.storage import tables
from tests.gate.following import Always
from tests.gate.late import findings
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live, records
from tests.gate.test_bypass import SHIP_TO, WHOLE, read_on
from tests.gate.test_look_back import RECALL
from tests.gate.test_other_goods import told
from tests.gate.test_recall_past_gate import json_of
from tests.gate.test_records_live import shipped
from tests.gate.test_revisions import units
from tests.gate.test_serials_out import balanced
from tests.gate.test_site_aliases import ANNA, BERT
from tests.gate.warehouse import Warehouse, event
from tests.registry.conftest import telling
from tests.registry.telling import Telling

__all__ = ["telling"]

STOPPED: Wire = {"/lines/0/patient/authorization_id": "AU-NEW"}
ELSEWHERE = SHIP_TO | {"rems_site_id": "HF4"}


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def states(warehouse: Warehouse) -> list[tuple[str, str]]:
    return sorted((bypass.state, bypass.lacks) for bypass in bypasses.listed(warehouse.ledger.engine, every=True))


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("parts", [({"lot": "L1"}, {"lot": "L2"}), ({"expires_on": "2027-05-31"}, {"expires_on": "2027-06-30"})])
@pytest.mark.parametrize("turned", [False, True])
def test_two_lots_are_one_record_without_a_lot(warehouse: Warehouse, parts: tuple[Wire, Wire], batch: int | None, *, turned: bool) -> None:
    """All of it, with every serial; one alert says what it does not; nothing waits for people."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", STOPPED))
    events = [shipped(**(parts[0] | {"serials": ["A", "B"]})), shipped(**(parts[1] | {"serials": ["C", "D", "E"]}))]
    warehouse.tell(*(reversed(events) if turned else events), batch=batch)
    record = live(ledger) or {}
    assert (record["quantity"], sorted(record["serials"]), record["outside_gate"]) == (5, list("ABCDE"), True)
    assert not {"lot", "expires_on"} & record.keys()
    assert [each["kind"] for each in records(ledger)] == ["original", "correction"]
    assert sorted(told(warehouse)) == [("shipment_bypassed", ["not_released"])] * 2 + [("shipment_disputed", ["lots_differ"])]
    assert states(warehouse) == [("recorded", "")] * 2
    assert units(ledger) == {"AU-NEW": 5}
    balanced(warehouse)


def test_which_vials_left_may_be_unknown_besides(warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", STOPPED))
    warehouse.tell(shipped(lot="L1", serials=["A"]), shipped(lot="L2", quantity=2), batch=1)
    record = live(warehouse.ledger) or {}
    assert (record["quantity"], {"lot", "serials"} & record.keys()) == (3, set())
    assert ("shipment_disputed", ["lots_differ", "serials_unknown"]) in told(warehouse)
    balanced(warehouse)


def test_who_names_the_lot_alone_does_not_say_another_day(warehouse: Warehouse) -> None:
    """One lot, and one day."""
    warehouse.judge(order("SO-1", STOPPED))
    warehouse.tell(shipped(quantity=2, lot="L1", expires_on="2027-05-31"), shipped(quantity=3, lot="L1"), batch=1)
    record = live(warehouse.ledger) or {}
    assert (record["quantity"], record["lot"], record["expires_on"]) == (5, "L1", "2027-05-31")
    assert [kind for kind, _ in told(warehouse)] == ["shipment_bypassed"] * 2


def test_a_third_part_is_in_the_record_too_and_what_comes_back(warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", STOPPED))
    warehouse.tell(*(shipped(quantity=number, lot=f"L{number}") for number in (1, 2, 3)), batch=1)
    warehouse.tell(event("returned", lines=[{"line": 1, "quantity": 4, "verified": True}]))
    assert [(each["kind"], each["quantity"]) for each in records(warehouse.ledger)] == [
        ("original", 1), ("correction", 3), ("correction", 6), ("return", 4),
    ]  # fmt: skip
    assert units(warehouse.ledger) == {"AU-NEW": 2}
    balanced(warehouse)


def test_a_release_after_it_is_as_it_was_ordered(warehouse: Warehouse) -> None:
    """Two lots of what was released are an alert, and the record says what was released."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", STOPPED))
    warehouse.tell(shipped(quantity=2, lot="L1"), shipped(quantity=3, lot="L2"))
    ledger.load(authorization("AU-MANY", 1000), authorization("AU-NEW", 5))
    warehouse.follow()
    record = live(ledger) or {}
    assert (record["quantity"], record["lot"], "outside_gate" in record) == (5, "A1234", False)
    assert ("shipment_disputed", ["lots_differ"]) in told(warehouse)
    balanced(warehouse)


@pytest.mark.parametrize("lot", ["L1", "L2"])
def test_a_recall_of_either_lot_finds_it(warehouse: Warehouse, telling: Telling, lot: str) -> None:
    """It reads what was reported, not what the record can say; and so does who ships a lot that is recalled."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", STOPPED))
    parts = [shipped(quantity=2, lot="L1"), shipped(quantity=3, lot="L2")]
    warehouse.tell(*parts)
    telling.tell(RECALL | {"lot": lot})
    warehouse.follow()
    seen = [(each["quantity"], each["lot"]) for each in (json_of(row[2]) for row in ledger.rows(tables.FINDING_OUTSIDE))]
    assert (seen, findings(ledger)) == ([(2 if lot == "L1" else 3, lot)], [])
    warehouse.judge(order("SO-2", STOPPED))
    warehouse.tell(*(shipped("SO-2", quantity=1, lot=each) for each in ("L1", "L2")))
    assert [seen["lot"] for kind, seen in alerts(ledger) if kind == "recalled_goods_shipped"] == [lot]


def complete(warehouse: Warehouse, said: Wire) -> None:
    """Two people, the one open bypass."""
    [bypass] = bypasses.listed(warehouse.ledger.engine, every=False)
    arguments: tuple[Any, ...] = (Always(warehouse.ledger.rules), warehouse.terms)
    whole = read_completion(json.dumps(said).encode())
    bypasses.complete(warehouse.ledger.engine, str(bypass.bypass_id), whole, "It was a slip of the pen.", ANNA, *arguments)
    bypasses.approve(warehouse.ledger.engine, str(bypass.bypass_id), "Seen too.", BERT, *arguments)


@pytest.mark.parametrize("known", ["ordered", "never ordered"])
def test_two_recipients_are_one_record_until_people_say_that_they_were_one(warehouse: Warehouse, known: str) -> None:
    """The second is an open bypass. Completed with the recipient of the first, its quantity is in the record and it is closed."""
    ledger, part = warehouse.ledger, {"quantity": 2}
    first, second = {"line": 1} | part, {"line": 1, "quantity": 3}
    if known == "ordered":
        warehouse.judge(order("SO-1", STOPPED))
        warehouse.tell(event("shipped", lines=[first]), event("shipped", lines=[second], ship_to=ELSEWHERE), batch=1)
    else:
        told_of = [(WHOLE | first, SHIP_TO), (WHOLE | second, ELSEWHERE)]
        warehouse.tell(*(event("shipped", lines=[line], ship_to=to) for line, to in told_of))
        read_on(warehouse, {0: 0})
    assert states(warehouse) == [("open", "parties_differ"), ("recorded", "")]
    assert (live(ledger) or {})["quantity"] == 2
    with pytest.raises(Unusable, match="parties_differ"):
        complete(warehouse, {"lot": "L9"})
    complete(warehouse, {"ship_to": SHIP_TO})
    record = live(ledger) or {}
    assert (record["kind"], record["quantity"], record["ship_to"]["site_id"]) == ("correction", 5, "HF1")
    assert states(warehouse) == [("approved", "parties_differ"), ("recorded", "")]
    assert bypasses.listed(ledger.engine, every=False) == []
    assert sum(units(ledger).values()) == 5
    balanced(warehouse)
