"""The outbox: what the relay publishes, in the order of its numbers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.arrivals import Examined, Stored
from gatekeeper.storage.readback import examined

ENTRIES = """
SELECT o.number, o.examination, o.alert_id, coalesce(e.wholesaler_id, d.wholesaler_id), coalesce(e.order_id, d.order_id),
    s.topic, s.topic_id, o.partition, o."offset", b.hash, b.at,
    coalesce(length(e.released), 0) + coalesce(length(e.stopped), 0)
    + coalesce((SELECT sum(length(r.body)) FROM distribution_record r WHERE r.examination = o.examination), 0)
    + coalesce((SELECT sum(length(a.body)) FROM alert a WHERE a.examination = o.examination OR a.alert_id = o.alert_id), 0)
FROM outbox o JOIN block b ON b.number = o.block
LEFT JOIN examination e ON e.id = o.examination LEFT JOIN source s ON s.id = o.source LEFT JOIN desk_entry d ON d.entry_id = o.alert_id
"""
AFTER = ENTRIES + "WHERE o.number >= %s ORDER BY o.number LIMIT %s"
NAMED = ENTRIES + "WHERE o.number = ANY(%s) ORDER BY o.number"
ALERTS = "SELECT alert_id, body FROM alert WHERE alert_id = ANY(%s)"
SUBMITTED_AGAIN = """
SELECT s.resubmission_id, r.record_id, r.body FROM resubmission s
JOIN distribution_record r ON r.program = s.program AND r.sequence = s.sequence WHERE s.resubmission_id = ANY(%s)
"""
ANSWERED_AGAIN = "SELECT entry_id, examination FROM desk_entry WHERE entry_id = ANY(%s)"
SOURCES = "SELECT topic_id FROM source WHERE topic = %s"
LENGTH = "SELECT outbox FROM moving_tail"
IN_HAND = """
SELECT (SELECT count(*) FROM moving_follow_up), (SELECT count(*) FROM moving_due),
    count(*), coalesce(sum(place), 0), coalesce(sum(through), 0)
FROM moving_look_back
"""


class After(NamedTuple):
    """A message whose answer is to be published before."""

    topic: str
    topic_id: str
    partition: int
    offset: int


class Entry(NamedTuple):
    """One entry of the outbox: an examination with all that belongs to it, an alert by itself, a record or an answer once more."""

    number: int
    examination: int | None
    alert_id: UUID | None
    """Of an alert, of a resubmission, or of what a person did about an order."""
    order: tuple[str, str] | None
    """Wholesaler and number of the order that the examination, or the answer once more, is of."""
    after: After | None
    hash: str
    """Of the block that recorded it."""
    at: datetime
    size: int
    """How many bytes it has to say."""


class InHand(NamedTuple):
    """What follows from changes and is not done yet."""

    follow_ups: int
    due: int
    look_backs: int
    place: int
    """Up to which examination the look-backs have come, all together, ``through`` which they go."""
    through: int


def entries_from(cursor: Cursor[Any], number: int, most: int) -> list[Entry]:
    """The entries from this number on."""
    return [_entry(row) for row in cursor.execute(AFTER, (number, most))]


def entries(cursor: Cursor[Any], numbers: Sequence[int]) -> list[Entry]:
    """The entries with these numbers, in their order."""
    return [_entry(row) for row in cursor.execute(NAMED, (list(numbers),))] if numbers else []


def alerts(cursor: Cursor[Any], names: Sequence[UUID]) -> dict[UUID, Stored]:
    """Alerts by their ids."""
    return {name: Stored(str(name), body) for name, body in cursor.execute(ALERTS, (list(names),))} if names else {}


def submitted_again(cursor: Cursor[Any], names: Sequence[UUID]) -> dict[UUID, Stored]:
    """By the ids of resubmissions, the records that are sent once more."""
    return {name: Stored(str(record), body) for name, record, body in cursor.execute(SUBMITTED_AGAIN, (list(names),))} if names else {}


def answered_again(cursor: Cursor[Any], names: Sequence[UUID]) -> dict[UUID, Examined]:
    """By the ids of what people did, the answers that are sent once more: without the records and alerts that belong to them."""
    wanted = dict(cursor.execute(ANSWERED_AGAIN, (list(names),)).fetchall()) if names else {}
    said = examined(cursor, list(wanted.values()))
    return {name: said[number]._replace(records=(), alerts=()) for name, number in wanted.items()}


def length(cursor: Cursor[Any]) -> int:
    """The number of the last entry."""
    row = cursor.execute(LENGTH).fetchone()
    return row[0] if row else 0


def sources(cursor: Cursor[Any], topic: str) -> list[str]:
    """The ids of all topics of this name that the ledger has met."""
    return [row[0] for row in cursor.execute(SOURCES, (topic,))]


def in_hand(cursor: Cursor[Any]) -> InHand:
    """What is not done yet."""
    row = cursor.execute(IN_HAND).fetchone()
    return InHand(*map(int, row)) if row else InHand(0, 0, 0, 0, 0)


def _entry(row: tuple[Any, ...]) -> Entry:
    number, examination, alert_id, wholesaler, order, topic, topic_id, partition, offset, digest, at, size = row
    return Entry(
        number,
        examination,
        alert_id,
        None if order is None else (wholesaler, order),
        None if topic is None else After(topic, topic_id, partition, offset),
        digest.hex(),
        at,
        int(size),
    )
