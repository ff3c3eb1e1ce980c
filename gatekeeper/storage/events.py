"""What the warehouse said of orders, as the ledger has it, and what it changes of what moves."""

from collections.abc import Container, Iterable
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor

from schemas.event import EventLine, ShipmentEvent

_event = msgspec.json.Decoder(ShipmentEvent)

# Beside a return the digests of those of its order whose records are void.
OF_ORDERS = """
SELECT s.body, CASE s.event WHEN 'returned' THEN ARRAY(
    SELECT e.digest FROM examination e
    JOIN distribution_record r ON r.examination = e.id AND r.kind = 'return'
    JOIN distribution_record v ON v.replaces = r.record_id AND v.kind = 'void'
    WHERE (e.order_id, e.wholesaler_id) = (s.order_id, s.wholesaler_id)
) END
FROM shipment_event s WHERE s.order_id = ANY(%s)
ORDER BY s.block, s.source, s.partition, s."offset"
"""
OF_IDS = "SELECT wholesaler_id, event_id, digest FROM shipment_event WHERE event_id = ANY(%s)"

CLOSE = """
DELETE FROM moving_open_line o
USING unnest(%s::text[], %s::text[], %s::int[], %s::int[], %s::int[]) AS s(order_id, wholesaler_id, first, through, line)
WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision BETWEEN s.first AND s.through
  AND (s.line IS NULL OR o.line = s.line)
"""
UNWATCH = CLOSE.replace("moving_open_line", "moving_watched_line")
DUE = """
INSERT INTO moving_due (examination, cause)
SELECT DISTINCT w.examination, 'event' FROM unnest(%s::text[], %s::text[], %s::int[]) AS s(order_id, wholesaler_id, revision)
CROSS JOIN LATERAL (
    SELECT o.examination FROM moving_open_line o
    WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision > s.revision
    UNION ALL
    SELECT o.examination FROM moving_watched_line o
    WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision > s.revision
) w
ON CONFLICT (examination) DO NOTHING
"""
ARRIVED = "SELECT id, convert_from(evidence, 'UTF8')::json -> 'arrived' FROM examination WHERE id = ANY(%s)"


class OrderEvent(NamedTuple):
    """One event about an order."""

    wholesaler_id: str
    order_id: str
    revision: int
    event: str
    """``shipped``, ``cancelled`` or ``returned``."""
    lines: tuple[int, ...]
    """None where a whole order was cancelled."""
    amounts: tuple[tuple[int | None, str | None], ...]
    """Beside each line the quantity and its unit, where they were given; serials alone are as many as they are."""
    said: ShipmentEvent
    """All of it."""

    @property
    def lots(self) -> tuple[str | None, ...]:
        """Beside each line the lot, where it was given."""
        lines = () if self.said.lines is UNSET else self.said.lines
        return tuple([None if line.lot is UNSET else line.lot for line in lines])

    def is_of(self, line: int) -> bool:
        """Whether the event says something of this line of its revision."""
        return not self.lines or line in self.lines


def events_of(cursor: Cursor[Any], order_ids: Iterable[str]) -> list[OrderEvent]:
    """Every event about the orders with these ids, of whatever wholesaler, in the order in which they were recorded; but for what they say
    of returns whose records people voided, which counts for nothing.
    """
    found = cursor.execute(OF_ORDERS, (list(set(order_ids)),)).fetchall()
    events = [(event_of(content), voided) for content, voided in found]
    return [left for event, voided in events for left in (without_returns([event], voided) if voided else [event])]


def without_returns(events: Iterable[OrderEvent], voided: Container[bytes]) -> list[OrderEvent]:
    """The same events without the lines of returns that have these digests."""
    return [left for event in events if (left := _without(event, voided)) is not None]


def _without(event: OrderEvent, voided: Container[bytes]) -> OrderEvent | None:
    lines = event.said.lines
    if event.event != "returned" or lines is UNSET:
        return event
    left = tuple([line for line in lines if digest_of(event.said, line) not in voided])
    if len(left) == len(lines):
        return event
    return order_event(replace(event.said, lines=left)) if left else None


def digest_of(event: ShipmentEvent, line: EventLine) -> bytes:
    """Of what an event says of a line, as the examinations that settle it name it."""
    return sha256(f"{event.wholesaler_id}/{event.event_id}/{line.line}".encode()).digest()


def event_of(content: bytes) -> OrderEvent:
    """An event from what it says, canonical."""
    return order_event(_event.decode(content))


def order_event(said: ShipmentEvent) -> OrderEvent:
    """An event as it is looked at."""
    lines = () if said.lines is UNSET else said.lines
    numbers, amounts = tuple([line.line for line in lines]), tuple(map(_amount, lines))
    return OrderEvent(said.wholesaler_id, said.order_id, said.revision or 1, said.event, numbers, amounts, said)


def _amount(line: EventLine) -> tuple[int | None, str | None]:
    if line.quantity is UNSET:
        return (None, None) if line.serials is UNSET else (len(line.serials), None)
    return line.quantity, None if line.unit is UNSET else line.unit


def digests_of(cursor: Cursor[Any], event_ids: Iterable[str]) -> dict[tuple[str, str], bytes]:
    """By wholesaler and event id, the digest of what was recorded under it."""
    found = cursor.execute(OF_IDS, (list(set(event_ids)),))
    return {(wholesaler, event): digest for wholesaler, event, digest in found}


def arrived(cursor: Cursor[Any], examinations: Iterable[int]) -> dict[int, tuple[int, int, int]]:
    """By examination, the source, partition and offset of the message that it answers, where its case says so."""
    found = cursor.execute(ARRIVED, (list(set(examinations)),))
    return {examination: (place[0], place[1], place[2]) for examination, place in found if place}


def alerts_known(cursor: Cursor[Any], alert_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these alerts were raised before."""
    return {name for (name,) in cursor.execute("SELECT alert_id FROM alert WHERE alert_id = ANY(%s)", (list(alert_ids),))}


class Settled:
    """What events end: lines that are not open any more, or not watched, by order, revisions and line (None: every line)."""

    def __init__(self) -> None:
        self._closed: list[tuple[str, str, int, int, int | None]] = []
        self._unwatched: list[tuple[str, str, int, int, int | None]] = []
        self._told: list[tuple[str, str, int]] = []

    def close(self, order_id: str, wholesaler_id: str, through: int, lines: Iterable[int]) -> None:
        """Lines of the revisions up to ``through`` that no re-examination releases any more."""
        self._closed += [(order_id, wholesaler_id, 1, through, line) for line in lines or (None,)]

    def unwatch(self, order_id: str, wholesaler_id: str, first: int, through: int, lines: Iterable[int]) -> None:
        """Lines of these revisions whose goods have left, or stay."""
        self._unwatched += [(order_id, wholesaler_id, first, through, line) for line in lines or (None,)]

    def tell(self, order_id: str, wholesaler_id: str, revision: int) -> None:
        """The answers of higher revisions may hang on what was said of this one."""
        self._told.append((order_id, wholesaler_id, revision))

    def write(self, cursor: Cursor[Any]) -> None:
        for statement, rows in ((CLOSE, self._closed), (UNWATCH, self._unwatched), (DUE, self._told)):
            if rows:
                cursor.execute(statement, tuple(map(list, zip(*rows, strict=True))))
