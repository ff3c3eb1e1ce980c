"""What shipment events change: what was released and stays, what left, what waits for a word of the warehouse."""

import json
from typing import Any

import pytest

from gatekeeper.arrivals import Position
from gatekeeper.errors import Halt
from gatekeeper.storage import tables
from gatekeeper.storage.moving import question_key
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH, SCHEMAS, bodies
from tests.gate.test_read_back import all_rows, stored
from tests.gate.test_revisions import SERIALS, STOPPED, codes, revision, units
from tests.gate.test_statements import counted
from tests.gate.warehouse import Warehouse, event

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
TWO: Wire = SERIALS | {"/lines/1": CAMPATH}
"""Line 1 is released, line 2 is of a product that nobody restricts."""


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def released_line(number: int, authorization_id: str) -> Wire:
    """Another line like the first, of another authorization."""
    line: Wire = json.loads(order())["lines"][0]
    return line | {"line": number, "patient": line["patient"] | {"authorization_id": authorization_id}}


TWO_COVERED: Wire = MANY | {"/lines/1": released_line(2, "AU-MANY")}


def reasons(body: Any) -> set[str]:
    return {code for line in body["lines"] for code in [reason["code"] for reason in line.get("reasons", ())]}


def said(warehouse: Warehouse) -> list[str]:
    """The topics of all that the relay is to publish, each body right by its schema."""
    for topic, body in (each for sent in warehouse.outbox() for each in sent.said):
        SCHEMAS[topic].validate(body)
    return [topic for sent in warehouse.outbox() for topic, _ in sent.said]


def bodies_in(warehouse: Warehouse, topic: str) -> list[Any]:
    return [body for sent in warehouse.outbox() for name, body in sent.said if name == topic]


def freed(warehouse: Warehouse) -> set[int]:
    return {row[3] for row in warehouse.ledger.rows(tables.FOLLOW_UP) if row[1] == "freed"}


@pytest.mark.parametrize("batch", [1, None])
def test_a_cancellation_takes_back_what_was_released_and_voids_its_record(warehouse: Warehouse, batch: int | None) -> None:
    """Both messages and the void record by the relay, after the release; units and serials are free; nobody is alerted; said once."""
    ledger = warehouse.ledger
    [first] = ledger.judge(order("SO-1", TWO))
    [(_, released), (_, original)] = bodies(first)

    answers = warehouse.tell(event("cancelled"), event("cancelled"), batch=batch)

    assert [answer.kind for answer in answers] == ["event", "event"]
    assert said(warehouse) == ["shipments-released", "shipments-stopped", "distribution-records"]
    [sent] = warehouse.outbox()
    assert sent.after == (ledger.source.number, 0, 0)
    (_, withdrawn), (_, stopped), (_, void) = sent.said
    assert [line["outcome"] for line in withdrawn["lines"]] == ["withdrawn"] * 2
    assert (stopped["withdraws"], stopped["examination"]) == (released["verdict_id"], 2)
    assert codes(stopped) == [["order_cancelled"]] * 2
    assert (void["kind"], void["replaces"], void["sequence"]) == ("void", original["record_id"], 2)
    assert units(ledger) == {}
    assert ledger.rows(tables.SERIAL) == []
    assert ledger.rows(tables.WATCHED_LINE) == []
    assert freed(warehouse) == {
        question_key(question)
        for question in [("units", "lemtrada", "AU-1"), *(("serial", "00358468020017", serial) for serial in "ABCDE")]
    }
    assert {row[5] for row in ledger.rows(tables.EXAMINATION)} == {"message", "cancelled"}
    assert wrong(ledger) == []


def test_one_line_is_cancelled_and_the_other_stays(warehouse: Warehouse) -> None:
    """A cancellation that names a line is of that line; a later one of the whole order takes the rest."""
    ledger = warehouse.ledger
    ledger.judge(order("SO-1", TWO_COVERED))
    warehouse.tell(event("cancelled", lines=[2]))
    assert [[line["line"] for line in body["lines"]] for body in bodies_in(warehouse, "shipments-released")] == [[2]]
    assert [row[1] for row in ledger.rows(tables.WATCHED_LINE)] == [1]
    warehouse.tell(event("cancelled"))
    assert [[line["line"] for line in body["lines"]] for body in bodies_in(warehouse, "shipments-released")] == [[2], [1]]
    assert [body["line"] for body in bodies_in(warehouse, "distribution-records")] == [2, 1]
    assert units(ledger) == {}


def test_a_cancelled_order_is_open_no_more(warehouse: Warehouse) -> None:
    """A stopped line of the cancelled revision or a lower one waits for nothing; that of another order does."""
    ledger = warehouse.ledger
    ledger.judge(revision(2, STOPPED), order("SO-2", STOPPED))
    warehouse.tell(event("cancelled", revision=2))
    assert [row[2] for row in ledger.rows(tables.OPEN_LINE)] == ["SO-2"]
    assert said(warehouse) == []


@pytest.mark.parametrize("batch", [1, None])
def test_a_cancellation_before_its_order_stops_it(warehouse: Warehouse, batch: int | None) -> None:
    """Of this or a higher revision; of a line, that line; what was cancelled lower says nothing of what comes later."""
    ledger = warehouse.ledger
    warehouse.tell(
        event("cancelled", "SO-1", 2), event("cancelled", "SO-2", lines=[2]), event("cancelled", "SO-3"), event("cancelled", "SO-4", None),
        batch=batch,
    )  # fmt: skip
    answers = ledger.judge(order("SO-1", MANY), order("SO-2", MANY | {"/lines/1": CAMPATH}), revision(2, MANY, "SO-3"), order("SO-4", MANY))
    told = [[(topic, [line["line"] for line in body["lines"]]) for topic, body in bodies(answer) if "lines" in body] for answer in answers]
    assert told == [
        [("shipments-stopped", [1])],
        [("shipments-released", [1]), ("shipments-stopped", [2])],
        [("shipments-released", [1])],
        [("shipments-stopped", [1])],
    ]
    assert set().union(*(reasons(body) for _, body in bodies(*answers) if "lines" in body)) == {"order_cancelled"}
    assert ledger.rows(tables.OPEN_LINE) == []
    assert wrong(ledger) == []


def test_what_left_is_watched_no_more(warehouse: Warehouse) -> None:
    """By line; what left before its order was decided is never watched. Nothing else follows."""
    ledger = warehouse.ledger
    ledger.judge(order("SO-1", MANY))
    assert len(ledger.rows(tables.WATCHED_LINE)) == 1
    warehouse.tell(event("shipped", lines=[1]), event("shipped", "SO-2", lines=[1]))
    ledger.judge(order("SO-2", MANY))
    assert ledger.rows(tables.WATCHED_LINE) == []
    assert said(warehouse) == []


def test_a_line_that_leaves_in_parts_is_watched_to_the_last(warehouse: Warehouse) -> None:
    """Partial shipments add up, also before the order is decided; one in a unit that nobody can compare ends nothing."""
    ledger = warehouse.ledger

    def part(order_id: str, quantity: int, **more: Any) -> bytes:
        return event("shipped", order_id, lines=[{"line": 1, "quantity": quantity, **more}])

    warehouse.tell(part("SO-2", 3), part("SO-3", 3))
    ledger.judge(order("SO-1", MANY), order("SO-2", MANY), order("SO-3", MANY))
    warehouse.tell(part("SO-1", 2), part("SO-1", 5, unit="pallet"), part("SO-1", 2, unit="vial"), part("SO-2", 2, unit="vial"))
    assert [row[2] for row in ledger.rows(tables.WATCHED_LINE)] == ["SO-1", "SO-3"]
    warehouse.tell(part("SO-1", 1), part("SO-3", 6))
    assert ledger.rows(tables.WATCHED_LINE) == []
    ledger.judge(order("SO-1", MANY))
    assert units(ledger) == {"AU-MANY": 15}


def test_withdrawn_goods_that_left_raise_an_alert_and_the_higher_revision_is_looked_at_again(warehouse: Warehouse) -> None:
    """Superseded, and then reported as shipped: one alert; what was released in its place is due."""
    ledger = warehouse.ledger
    ledger.judge(order("SO-1", MANY), revision(2, MANY))
    warehouse.tell(event("shipped", lines=[1]))
    [alert] = bodies_in(warehouse, "compliance-alerts")
    assert (alert["kind"], alert["evidence"]["line"], alert["revision"]) == ("shipment_bypassed", 1, 1)
    [watched] = ledger.rows(tables.WATCHED_LINE)
    assert ledger.rows(tables.DUE) == [(watched[0], "event")]
    warehouse.follow()
    stopped = bodies_in(warehouse, "shipments-stopped")
    assert [(body["revision"], codes(body)) for body in stopped] == [(2, [["order_already_shipped"]])]
    assert [body["kind"] for body in bodies_in(warehouse, "compliance-alerts")] == ["shipment_bypassed", "released_line_withdrawn"]
    assert ledger.rows(tables.OPEN_LINE) == ledger.rows(tables.WATCHED_LINE) == []
    assert wrong(ledger) == []


def test_what_left_after_its_cancellation_raises_an_alert(warehouse: Warehouse) -> None:
    """The record is voided already; whoever restores it needs to know."""
    warehouse.ledger.judge(order("SO-1", MANY))
    warehouse.tell(event("cancelled"), event("shipped", lines=[1]))
    [alert] = bodies_in(warehouse, "compliance-alerts")
    assert (alert["kind"], alert["evidence"]["lines"]) == ("withdrawn_goods_shipped", [1])


def test_what_is_freed_goes_to_whoever_waits_for_it(warehouse: Warehouse) -> None:
    """An order that was stopped because the units were used up is released on its own."""
    warehouse.ledger.judge(order("SO-1"), order("SO-2"))
    warehouse.tell(event("cancelled"))
    warehouse.follow()
    released = [(body["order_id"], body["lines"][0]["outcome"]) for body in bodies_in(warehouse, "shipments-released")]
    assert released == [("SO-1", "withdrawn"), ("SO-2", "released")]
    assert units(warehouse.ledger) == {"AU-1": 5}


def test_a_cancellation_of_what_left_voids_nothing(warehouse: Warehouse) -> None:
    """The warehouse says both: a person has to ask; the line that did not leave is cancelled."""
    warehouse.ledger.judge(order("SO-1", TWO_COVERED))
    warehouse.tell(event("shipped", lines=[1]), event("cancelled"))
    assert [body["line"] for body in bodies_in(warehouse, "distribution-records")] == [2]
    assert [(a["kind"], a["evidence"]["lines"]) for a in bodies_in(warehouse, "compliance-alerts")] == [("shipped_goods_cancelled", [1])]
    assert units(warehouse.ledger) == {"AU-MANY": 5}


@pytest.mark.parametrize("batch", [1, None])
def test_the_same_event_again_is_a_repeat_and_another_under_its_id_changes_nothing(warehouse: Warehouse, batch: int | None) -> None:
    """Member order and the default of the revision do not matter; the other content is kept, and said once however often it comes."""
    ledger = warehouse.ledger
    ledger.judge(order("SO-1", MANY))
    first = event("shipped", lines=[1], event_id="EV-A")
    same = b'{"order_id": "SO-1", ' + first[1:].replace(b'"order_id": "SO-1", ', b"").replace(b'"revision": 1, ', b"")
    other = event("cancelled", event_id="EV-A")
    assert same != first

    answers = warehouse.tell(first, same, other, other, event("shipped", event_id="EV-A", wholesaler_id="WD-002", lines=[1]), batch=batch)

    assert [answer.kind for answer in answers] == ["event", "repeat", "aside", "aside", "event"]
    assert [row[3] for row in ledger.rows(tables.ASIDE)] == ["contradicts"] * 2
    assert len(ledger.rows(tables.SHIPMENT_EVENT)) == 2
    [alert] = bodies_in(warehouse, "compliance-alerts")
    assert (alert["kind"], alert["order_id"], alert["evidence"]["event_id"]) == ("event_contradicts", "SO-1", "EV-A")
    assert units(ledger) == {"AU-MANY": 5}


@pytest.mark.parametrize("batch", [1, 3, None])
def test_what_was_taken_is_read_back_and_taken_once(warehouse: Warehouse, batch: int | None) -> None:
    """The same positions again: the same answers, nothing added; another message there halts; below the head nothing is taken."""
    ledger = warehouse.ledger
    ledger.judge(order("SO-1", MANY))
    same = event("cancelled", event_id="EV-A")
    messages = [event("shipped", "SO-2", lines=[1]), b"rubbish", same, same, event("returned", event_id="EV-A", lines=[1])]
    placed = [(Position(number % 2, number), message) for number, message in enumerate(messages)]
    first = warehouse.tell_at(placed, batch=2)
    assert [answer.kind for answer in first] == ["event", "refused", "event", "repeat", "aside"]
    before = all_rows(ledger)

    assert warehouse.tell_at(placed, batch=batch) == stored(first)
    assert all_rows(ledger) == before
    with pytest.raises(Halt, match="another message at shipment-events/0/0"):
        warehouse.tell_at([(Position(0, 0), same)])


def test_a_return_leaves_the_watch_and_the_serials_as_they_are(warehouse: Warehouse) -> None:
    """What came back is recorded; that everything left nobody has said."""
    ledger = warehouse.ledger
    ledger.judge(order("SO-1", SERIALS))
    before = {table: ledger.rows(table) for table in (tables.SERIAL, tables.WATCHED_LINE)}
    warehouse.tell(event("returned", lines=[1]))
    assert {table: ledger.rows(table) for table in before} == before
    assert said(warehouse) == ["distribution-records"]


def test_a_batch_of_events_sends_the_same_statements_whatever_its_size(ledger: Ledger) -> None:
    """Of every kind: a handful, for ten as for five hundred."""
    ledger.load(authorization("AU-MANY", 1_000_000))
    sent = []
    for size in (1, 50):
        ledger.judge(*(order(f"S{size}-{number}-{kind}", MANY) for number in range(size) for kind in "abcd"))
        messages = [
            message
            for number in range(size)
            for name in [f"S{size}-{number}"]
            for message in (
                event("shipped", f"{name}-a", lines=[1], event_id=f"{name}-a"), event("cancelled", f"{name}-b"), b"rubbish",
                event("cancelled", f"{name}-c", lines=[1]), event("returned", f"{name}-d", lines=[1]),
                event("cancelled", f"{name}-a"), event("cancelled", f"{name}-d", event_id=f"{name}-a"),
            )
        ]  # fmt: skip
        sent.append(statements(ledger, messages))
    assert sent[0] == sent[1]
    assert len(sent[0]) <= 30


def statements(ledger: Ledger, messages: list[bytes]) -> list[str]:
    warehouse = Warehouse(ledger, name=f"events {len(messages)}")
    with counted() as sent:
        warehouse.tell(*messages)
    return sent
