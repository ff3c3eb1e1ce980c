"""The ledger: its lock, its tail, what came before, and how what was decided is added to it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.errors import Halt, TryAgain
from gatekeeper.storage import chain, tables
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.engine import NOT_DURABLE

LEDGER_LOCK = 7313001
"""Whoever changes what is decided or known takes this lock first: verdicts and facts stand in one order."""

OF_TAIL = f"{NOT_DURABLE}, date_trunc('milliseconds', clock_timestamp()), block, hash, at, examination, registry_version, outbox"
TAIL = f"SELECT {OF_TAIL} FROM moving_tail"  # noqa: S608 - our own words
ON_RECORD = """
EXISTS (SELECT FROM examination WHERE order_id = ANY(%s)) OR EXISTS (SELECT FROM shipment_event WHERE order_id = ANY(%s))
"""
END = f"""
SELECT {OF_TAIL},
       (SELECT json_object_agg(partition, next_offset) FROM moving_head WHERE source = %s),
       (SELECT json_agg(json_build_array(partition, "offset", reason)) FROM set_aside WHERE source = %s),
       (SELECT json_object_agg(program, sequence) FROM moving_record_count),
       {ON_RECORD},
       EXISTS (SELECT FROM moving_named_serial)
FROM moving_tail
"""  # noqa: S608 - our own words
# In a ledger that grows fast nobody has statistics yet: nothing here may be answered by going through a table in the order of its ids,
# nor by reading the outbox whole once for all.
EARLIER = """
SELECT id, wholesaler_id, order_id, revision, number, cause, digest, released,
       (SELECT array_agg(ARRAY[r.replaces, CASE r.kind WHEN 'correction' THEN r.record_id END])
        FROM distribution_record r WHERE r.examination = e.id AND r.kind IN ('void', 'correction') AND r.replaces IS NOT NULL),
       (SELECT true FROM outbox o WHERE o.examination = e.id LIMIT 1) IS NOT NULL
FROM examination e WHERE order_id = ANY(%s) ORDER BY id + 0
"""
HEADS = "SELECT partition, next_offset FROM moving_head WHERE source = %s"
VERSION_AND_HEADS = """
SELECT t.registry_version, h.partition, h.next_offset FROM moving_tail t LEFT JOIN moving_head h ON h.source = %s
"""
SET_ASIDE = 'SELECT partition, "offset", reason FROM set_aside WHERE source = %s'
NEW_TAIL = """
 ON CONFLICT ("only") DO UPDATE SET block = EXCLUDED.block, hash = EXCLUDED.hash, at = EXCLUDED.at,
 examination = EXCLUDED.examination, registry_version = EXCLUDED.registry_version, outbox = EXCLUDED.outbox
"""
RECORDS = "SELECT record_id, program, units, body FROM distribution_record WHERE record_id = ANY(%s)"


class Tail(NamedTuple):
    """Where the ledger ends, and the instant at which that was read: the instant of every decision of the transaction."""

    now: datetime
    block: int
    hash: bytes
    at: datetime
    examination: int
    registry_version: int
    outbox: int


class Outgoing(NamedTuple):
    """What the relay is to publish: an examination with all that belongs to it, an alert by itself, a record or an answer once more."""

    examination: int | None = None
    alert_id: UUID | None = None
    """Of an alert, of a resubmission, or of a desk entry."""
    after: tuple[int, int, int] | None = None
    """Source, partition and offset of a message: it goes out only after the answer to that message was published."""


class End(NamedTuple):
    """The tail, and what else is short and moves with it."""

    tail: Tail
    heads: dict[int, int]
    """By partition of the source, the offset below which everything has been judged."""
    aside: dict[tuple[int, int], str]
    """Which positions (partition, offset) of the source a person took out of the way, and why."""
    counts: dict[str, int]
    """By program, the last sequence of its distribution records."""
    on_record: bool
    """Whether anything is on record of the orders that were named: of most batches nothing is, and what need not be asked."""
    named: bool
    """Whether any live record names serials that its line does not hold any more."""


class EarlierExamination(NamedTuple):
    id: int
    wholesaler_id: str
    order_id: str
    revision: int
    number: int
    cause: str
    """``message``: a message of the order was judged. ``superseded``: a higher revision withdrew what was released.
    ``again``: stopped lines were judged again. ``withdrawn``: released lines were, and may not leave any more. The others settle the
    records of a line (``gatekeeper.goods.settlement``)."""
    digest: bytes
    released: bytes | None
    ends: tuple[tuple[UUID, UUID | None], ...] = ()
    """The records that it voided (None) or replaced, and by which."""
    relayed: bool = False
    """It is published by the relay, not with the answer to a message."""


class RecordRow(NamedTuple):
    """A distribution record, and the dispensing units that it stands for."""

    record_id: UUID
    program: str
    units: int
    body: bytes


def take_lock(cursor: Cursor[Any]) -> None:
    """Waits for the ledger lock, which is kept to the end of the transaction."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))


def read_tail(cursor: Cursor[Any]) -> Tail:
    """Where the ledger ends. Nothing is decided while that cannot be: raises ``TryAgain`` while the database's clock is behind the last
    block, and while a commit could be lost.
    """
    return _tail(cursor.execute(TAIL).fetchone())


def read_end(cursor: Cursor[Any], source: int, order_ids: Sequence[str] = ()) -> End:
    """Where the ledger ends, by one statement. Raises ``TryAgain`` as ``read_tail`` does."""
    named = list(order_ids)
    row = cursor.execute(END, (source, source, named, named)).fetchone()
    tail = _tail(row and row[:-5])
    heads, aside, counts, on_record, is_named = row[-5:] if row else (None, None, None, False, False)
    return End(
        tail,
        {int(partition): offset for partition, offset in (heads or {}).items()},
        {(partition, offset): reason for partition, offset, reason in aside or ()},
        counts or {},
        on_record,
        is_named,
    )


def _tail(row: tuple[Any, ...] | None) -> Tail:
    if row is None:
        raise Halt("The ledger has no tail: the database was not made by `gatekeeper migrate`.")
    not_durable, now, *rest = row
    if not_durable:
        raise TryAgain(f"The database runs with {not_durable} = off, so a commit could be lost: nothing is decided until it is on.")
    tail = Tail(now.astimezone(UTC), *rest)
    if tail.now < tail.at:
        raise TryAgain(
            f"The database's clock ran back to {tail.now:%Y-%m-%dT%H:%M:%SZ}, before the last block: "
            "nothing is decided until it has caught up."
        )
    return tail


def now(cursor: Cursor[Any]) -> datetime:
    """The present instant, of the database's clock, as the ledger writes it."""
    row = cursor.execute("SELECT date_trunc('milliseconds', clock_timestamp())").fetchone()
    if row is None:
        raise Halt("The database gives no instant.")
    return row[0].astimezone(UTC)  # type: ignore[no-any-return]


def version_and_heads(cursor: Cursor[Any], source: int) -> tuple[int, dict[int, int]]:
    """The registry's version and the heads at this moment, without the lock.

    Facts that are read after it, and before a tail of the same version, are those of that version.
    """
    found = cursor.execute(VERSION_AND_HEADS, (source,)).fetchall()
    return found[0][0] if found else 0, {partition: offset for _, partition, offset in found if partition is not None}


def heads(cursor: Cursor[Any], source: int) -> dict[int, int]:
    """By partition of a source, the offset below which everything has been judged."""
    return dict(cursor.execute(HEADS, (source,)).fetchall())


def earlier(cursor: Cursor[Any], order_ids: Iterable[str]) -> list[EarlierExamination]:
    """Every examination of the orders with these ids, of whatever wholesaler, oldest first."""
    found = cursor.execute(EARLIER, (list(set(order_ids)),))
    return [EarlierExamination._make((*row[:-2], tuple(map(tuple, row[-2] or ())), row[-1])) for row in found]


def set_aside(cursor: Cursor[Any], source: int) -> dict[tuple[int, int], str]:
    """Which positions (partition, offset) of a source a person took out of the way, and why."""
    return {(partition, offset): reason for partition, offset, reason in cursor.execute(SET_ASIDE, (source,))}


def records(cursor: Cursor[Any], record_ids: list[UUID]) -> dict[UUID, RecordRow]:
    """Distribution records by their ids."""
    return {row[0]: RecordRow(*row) for row in cursor.execute(RECORDS, (record_ids,))} if record_ids else {}


def freshness(cursor: Cursor[Any]) -> dict[str, datetime]:
    """By program, the instant as of which its registry speaks."""
    return dict(cursor.execute("SELECT program, as_of FROM moving_freshness").fetchall())


def add_block(
    cursor: Cursor[Any],
    tail: Tail,
    rows: Mapping[Table, Sequence[Sequence[Any]]],
    *,
    examination: int | None = None,
    registry_version: int | None = None,
    outbox: Sequence[Outgoing] = (),
    moved: Iterable[Added] = (),
) -> chain.Block:
    """Adds ``rows`` (each ending with the number of the new block) and the block that binds them, and moves the tail.

    ``moved`` are rows of what moves, which no block binds; they go with the same statement.

    ``examination`` is the last one that was added, ``registry_version`` the registry's new version; what is not given stays.
    The relay publishes what ``outbox`` names, in this order, after what was put there before.
    """
    number = tail.block + 1
    examination = tail.examination if examination is None else examination
    registry_version = tail.registry_version if registry_version is None else registry_version
    if outbox:
        rows = {**rows, tables.OUTBOX: _numbered(tail, outbox)}
    added = chain.block(number, tail.now, registry_version, rows, tail.hash)
    end = (True, added.number, added.hash, added.at, examination, registry_version, tail.outbox + len(outbox))
    evidence = [Added(table, rows[table]) for table in tables.EVIDENCE if table in rows]
    insert(cursor, *evidence, Added(tables.BLOCK, [added]), Added(tables.TAIL, [end], NEW_TAIL), *moved)
    return added


def raise_alerts(cursor: Cursor[Any], tail: Tail, kind: str, alerts: Mapping[UUID, bytes]) -> bool:
    """Adds alerts of one kind, by their ids, as the next block, for the relay to publish. Says whether there are any."""
    if alerts:
        rows = [(name, kind, None, body, tail.block + 1) for name, body in alerts.items()]
        add_block(cursor, tail, {tables.ALERT: rows}, outbox=[Outgoing(alert_id=name) for name in alerts])
    return bool(alerts)


def _numbered(tail: Tail, outbox: Sequence[Outgoing]) -> list[Sequence[Any]]:
    return [
        (number, out.examination, out.alert_id, *(out.after or (None, None, None)), tail.block + 1)
        for number, out in enumerate(outbox, tail.outbox + 1)
    ]


def source_of(cursor: Cursor[Any], topic: str, topic_id: str) -> int:
    """The number of a topic in the ledger; it is added when it is seen for the first time."""
    take_lock(cursor)
    found = cursor.execute("SELECT id FROM source WHERE topic_id = %s", (topic_id,)).fetchone()
    if found:
        return int(found[0])
    tail = read_tail(cursor)
    last = cursor.execute("SELECT coalesce(max(id), 0) FROM source").fetchone()
    number = int(last[0]) + 1 if last else 1
    add_block(cursor, tail, {tables.SOURCE: [(number, topic_id, topic, tail.block + 1)]})
    return number
