"""What the REMS said of distribution records, as the ledger has it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.domain.acknowledgements import Acknowledged
from gatekeeper.domain.sequences import Range
from gatekeeper.errors import Halt

HELD = """
SELECT r.record_id, r.program, r.sequence,
    (SELECT array_agg(a.status ORDER BY a.number) FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence),
    (SELECT array_agg(a.digest ORDER BY a.number) FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence),
    (SELECT count(*) FROM resubmission s WHERE s.program = r.program AND s.sequence = r.sequence)
FROM distribution_record r WHERE r.record_id = ANY(%s)
"""
AT = """
SELECT b.at FROM distribution_record r JOIN block b ON b.number = r.block WHERE r.program = %s AND r.sequence = %s
"""
BEFORE = """
SELECT b.at FROM distribution_record r JOIN block b ON b.number = r.block WHERE r.program = %s AND r.sequence <= %s
ORDER BY r.sequence DESC LIMIT 1
"""
LAST = "SELECT sequence FROM moving_record_count WHERE program = %s"
# What is due is found by index, at each turn of the relay.
NEXT = """
SELECT w.program, coalesce(a.through, 0), coalesce(a.block, 0), b.at, f.made_at, f.number, f.last_sequence
FROM unnest(%s::text[]) AS w(program) LEFT JOIN moving_awaited a ON a.program = w.program
LEFT JOIN LATERAL (
    SELECT f.made_at, f.number, f.last_sequence FROM feed_file f
    WHERE f.program = w.program AND f.first_sequence <= coalesce(a.through, 0) + 1 ORDER BY f.first_sequence DESC LIMIT 1
) f ON f.last_sequence > coalesce(a.through, 0)
LEFT JOIN distribution_record r ON r.program = w.program AND r.sequence = coalesce(a.through, 0) + 1
LEFT JOIN block b ON b.number = r.block
"""
UNANSWERED = """
SELECT min(sequence), max(sequence), sum(count(*)) OVER ()
FROM (
    SELECT r.sequence, r.sequence - row_number() OVER (ORDER BY r.sequence) AS island
    FROM distribution_record r LEFT JOIN acknowledgement a ON a.program = r.program AND a.sequence = r.sequence
    WHERE r.program = %s AND r.sequence BETWEEN %s AND %s AND a.sequence IS NULL
) missing
GROUP BY island ORDER BY 1 LIMIT %s
"""
# What was said before it was submitted again answers that only where it was accepted.
RESUBMISSIONS = """
SELECT s.block, s.sequence FROM resubmission s
WHERE s.program = %s AND NOT EXISTS (
    SELECT FROM acknowledgement a
    WHERE a.program = s.program AND a.sequence = s.sequence AND (a.status = 'accepted' OR a.block > s.block)
) AND
"""
RESUBMITTED = RESUBMISSIONS + "s.block > %s AND s.at <= %s ORDER BY s.block LIMIT 1"
ASIDE = 'SELECT "offset", why FROM aside WHERE source = %s AND partition = 0 AND "offset" >= %s'
AWAITED = """
INSERT INTO moving_awaited (program, through, block) VALUES (%s, %s, %s)
ON CONFLICT (program) DO UPDATE SET through = EXCLUDED.through, block = EXCLUDED.block
"""
RESUBMITTED_TOGETHER = RESUBMISSIONS + "s.block = %s ORDER BY s.sequence"


SUBMITTED = """
SELECT r.sequence, r.record_id, r.kind, (
    SELECT a.status FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence ORDER BY a.number DESC LIMIT 1
) FROM distribution_record r WHERE r.program = %s AND r.sequence BETWEEN %s AND %s ORDER BY r.sequence
"""
FILE_RESUBMISSIONS = "SELECT count(*) FROM file_resubmission WHERE program = %s AND file = %s"


class Submitted(NamedTuple):
    """A record that was sent."""

    sequence: int
    record_id: UUID
    kind: str
    status: str | None
    """What its REMS said of it last."""


class Awaited(NamedTuple):
    """How far it was looked whether a program's records were acknowledged in time."""

    program: str
    through: int
    """The last sequence that was looked at."""
    block: int
    """The block of the last resubmission that was."""
    next_at: datetime | None
    """When the next record was recorded, if there is one."""
    made_at: datetime | None = None
    """When the file was made in which it is, if it is in one."""
    file: int | None = None
    file_last: int | None = None


def held(cursor: Cursor[Any], record_ids: Iterable[UUID]) -> dict[UUID, Acknowledged]:
    """The records with these ids, each with what counts of what was said of it."""
    return {
        record: Acknowledged(program, sequence, tuple(statuses or ()), tuple(digests or ()), 1 + again)
        for record, program, sequence, statuses, digests, again in cursor.execute(HELD, (list(set(record_ids)),))
    }


def aside(cursor: Cursor[Any], source: int, first: int) -> dict[int, str]:
    """Why messages of a source's partition 0 were kept aside, by their offsets, from this one on."""
    return dict(cursor.execute(ASIDE, (source, first)).fetchall())


def last_sequence(cursor: Cursor[Any], program: str) -> int:
    """The last sequence of a program's records, 0 where it has none."""
    row = cursor.execute(LAST, (program,)).fetchone()
    return row[0] if row else 0


def recorded_at(cursor: Cursor[Any], program: str, sequence: int) -> datetime:
    """When the record with this sequence was recorded. Raises ``Halt`` where there is none."""
    row = cursor.execute(AT, (program, sequence)).fetchone()
    if row is None:
        raise Halt(f"The record of {program} with sequence {sequence} is missing: run `gatekeeper verify`.")
    return row[0]  # type: ignore[no-any-return]


def last_before(cursor: Cursor[Any], program: str, instant: datetime, last: int) -> int:
    """The last of the sequences up to ``last`` that was recorded before an instant, by halving: sequences rise with time. 0: none."""
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        # Also where one is missing: who writes or compares them says so.
        row = cursor.execute(BEFORE, (program, middle)).fetchone()
        if row is None or row[0] < instant:
            low = middle
        else:
            high = middle - 1
    return low


def submitted(cursor: Cursor[Any], program: str, first: int, last: int) -> list[Submitted]:
    """The records with these sequences."""
    return [Submitted(*row) for row in cursor.execute(SUBMITTED, (program, first, last))]


def file_resubmissions(cursor: Cursor[Any], program: str, number: int) -> int:
    """How often a file was made once more."""
    row = cursor.execute(FILE_RESUBMISSIONS, (program, number)).fetchone()
    return int(row[0]) if row else 0


def awaited(cursor: Cursor[Any], programs: Iterable[str]) -> list[Awaited]:
    return [Awaited(*row) for row in cursor.execute(NEXT, (sorted(programs),))]


def unanswered(cursor: Cursor[Any], program: str, first: int, last: int, most: int) -> tuple[int, list[Range]]:
    """How many of these records nobody has acknowledged, and the first so many ranges of their sequences."""
    found = cursor.execute(UNANSWERED, (program, first, last, most)).fetchall()
    return int(found[0][2]) if found else 0, [Range(first, last) for first, last, _ in found]


def resubmitted(cursor: Cursor[Any], place: Awaited, before: datetime) -> tuple[int, list[int]] | None:
    """The next records that were submitted again before an instant, in one block, and not answered since: block and sequences."""
    row = cursor.execute(RESUBMITTED, (place.program, place.block, before)).fetchone()
    if row is None:
        return None
    return row[0], [sequence for _, sequence in cursor.execute(RESUBMITTED_TOGETHER, (place.program, row[0]))]


def looked(cursor: Cursor[Any], program: str, through: int, block: int) -> None:
    """Notes how far it was looked."""
    cursor.execute(AWAITED, (program, through, block))
