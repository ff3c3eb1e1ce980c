"""What events report to have left, against the records of the same lines: closely only where they say more than that it left."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from psycopg import Cursor

from gatekeeper.domain.program import Program
from gatekeeper.examinations.history import by_order
from gatekeeper.goods.line_book import Books, lines_of, package_of, whereabouts_of
from gatekeeper.goods.what_left import Added, Gone, says_what_left
from gatekeeper.storage import bypasses, ledger, waiting_events
from gatekeeper.storage import reconciling as storage
from gatekeeper.storage.events import events_of
from gatekeeper.storage.reconciling import Account
from gatekeeper.storage.records import Place, records_of
from schemas.bypass import Completion
from schemas.event import EventLine, ShipmentEvent

Reports = dict[Place, list[bytes]]
"""By line, the events that say that something of it left, and more than that, or once more; none where they say nothing more."""


class _Event(Struct):
    lines: tuple[EventLine, ...] = ()
    ship_to: Raw | UnsetType = UNSET


_event = msgspec.json.Decoder(_Event)
_whole = msgspec.json.Decoder(ShipmentEvent)
_completion = msgspec.json.Decoder(Completion)


def of_orders(cursor: Cursor[Any], order_ids: Collection[str]) -> Reports:
    """What was reported as shipped of these orders."""
    found: Reports = defaultdict(list)
    for wholesaler, order, revision, body in storage.shipped(cursor, order_ids):
        event = _event.decode(body)
        for line in event.lines:
            place = Place(wholesaler, order, revision, line.line)
            # Told twice it may have left twice.
            more = place in found or event.ship_to is not UNSET or line != EventLine(line=line.line)
            found[place] += [body] if more else []
    return found


def otherwise(cursor: Cursor[Any], program: Program, stand: Iterable[tuple[Account, Place]], reports: Reports) -> list[int]:
    """The sequences of those live records that say something else of what left than was reported."""
    looked = [(account, place) for account, place in stand if place in reports and (reports[place] or account.kind != "original")]
    orders = {place.order_id for _, place in looked}
    if not orders:
        return []
    waiting = waiting_events.of_orders(cursor, orders)
    books = Books(records_of(cursor, orders), waiting)
    found = bypasses.of_orders(cursor, orders)
    added = Added(
        waiting,
        {bypass.told: _completion.decode(bypass.completion) for bypass in found if bypass.completion is not None},
        {bypass.told: bypass.why for bypass in found},
    )
    gone: dict[Place, list[Gone]] = defaultdict(list)
    for wholesaler, order, revision, body in storage.shipped(cursor, orders):
        event = _whole.decode(body)
        for line in lines_of(event):
            gone[Place(wholesaler, order, revision, line.line)].append(Gone(event, line))
    left = _left(cursor, program, books, {place for _, place in looked})
    by_people = storage.by_people(cursor, {account.examination for account, _ in looked})
    differing = []
    for account, place in looked:
        records = books.records(place)
        live = next((record for record in records if record.record_id == account.record_id), None)
        released = [record for record in records if record.kind == "original" and record.body.outside_gate is UNSET]
        if live is None or not says_what_left(
            live,
            released[-1] if released else None,
            gone[place],
            added,
            package_of(live, [program]),
            left.get(place, 0),
            by_people=account.examination in by_people,
        ):
            differing.append(account.sequence)
    return differing


def _left(cursor: Cursor[Any], program: Program, books: Books, places: Collection[Place]) -> dict[Place, int]:
    """Of those of these lines of which something came back, how much left, each time that it did."""
    back = {(wholesaler, order) for wholesaler, order, *_ in storage.came_back(cursor, {place.order_id for place in places})}
    several, names = [place for place in places if place[:2] in back], [order for _, order in back]
    if not several:
        return {}
    events, history = by_order(events_of(cursor, names)), by_order(ledger.earlier(cursor, names))
    return {place: whereabouts_of(books.book(place, history[place[:2]], events[place[:2]], [program])).left for place in several}
