"""A higher revision of an order of which goods have left: what has not left is withdrawn, what left stays as it is."""

import pytest

from gatekeeper.examinations.recording import Terms
from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, authorization, order
from tests.gate.shelves import shelves
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH, bodies
from tests.gate.test_events import MANY, TWO_COVERED, released_line
from tests.gate.test_revisions import codes, revision, units
from tests.gate.warehouse import Warehouse, event

STOPPED_TOPIC = "shipments-stopped"


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def test_a_new_revision_of_goods_that_left_is_held(warehouse: Warehouse) -> None:
    """Every line of it, also of products that nobody restricts. What left is not withdrawn: its record stays, and what it used."""
    warehouse.ledger.judge(order("SO-1", MANY | {"/lines/0/serials": list("ABCDE")}))
    warehouse.tell(event("shipped", lines=[1]))
    answers = warehouse.ledger.judge(revision(2, MANY | {"/lines/1": CAMPATH}), revision(3, MANY))
    told = [(topic, body["revision"], codes(body)) for topic, body in bodies(*answers)]
    assert told == [(STOPPED_TOPIC, 2, [["order_already_shipped"]] * 2), (STOPPED_TOPIC, 3, [["order_already_shipped"]])]
    assert units(warehouse.ledger) == {"AU-MANY": 5}
    assert len(warehouse.ledger.rows(tables.SERIAL)) == 5


@pytest.mark.parametrize("wholesalers", [frozenset(), frozenset({"WD-001"})])
def test_a_new_revision_withdraws_only_what_has_not_left(warehouse: Warehouse, wholesalers: frozenset[str]) -> None:
    """One line left whole, one in part, one not at all: the last two are withdrawn; only the record of the last is voided."""
    three = TWO_COVERED | {"/lines/2": released_line(3, "AU-MANY"), "/lines/3": CAMPATH | {"line": 4}}
    shipping = Warehouse(warehouse.ledger, Terms(reports_shipments=wholesalers), "shipping")
    shipping.judge(order("SO-1", three))
    shipping.tell(event("shipped", lines=[1, {"line": 2, "quantity": 2}, 4]))
    [answer] = shipping.judge(revision(2, three))
    lower = [(topic, body) for topic, body in bodies(answer) if body["revision"] == 1]
    assert [[line["line"] for line in body["lines"]] for topic, body in lower if topic == STOPPED_TOPIC] == [[2, 3]]
    assert [body["line"] for _, body in lower if body.get("kind") == "void"] == ([] if wholesalers else [3])
    assert [body["evidence"]["lines"] for _, body in lower if "alert_id" in body] == [[2, 3]]
    assert units(warehouse.ledger) == {"AU-MANY": 7}
    assert wrong(warehouse.ledger) == []


@pytest.mark.parametrize("wholesalers", [frozenset(), frozenset({"WD-001"})])
@pytest.mark.parametrize("back", [{"serials": ["A"]}, {"quantity": 1}])
def test_of_what_came_back_and_was_never_told_to_leave_the_rest_is_free(
    warehouse: Warehouse, wholesalers: frozenset[str], back: dict[str, object]
) -> None:
    """The record still says five vials: it names none of them any more, once another line's record does."""
    ledger, telling = warehouse.ledger, Warehouse(warehouse.ledger, Terms(reports_shipments=wholesalers), "telling")
    telling.judge(order("SO-1", MANY | {"/lines/0/serials": list("ABCDE")}))
    telling.tell(event("returned", lines=[{"line": 1, "verified": True} | back]))
    telling.judge(revision(2, MANY), order("SO-2", MANY | {"/lines/0/quantity": 1, "/lines/0/serials": ["B"]}))
    telling.follow()
    live = {place[:2]: record.get("serials", []) for place, shelf in shelves(ledger).items() for record in shelf.live}
    assert (live["SO-1", 1], live["SO-2", 1]) == ([], ["B"])
    assert wrong(ledger) == []


@pytest.mark.parametrize("wholesalers", [frozenset(), frozenset({"WD-001"})])
def test_what_left_in_part_is_freed_once_whatever_released_the_other_lines(warehouse: Warehouse, wholesalers: frozenset[str]) -> None:
    """Two verdicts released the lines of one revision; three units of the first line have not left."""
    ledger, telling = warehouse.ledger, Warehouse(warehouse.ledger, Terms(reports_shipments=wholesalers), "telling")
    ledger.load(authorization("AU-MANY", 5))
    telling.judge(order("SO-1", TWO_COVERED))
    ledger.load(authorization("AU-MANY", 1000))
    telling.follow()
    assert units(ledger) == {"AU-MANY": 10}
    telling.tell(event("shipped", lines=[{"line": 1, "quantity": 2}]))
    telling.judge(revision(2, TWO_COVERED))
    assert units(ledger) == {"AU-MANY": 2}
    assert wrong(ledger) == []
