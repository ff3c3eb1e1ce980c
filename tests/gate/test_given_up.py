"""A serial that one line gives up is another's who had reported it: the other's record names it then, whatever came first."""

from typing import Any

import pytest

from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, authorization, order
from tests.gate.shelves import Shelf, live, shelves
from tests.gate.test_again import wrong
from tests.gate.test_balance import assert_uses
from tests.gate.test_events import MANY
from tests.gate.test_records_live import FIVE, SERIALISED
from tests.gate.test_serials_out import ask_for, owner
from tests.gate.warehouse import Warehouse, event


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def tell_apart(warehouse: Warehouse, told: dict[str, bytes], first: str) -> None:
    for each in (told.pop(first), *told.values()):
        warehouse.tell(each)
        warehouse.follow()


@pytest.mark.parametrize("first", ["shipped", "cancelled"])
def test_what_another_order_keeps_back_is_in_the_record_of_who_shipped_it(warehouse: Warehouse, first: str) -> None:
    warehouse.judge(order("SO-1", SERIALISED))
    assert ask_for(warehouse, "F", "SO-2") == "released"
    left = event("shipped", lines=[{"line": 1, "serials": ["A", "B", "C", "D", "F"]}])
    tell_apart(warehouse, {"shipped": left, "cancelled": event("cancelled", "SO-2")}, first)
    assert (live(warehouse.ledger) or {})["serials"] == ["A", "B", "C", "D", "F"]
    assert live(warehouse.ledger, "SO-2") is None
    assert (owner(warehouse, "F"), owner(warehouse, "E")) == ("SO-1", None)
    assert warehouse.ledger.rows(tables.UNSETTLED_LINE) == []
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize("first", ["shipped", "cancelled"])
def test_what_a_higher_revision_keeps_back_is_in_the_record_of_the_lower(warehouse: Warehouse, first: str) -> None:
    """The second revision of an order has the serials of the first, which turns out to have left."""
    warehouse.judge(order("SO-1", SERIALISED), order("SO-1", SERIALISED | {"/revision": 2}))
    told = {"shipped": event("shipped", lines=[{"line": 1}]), "cancelled": event("cancelled", revision=2)}
    tell_apart(warehouse, told, first)
    assert (live(warehouse.ledger) or {})["serials"] == FIVE
    assert live(warehouse.ledger, revision=2) is None
    assert {owner(warehouse, serial) for serial in FIVE} == {"SO-1"}
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_what_came_back_of_it_is_recorded_then(warehouse: Warehouse) -> None:
    """Z comes back of an order without serials while another one has it: recorded when that one gives it up."""

    def tell(*events: Any) -> Shelf:
        warehouse.tell(*events)
        warehouse.follow()
        return shelves(warehouse.ledger)["SO-1", 1, 1]

    warehouse.judge(order("SO-1", MANY))
    assert ask_for(warehouse, "Z", "SO-2") == "released"
    back = event("returned", lines=[{"line": 1, "serials": ["Z"], "verified": True}])
    assert tell(event("shipped", lines=[{"line": 1, "serials": ["V", "W", "X", "Y", "Z"]}]), back).returned == ()
    assert [record["serials"] for record in tell(event("cancelled", "SO-2")).returned] == [["Z"]]
    assert owner(warehouse, "Z") is None
    assert_uses(warehouse.ledger)
