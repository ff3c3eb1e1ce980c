"""Everything that the ledger has of one order: by index, however large the ledger is."""

from datetime import datetime
from typing import Any, Final, NamedTuple

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
# Who read a record in the feed saw its order's patients too, and who found the order by a patient knows that he is one of them.
INQUIRIES = """
SELECT person, name, at, purpose FROM (
    SELECT person, name, at, purpose, block FROM inquiry WHERE order_id = %s AND wholesaler_id = %s
    UNION SELECT i.person, i.name, i.at, i.purpose, i.block FROM inquired_order o JOIN inquiry i USING (inquiry_id)
        WHERE o.order_id = %s AND o.wholesaler_id = %s
    UNION SELECT i.person, i.name, i.at, i.purpose, i.block FROM distribution_record r JOIN inquiry i
        ON i.first_sequence IS NOT NULL AND int8range(i.first_sequence, GREATEST(i.last_sequence + 1, i.first_sequence)) @> r.sequence
    WHERE r.examination = ANY(%s) AND i.program = r.program AND i.kind = 'patients' AND i.operation = ANY(%s)
) l ORDER BY block
"""
READ: Final = ["list_records", "export_records"]
"""Operations that show every record from a first to a last one."""


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
        [Looked(*row) for row in cursor.execute(INQUIRIES, (*name, *name, numbers, READ))],
    )
