"""What came back and left once more: it has an alert or a record, and its serials are out. What all came back, verified, is free."""

from typing import Any

import pytest

from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live, shelves
from tests.gate.test_again import wrong
from tests.gate.test_balance import assert_uses
from tests.gate.test_events import MANY
from tests.gate.test_records_live import FIVE, SERIALISED, serials
from tests.gate.test_serials_out import ask_for, balanced, owner
from tests.gate.warehouse import Warehouse, event

LINE = ("SO-1", 1, 1)


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def left(day: int, order_id: str = "SO-1", **line: Any) -> bytes:
    return event("shipped", order_id, lines=[{"line": 1, **line}], at=f"2026-11-{day}T10:00:00Z")


def back(day: int, *, verified: bool = True, **line: Any) -> bytes:
    return event("returned", lines=[{"line": 1, "verified": verified, **line}], at=f"2026-11-{day}T10:00:00Z")


@pytest.mark.parametrize("again", [{}, {"serials": FIVE}, {"quantity": 5}])
@pytest.mark.parametrize("first", [{}, {"serials": FIVE}])
@pytest.mark.parametrize("late", ["", "returned"])
def test_a_line_that_left_whole_twice_has_an_alert_and_is_out(warehouse: Warehouse, first: Wire, again: Wire, late: str) -> None:
    """However it was told, and also where it is told last that it had come back in between."""
    told = [left(20, **first), left(22, **again)]
    told.insert(2 if late else 1, back(21))
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(*told)
    warehouse.follow()
    assert [seen["problems"][0] for kind, seen in alerts(warehouse.ledger) if kind == "shipment_disputed"][-1:] == ["more_than_released"]
    assert set(serials(warehouse.ledger)) == set(FIVE)
    assert [row[2] for row in warehouse.ledger.rows(tables.UNITS)] == [5], "they are used up again"
    assert ask_for(warehouse, "A", "SO-2") == "stopped"
    assert_uses(warehouse.ledger)
    warehouse.tell(back(23))
    warehouse.follow()
    assert live(warehouse.ledger, "SO-2") is not None, "all came back as often as it left"
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_a_vial_that_left_again_while_it_was_out_with_another_order_stands_in_one_record(warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(left(20), back(21, serials=["A"]))
    assert ask_for(warehouse, "A", "SO-2") == "released"
    warehouse.tell(left(22, "SO-2"), left(23, serials=["A"]))
    [seen] = [seen for kind, seen in alerts(warehouse.ledger) if kind == "shipment_disputed"]
    assert set(seen["problems"]) == {"more_than_released", "serial_of_another_line"}
    assert owner(warehouse, "A") == "SO-2"
    balanced(warehouse)


@pytest.mark.parametrize("parts", [(2, 3), (1, 1, 3)])
def test_all_that_came_back_in_parts_is_free(warehouse: Warehouse, parts: tuple[int, ...]) -> None:
    """As many units came back verified as had left: whichever they were, none of them is out."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(left(20), *[back(21, quantity=many) for many in parts[:-1]])
    assert set(serials(warehouse.ledger)) == set(FIVE)
    warehouse.tell(back(22, quantity=parts[-1]))
    assert serials(warehouse.ledger) == {}
    assert ask_for(warehouse, "A", "SO-2") == "released"
    assert_uses(warehouse.ledger)


def test_what_was_verified_later_is_free(warehouse: Warehouse) -> None:
    """The same return told once more, without a word of serials."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(left(20), back(21, verified=False))
    assert set(serials(warehouse.ledger)) == set(FIVE)
    warehouse.tell(back(22))
    assert serials(warehouse.ledger) == {}
    assert_uses(warehouse.ledger)


def test_of_what_left_in_part_and_came_back_the_rest_may_still_leave(warehouse: Warehouse) -> None:
    """And is free once it is cancelled."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(left(20, quantity=2), back(21))
    assert set(serials(warehouse.ledger)) == set(FIVE)
    warehouse.tell(event("cancelled"))
    assert serials(warehouse.ledger) == {}
    assert_uses(warehouse.ledger)


def test_a_vial_that_is_out_with_another_line_does_not_come_back_to_this_one(warehouse: Warehouse) -> None:
    """Also where the record names no serials."""
    warehouse.judge(order("SO-1", MANY))
    assert ask_for(warehouse, "Q", "SO-2") == "released"
    warehouse.tell(left(20), left(20, "SO-2"), back(21, serials=["Q"]))
    assert [kind for kind, _ in alerts(warehouse.ledger)] == ["return_disputed"]
    assert shelves(warehouse.ledger)[LINE].returned == ()
    assert owner(warehouse, "Q") == "SO-2"
    warehouse.tell(back(21, serials=["P"]))
    assert [record["serials"] for record in shelves(warehouse.ledger)[LINE].returned] == [["P"]], "nobody else has it"
    assert_uses(warehouse.ledger)
