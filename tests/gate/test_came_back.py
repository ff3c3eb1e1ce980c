"""What came back had left, whether or not anybody said that it did; and what came back, verified, is free again."""

import pytest

from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import Shelf, alerts, shelves
from tests.gate.test_again import wrong
from tests.gate.test_balance import assert_uses
from tests.gate.test_bypass import read_on
from tests.gate.test_events import MANY
from tests.gate.test_records_live import FIVE, SERIALISED, returned, serials, shipped
from tests.gate.test_serials_out import OTHER_FIVE, ask_for, owner
from tests.gate.warehouse import Warehouse, event

LINE = ("SO-1", 1, 1)


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def amounts(shelf: Shelf) -> tuple[list[int], list[int]]:
    """How many vials stand in live records, and in returns."""
    return [record["quantity"] for record in shelf.live], [record["quantity"] for record in shelf.returned]


@pytest.mark.parametrize("first", ["returned", "cancelled"])
def test_a_return_and_a_cancellation_leave_the_same_behind(warehouse: Warehouse, first: str) -> None:
    """Who cancels what came back contradicts himself: the record stays, or stands again, and a person is asked."""
    told = {"returned": returned(quantity=2), "cancelled": event("cancelled")}
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(told.pop(first), *told.values())
    warehouse.follow()
    assert amounts(shelves(warehouse.ledger)[LINE]) == ([5], [2])
    assert [kind for kind, _ in alerts(warehouse.ledger)] == [
        "shipped_goods_cancelled" if first == "returned" else "withdrawn_goods_shipped"
    ]
    assert set(serials(warehouse.ledger)) == set(FIVE)
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize("first", ["returned", "revision"])
def test_a_return_and_a_higher_revision_leave_the_same_behind(warehouse: Warehouse, first: str) -> None:
    """The units of what came back are free once, and not a second time with the higher revision."""
    second: Wire = MANY | {"/revision": 2}
    warehouse.judge(order("SO-1", MANY))
    if first == "returned":
        warehouse.tell(returned(quantity=2))
    warehouse.judge(order("SO-1", second))
    if first == "revision":
        warehouse.tell(returned(quantity=2))
    warehouse.follow()
    assert amounts(shelves(warehouse.ledger)[LINE]) == ([5], [2])
    assert amounts(shelves(warehouse.ledger)["SO-1", 2, 1]) == ([5], [])
    assert [row[2] for row in warehouse.ledger.rows(tables.UNITS)] == [5 - 2 + 5]
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize("said", [{}, {"quantity": 5}])
@pytest.mark.parametrize("verified", [True, False])
def test_what_all_came_back_is_free_where_that_was_verified(warehouse: Warehouse, said: Wire, verified: bool) -> None:  # noqa: FBT001
    """Also without a word of the serials: there are no others."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=FIVE), returned(verified=verified, **said))
    assert set(serials(warehouse.ledger)) == (set() if verified else set(FIVE))
    assert ask_for(warehouse, "A", "SO-2") == ("released" if verified else "stopped")
    assert_uses(warehouse.ledger)


def test_of_what_came_back_in_parts_only_what_was_verified_is_free(warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(), returned(serials=["A"]), returned(quantity=2, verified=True), returned(quantity=2, verified=True))
    assert amounts(shelves(warehouse.ledger)[LINE]) == ([5], [1, 2, 2])
    assert set(serials(warehouse.ledger)) == set(FIVE), "of two of the rest it is not known which"
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize(("back", "out"), [({"serials": ["A", "B"]}, {"A", "C", "D", "E", "Z"}), ({}, {"B", "C", "D", "E"})])
def test_what_came_back_before_its_goods_were_told_frees_no_others(warehouse: Warehouse, back: Wire, out: set[str]) -> None:
    """Two left, A and Z. That A and B are back says that B left too, and nothing of Z; that all is back, nothing of what never left.
    What the return record says that the live one does not is an alert.
    """
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(returned(verified=True, **back))
    warehouse.tell(event("shipped", lines=[{"line": 1, "serials": ["A", "Z"]}], at="2026-11-19T16:00:00-05:00"))
    assert set(serials(warehouse.ledger)) == (out - {"A"} if back else out)
    assert [row[2] for row in warehouse.ledger.rows(tables.UNITS)] == [3]
    assert ask_for(warehouse, "Z", "SO-2") == ("stopped" if back else "released")
    assert ask_for(warehouse, "C", "SO-3") == "stopped", "it may still leave"
    assert [kind for kind, _ in alerts(warehouse.ledger)] == ["return_disputed"]
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_other_vials_left_than_came_back(warehouse: Warehouse) -> None:
    """As many, so that no number says it."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(returned(serials=["A"], verified=True), shipped(serials=OTHER_FIVE))
    assert [kind for kind, _ in alerts(warehouse.ledger)] == ["return_disputed"]
    assert set(serials(warehouse.ledger)) == set(OTHER_FIVE)
    assert_uses(warehouse.ledger)


def test_more_had_left_than_came_back_by_its_record(warehouse: Warehouse) -> None:
    """All was back, and it is told late that two more had left before: they are in no return record."""
    warehouse.judge(order("SO-1", MANY))
    two = event("shipped", lines=[{"line": 1, "quantity": 2}], at="2026-11-19T16:00:00-05:00")
    warehouse.tell(shipped(quantity=3), returned(), two)
    assert amounts(shelves(warehouse.ledger)[LINE]) == ([5], [3])
    assert [kind for kind, _ in alerts(warehouse.ledger)] == ["return_disputed"]
    assert [row[2] for row in warehouse.ledger.rows(tables.UNITS)] == [2]
    assert_uses(warehouse.ledger)


def test_all_of_it_came_back_told_twice_and_verified_the_second_time(warehouse: Warehouse) -> None:
    """Nobody had said that it left."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(returned(), returned(verified=True))
    assert serials(warehouse.ledger) == {}
    assert_uses(warehouse.ledger)


def test_a_serial_that_two_lines_reported_is_out_until_both_have_given_it_up(warehouse: Warehouse) -> None:
    """Z was released with SO-2 and left with SO-1. What left with SO-2 in its place frees it for nobody."""
    warehouse.judge(order("SO-1", SERIALISED))
    assert ask_for(warehouse, "Z", "SO-2") == "released"
    warehouse.tell(shipped(serials=["A", "B", "C", "D", "Z"]))
    assert owner(warehouse, "Z") == "SO-2"
    warehouse.tell(shipped("SO-2", serials=["Y"]))
    assert owner(warehouse, "Z") == "SO-1"
    assert ask_for(warehouse, "Z", "SO-3") == "stopped"
    assert_uses(warehouse.ledger)
    warehouse.tell(shipped(serials=["E"]), returned(serials=["Z"], verified=True))
    warehouse.follow()
    assert owner(warehouse, "Z") == "SO-1", "six left of five, and of no record it can come back"
    assert_uses(warehouse.ledger)


def test_a_serial_that_a_superseded_line_gives_up_stays_out_with_the_other(warehouse: Warehouse) -> None:
    """Also for an order of the same batch."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    assert ask_for(warehouse, "Z", "SO-2") == "released"
    warehouse.tell(shipped(serials=["Z", *OTHER_FIVE[:4]]))
    again: Wire = MANY | {"/revision": 2, "/lines/0/quantity": 1}
    ledger.judge(order("SO-2", again), order("SO-3", MANY | {"/lines/0/serials": ["Z"], "/lines/0/quantity": 1}))
    assert owner(warehouse, "Z") == "SO-1"
    assert ("SO-3", 1, 1) not in shelves(ledger)
    assert_uses(ledger)


@pytest.mark.parametrize("first", ["shipped", "returned"])
@pytest.mark.parametrize("read", [True, False])
def test_what_was_told_before_the_order_came_is_settled_before_what_came_back(warehouse: Warehouse, first: str, read: bool) -> None:  # noqa: FBT001
    """All that left came back, whichever was told first, and whether or not the wait for the order was over; two more did not."""
    told = {"shipped": shipped(quantity=1), "returned": returned()}
    warehouse.tell(told.pop(first), *told.values())
    if read:
        read_on(warehouse, {0: 0})
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(returned(quantity=2))
    warehouse.follow()
    assert amounts(shelves(warehouse.ledger)[LINE]) == ([1], [1])
    assert [kind for kind, _ in alerts(warehouse.ledger)].count("return_disputed") == 1 + read
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)
