"""What events report to have come back, against the return records: each report has its record, and each record its report."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import NOT_COVERED
from gatekeeper.examinations.history import by_order, outcomes_of
from gatekeeper.goods.books import came_back
from gatekeeper.goods.line_book import Book, Books, fits, goods_of, lines_of, package_of, told_of
from gatekeeper.goods.reported import reported
from gatekeeper.storage import ledger, waiting_events
from gatekeeper.storage import reconciling as storage
from gatekeeper.storage.events import digest_of
from gatekeeper.storage.reconciling import Account, Reported
from gatekeeper.storage.records import Place, Recorded, records_of
from schemas.event import EventLine, ShipmentEvent

_event = msgspec.json.Decoder(ShipmentEvent)


class Returns(NamedTuple):
    """Of return records, by their sequences, those that no event reports, and those that say something else than theirs does."""

    reported: int
    unreported: list[int]
    otherwise: list[int]


def compared(cursor: Cursor[Any], program: Program, back: Collection[tuple[Account, Place]]) -> Returns:
    """Return records against the events that they were made of, and against what is recorded to have left of their lines."""
    orders = {place.order_id for _, place in back}
    if not orders:
        return Returns(0, [], [])
    books, made_of = Books(records_of(cursor, orders)), storage.returns(cursor, orders)
    told = {digest_of(event, line): line for place, event, line in _lines(storage.came_back(cursor, orders))}
    unreported, otherwise = [], []
    for account, place in back:
        line = told.get(made_of.get(account.examination, b""))
        if line is None:
            unreported.append(account.sequence)
        elif not _says(books.records(place), account, line, program):
            otherwise.append(account.sequence)
    return Returns(len(back) - len(unreported), unreported, otherwise)


def _says(records: list[Recorded], account: Account, line: EventLine, program: Program) -> bool:
    """Whether a return record says what an event does, and what came back of the line is of what its live record says left."""
    recorded, live = next(record for record in records if record.record_id == account.record_id), Book(records).live
    report = reported("", line, package_of(recorded, [program]))
    same = report.units in (None, recorded.units) and set(report.serials) <= set(goods_of(recorded).serials)
    return report.is_known and same and live is not None and fits(records, live)


def unrecorded(cursor: Cursor[Any], program: Program, events: Iterable[Reported]) -> Iterator[str]:
    """Of what events report to have come back, what no return record says: wholesaler, order, revision, line and event.

    What waits for its order is left out, and what is of other programs; of a line without a record nobody knows of which it is.
    """
    told = list(_lines(events))
    orders = {place.order_id for place, _, _ in told}
    books, recorded = Books(records_of(cursor, orders)), set(storage.returns(cursor, orders).values())
    waiting = waiting_events.of_orders(cursor, orders)
    history = by_order(ledger.earlier(cursor, {place.order_id for place, _, _ in told if not books.records(place)}))
    for place, event, line in told:
        records = books.records(place)
        if digest_of(event, line) in recorded or told_of(event, line.line) in waiting or _is_said(records, line):
            continue
        # A line that nobody restricts needs no record of what comes back either.
        free = not records and outcomes_of(place.revision, history[place[:2]]).get(place.line) in (NOT_COVERED, "withdrawn")
        if not free and all(record.program == program.name for record in records):
            yield f"{place.wholesaler_id} {place.order_id} revision {place.revision} line {place.line}, event {event.event_id}"


def _is_said(records: Iterable[Recorded], line: EventLine) -> bool:
    """Whether all the serials that a report names came back already, as records say: it is the same return, told again."""
    back = {serial for record in came_back(records) for serial in goods_of(record).serials}
    return bool(line.serials) and back.issuperset(line.serials or ())


def _lines(events: Iterable[Reported]) -> Iterator[tuple[Place, ShipmentEvent, EventLine]]:
    for wholesaler, order, revision, body in events:
        event = _event.decode(body)
        for line in lines_of(event):
            yield Place(wholesaler, order, revision, line.line), event, line
