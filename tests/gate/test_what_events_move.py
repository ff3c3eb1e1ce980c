"""After events too, what moves can be made anew from the evidence; and how events are cut into batches changes nothing."""

import json
from collections import defaultdict
from typing import Any

import pytest

from gatekeeper.examinations.history import Amount, emptied_lines
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.events import OrderEvent, events_of
from gatekeeper.storage.moving import question_key
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.plain_books import books_of
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH
from tests.gate.test_revisions import SERIALS, STOPPED, revision
from tests.gate.test_what_moves import Anew, Rows
from tests.gate.warehouse import REPORTING, Warehouse, event

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}


class AnewAfterEvents(Anew):
    """Also from the events, and where every wholesaler reports shipments."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        with transaction(ledger.engine) as cursor:
            found = events_of(cursor, [f"SO-{number}" for number in range(20)])
        self._events: dict[tuple[str, str], list[OrderEvent]] = defaultdict(list)
        for each in found:
            self._events[each.order_id, each.wholesaler_id].append(each)
        self._highest: dict[str, int] = defaultdict(int)
        for row in self._rows[tables.EXAMINATION]:
            if row["cause"] == "message":
                self._highest[row["order_id"]] = max(self._highest[row["order_id"]], row["revision"])
        bodies = [json.loads(row["body"]) for row in self._rows[tables.DISTRIBUTION_RECORD] if row["kind"] == "original"]
        self._ordered = {(b["order_id"], b["revision"], b["line"]): Amount(b["quantity"], b["unit"]) for b in bodies}
        self._books = books_of(ledger)

    def units(self) -> Rows:
        return {(*name, count) for name, count in self._books.uses()[0].items()}

    def serials(self) -> Rows:
        return set(self._books.uses()[1])

    def named(self) -> Rows:
        return set(self._books.named())

    def waiting_events(self) -> Rows:
        """What was told of revisions that no message has named, and is not known to have left past the gate."""
        seen = {(row["order_id"], row["revision"]) for row in self._rows[tables.EXAMINATION] if row["cause"] == "message"}
        past = {(row["event_id"], row["line"]) for row in self._rows[tables.BYPASS]}
        return {
            (row["event_id"], row["wholesaler_id"], line["line"], row["order_id"], row["revision"])
            for row in self._rows[tables.SHIPMENT_EVENT]
            if row["event"] != "cancelled" and (row["order_id"], row["revision"]) not in seen
            for line in json.loads(row["body"])["lines"]
            if (row["event_id"], line["line"]) not in past
        }

    def waiting(self) -> tuple[Rows, Rows, Rows]:
        opened, watched, hangs = super().waiting()
        hangs |= self.on_lots() | self._outside()
        watched = {row for row in watched if not self._cancelled(row) and not self._emptied(row)}
        return {row for row in opened if not self._cancelled(row)}, watched, hangs

    def _outside(self) -> Rows:
        """What left past the gate hangs on its authorization."""
        bodies = [
            (row["examination"], json.loads(row["body"])) for row in self._rows[tables.DISTRIBUTION_RECORD] if row["kind"] == "original"
        ]
        return {
            (question_key(("authorization", body["program"], body["authorization_id"])), examination)
            for examination, body in bodies
            if body.get("outside_gate") and "authorization_id" in body
        }

    def on_lots(self) -> Rows:
        """A released line hangs on recalls of what left in its place."""
        return {
            (question_key(("recall", line["program"], lot)), row["id"])
            for row in self._rows[tables.EXAMINATION]
            for line in json.loads(row["released"] or b'{"lines":[]}')["lines"]
            if line["outcome"] == "released"
            for each in self._events[row["order_id"], row["wholesaler_id"]]
            if each.event == "shipped" and each.revision == row["revision"]
            for number, lot in zip(each.lines, each.lots, strict=True)
            if number == line["line"] and lot is not None
        }

    def _cancelled(self, row: tuple[Any, ...]) -> bool:
        said = self._events[row[2:4]]
        return any(each.event == "cancelled" and each.revision >= row[4] and each.is_of(row[1]) for each in said)

    def _emptied(self, row: tuple[Any, ...]) -> bool:
        ordered = self._ordered.get((row[2], row[4], row[1]))
        return ordered is not None and bool(emptied_lines(row[4], self._events[row[2:4]], {row[1]: ordered}))


def varied(warehouse: Warehouse, batch: int | None) -> None:
    """Orders and events of every kind, in every order."""
    warehouse.tell(
        event("shipped", "SO-1", lines=[{"line": 1, "lot": "A8"}]),
        event("cancelled", "SO-2"),
        event("cancelled", "SO-3", 2, [1]),
        batch=batch,
    )
    several = MANY | {"/lines/1": CAMPATH}
    warehouse.judge(*(order(f"SO-{number}", several) for number in range(1, 12)), order("SO-12", STOPPED), order("SO-13", SERIALS))
    warehouse.judge(revision(2, several, "SO-3"), revision(2, several, "SO-4"), revision(2, STOPPED, "SO-5"), revision(3, several, "SO-5"))
    warehouse.judge(order("SO-14", SERIALS), order("SO-15", STOPPED | {"/ship_to/rems_site_id": "HF4"}))
    vials = [{"/lines/0/serials": [f"{number}{letter}" for letter in "ABCDE"]} for number in (16, 17)]
    warehouse.judge(
        order("SO-16", MANY | vials[0]), revision(2, MANY, "SO-16"), order("SO-17", MANY | vials[1]), revision(2, MANY, "SO-17")
    )
    warehouse.judge(order("SO-18", MANY | {"/lines/0/serials": ["17A"], "/lines/0/quantity": 1}))
    part = {"line": 1, "quantity": 3, "lot": "A9"}
    warehouse.tell(
        event("cancelled", "SO-4"), event("cancelled", "SO-5"), event("shipped", "SO-5", 2, [1]), event("cancelled", "SO-6", lines=[1]),
        event("shipped", "SO-7", lines=[part]), event("shipped", "SO-7", lines=[part]), event("shipped", "SO-8", lines=[part]),
        event("cancelled", "SO-8"), event("cancelled", "SO-12"), event("cancelled", "SO-13"), event("shipped", "SO-9", lines=[1, 2]),
        event("cancelled", "SO-9"), event("returned", "SO-9", lines=[1]), event("cancelled", "SO-10", 3),
        event("cancelled", "SO-15", 1, [2]),
        batch=batch,
    )  # fmt: skip
    warehouse.follow()
    warehouse.judge(revision(2, several, "SO-9"), revision(2, several, "SO-6"), revision(4, several, "SO-10"), revision(3, MANY, "SO-4"))
    warehouse.tell(
        event("cancelled", "SO-4", 2), event("shipped", "SO-6", lines=[2]), event("cancelled", "SO-10", 1),
        event("shipped", "SO-3", lines=[1]), event("shipped", "SO-3", lines=[{"line": 1, "quantity": 1}]), event("cancelled", "SO-3"),
        batch=batch,
    )  # fmt: skip
    warehouse.follow()


@pytest.mark.parametrize("batch", [1, 4, None])
def test_what_moves_is_what_evidence_and_events_say(ledger: Ledger, batch: int | None) -> None:
    ledger.load(authorization("AU-MANY", 1000))
    varied(Warehouse(ledger, REPORTING), batch)
    anew = AnewAfterEvents(ledger)
    opened, watched, hangs = anew.waiting()

    assert set(ledger.rows(tables.HEAD)) == anew.heads()
    assert set(ledger.rows(tables.TAIL)) == anew.tail()
    assert set(ledger.rows(tables.RECORD_COUNT)) == anew.record_counts()
    assert {row for row in ledger.rows(tables.UNITS) if row[2]} == anew.units()
    assert {*ledger.rows(tables.SERIAL), *ledger.rows(tables.CLAIMED_SERIAL)} == anew.serials()
    assert set(ledger.rows(tables.NAMED_SERIAL)) == anew.named()
    assert {row[:6] for row in ledger.rows(tables.OPEN_LINE)} == opened
    assert {(*row[:5], row[6]) for row in ledger.rows(tables.WATCHED_LINE)} == watched
    assert set(ledger.rows(tables.DEPENDENCY)) == hangs
    assert {row[:5] for row in ledger.rows(tables.WAITING_EVENT)} == anew.waiting_events()
    assert {row[5] for row in ledger.rows(tables.EXAMINATION)} >= {"message", "superseded", "cancelled", "again"}
    assert all((anew.units(), anew.serials(), anew.named(), opened, watched, anew.on_lots())), "a run without these proves nothing"
    assert wrong(ledger) == []
