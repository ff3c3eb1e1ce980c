"""What the books are compared by: records with all that belongs to them, a bounded part at a time."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor

AT_ONCE: Final = 5000

# Nobody waits for this session; what it compares is one state of the ledger, however long that takes.
LONG_READING: Final = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '15min'
"""
RECORDS: Final = """
SELECT r.sequence, r.record_id, r.kind, r.examination, r.body,
    (SELECT a.status FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence ORDER BY a.number DESC LIMIT 1),
    EXISTS (SELECT FROM distribution_record n WHERE n.replaces = r.record_id AND n.kind IN ('void', 'correction'))
FROM distribution_record r WHERE r.program = %s AND r.sequence BETWEEN %s AND %s ORDER BY r.sequence
"""
RELEASED: Final = "SELECT id, released FROM examination WHERE id = ANY(%s) AND released IS NOT NULL"
EXAMINATIONS: Final = """
SELECT id, wholesaler_id, order_id, revision, released FROM examination WHERE id BETWEEN %s AND %s AND released IS NOT NULL ORDER BY id
"""
KNOWN: Final = "SELECT record_id FROM distribution_record WHERE record_id = ANY(%s) AND program = %s"
DECIDED: Final = "SELECT decided_at FROM examination WHERE id <= %s ORDER BY id DESC LIMIT 1"
LAST_EXAMINATION: Final = "SELECT examination FROM moving_tail"
REPORTED: Final = "SELECT wholesaler_id, order_id, revision, body FROM shipment_event WHERE order_id = ANY(%s) AND event = %s"
RETURNED: Final = """
SELECT wholesaler_id, order_id, revision, body FROM shipment_event WHERE event = 'returned' AND block BETWEEN %s AND %s ORDER BY block
"""
RETURNS: Final = "SELECT id, digest FROM examination WHERE order_id = ANY(%s) AND cause = 'returned'"
BLOCK_AT: Final = "SELECT at FROM block WHERE number <= %s ORDER BY number DESC LIMIT 1"
LAST_BLOCK: Final = "SELECT block FROM moving_tail"
BY_PEOPLE: Final = "SELECT id FROM examination WHERE id = ANY(%s) AND cause = 'corrected'"
WAITING: Final = """
SELECT m.wholesaler_id, m.order_id, m.revision, m.line, m.event_id
FROM moving_waiting_event m
JOIN shipment_event e ON e.order_id = m.order_id AND e.wholesaler_id = m.wholesaler_id AND e.event_id = m.event_id
WHERE m.since BETWEEN %s AND %s
ORDER BY m.since, m.wholesaler_id, m.event_id, m.line
"""
FILES: Final = "SELECT number, first_sequence, last_sequence FROM feed_file WHERE program = %s ORDER BY number"

THEIRS: Final = """
CREATE TEMPORARY TABLE theirs (
    line integer NOT NULL, record_id uuid, sequence bigint, kind text, quantity bigint, lot text, serials text, patient_id text, status text
) ON COMMIT DROP
"""
COPY: Final = "COPY theirs FROM STDIN"
INDEX: Final = "CREATE INDEX ON theirs (record_id); ANALYZE theirs"
MISSING_THERE: Final = """
SELECT r.sequence FROM distribution_record r LEFT JOIN theirs t ON t.record_id = r.record_id
WHERE r.program = %s AND r.sequence BETWEEN %s AND %s AND t.record_id IS NULL ORDER BY r.sequence
"""
UNKNOWN_HERE: Final = """
SELECT t.line FROM theirs t LEFT JOIN distribution_record r ON r.record_id = t.record_id AND r.program = %s
WHERE r.record_id IS NULL ORDER BY t.line
"""
SEQUENCES_TWICE: Final = "SELECT sequence FROM theirs WHERE sequence IS NOT NULL GROUP BY sequence HAVING count(*) > 1 ORDER BY sequence"
PAIRS: Final = """
SELECT r.sequence, CASE WHEN t.status IS NOT NULL THEN (
        SELECT a.status FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence ORDER BY a.number DESC LIMIT 1
    ) END,
    r.body, t.sequence, t.kind, t.quantity, t.lot, t.serials, t.patient_id, t.status
FROM theirs t JOIN distribution_record r ON r.record_id = t.record_id AND r.program = %s ORDER BY r.sequence
"""


class Account(NamedTuple):
    """One record, with all that the ledger has beside it."""

    sequence: int
    record_id: UUID
    kind: str
    examination: int
    body: bytes
    status: str | None
    """What its REMS said of it last."""
    replaced: bool
    """A void or a correction names it."""


class Answered(NamedTuple):
    """An examination that released something."""

    id: int
    wholesaler_id: str
    order_id: str
    revision: int
    released: bytes


class Told(NamedTuple):
    """A row of their list."""

    line: int
    record_id: UUID | None
    sequence: int | None
    kind: str | None
    quantity: int | None
    lot: str | None
    serials: str | None = None
    """As a cell of a file of ours has them."""
    patient_id: str | None = None
    status: str | None = None


def begin(cursor: Cursor[Any]) -> None:
    """The first statement of the transaction."""
    cursor.execute(LONG_READING)


def accounts(cursor: Cursor[Any], program: str, first: int, last: int) -> Iterator[list[Account]]:
    """The records with these sequences, in their order."""
    for begin_at in range(first, last + 1, AT_ONCE):
        found = cursor.execute(RECORDS, (program, begin_at, min(last, begin_at + AT_ONCE - 1)), binary=True)
        yield [Account(*row) for row in found]


def released(cursor: Cursor[Any], examinations: Collection[int]) -> dict[int, bytes]:
    """What these examinations released."""
    return dict(cursor.execute(RELEASED, (list(examinations),), binary=True).fetchall())


def examination_before(cursor: Cursor[Any], instant: datetime) -> int:
    """The last examination that was decided before an instant. 0: none."""
    return _before(cursor, instant, LAST_EXAMINATION, DECIDED)


def block_before(cursor: Cursor[Any], instant: datetime) -> int:
    """The last block that was added before an instant. 0: none."""
    return _before(cursor, instant, LAST_BLOCK, BLOCK_AT)


def _before(cursor: Cursor[Any], instant: datetime, last: str, at: str) -> int:
    """By halving: they rise with time."""
    row = cursor.execute(last.encode()).fetchone()
    low, high = 0, int(row[0]) if row else 0
    while low < high:
        middle = (low + high + 1) // 2
        row = cursor.execute(at.encode(), (middle,)).fetchone()
        if row is None or row[0] < instant:
            low = middle
        else:
            high = middle - 1
    return low


def examinations(cursor: Cursor[Any], first: int, last: int) -> Iterator[list[Answered]]:
    """Those that released something, in their order."""
    for begin_at in range(first, last + 1, AT_ONCE):
        found = cursor.execute(EXAMINATIONS, (begin_at, min(last, begin_at + AT_ONCE - 1)), binary=True)
        yield [Answered(*row) for row in found]


def known(cursor: Cursor[Any], program: str, record_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are records of the program."""
    return {row[0] for row in cursor.execute(KNOWN, (list(record_ids), program), binary=True)} if record_ids else set()


Reported = tuple[str, str, int, bytes]
"""Wholesaler, order, revision and content of an event."""


def shipped(cursor: Cursor[Any], order_ids: Collection[str]) -> list[Reported]:
    """What was reported as shipped of these orders."""
    return _reported(cursor, order_ids, "shipped")


def came_back(cursor: Cursor[Any], order_ids: Collection[str]) -> list[Reported]:
    """What was reported as returned of these orders."""
    return _reported(cursor, order_ids, "returned")


def _reported(cursor: Cursor[Any], order_ids: Collection[str], kind: str) -> list[Reported]:
    return cursor.execute(REPORTED, (list(order_ids), kind), binary=True).fetchall() if order_ids else []


def returned(cursor: Cursor[Any], first: int, last: int) -> Iterator[list[Reported]]:
    """What was reported as returned by these blocks, a bounded part at a time."""
    with cursor.connection.cursor("returned", binary=True) as stream:
        stream.execute(RETURNED, (first, last))
        while part := stream.fetchmany(AT_ONCE):
            yield part


def returns(cursor: Cursor[Any], order_ids: Collection[str]) -> dict[int, bytes]:
    """By examination that recorded a return of these orders, the digest of what it was told."""
    return dict(cursor.execute(RETURNS, (list(order_ids),), binary=True).fetchall()) if order_ids else {}


def by_people(cursor: Cursor[Any], examinations: Collection[int]) -> set[int]:
    """Those of them that are corrections which people made."""
    return {row[0] for row in cursor.execute(BY_PEOPLE, (list(examinations),))} if examinations else set()


def waiting(cursor: Cursor[Any], begin: datetime, end: datetime) -> Iterator[tuple[str, str, int, int, str]]:
    """Goods that were reported on in this time and whose order is still waited for: wholesaler, order, revision, line, event."""
    yield from cursor.execute(WAITING, (begin, end - timedelta(microseconds=1)))


def files(cursor: Cursor[Any], program: str) -> Iterator[tuple[int, int, int]]:
    """Number, first and last sequence of each file, in their order."""
    yield from cursor.execute(FILES, (program,))


def take_theirs(cursor: Cursor[Any], rows: Iterator[Told]) -> None:
    """Their list, beside ours until the transaction ends."""
    cursor.execute(THEIRS)
    with cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(INDEX)
    cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL work_mem = '64MB'")


def sequences(cursor: Cursor[Any], statement: str, *named: Any) -> Iterator[int]:
    """The one number of each row."""
    with cursor.connection.cursor("compared") as stream:
        for (number,) in stream.execute(statement.encode(), named):
            yield number


def pairs(cursor: Cursor[Any], program: str) -> Iterator[tuple[int, str | None, bytes, tuple[Any, ...]]]:
    """Each of their rows beside our record, by our sequence: that, our status where theirs is said, our record, and what theirs says."""
    with cursor.connection.cursor("pairs", binary=True) as stream:
        stream.itersize = AT_ONCE
        for ours, status, body, *said in stream.execute(PAIRS.encode(), (program,)):
            yield ours, status, body, tuple(said)
