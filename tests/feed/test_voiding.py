"""The record of goods that stayed: where no event says so, two people may; what is void uses nothing up, and can be restored."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.feeds.voiding import approve, listed, propose, refuse
from gatekeeper.storage import tables
from schemas.record import DistributionRecord
from tests.feed import test_correcting as corrections
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_correcting import ANN, BOB, bodies
from tests.gate.following import LIFTED, SUSPENDED, Always
from tests.gate.ledger import NOON, Wire, authorization, order
from tests.gate.test_again import wrong
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_balance import assert_uses
from tests.gate.test_events import MANY
from tests.gate.test_revisions import SERIALS
from tests.gate.warehouse import REPORTING, Warehouse, event

LATE, EARLY = "2026-11-25T10:00:00-05:00", "2026-11-20T11:59:00-05:00"
"""After the withdrawal, and before it."""


@pytest.fixture
def warehouse(rems: Rems) -> Warehouse:
    """A line with serials is released and withdrawn, for its site was suspended; nobody has said what became of its goods."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    site(warehouse, SUSPENDED)
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    return warehouse


def site(warehouse: Warehouse, fact: Wire) -> None:
    warehouse.ledger.load(authorization("AU-MANY", 1000), fact)
    warehouse.follow()


def record_id(rems: Rems) -> str:
    """Of the line's last record."""
    return str(bodies(rems)[-1]["record_id"])


def proposed(rems: Rems, record: str) -> str:
    return str(propose(rems.ledger.engine, record, "It is on the shelf.", ANN, Always(rems.ledger.rules), REPORTING))


def approved(rems: Rems, name: str) -> DistributionRecord:
    return approve(rems.ledger.engine, name, "Seen too.", BOB, Always(rems.ledger.rules), REPORTING)


def voided(rems: Rems) -> DistributionRecord:
    return approved(rems, proposed(rems, record_id(rems)))


def uses(rems: Rems) -> tuple[dict[str, int], set[str]]:
    """What is used up: units by authorization, and serials."""
    return (
        {row[0]: row[2] for row in rems.ledger.rows(tables.UNITS) if row[2]},
        {row[0] for row in rems.ledger.rows(tables.SERIAL) if row[2] is not None},
    )


def kinds(rems: Rems) -> list[str]:
    return [body["kind"] for body in bodies(rems)]


def test_two_people_void_the_record_of_goods_that_stayed(rems: Rems, warehouse: Warehouse) -> None:
    """It goes out by the relay, once; what it used up is free for another; who did what and why is on record."""
    name = proposed(rems, record_id(rems))
    assert kinds(rems) == ["original"]
    with pytest.raises(Unusable, match="Another person must approve"):
        approve(rems.ledger.engine, name, "Mine.", ANN, Always(rems.ledger.rules), REPORTING)
    made = approved(rems, name)
    first, second = bodies(rems)
    SCHEMAS["distribution-records"].validate(second)
    own = {"record_id", "sequence", "kind", "replaces", "recorded_at"}
    assert {member for member in second if first.get(member) != second[member]} <= own
    assert (second["kind"], second["replaces"], second["sequence"]) == ("void", first["record_id"], 2)
    assert made.record_id == second["record_id"]
    [sent] = [sent for sent in warehouse.outbox() if any(topic == "distribution-records" for topic, _ in sent.said)]
    assert sent.said == [("distribution-records", second)]
    assert uses(rems) == ({}, set())
    [row], [decision] = rems.ledger.rows(tables.VOIDING), rems.ledger.rows(tables.VOIDING_DECISION)
    assert (str(row[0]), str(row[1]), *row[2:4]) == (name, first["record_id"], "It is on the shelf.", "u-1")
    assert (str(decision[0]), *decision[1:4]) == (name, "approved", "Seen too.", "u-2")
    [approval] = rems.ledger.rows(tables.APPROVAL)
    assert approval[:4] == ("void", name, "u-2", "Bob")
    assert wrong(rems.ledger) == [], "it is decided again from its row alone"
    for again in (lambda: approved(rems, name), lambda: refuse(rems.ledger.engine, name, "No.", BOB)):
        with pytest.raises(Unusable, match="approved already, by u-2"):
            again()


def test_what_is_refused_comes_to_nothing(rems: Rems, warehouse: Warehouse) -> None:  # noqa: ARG001 - the line
    name = proposed(rems, record_id(rems))
    with pytest.raises(Unusable, match=f"proposed already, as {name}, by u-1"):
        proposed(rems, record_id(rems))
    assert [str(each.voiding_id) for each in listed(rems.ledger.engine, every=False)] == [name]
    refuse(rems.ledger.engine, name, "It left.", ANN)
    assert listed(rems.ledger.engine, every=False) == []
    assert [each.state for each in listed(rems.ledger.engine, every=True)] == ["refused"]
    assert (kinds(rems), uses(rems)) == (["original"], ({"AU-MANY": 5}, set("ABCDE")))
    assert voided(rems).kind == "void"


@pytest.mark.parametrize("told", ["shipped", "returned"])
def test_what_left_is_not_voided(rems: Rems, warehouse: Warehouse, told: str) -> None:
    """Also where that is reported between the two people; its units and serials stay used up."""
    record = record_id(rems)
    name = proposed(rems, record)
    warehouse.tell(event(told, lines=[{"line": 1, "quantity": 1}], at=EARLY))
    with pytest.raises(Unusable, match="replaced" if told == "shipped" else "reported to have left"):
        approved(rems, name)
    live = next(body["record_id"] for body in reversed(bodies(rems)) if body["kind"] != "return")
    with pytest.raises(Unusable, match="reported to have left"):
        proposed(rems, live)
    assert "void" not in kinds(rems)
    assert uses(rems)[1] == set("ABCDE")


def test_what_may_still_leave_is_not_voided(rems: Rems, warehouse: Warehouse) -> None:
    """Released again between the two people, or never withdrawn."""
    name = proposed(rems, record_id(rems))
    site(warehouse, LIFTED)
    for step in (lambda: approved(rems, name), lambda: proposed(rems, record_id(rems))):
        with pytest.raises(Unusable, match="may still leave"):
            step()
    assert (kinds(rems), uses(rems)) == (["original"], ({"AU-MANY": 5}, set("ABCDE")))


@pytest.mark.parametrize("record", ["", "x", str(UUID(int=7)), "void", "replaced"])
def test_what_cannot_be_voided(rems: Rems, warehouse: Warehouse, record: str) -> None:  # noqa: ARG001 - the line
    """No record, a void itself, one that is void already."""
    if record in ("void", "replaced"):
        made = voided(rems)
        record = made.record_id if record == "void" else str(made.replaces)
    count = len(bodies(rems))
    with pytest.raises(Unusable, match=r"no distribution record with this id|nothing in it to void|replaced or voided already"):
        proposed(rems, record)
    for name in ("x", str(UUID(int=7))):
        with pytest.raises(Unusable, match="void"):
            approved(rems, name)
    assert len(bodies(rems)) == count


@pytest.mark.parametrize(("at", "alert", "outside"), [(EARLY, "withdrawn_goods_shipped", None), (LATE, "shipment_bypassed", True)])
def test_goods_that_left_after_all_restore_the_record(rems: Rems, warehouse: Warehouse, at: str, alert: str, outside: Any) -> None:
    voided(rems)
    warehouse.tell(event("shipped", lines=[{"line": 1}], at=at))
    assert kinds(rems) == ["original", "void", "correction"]
    assert (bodies(rems)[-1]["replaces"], bodies(rems)[-1].get("outside_gate")) == (bodies(rems)[0]["record_id"], outside)
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    assert alert in {kind for kind, _ in rems.alerts()}
    assert wrong(rems.ledger) == []


def test_a_release_that_comes_later_makes_another_original(rems: Rems, warehouse: Warehouse) -> None:
    """A void is of the record, not of the order: what stopped the line may clear. A cancellation then voids the new one alone."""
    voided(rems)
    site(warehouse, LIFTED)
    first, _, third = bodies(rems)
    assert kinds(rems) == ["original", "void", "original"]
    assert third["record_id"] != first["record_id"]
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    warehouse.tell(event("cancelled"))
    assert [(body["kind"], body["replaces"]) for body in bodies(rems)][3:] == [("void", third["record_id"])]
    assert uses(rems) == ({}, set())
    assert wrong(rems.ledger) == []


def test_a_cancellation_that_comes_later_voids_nothing_twice(rems: Rems, warehouse: Warehouse) -> None:
    voided(rems)
    warehouse.tell(event("cancelled"))
    warehouse.follow()
    assert (kinds(rems), uses(rems)) == (["original", "void"], ({}, set()))
    assert wrong(rems.ledger) == []


def test_what_stayed_is_released_again_as_it_was_ordered(rems: Rems) -> None:
    """What people had put right in the void record is not of the new one: its serial is not out."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    rems.say(acknowledgement(record_id(rems), "rejected"))
    corrected = corrections.proposed(rems, record_id(rems), serials=["A", "B", "C", "D", "Z"])
    corrections.approved(rems, corrected)
    site(warehouse, SUSPENDED)
    voided(rems)
    site(warehouse, LIFTED)
    warehouse.tell(event("shipped", lines=[1], at=EARLY))
    assert (kinds(rems), uses(rems)) == (["original", "correction", "void", "original"], ({"AU-MANY": 5}, set("ABCDE")))
    assert_uses(rems.ledger)
    assert wrong(rems.ledger) == []


@pytest.mark.parametrize("said", [False, True])
def test_what_people_said_is_no_silence(rems: Rems, warehouse: Warehouse, said: bool) -> None:  # noqa: FBT001
    """Nobody is asked any more what became of goods that are known to have stayed."""
    if said:
        voided(rems)
    rems.ledger.set_clock(NOON + timedelta(days=20))
    warehouse.follow()
    assert ("shipment_unreported" in {kind for kind, _ in rems.alerts()}) is not said


def test_what_a_higher_revision_freed_is_not_freed_twice(rems: Rems) -> None:
    """Its units were free from then on; the higher revision still waits for the warehouse's own word."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY), order("SO-2", MANY), order("SO-1", SERIALS | MANY | {"/revision": 2}))
    assert uses(rems) == ({"AU-MANY": 5}, set())
    first, _ = bodies(rems)
    approved(rems, proposed(rems, first["record_id"]))
    warehouse.follow()
    assert (kinds(rems), uses(rems)) == (["original", "original", "void"], ({"AU-MANY": 5}, set()))
    warehouse.tell(event("cancelled"))
    warehouse.follow()
    assert (kinds(rems)[3:], uses(rems)) == (["original"], ({"AU-MANY": 10}, set("ABCDE")))
    assert wrong(rems.ledger) == []
