"""The files of a feed in the ledger: which records are in which, and the records themselves, streamed."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from psycopg import Cursor

from gatekeeper.errors import Halt
from gatekeeper.storage import ledger, tables

FEED_LOCK: Final = 7313004
"""One who writes files follows the other. Taken before the ledger lock, and never while that is held."""
RECORDS_AT_ONCE: Final = 2000

FILES: Final = """
SELECT f.program, f.number, f.first_sequence, f.last_sequence, f.quantity, f.through, f.layout, f.made_at, f.size, f.sha256, w.at
FROM feed_file f LEFT JOIN feed_file_written w ON w.program = f.program AND w.number = f.number
WHERE f.program = %s
"""
LAST: Final = FILES + "ORDER BY f.number DESC LIMIT 1"
UNFINISHED: Final = FILES + "AND w.at IS NULL ORDER BY f.number"
OF_DAY: Final = FILES + "AND f.through = %s ORDER BY f.number"
NUMBERED: Final = FILES + "AND f.number = %s"
RECORDS: Final = """
SELECT r.sequence, r.body, CASE r.kind WHEN 'void' THEN EXISTS (
    SELECT FROM distribution_record b WHERE b.record_id = r.replaces AND b.kind = 'return'
) ELSE false END
FROM distribution_record r WHERE r.program = %s AND r.sequence BETWEEN %s AND %s ORDER BY r.sequence
"""
# Nobody waits for this session but another that writes files; how long a disk or a reader takes is not known.
LONG_READING: Final = """
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '15min';
SET LOCAL idle_in_transaction_session_timeout = '15min'
"""


class FeedFile(NamedTuple):
    """One file of a program, as the ledger has it."""

    program: str
    number: int
    first: int
    """The sequence of its first record."""
    last: int
    quantity: int
    through: date
    layout: bytes
    made_at: datetime
    size: int
    sha256: bytes
    """Of its bytes."""
    written_at: datetime | None = None
    """When it stood whole under its name; None where nobody knows."""


def take_feed_lock(cursor: Cursor[Any]) -> None:
    """Waits for the lock of those who write files, which is kept to the end of the transaction, however long that takes."""
    cursor.execute(LONG_READING)
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (FEED_LOCK,))


def last_file(cursor: Cursor[Any], program: str) -> FeedFile | None:
    return next(iter(_files(cursor, LAST, program)), None)


def unfinished(cursor: Cursor[Any], program: str) -> list[FeedFile]:
    """The files of which nobody knows that they were written to the end, in their order."""
    return _files(cursor, UNFINISHED, program)


def files_of_day(cursor: Cursor[Any], program: str, through: date) -> list[FeedFile]:
    """The files that go up to this day, in their order."""
    return _files(cursor, OF_DAY, program, through)


def file_numbered(cursor: Cursor[Any], program: str, number: int) -> FeedFile | None:
    return next(iter(_files(cursor, NUMBERED, program, number)), None)


def bodies(cursor: Cursor[Any], program: str, first: int, last: int) -> Iterator[tuple[list[bytes], set[int]]]:
    """The records with these sequences, in their order, a bounded part at a time, each part with the sequences of those that void a return.
    Raises ``Halt`` where one is missing.
    """
    with cursor.connection.cursor("feed", binary=True) as stream:
        stream.execute(RECORDS, (program, first, last))
        expected = first
        while rows := stream.fetchmany(RECORDS_AT_ONCE):
            if [row[0] for row in rows] != list(range(expected, expected + len(rows))):
                raise Halt(f"A record of {program} from sequence {expected} on is missing: run `gatekeeper verify`.")
            expected += len(rows)
            yield [row[1] for row in rows], {row[0] for row in rows if row[2]}
        if expected != last + 1:
            raise Halt(f"The record of {program} with sequence {expected} is missing: run `gatekeeper verify`.")


def add_file(cursor: Cursor[Any], file: FeedFile) -> None:
    """The records of the file are in it from now on, and in no other. Raises ``Halt`` where the file does not follow the last one."""
    ledger.take_lock(cursor)
    tail = ledger.read_tail(cursor)
    before = last_file(cursor, file.program)
    if (file.number, file.first) != ((before.number + 1, before.last + 1) if before else (1, 1)):
        raise Halt(f"File {file.number} of {file.program} does not follow the last one: this is a fault of the gatekeeper.")
    ledger.add_block(cursor, tail, {tables.FEED_FILE: [(*file[:10], tail.block + 1)]})


def add_written(cursor: Cursor[Any], file: FeedFile) -> None:
    """The file stands whole under its name."""
    ledger.take_lock(cursor)
    tail = ledger.read_tail(cursor)
    ledger.add_block(cursor, tail, {tables.FEED_FILE_WRITTEN: [(file.program, file.number, tail.now, tail.block + 1)]})


def _files(cursor: Cursor[Any], statement: str, *named: Any) -> list[FeedFile]:
    return [FeedFile(*row) for row in cursor.execute(statement, named)]
