"""The files that came from the REMS, and what they say of ours, as the ledger has it."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.domain.acknowledgements import Acknowledged

KNOWN: Final = "SELECT number, program, kind FROM received_file WHERE sha256 = %s"
NEXT: Final = "SELECT coalesce(max(number), 0) + 1 FROM received_file"
FILES: Final = """
SELECT f.number, f.first_sequence, f.last_sequence, f.layout,
    (SELECT array_agg(a.status ORDER BY a.number) FROM file_acknowledgement a WHERE a.program = f.program AND a.file = f.number),
    (SELECT array_agg(a.digest ORDER BY a.number) FROM file_acknowledgement a WHERE a.program = f.program AND a.file = f.number),
    (SELECT count(*) FROM file_resubmission s WHERE s.program = f.program AND s.file = f.number)
FROM feed_file f WHERE f.program = %s AND f.number = ANY(%s)
"""
ACCEPTED: Final = """
SELECT f.number, f.first_sequence, f.last_sequence, f.layout, NULL, NULL, 0
FROM file_acknowledgement a JOIN feed_file f ON f.program = a.program AND f.number = a.file
WHERE a.program = %s AND a.received = %s AND a.status = 'accepted' ORDER BY f.number
"""
OPEN: Final = """
SELECT r.sequence, r.record_id FROM distribution_record r
LEFT JOIN acknowledgement a ON a.program = r.program AND a.sequence = r.sequence
WHERE r.program = %s AND r.sequence BETWEEN %s AND %s AND a.sequence IS NULL ORDER BY r.sequence LIMIT %s
"""


class ReceivedFile(NamedTuple):
    number: int
    program: str
    kind: str


class SentFile(NamedTuple):
    """A file of ours, with what was said of it before."""

    number: int
    first: int
    last: int
    layout: bytes
    said: Acknowledged


def known(cursor: Cursor[Any], sha256: bytes) -> ReceivedFile | None:
    """The file with this digest, if it came before."""
    row = cursor.execute(KNOWN, (sha256,)).fetchone()
    return None if row is None else ReceivedFile(*row)


def next_number(cursor: Cursor[Any]) -> int:
    """Under the ledger lock alone."""
    row = cursor.execute(NEXT).fetchone()
    return int(row[0]) if row else 1


def sent(cursor: Cursor[Any], program: str, numbers: Collection[int]) -> dict[int, SentFile]:
    """The files of the program with these numbers."""
    return {row[0]: _sent(program, row) for row in cursor.execute(FILES, (program, list(numbers)))}


def accepted_by(cursor: Cursor[Any], program: str, received: int) -> list[SentFile]:
    """The files that a file which was received says were accepted."""
    return [_sent(program, row) for row in cursor.execute(ACCEPTED, (program, received))]


def open_records(cursor: Cursor[Any], program: str, first: int, last: int, most: int) -> list[tuple[int, UUID]]:
    """Sequence and id of the first so many records among these of which nothing was said yet."""
    return cursor.execute(OPEN, (program, first, last, most)).fetchall()


def _sent(program: str, row: tuple[Any, ...]) -> SentFile:
    number, first, last, layout, statuses, digests, again = row
    return SentFile(number, first, last, layout, Acknowledged(program, number, tuple(statuses or ()), tuple(digests or ()), 1 + again))
