"""What left of another program's product than was released: each feed says what is true of its own program."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.goods import bypasses
from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire, authorization, order, two_programs
from tests.gate.shelves import alerts
from tests.gate.test_again import wrong
from tests.gate.test_balance import assert_uses
from tests.gate.test_other_goods import OTHER
from tests.gate.test_records_live import FIVE, SERIALISED, serials, shipped
from tests.gate.warehouse import Warehouse, event

ALPHAS: Wire = {"product": {"ndc": "54321-0200-1"}}
OTHERS = ["V", "W", "X", "Y", "Z"]


@pytest.fixture
def warehouse(ledger: Ledger, tmp_path: Path) -> Warehouse:
    ledger.rules = two_programs(tmp_path)
    ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(ledger)
    warehouse.judge(order("SO-1", SERIALISED))
    return warehouse


def feed(warehouse: Warehouse, program: str) -> list[Wire]:
    """Its records, by their sequences; each is about one of the same feed."""
    rows = sorted(row for row in warehouse.ledger.rows(tables.DISTRIBUTION_RECORD) if row[1] == program)
    found = sorted([json.loads(row[7]) for row in rows], key=lambda record: int(record["sequence"]))
    assert [record["sequence"] for record in found] == list(range(1, len(found) + 1))
    known = {record["record_id"] for record in found}
    assert {record["replaces"] for record in found} - {None} <= known
    return found


def kinds(records: list[Wire]) -> list[tuple[Any, ...]]:
    return [(record["kind"], record["quantity"], record.get("lot"), record.get("serials")) for record in records]


def test_all_of_it_is_void_in_the_one_feed_and_an_original_in_the_other(warehouse: Warehouse) -> None:
    """Also of the lot and the serials that were released the other product has none."""
    warehouse.tell(shipped(serials=OTHERS, **ALPHAS))
    assert kinds(feed(warehouse, "lemtrada")) == [("original", 5, "A1234", FIVE), ("void", 5, "A1234", FIVE)]
    assert kinds(feed(warehouse, "alpha")) == [("original", 5, None, OTHERS)]
    assert feed(warehouse, "alpha")[0]["outside_gate"] is True
    assert [(kind, seen["why"]) for kind, seen in alerts(warehouse.ledger)] == [("shipment_bypassed", ["other_product"])]
    assert set(serials(warehouse.ledger)) == set(OTHERS), "what was released stayed"
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_all_of_it_without_a_number_is_as_much_as_was_released(warehouse: Warehouse) -> None:
    warehouse.tell(shipped(**ALPHAS, lot="L7"))
    assert kinds(feed(warehouse, "alpha")) == [("original", 5, "L7", None)]
    assert_uses(warehouse.ledger)


def test_what_follows_is_said_in_the_feed_of_the_other(warehouse: Warehouse) -> None:
    """Another part of it, the rest that stays, what comes back; never a word about it in the first."""
    warehouse.tell(shipped(serials=["V"], **ALPHAS), shipped(serials=["W"], **ALPHAS), event("cancelled"))
    warehouse.tell(event("returned", lines=[{"line": 1, "serials": ["V"], "verified": True}]))
    warehouse.follow()
    assert [each[0] for each in kinds(feed(warehouse, "lemtrada"))] == ["original", "void"]
    assert kinds(feed(warehouse, "alpha")) == [
        ("original", 1, None, ["V"]),
        ("correction", 2, None, ["V", "W"]),
        ("return", 1, None, ["V"]),
    ]
    assert set(serials(warehouse.ledger)) == {"W"}
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_what_a_bypass_lacks_is_for_people_also_when_its_serial_is_free(warehouse: Warehouse) -> None:
    """W of the other product was out with another order, and came back: the record of what was released says nothing of it."""
    warehouse.judge(order("SO-2", SERIALISED | {"/lines/0/serials": ["F"], "/lines/0/quantity": 1}))
    warehouse.tell(shipped("SO-2", serials=["W"], **ALPHAS), shipped(serials=["V", "W"], **ALPHAS))
    warehouse.tell(event("returned", "SO-2", lines=[{"line": 1, "serials": ["W"], "verified": True}]))
    warehouse.follow()
    lemtradas = [record for record in feed(warehouse, "lemtrada") if record["order_id"] == "SO-1"]
    assert kinds(lemtradas) == [("original", 5, "A1234", FIVE)]
    assert [bypass.lacks for bypass in bypasses.listed(warehouse.ledger.engine, every=False)] == ["serial_of_another_line"]
    assert set(serials(warehouse.ledger)) == {*FIVE, "V", "W"}
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize("party", [ALPHAS, {"patient": OTHER}])
def test_what_left_as_released_after_it_changes_neither_feed(warehouse: Warehouse, party: Wire) -> None:
    """One record is of one recipient: that others are another's is an alert."""
    warehouse.tell(shipped(serials=["V", "W"], **party))
    before = [kinds(feed(warehouse, program)) for program in ("lemtrada", "alpha")]
    warehouse.tell(shipped(serials=["C", "D", "E"]))
    assert [kinds(feed(warehouse, program)) for program in ("lemtrada", "alpha")] == before
    assert alerts(warehouse.ledger)[-1][0] == "shipment_disputed"
    assert set(serials(warehouse.ledger)) == {"C", "D", "E", "V", "W"}
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)
