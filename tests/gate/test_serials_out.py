"""A serial that was reported as left is out until it comes back, whatever is disputed of it; and it is out with one line only."""

import json
from collections import Counter

import pytest

from gatekeeper.feeds.correcting import approve, propose
from gatekeeper.goods import bypasses
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from schemas.correction import RecordChanges
from tests.feed.rems import Rems, acknowledgement
from tests.gate.following import Always
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live, records, shelves
from tests.gate.test_again import wrong
from tests.gate.test_balance import assert_uses
from tests.gate.test_bypass import read_on
from tests.gate.test_events import MANY
from tests.gate.test_records_live import FIVE, SERIALISED, returned, serials, shipped
from tests.gate.warehouse import Warehouse, event

OTHER_FIVE = ["V", "W", "X", "Y", "Z"]
ORDERED: Wire = json.loads(order("SO-1", MANY))
ALL_OF_IT: Wire = {name: ORDERED["lines"][0][name] for name in ("product", "quantity", "patient")} | {"ship_to": ORDERED["ship_to"]}
"""What people complete."""


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def ask_for(warehouse: Warehouse, serial: str, name: str) -> str:
    """What becomes of an order of one vial."""
    warehouse.judge(order(name, MANY | {"/lines/0/serials": [serial], "/lines/0/quantity": 1}))
    warehouse.follow()
    return "stopped" if live(warehouse.ledger, name) is None else "released"


def owner(warehouse: Warehouse, serial: str) -> str | None:
    place = serials(warehouse.ledger).get(serial)
    return None if place is None else place.split("/")[1]


def balanced(warehouse: Warehouse) -> None:
    """No vial stands in two live records, but where it came back in between."""
    out: Counter[str] = Counter()
    for shelf in shelves(warehouse.ledger).values():
        back = {serial for record in shelf.returned for serial in record.get("serials", ())}
        out.update({serial for record in shelf.live for serial in record.get("serials", ())} - back)
    assert max(out.values(), default=0) <= 1
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_a_line_takes_no_serial_that_another_line_has_by_now(warehouse: Warehouse) -> None:
    """Others left in place of A, so A went to another order; a vial too many of the first takes nothing back from that one."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=OTHER_FIVE))
    assert ask_for(warehouse, "A", "SO-2") == "released"
    warehouse.tell(shipped(quantity=1))
    warehouse.follow()
    assert owner(warehouse, "A") == "SO-2"
    assert [owner(warehouse, serial) for serial in (*FIVE[1:], *OTHER_FIVE)] == ["SO-1"] * 9
    [(kind, seen)] = alerts(warehouse.ledger)
    assert (kind, seen["problems"]) == ("shipment_disputed", ["more_than_released", "serial_of_another_line"])
    assert "serials" not in (live(warehouse.ledger) or {})
    warehouse.tell(returned(serials=["A"], verified=True))
    assert owner(warehouse, "A") == "SO-2", "who does not have it does not free it"
    assert ask_for(warehouse, "A", "SO-3") == "stopped"
    assert ask_for(warehouse, "V", "SO-4") == "stopped"
    balanced(warehouse)


def test_after_a_correction_by_people_a_late_report_takes_nothing_from_others_and_frees_nothing(warehouse: Warehouse) -> None:
    rems = Rems(warehouse.ledger)
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped())
    [record] = records(warehouse.ledger)
    rems.say(acknowledgement(record["record_id"], "rejected"))
    changes = RecordChanges(serials=tuple(OTHER_FIVE))
    name = propose(warehouse.ledger.engine, record["record_id"], changes, "Seen.", Person("u-1", "U"))
    approve(warehouse.ledger.engine, str(name), "Seen too.", Person("u-2", "V"), Always(warehouse.ledger.rules), warehouse.terms)
    assert ask_for(warehouse, "A", "SO-2") == "released"
    warehouse.tell(returned(serials=["V"], verified=True))
    assert ask_for(warehouse, "V", "SO-3") == "released"
    warehouse.tell(shipped(quantity=1))
    warehouse.follow()
    assert [owner(warehouse, serial) for serial in ("A", "V")] == ["SO-2", "SO-3"]
    assert [owner(warehouse, serial) for serial in OTHER_FIVE[1:]] == ["SO-1"] * 4
    assert [owner(warehouse, serial) for serial in FIVE[1:]] == [None] * 4, "what people took out of the record stays free"
    assert ask_for(warehouse, "W", "SO-4") == "stopped"
    assert wrong(warehouse.ledger) == []


def test_serials_that_left_are_out_also_where_the_record_can_name_none(warehouse: Warehouse) -> None:
    """Three by their serials, then two by their number: which of those released is not known, and of the three it is."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["V", "W", "X"]))
    warehouse.tell(shipped(quantity=2))
    assert "serials" not in (live(warehouse.ledger) or {})
    assert ask_for(warehouse, "V", "SO-2") == "stopped"
    assert ask_for(warehouse, "A", "SO-3") == "stopped"
    assert set(serials(warehouse.ledger)) == {*FIVE, "V", "W", "X"}
    balanced(warehouse)


def test_serials_of_a_disputed_shipment_are_out(warehouse: Warehouse) -> None:
    """Z named twice, Y only in a report of another lot: both left, whatever the record says."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["A", "Z"]))
    assert ask_for(warehouse, "Z", "SO-2") == "stopped"
    warehouse.tell(shipped(serials=["B", "Z"]))
    warehouse.follow()
    assert live(warehouse.ledger, "SO-2") is None
    warehouse.tell(shipped(serials=["Y"], lot="X9"))
    assert ask_for(warehouse, "Y", "SO-3") == "stopped"
    assert {owner(warehouse, serial) for serial in (*FIVE, "Y", "Z")} == {"SO-1"}
    balanced(warehouse)


def test_a_serial_that_left_once_more_after_it_came_back_is_out(warehouse: Warehouse) -> None:
    """It is free when it came back as often as it left."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=FIVE), returned(serials=["A"], verified=True))
    assert owner(warehouse, "A") is None
    warehouse.tell(shipped(serials=["A"]))
    assert ask_for(warehouse, "A", "SO-2") == "stopped"
    warehouse.tell(returned(serials=["A"], verified=True))
    warehouse.follow()
    assert live(warehouse.ledger, "SO-2") is not None
    balanced(warehouse)


def test_what_came_back_and_left_with_another_order_disputes_nothing(warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["A", "B"]), returned(serials=["A"], verified=True))
    assert ask_for(warehouse, "A", "SO-2") == "released"
    warehouse.tell(shipped(serials=["C", "D", "E"]))
    assert alerts(warehouse.ledger) == []
    assert (live(warehouse.ledger) or {})["serials"] == FIVE
    assert owner(warehouse, "A") == "SO-2"
    balanced(warehouse)


def test_what_left_before_its_release_is_free_at_no_moment(warehouse: Warehouse) -> None:
    """The release makes another record; the report is settled against it only later, and what was reported is out at once."""
    wanted: Wire = SERIALISED | {"/lines/0/patient/authorization_id": "AU-NEW"}
    warehouse.judge(order("SO-1", wanted))
    warehouse.tell(shipped(serials=["V"]))
    assert owner(warehouse, "V") == "SO-1"
    assert ask_for(warehouse, "V", "SO-2") == "stopped"
    warehouse.ledger.load(authorization("AU-MANY", 1000), authorization("AU-NEW", 1000))
    warehouse.follow()
    released = [record for record in records(warehouse.ledger) if record["kind"] == "original" and not record.get("outside_gate")]
    assert [record["order_id"] for record in released] == ["SO-1"]
    assert owner(warehouse, "V") == "SO-1"
    balanced(warehouse)


def test_what_left_before_its_order_came_is_out_with_the_release(warehouse: Warehouse) -> None:
    """Before what was reported is settled."""
    warehouse.tell(shipped(serials=["A", "V"]))
    warehouse.judge(order("SO-1", SERIALISED))
    assert set(serials(warehouse.ledger)) == {*FIVE, "V"}
    assert ask_for(warehouse, "V", "SO-2") == "stopped"
    balanced(warehouse)
    warehouse.tell(returned(serials=["V"], verified=True))
    warehouse.follow()
    assert live(warehouse.ledger, "SO-2") is not None


def test_a_serial_of_another_live_line_stays_with_it(warehouse: Warehouse) -> None:
    """One alert; the record of who reports it does not name it; once that one has it back it stays out with nobody else."""
    warehouse.judge(order("SO-1", SERIALISED))
    assert ask_for(warehouse, "Z", "SO-2") == "released"
    warehouse.tell(shipped(serials=["A", "Z"]))
    assert [seen["problems"] for _, seen in alerts(warehouse.ledger)] == [["serial_of_another_line"]]
    assert "Z" not in (live(warehouse.ledger) or {})["serials"]
    assert owner(warehouse, "Z") == "SO-2"
    warehouse.tell(event("shipped", "SO-2", lines=[{"line": 1}]))
    assert owner(warehouse, "Z") == "SO-2"
    assert len(warehouse.ledger.rows(tables.SERIAL)) == 6
    balanced(warehouse)


def test_vials_that_one_line_has_are_not_taken_by_goods_of_another_that_nobody_released(warehouse: Warehouse) -> None:
    """The event names no vials; those that were ordered are out with the first order."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.judge(order("SO-2", SERIALISED))
    warehouse.tell(shipped("SO-2"))
    warehouse.follow()
    assert [owner(warehouse, serial) for serial in FIVE] == ["SO-1"] * 5
    [(kind, seen)] = alerts(warehouse.ledger)
    assert (kind, seen["lacks"]) == ("shipment_bypassed", ["serial_of_another_line"])
    balanced(warehouse)


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_left_past_the_gate_with_one_line_stands_in_the_way_of_the_others_of_its_order(warehouse: Warehouse, cancelled: bool) -> None:  # noqa: FBT001
    """Also where that line is not judged any more; but not in its own."""
    ledger = warehouse.ledger
    mine, other = ({"/lines/0/patient/authorization_id": name} for name in ("AU-NEW", "AU-SOON"))
    line = json.loads(order("SO-1", other | {"/lines/0/line": 2, "/lines/0/quantity": 1, "/lines/0/serials": ["A"]}))["lines"][0]
    warehouse.judge(order("SO-1", mine | {"/lines/0/serials": FIVE, "/lines/1": line}))
    warehouse.tell(shipped())
    assert owner(warehouse, "A") == "SO-1"
    if cancelled:
        warehouse.tell(event("cancelled", lines=[1]))
    ledger.load(authorization("AU-SOON", 1))
    warehouse.follow()
    assert live(ledger, line=2) is None
    ledger.load(authorization("AU-SOON", 1), authorization("AU-NEW", 5))
    warehouse.follow()
    assert live(ledger, line=2) is None
    assert ("outside_gate" in (live(ledger) or {})) is cancelled
    balanced(warehouse)


def test_units_of_a_line_that_left_past_the_gate_count_for_the_others_of_its_order(warehouse: Warehouse) -> None:
    ledger, new = warehouse.ledger, {"/lines/0/patient/authorization_id": "AU-NEW"}
    line = json.loads(order("SO-1", new | {"/lines/0/line": 2, "/lines/0/quantity": 2}))["lines"][0]
    warehouse.judge(order("SO-1", new | {"/lines/1": line}))
    warehouse.tell(shipped(), event("cancelled", lines=[1]))
    ledger.load(authorization("AU-NEW", 6))
    warehouse.follow()
    assert live(ledger, line=2) is None
    ledger.load(authorization("AU-NEW", 7))
    warehouse.follow()
    assert live(ledger, line=2) is not None
    balanced(warehouse)


def test_a_serial_that_people_said_left_is_out_whatever_the_record_says_later(warehouse: Warehouse) -> None:
    """Their record outside the gate is void, for the order was released after all, and more left than that: it says what was released."""
    ledger, book = warehouse.ledger, Always(warehouse.ledger.rules)
    warehouse.tell(event("shipped", lines=[1]))
    read_on(warehouse, {0: 0})
    [bypass] = bypasses.listed(ledger.engine, every=False)
    said = bypasses.read_completion(json.dumps({**ALL_OF_IT, "serials": OTHER_FIVE}).encode())
    bypasses.complete(ledger.engine, str(bypass.bypass_id), said, "Seen.", Person("u-1", "Ann"), book, warehouse.terms)
    bypasses.approve(ledger.engine, str(bypass.bypass_id), "Seen too.", Person("u-2", "Bob"), book, warehouse.terms)
    warehouse.judge(order("SO-1", SERIALISED))
    assert set(serials(ledger)) == {*FIVE, *OTHER_FIVE}, "also before it is settled once more"
    warehouse.follow()
    assert (live(ledger) or {})["serials"] == OTHER_FIVE
    warehouse.tell(shipped(quantity=1))
    assert (live(ledger) or {})["serials"] == FIVE
    assert set(serials(ledger)) == {*FIVE, *OTHER_FIVE}
    assert ask_for(warehouse, "V", "SO-2") == "stopped"
    warehouse.tell(returned(serials=["V"], verified=True))
    assert_uses(ledger)
    balanced(warehouse)
