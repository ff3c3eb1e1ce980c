"""Everything that the ledger has of one order: by index, however large the ledger is."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

EXAMINATIONS = """
SELECT id, revision, number, cause, decided_at, registry_version, evidence, released, stopped
FROM examination WHERE order_id = %s AND wholesaler_id = %s ORDER BY id + 0
"""
RECORDS = """
SELECT r.program, r.body, (
    SELECT a.body FROM acknowledgement a WHERE a.program = r.program AND a.sequence = r.sequence ORDER BY a.number DESC LIMIT 1
) FROM distribution_record r WHERE r.examination = ANY(%s) ORDER BY r.program, r.sequence
"""
ALERTS = """
SELECT body FROM (
    SELECT body, block, alert_id FROM alert WHERE examination = ANY(%s)
    UNION ALL SELECT body, block, alert_id FROM alert WHERE examination IS NULL AND order_of_alert(body) = %s
) a ORDER BY block, alert_id
"""
EVENTS = 'SELECT body FROM shipment_event WHERE order_id = %s AND wholesaler_id = %s ORDER BY block, source, partition, "offset"'
CANCELLED = """
SELECT b.at, s.revision FROM shipment_event s JOIN block b ON b.number = s.block
WHERE s.order_id = %s AND s.wholesaler_id = %s AND s.event = 'cancelled'
"""
OPEN = "SELECT examination, line FROM moving_open_line WHERE order_id = %s AND wholesaler_id = %s"
INQUIRIES = """
SELECT person, name, at, purpose FROM inquiry WHERE order_id = %s AND wholesaler_id = %s ORDER BY at, inquiry_id
"""


class Examination(NamedTuple):
    id: int
    revision: int
    number: int
    cause: str
    decided_at: datetime
    registry_version: int
    evidence: bytes
    released: bytes | None
    stopped: bytes | None


class Recorded(NamedTuple):
    program: str
    body: bytes
    acknowledgement: bytes | None
    """The last one that counts."""


class Looked(NamedTuple):
    """Somebody who saw the order's patients."""

    person: str
    name: str
    at: datetime
    purpose: str | None


class OrderRows(NamedTuple):
    examinations: list[Examination]
    records: list[Recorded]
    alerts: list[bytes]
    events: list[bytes]
    cancelled: list[tuple[datetime, int]]
    """When it was cancelled, and at which revision."""
    open_lines: set[tuple[int, int]]
    """Examination and line."""
    looked: list[Looked]


def order_rows(cursor: Cursor[Any], wholesaler_id: str, order_id: str) -> OrderRows:
    """All of it, in the order in which it came; nothing where the ledger does not know the order."""
    name = (order_id, wholesaler_id)
    examinations = [Examination(*row) for row in cursor.execute(EXAMINATIONS, name)]
    numbers = [examination.id for examination in examinations]
    return OrderRows(
        examinations,
        [Recorded(*row) for row in cursor.execute(RECORDS, (numbers,))],
        [body for (body,) in cursor.execute(ALERTS, (numbers, f"{wholesaler_id}/{order_id}"))],
        [body for (body,) in cursor.execute(EVENTS, name)],
        cursor.execute(CANCELLED, name).fetchall(),
        set(cursor.execute(OPEN, name).fetchall()),
        [Looked(*row) for row in cursor.execute(INQUIRIES, name)],
    )
