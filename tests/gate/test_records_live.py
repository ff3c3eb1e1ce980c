"""The life of a distribution record: what left, what was cancelled, what came back."""

from typing import Any

import pytest

from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live, records, shelves
from tests.gate.test_again import wrong
from tests.gate.test_events import MANY
from tests.gate.test_revisions import revision, units
from tests.gate.warehouse import Warehouse, event

FIVE = ["A", "B", "C", "D", "E"]
SERIALISED: Wire = MANY | {"/lines/0/serials": FIVE}
EARLY, LATE = "2026-11-19T16:00:00-05:00", "2026-11-23T18:00:00-05:00"


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(
        authorization("AU-MANY", 1000),
        {"fact": "recall", "program": "lemtrada", "sequence": 60, "effective_on": "2026-11-10", "ndc": "58468-0200-1", "lot": "BAD",
         "status": "recalled"},
    )  # fmt: skip
    return Warehouse(ledger)


def shipped(order_id: str = "SO-1", number: int = 1, **line: Any) -> bytes:
    return event("shipped", order_id, lines=[{"line": number, **line}])


def returned(order_id: str = "SO-1", **line: Any) -> bytes:
    return event("returned", order_id, lines=[{"line": 1, **line}])


def serials(ledger: Ledger) -> dict[str, str]:
    return {row[0]: row[2] for row in ledger.rows(tables.SERIAL)}


@pytest.mark.parametrize(
    "line", [{}, {"quantity": 5}, {"quantity": 5, "unit": "vial", "serials": FIVE[::-1]}, {"serials": FIVE, "lot": "A1234"}]
)
def test_what_left_as_it_was_released_is_confirmed(warehouse: Warehouse, line: Wire) -> None:
    """No record, no alert: the one that stands says it."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(**line))
    assert len(records(warehouse.ledger)) == 1
    assert alerts(warehouse.ledger) == []
    assert (units(warehouse.ledger), len(serials(warehouse.ledger))) == ({"AU-MANY": 5}, 5)


def test_partial_shipments_are_corrections_that_add_up_to_one_live_record(warehouse: Warehouse) -> None:
    """Each replaces the one before; the rest stays held until it leaves; the last says again what was released."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["A", "B"]))
    record = live(ledger)
    assert record is not None
    assert (record["kind"], record["quantity"], record["serials"]) == ("correction", 2, ["A", "B"])
    assert (units(ledger), len(serials(ledger))) == ({"AU-MANY": 5}, 5)
    warehouse.tell(shipped(serials=["E", "D"], quantity=2))
    warehouse.tell(shipped(quantity=1))
    said = records(ledger)
    assert [(each["kind"], each["quantity"], each["sequence"]) for each in said] == [
        ("original", 5, 1), ("correction", 2, 2), ("correction", 4, 3), ("correction", 5, 4),
    ]  # fmt: skip
    assert [each["replaces"] for each in said] == [None, *[each["record_id"] for each in said[:-1]]]
    assert said[-1]["serials"] == FIVE
    assert {each["verdict_id"] for each in said} == {said[0]["verdict_id"]}
    assert alerts(ledger) == []
    assert wrong(ledger) == []


@pytest.mark.parametrize("first", ["shipped", "cancelled"])
def test_the_rest_of_a_short_shipment_is_free_when_it_stays(warehouse: Warehouse, first: str) -> None:
    """Whichever is told first: three left, two stay; who waits for what is free is looked at."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    told = [shipped(serials=["A", "B", "C"]), event("cancelled")]
    warehouse.tell(*(told if first == "shipped" else told[::-1]))
    record = live(ledger)
    assert record is not None
    assert (record["quantity"], record["serials"]) == (3, ["A", "B", "C"])
    assert units(ledger) == {"AU-MANY": 3}
    assert set(serials(ledger)) == {"A", "B", "C"}
    assert wrong(ledger) == []


def test_another_lot_other_serials_and_another_day_are_corrections(warehouse: Warehouse) -> None:
    """What was not put in is free again; what was is held; where only the lot is told, its day is not that of the other."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED), order("SO-2", MANY))
    warehouse.tell(shipped(serials=["V", "W", "X", "Y", "Z"], lot="L2", expires_on="2027-09-30"), shipped("SO-2", lot="L3"))
    record, other = live(ledger), live(ledger, "SO-2")
    assert record is not None
    assert other is not None
    assert (record["kind"], record["lot"], record["expires_on"], record["serials"]) == ("correction", "L2", "2027-09-30", list("VWXYZ"))
    assert (other["lot"], "expires_on" in other) == ("L3", False)
    assert serials(ledger) == dict.fromkeys("VWXYZ", "WD-001/SO-1/1/1")
    assert alerts(ledger) == []
    assert wrong(ledger) == []


def test_what_was_put_in_its_place_is_checked(warehouse: Warehouse) -> None:
    """Recalled or expired: corrected all the same, and an alert with the reasons."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY), order("SO-2", MANY))
    warehouse.tell(shipped(lot="BAD"), shipped("SO-2", lot="L2", expires_on="2026-11-20"))
    said = dict(alerts(ledger))
    assert said.keys() == {"substitute_not_clean", "recalled_goods_shipped"}
    assert [reason["code"] for reason in said["substitute_not_clean"]["reasons"]] == ["product_expired"]
    assert (said["recalled_goods_shipped"]["lot"], said["recalled_goods_shipped"]["fact"]["sequence"]) == ("BAD", 60)
    assert [(live(ledger, name) or {})["lot"] for name in ("SO-1", "SO-2")] == ["BAD", "L2"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"quantity": 6}, "more_than_released"),
        ({"quantity": 1, "unit": "pallet"}, "unit_unknown"),
        ({"quantity": 2, "serials": ["A"]}, "serials_do_not_match_quantity"),
        ({"serials": ["A", "B", "C", "D", "S2"]}, "serial_of_another_line"),
    ],
)
def test_what_cannot_be_a_correction_is_one_alert(warehouse: Warehouse, line: Wire, problem: str) -> None:
    """The record says what was released, and the line holds that."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED), order("SO-2", MANY | {"/lines/0/serials": ["S1", "S2", "S3", "S4", "S5"]}))
    warehouse.tell(shipped(**line))
    assert [(kind, seen["problems"]) for kind, seen in alerts(ledger)] == [("shipment_disputed", [problem])]
    record = live(ledger)
    assert record is not None
    assert (record["kind"], record["quantity"], record["serials"]) == ("original", 5, FIVE)
    assert (units(ledger), len(serials(ledger))) == ({"AU-MANY": 10}, 10)


def test_a_serial_never_stands_in_two_live_records(warehouse: Warehouse) -> None:
    """Freed by another serial's leaving, and released to another line: what disputes it later gets no record with it."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["V", "W", "X", "Y", "Z"]))
    warehouse.judge(order("SO-2", MANY | {"/lines/0/serials": FIVE}))
    warehouse.tell(shipped(serials=["A"]))
    standing = [serial for shelf in shelves(ledger).values() for record in shelf.live for serial in record.get("serials", ())]
    assert sorted(standing) == FIVE
    [(kind, seen)] = alerts(ledger)
    assert (kind, seen["problems"]) == ("shipment_disputed", ["more_than_released", "serial_of_another_line"])
    assert wrong(ledger) == []


@pytest.mark.parametrize("batch", [1, None])
def test_a_voided_record_whose_goods_left_is_restored(warehouse: Warehouse, batch: int | None) -> None:
    """By a correction that names it; units and serials are used up again; it left before it was cancelled, so the gate had let it go."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    late = event("cancelled", at=LATE)
    warehouse.tell(late, shipped(), batch=batch)
    said = records(ledger)
    assert [(each["kind"], each["replaces"]) for each in said] == [
        ("original", None), ("void", said[0]["record_id"]), ("correction", said[0]["record_id"]),
    ]  # fmt: skip
    record = live(ledger)
    assert record is not None
    assert "outside_gate" not in record
    assert (units(ledger), len(serials(ledger))) == ({"AU-MANY": 5}, 5)
    assert [kind for kind, _ in alerts(ledger)] == ["withdrawn_goods_shipped"]
    assert wrong(ledger) == []


@pytest.mark.parametrize("first", ["shipped", "cancelled"])
def test_what_left_after_it_was_cancelled_left_past_the_gate(warehouse: Warehouse, first: str) -> None:
    """Whichever is told first, the record says so, and what would have been decided stands in the alert."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    told = [shipped(quantity=3), event("cancelled", at=EARLY)]
    warehouse.tell(*(told if first == "shipped" else told[::-1]), batch=1)
    record = live(ledger)
    assert record is not None
    assert (record["outside_gate"], record["quantity"], "verdict_id" in record) == (True, 3, False)
    [(kind, seen)] = alerts(ledger)
    assert (kind, seen["why"], seen["outcome"]) == ("shipment_bypassed", ["withdrawn"], "blocked")
    assert [reason["code"] for reason in seen["reasons"]] == ["order_cancelled"]
    assert units(ledger) == {"AU-MANY": 3}
    assert wrong(ledger) == []


def test_goods_that_went_to_another_site_are_recorded_there(warehouse: Warehouse) -> None:
    """The correction names the site they went to; the same site under another name is no other site."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY), order("SO-2", MANY))
    ship_to: Wire = {"rems_site_id": "HF1", "address": {"street": "100 Main St", "city": "Boston", "state": "MA", "postal_code": "02110"}}
    warehouse.tell(event("shipped", "SO-1", lines=[1], ship_to=ship_to | {"rems_site_id": "HF4"}))
    warehouse.tell(event("shipped", "SO-2", lines=[1], ship_to=ship_to))
    record, other = live(ledger), live(ledger, "SO-2")
    assert record is not None
    assert other is not None
    assert (record["kind"], record["outside_gate"], record["ship_to"]["site_id"]) == ("correction", True, "HF4")
    assert other["kind"] == "original"
    [(kind, seen)] = alerts(ledger)
    assert (kind, seen["why"], seen["lacks"]) == ("shipment_bypassed", ["other_site"], [])
    assert wrong(ledger) == []


def test_what_came_back_is_a_return_beside_the_live_record(warehouse: Warehouse) -> None:
    """In part and then the rest; units are free at once, serials when a verified return says so."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(), returned(serials=["A", "B"]))
    [first] = shelves(ledger)["SO-1", 1, 1].returned
    assert (first["kind"], first["quantity"], first["serials"]) == ("return", 2, ["A", "B"])
    assert first["replaces"] == (live(ledger) or {})["record_id"]
    assert (units(ledger), len(serials(ledger))) == ({"AU-MANY": 3}, 5)
    warehouse.tell(returned(serials=["A", "B"], verified=True))
    assert len(shelves(ledger)["SO-1", 1, 1].returned) == 1
    assert set(serials(ledger)) == {"C", "D", "E"}
    warehouse.tell(returned())
    assert [each["quantity"] for each in shelves(ledger)["SO-1", 1, 1].returned] == [2, 3]
    assert units(ledger) == {}
    assert set(serials(ledger)) == {"C", "D", "E"}
    assert alerts(ledger) == []
    warehouse.tell(returned(quantity=1))
    assert [kind for kind, _ in alerts(ledger)] == ["return_disputed"]
    assert wrong(ledger) == []


def test_what_is_free_after_a_verified_return_may_be_released(warehouse: Warehouse) -> None:
    """And only then."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(), returned())
    warehouse.judge(order("SO-2", SERIALISED))
    assert live(ledger, "SO-2") is None
    warehouse.tell(returned(serials=FIVE, verified=True))
    warehouse.follow()
    assert (live(ledger, "SO-2") or {})["serials"] == FIVE


def test_a_return_that_comes_first_is_recorded_when_its_goods_are_known_to_have_left(warehouse: Warehouse) -> None:
    """More than the record has by now: an alert; and the return, when the rest is reported."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(shipped(quantity=2), returned(quantity=3))
    assert shelves(ledger)["SO-1", 1, 1].returned == ()
    assert [kind for kind, _ in alerts(ledger)] == ["return_disputed"]
    warehouse.tell(shipped(quantity=3))
    assert [each["quantity"] for each in shelves(ledger)["SO-1", 1, 1].returned] == [3]
    assert units(ledger) == {"AU-MANY": 2}


def test_more_came_back_than_a_later_report_says_left(warehouse: Warehouse) -> None:
    """The return stays as it was recorded, and a person has to know. It was of the one that left: four may still leave."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(returned())
    assert ([each["quantity"] for each in shelves(ledger)["SO-1", 1, 1].returned], alerts(ledger)) == ([5], [])
    warehouse.tell(shipped(quantity=1))
    assert [each["quantity"] for each in shelves(ledger)["SO-1", 1, 1].returned] == [5]
    assert [kind for kind, _ in alerts(ledger)] == ["return_disputed"]
    assert units(ledger) == {"AU-MANY": 4}
    assert wrong(ledger) == []


def test_a_higher_revision_frees_what_has_not_left(warehouse: Warehouse) -> None:
    """Of a line of which two of five left, the other three."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["A", "B"]))
    warehouse.judge(revision(2, MANY))
    assert units(ledger) == {"AU-MANY": 2}
    assert set(serials(ledger)) == {"A", "B"}
    assert (live(ledger) or {})["quantity"] == 2
    warehouse.tell(shipped(serials=["C"]))
    assert (live(ledger) or {})["serials"] == ["A", "B", "C"]
    assert units(ledger) == {"AU-MANY": 3}
    assert wrong(ledger) == []
