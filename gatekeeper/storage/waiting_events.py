"""What events said and no record says yet, because an order is waited for."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.storage.records import Place

Told = tuple[str, str, int]
"""Wholesaler, event and line."""

OF_ORDERS: Final = "SELECT wholesaler_id, event_id, line FROM moving_waiting_event WHERE order_id = ANY(%s)"
REMOVE: Final = """
DELETE FROM moving_waiting_event m USING unnest(%s::text[], %s::text[], %s::int[]) AS s(wholesaler_id, event_id, line)
WHERE (m.wholesaler_id, m.event_id, m.line) = (s.wholesaler_id, s.event_id, s.line)
"""
UNSETTLED: Final = "SELECT wholesaler_id, order_id, revision, line FROM moving_unsettled_line ORDER BY order_id, wholesaler_id LIMIT %s"
SETTLED: Final = """
DELETE FROM moving_unsettled_line m USING unnest(%s::text[], %s::text[], %s::int[], %s::int[]) AS s(wholesaler_id, order_id, revision, line)
WHERE (m.wholesaler_id, m.order_id, m.revision, m.line) = (s.wholesaler_id, s.order_id, s.revision, s.line)
"""
# No more than are asked for: first what is waited for no longer because its order was seen, then the oldest. The ends rise with time, so
# where those of the oldest are not reached, none are.
READY: Final = """
SELECT w.wholesaler_id, w.event_id, w.line, w.order_id FROM (
    SELECT * FROM moving_waiting_event ORDER BY waits, since, wholesaler_id, event_id, line LIMIT %s
) w
WHERE NOT w.waits OR w.since <= (SELECT clock_timestamp()) - make_interval(secs => %s) OR (
    w.ends IS NOT NULL AND NOT EXISTS (
        SELECT FROM json_each_text(w.ends::json -> 'ends') p LEFT JOIN source s ON s.topic_id = w.ends::json ->> 'topic_id'
        LEFT JOIN moving_head h ON h.source = s.id AND h.partition = p.key::int
        WHERE coalesce(h.next_offset, 0) < p.value::bigint))
ORDER BY w.waits, w.since, w.wholesaler_id, w.event_id, w.line
"""
UNMARKED: Final = "SELECT wholesaler_id, event_id, line FROM moving_waiting_event WHERE ends IS NULL ORDER BY since LIMIT 1000"
MARK: Final = """
UPDATE moving_waiting_event m SET ends = %s
FROM unnest(%s::text[], %s::text[], %s::int[]) AS s(wholesaler_id, event_id, line)
WHERE (m.wholesaler_id, m.event_id, m.line) = (s.wholesaler_id, s.event_id, s.line) AND m.ends IS NULL
"""


class Ready(NamedTuple):
    """A line of an event that is waited for no longer."""

    told: Told
    order_id: str


class Ends(msgspec.Struct, frozen=True):
    """Up to where the orders' topic had been written, by partition, at one moment."""

    topic_id: str
    ends: dict[str, int]


def of_orders(cursor: Cursor[Any], order_ids: Iterable[str]) -> set[Told]:
    """What waits of the orders with these ids."""
    return {(row[0], row[1], row[2]) for row in cursor.execute(OF_ORDERS, (list(set(order_ids)),))}


def ready(cursor: Cursor[Any], longest_s: int, most: int) -> list[Ready]:
    """Of so many that have waited longest, those that are waited for no longer."""
    return [Ready(row[:3], row[3]) for row in cursor.execute(READY.encode(), (most, longest_s))]


def remove(cursor: Cursor[Any], told: Collection[Told]) -> None:
    cursor.execute(REMOVE, _columns(told))


def unmarked(cursor: Cursor[Any]) -> list[Told]:
    """What has come since the broker was last asked."""
    return [(row[0], row[1], row[2]) for row in cursor.execute(UNMARKED)]


def mark(cursor: Cursor[Any], told: Collection[Told], topic_id: str, ends: Mapping[int, int]) -> None:
    """Notes how far the orders had been written at a moment after these had come."""
    said = msgspec.json.encode(Ends(topic_id, {str(partition): end for partition, end in ends.items()})).decode()
    cursor.execute(MARK, (said, *_columns(told)))


def unsettled(cursor: Cursor[Any], most: int) -> list[Place]:
    """Of so many lines that have got a serial which another gave up, which they are."""
    return [Place(*row) for row in cursor.execute(UNSETTLED, (most,))]


def settled(cursor: Cursor[Any], places: Collection[Place]) -> None:
    """These were looked at once more."""
    cursor.execute(SETTLED, tuple(map(list, zip(*places, strict=True))))


def _columns(told: Collection[Told]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*told, strict=True))) if told else ([], [], [])
