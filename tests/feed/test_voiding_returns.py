"""A return record that is wrong: two people void it, what its event said counts for nothing, and what really came back is told anew."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from gatekeeper.domain.sequences import Range
from gatekeeper.errors import Unusable
from gatekeeper.feeds import reconciling
from gatekeeper.feeds.correcting import propose as propose_correction
from gatekeeper.feeds.correcting import rejected
from gatekeeper.feeds.resending import resend
from gatekeeper.feeds.voiding import approve, refuse
from gatekeeper.feeds.writing import write, write_again
from gatekeeper.people.approvals import MEANINGS, VOID_OF_RETURN
from gatekeeper.storage import tables
from schemas.correction import RecordChanges
from tests.edi.reading import parsed
from tests.feed.made import layout
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_correcting import ANN, BOB, bodies
from tests.feed.test_reconciling import WD, accept_all, differences, found
from tests.feed.test_voiding import approved, kinds, proposed, uses
from tests.feed.test_writing import TODAY, ZONE
from tests.gate.following import Always
from tests.gate.ledger import NOON, Wire, order
from tests.gate.shelves import shelves
from tests.gate.test_again import wrong
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_balance import assert_uses
from tests.gate.test_events import MANY, TWO_COVERED
from tests.gate.test_revisions import SERIALS
from tests.gate.warehouse import REPORTING, Warehouse, event

LEFT, BACK, LATER = "2026-11-23T10:00:00-05:00", "2026-11-24T10:00:00-05:00", "2026-11-25T10:00:00-05:00"


def shipped(at: str = LEFT, order_id: str = "SO-1", **line: Any) -> bytes:
    return event("shipped", order_id, lines=[{"line": 1} | line], at=at)


def returned(at: str = BACK, order_id: str = "SO-1", **line: Any) -> bytes:
    return event("returned", order_id, lines=[{"line": 1} | line], at=at)


def last_return(rems: Rems) -> str:
    return str([body for body in bodies(rems) if body["kind"] == "return"][-1]["record_id"])


def voided(rems: Rems, record: str | None = None) -> Wire:
    """The void record that two people make of a return, or of the last one."""
    made = approved(rems, proposed(rems, record or last_return(rems)))
    assert bodies(rems)[-1]["sequence"] >= made.sequence
    return next(body for body in bodies(rems) if body["record_id"] == made.record_id)


def holds(rems: Rems) -> None:
    """What is used up is what records and events say together, and all is decided again from its rows."""
    assert_uses(rems.ledger)
    assert wrong(rems.ledger) == []


@pytest.fixture
def warehouse(rems: Rems) -> Warehouse:
    """A line with five serials that left."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(shipped())
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    return warehouse


def test_two_people_void_a_return(rems: Rems, warehouse: Warehouse) -> None:
    """It goes out by the relay, once; the vials are out again, to the one; who did what and why is on record."""
    warehouse.tell(returned(serials=["A", "B"], verified=True))
    assert uses(rems) == ({"AU-MANY": 3}, set("CDE"))
    name = proposed(rems, last_return(rems))
    assert (kinds(rems), uses(rems)) == (["original", "return"], ({"AU-MANY": 3}, set("CDE")))
    with pytest.raises(Unusable, match="Another person must approve"):
        approve(rems.ledger.engine, name, "Mine.", ANN, Always(rems.ledger.rules), REPORTING)
    with pytest.raises(Unusable, match=f"proposed already, as {name}, by u-1"):
        proposed(rems, last_return(rems))
    approved(rems, name)
    _, back, void = bodies(rems)
    SCHEMAS["distribution-records"].validate(void)
    own = {"record_id", "sequence", "kind", "replaces", "recorded_at"}
    assert {member for member in void if back.get(member) != void[member]} <= own
    assert (void["kind"], void["replaces"], void["sequence"], void["quantity"]) == ("void", back["record_id"], 3, 2)
    assert [sent.said for sent in warehouse.outbox()][-1] == [("distribution-records", void)]
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    [decision], [approval] = rems.ledger.rows(tables.VOIDING_DECISION), rems.ledger.rows(tables.APPROVAL)
    assert (str(decision[0]), *decision[1:4]) == (name, "approved", "Seen too.", "u-2")
    assert approval[:5] == ("void", name, "u-2", "Bob", MEANINGS[VOID_OF_RETURN])
    for again in (lambda: approved(rems, name), lambda: refuse(rems.ledger.engine, name, "No.", BOB)):
        with pytest.raises(Unusable, match="approved already, by u-2"):
            again()
    with pytest.raises(Unusable, match="voided already"):
        proposed(rems, back["record_id"])
    with pytest.raises(Unusable, match="nothing in it to void"):
        proposed(rems, void["record_id"])
    holds(rems)


def test_what_really_came_back_is_told_anew(rems: Rems, warehouse: Warehouse) -> None:
    """More than left was recorded: an alert, and a difference, until the return is void and the warehouse has told it right."""
    warehouse.judge(order("SO-2", MANY))
    warehouse.tell(returned(order_id="SO-2", quantity=4), shipped(order_id="SO-2", quantity=3))
    assert "return_disputed" in {kind for kind, _ in rems.alerts()}
    accept_all(rems)
    assert reconciling.RETURNED_OTHERWISE in differences(found(rems, reporting=WD))
    void = voided(rems)
    accept_all(rems)
    of = found(rems, reporting=WD)
    assert (differences(of), of.returned, of.counts["returned"], of.counts["  of them void"]) == ({}, [], 0, 1)
    assert uses(rems)[0] == {"AU-MANY": 10}
    warehouse.tell(returned(order_id="SO-2", quantity=2))
    accept_all(rems)
    of = found(rems, reporting=WD)
    assert (of.agree, of.counts["returned"]) == (True, 1)
    assert (uses(rems)[0], bodies(rems)[-1]["quantity"], void["quantity"]) == ({"AU-MANY": 8}, 2, 4)
    holds(rems)


def test_what_was_told_right_before_the_void_is_recorded_with_it(rems: Rems, warehouse: Warehouse) -> None:
    """The wrong return left no room for it; the wrong event itself is not recorded again, also by what is told later or once more."""
    wrongly = returned(quantity=4)
    warehouse.tell(wrongly, returned(LATER, quantity=2))
    assert kinds(rems) == ["original", "return"]
    voided(rems)
    assert [(body["kind"], body["quantity"]) for body in bodies(rems)[1:]] == [("return", 4), ("void", 4), ("return", 2)]
    warehouse.tell(wrongly, shipped(LATER, serials=["A"]))
    assert kinds(rems)[4:] == []
    assert uses(rems) == ({"AU-MANY": 3}, set("ABCDE"))
    holds(rems)


def test_a_return_that_was_rejected_is_open_no_more_once_it_is_void(rems: Rems, warehouse: Warehouse) -> None:
    """There is nothing in it to correct; a void that is rejected itself can only be sent once more."""
    warehouse.tell(returned(serials=["A"]))
    said = bodies(rems)
    rems.say(acknowledgement(said[0]["record_id"]), acknowledgement(said[1]["record_id"], "rejected"))
    with pytest.raises(Unusable, match=r"is a return: .*feed resend.*feed void"):
        propose_correction(rems.ledger.engine, said[1]["record_id"], RecordChanges(lot="B1"), "Wrong.", ANN)
    assert differences(found(rems, reporting=WD)) == {reconciling.NOT_CORRECTED: [Range(2, 2)]}
    void = voided(rems)
    assert rejected(rems.ledger.engine, "lemtrada") == []
    rems.say(acknowledgement(void["record_id"], "rejected"))
    with pytest.raises(Unusable, match=r"is a void: .*feed resend`\)\.$"):
        propose_correction(rems.ledger.engine, void["record_id"], RecordChanges(lot="B1"), "Wrong.", ANN)
    resend(rems.ledger.engine, "lemtrada", [Range(3, 3)], "They see it now.", ANN)
    rems.say(acknowledgement(void["record_id"]))
    assert found(rems, reporting=WD).agree


def test_a_void_is_of_one_return_alone(rems: Rems, warehouse: Warehouse) -> None:
    """Another return of the line stands, and one of another line of the order; the same vials can come back as told anew."""
    warehouse.judge(order("SO-2", TWO_COVERED))
    both = event("returned", "SO-2", lines=[{"line": 1, "quantity": 1}, {"line": 2, "quantity": 2}], at=BACK)
    warehouse.tell(event("shipped", "SO-2", lines=[1, 2], at=LEFT), both, returned(LATER, "SO-2", quantity=2))
    first, _, _ = (body for body in bodies(rems) if body["kind"] == "return")
    voided(rems, first["record_id"])
    back = {line: sum(record["quantity"] for record in shelf.returned) for line, shelf in shelves(rems.ledger).items()}
    assert back == {("SO-1", 1, 1): 0, ("SO-2", 1, 1): 2, ("SO-2", 1, 2): 2}
    assert uses(rems)[0] == {"AU-MANY": 11}
    holds(rems)


def test_a_return_that_was_told_twice_is_two_words(rems: Rems, warehouse: Warehouse) -> None:
    """The second had nothing to add, and is recorded when the first is void; then it is void too."""
    warehouse.tell(returned(serials=["A"]), returned(LATER, serials=["A"], verified=True))
    assert (kinds(rems), uses(rems)[1]) == (["original", "return"], set("BCDE"))
    voided(rems)
    assert (kinds(rems)[2:], uses(rems)) == (["void", "return"], ({"AU-MANY": 4}, set("BCDE")))
    voided(rems)
    assert (kinds(rems)[4:], uses(rems)) == (["void"], ({"AU-MANY": 5}, set("ABCDE")))
    accept_all(rems)
    assert found(rems, reporting=WD).agree
    holds(rems)


def test_an_867_says_of_the_void_too_that_it_is_of_what_came_back(rems: Rems, warehouse: Warehouse, tmp_path: Path) -> None:
    """Quantity returned, not sold; a void of what left says sold. The rest is as of every void."""
    warehouse.tell(returned(serials=["A"]))
    voided(rems)
    warehouse.judge(order("SO-2", MANY))
    warehouse.tell(event("cancelled", "SO-2"))
    [made] = write(rems.ledger.engine, tmp_path, layout("x12")._replace(cadence="each"), ZONE, TODAY)
    got = parsed(made.path)
    assert got.problems == []
    assert [segment[1:3] for segment in got.named("QTY")] == [["32", "5"], ["76", "1"], ["76", "1"], ["32", "5"], ["32", "5"]]
    kinds = [segment[2] for segment in got.named("REF") if segment[1] == "ZZ"]
    assert kinds == ["ORIGINAL", "RETURN", "VOID", "ORIGINAL", "VOID"]
    assert write_again(rems.ledger.engine, tmp_path, "lemtrada", 1).file.sha256 == made.file.sha256


@pytest.mark.parametrize("first", ["event", "people"])
def test_a_void_and_an_event_at_once(rems: Rems, warehouse: Warehouse, first: str) -> None:
    """One waits for the other, and whichever comes first the books are the same in the end."""
    warehouse.tell(returned(quantity=4))
    name, told = proposed(rems, last_return(rems)), returned(LATER, quantity=2)
    together = Barrier(2)

    def run(step: Callable[[], Any]) -> Callable[[], None]:
        def at_once() -> None:
            together.wait()
            step()

        return at_once

    steps = [run(lambda: warehouse.tell(told)), run(lambda: approved(rems, name))]
    threads = [Thread(target=step) for step in (steps if first == "event" else reversed(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(body["kind"], body["quantity"]) for body in bodies(rems)] == [("original", 5), ("return", 4), ("void", 4), ("return", 2)]
    assert uses(rems)[0] == {"AU-MANY": 3}
    holds(rems)


def test_what_had_come_back_between_is_told(rems: Rems, warehouse: Warehouse) -> None:
    """All of the rest came back after the wrong return: by its record it was three, and without that return it was all five."""
    warehouse.tell(returned(quantity=2, verified=True), returned(LATER, verified=True))
    first = next(body for body in bodies(rems) if body["kind"] == "return")
    rems.ledger.set_clock(NOON + timedelta(days=1))
    voided(rems, first["record_id"])
    [disputed] = [body for kind, body in rems.alerts() if kind == "return_disputed"]
    assert disputed["evidence"]["line"] == 1
    holds(rems)
