"""What events report to have left, against the records of the same lines: closely only where they say more than that it left."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from psycopg import Cursor

from gatekeeper.domain.program import Program
from gatekeeper.goods.line_book import Books, lines_of, package_of
from gatekeeper.goods.what_left import Added, Gone, says_what_left
from gatekeeper.storage import bypasses, waiting_events
from gatekeeper.storage import reconciling as storage
from gatekeeper.storage.reconciling import Account
from gatekeeper.storage.records import Place, records_of
from schemas.bypass import Completion
from schemas.event import EventLine, ShipmentEvent

Reports = dict[Place, list[bytes]]
"""By line, the events that say that something of it left, and more than that; none where they say nothing more."""


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
            several = found[Place(wholesaler, order, revision, line.line)]
            if event.ship_to is not UNSET or line != EventLine(line=line.line):
                several.append(body)
    return found


def otherwise(cursor: Cursor[Any], program: Program, stand: Iterable[tuple[Account, Place]], reports: Reports) -> list[int]:
    """The sequences of those live records that say something else of what left than was reported."""
    looked = [(account, place) for account, place in stand if place in reports and (reports[place] or account.kind != "original")]
    orders = {place.order_id for _, place in looked}
    if not orders:
        return []
    books = Books(records_of(cursor, orders))
    found = bypasses.of_orders(cursor, orders)
    added = Added(
        waiting_events.of_orders(cursor, orders),
        {bypass.told: _completion.decode(bypass.completion) for bypass in found if bypass.completion is not None},
        {bypass.told: bypass.why for bypass in found},
    )
    gone: dict[Place, list[Gone]] = defaultdict(list)
    for wholesaler, order, revision, body in storage.shipped(cursor, orders):
        event = _whole.decode(body)
        for line in lines_of(event):
            gone[Place(wholesaler, order, revision, line.line)].append(Gone(event, line))
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
            by_people=account.examination in by_people,
        ):
            differing.append(account.sequence)
    return differing
