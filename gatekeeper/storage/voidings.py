"""Records that people say are wrong, for their goods stayed or did not come back, and what became of that."""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.storage.records import Place

VOIDINGS: Final = """
SELECT v.voiding_id, v.record_id, r.program, r.sequence, r.kind,
    e.wholesaler_id, e.order_id, e.revision, (convert_from(r.body, 'UTF8')::json ->> 'line')::int,
    v.reason, v.person, v.at, d.decision, d.reason, d.person, d.at
FROM voiding v
JOIN distribution_record r ON r.record_id = v.record_id
JOIN examination e ON e.id = r.examination
LEFT JOIN voiding_decision d ON d.voiding_id = v.voiding_id
WHERE {} ORDER BY v.at, v.voiding_id LIMIT %(most)s
"""
OF_RECORD: Final = VOIDINGS.format("v.record_id = %(record_id)s")
NAMED: Final = VOIDINGS.format("v.voiding_id = %(voiding_id)s")
MADE_OF: Final = "SELECT e.digest FROM distribution_record r JOIN examination e ON e.id = r.examination WHERE r.record_id = %s"
NEXT: Final = VOIDINGS.format("(%(at)s::timestamptz IS NULL OR (v.at, v.voiding_id) > (%(at)s, %(voiding_id)s::uuid))")


class Voiding(NamedTuple):
    voiding_id: UUID
    record_id: UUID
    program: str
    sequence: int
    kind: str
    """Of the record."""
    place: Place
    reason: str
    person: str
    at: datetime
    decision: str | None = None
    """``approved`` or ``refused``; None while it waits."""
    decided_because: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def state(self) -> str:
        return self.decision or "proposed"


def of_record(cursor: Cursor[Any], record_id: UUID) -> list[Voiding]:
    """Of one record, oldest first."""
    return _found(cursor, OF_RECORD, record_id=record_id, most=None)


def one(cursor: Cursor[Any], voiding_id: UUID) -> Voiding | None:
    return next(iter(_found(cursor, NAMED, voiding_id=voiding_id, most=1)), None)


def made_of(cursor: Cursor[Any], record_id: UUID) -> bytes | None:
    """The digest of what a record was made of."""
    row = cursor.execute(MADE_OF, (record_id,)).fetchone()
    return None if row is None else row[0]


def following(cursor: Cursor[Any], after: tuple[datetime, UUID] | None, most: int | None) -> list[Voiding]:
    """The next of them, oldest first, after one by its instant and id."""
    at, voiding_id = after or (None, None)
    return _found(cursor, NEXT, at=at, voiding_id=voiding_id, most=most)


def _found(cursor: Cursor[Any], statement: str, **asked: Any) -> list[Voiding]:
    rows = cursor.execute(statement.encode(), asked).fetchall()
    return [Voiding._make((*row[:5], Place._make(row[5:9]), *row[9:])) for row in rows]
