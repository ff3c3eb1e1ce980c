"""Records that a REMS rejected, and what people proposed and decided about them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor

RECORD: Final = """
SELECT r.record_id, r.program, r.sequence, r.kind, r.body, a.status, a.body,
    EXISTS (SELECT FROM distribution_record n WHERE n.replaces = r.record_id AND n.kind IN ('void', 'correction'))
FROM distribution_record r LEFT JOIN LATERAL (
    SELECT status, body FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence ORDER BY a.number DESC LIMIT 1
) a ON true
WHERE {} ORDER BY r.program, r.sequence
"""
ONE: Final = RECORD.format("r.record_id = %s")
REJECTED: Final = RECORD.format("""
    (r.program, r.sequence) IN (SELECT program, sequence FROM acknowledgement WHERE status = 'rejected' AND program = %s AND sequence > %s)
    AND a.status = 'rejected'
    AND NOT EXISTS (SELECT FROM distribution_record n WHERE n.replaces = r.record_id AND n.kind IN ('void', 'correction'))
""")
PROPOSALS: Final = """
SELECT c.correction_id, c.record_id, c.body, c.reason, c.person, c.at, d.decision, d.reason, d.person, d.at
FROM correction c LEFT JOIN correction_decision d ON d.correction_id = c.correction_id WHERE {} ORDER BY c.at, c.correction_id
"""
OF_RECORD: Final = PROPOSALS.format("c.record_id = %s")
NAMED: Final = PROPOSALS.format("c.correction_id = %s")
TAKEN: Final = "SELECT serial FROM moving_serial WHERE gtin = %s AND serial = ANY(%s) AND place <> %s ORDER BY serial"


class Told(NamedTuple):
    """A record, and what its REMS said of it last."""

    record_id: UUID
    program: str
    sequence: int
    kind: str
    body: bytes
    status: str | None
    said: bytes | None
    """The last acknowledgement."""
    replaced: bool
    """A void or a correction names it."""


class Proposal(NamedTuple):
    correction_id: UUID
    record_id: UUID
    body: bytes
    reason: str
    person: str
    at: datetime
    decision: str | None = None
    """``approved`` or ``refused``; None while it waits."""
    decided_because: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


def record(cursor: Cursor[Any], record_id: UUID) -> Told | None:
    row = cursor.execute(ONE, (record_id,)).fetchone()
    return None if row is None else Told(*row)


def rejected(cursor: Cursor[Any], program: str, after: int = 0, most: int | None = None) -> list[Told]:
    """Those that were rejected and neither corrected nor voided since, after a sequence, so many at most."""
    return [Told(*row) for row in cursor.execute(f"{REJECTED} LIMIT %s".encode(), (program, after, most))]


def proposals(cursor: Cursor[Any], record_id: UUID) -> Iterator[Proposal]:
    """Of one record, oldest first."""
    yield from map(Proposal._make, cursor.execute(OF_RECORD, (record_id,)).fetchall())


def proposal(cursor: Cursor[Any], correction_id: UUID) -> Proposal | None:
    row = cursor.execute(NAMED, (correction_id,)).fetchone()
    return None if row is None else Proposal(*row)


def taken(cursor: Cursor[Any], gtin: str, serials: list[str], place: str) -> list[str]:
    """Which of these serials are out with another line."""
    return [serial for (serial,) in cursor.execute(TAKEN, (gtin, serials, place))]
