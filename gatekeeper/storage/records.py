"""Distribution records, by the line that they are of."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Cursor

from schemas.record import DistributionRecord

# By an expression, so that the whole table is never gone through in the order of its ids where statistics are missing.
OF_ORDERS = """
SELECT r.record_id, r.kind, r.replaces, r.units, r.program, r.body FROM examination e JOIN distribution_record r ON r.examination = e.id
WHERE e.order_id = ANY(%s) ORDER BY e.id + 0, r.sequence
"""
_record = msgspec.json.Decoder(DistributionRecord)


class Place(NamedTuple):
    """One line of one revision of an order."""

    wholesaler_id: str
    order_id: str
    revision: int
    line: int

    def __str__(self) -> str:
        return f"{self.wholesaler_id}/{self.order_id}/{self.revision}/{self.line}"

    @classmethod
    def of(cls, body: DistributionRecord) -> "Place":
        """The line that a record is of."""
        return cls(body.wholesaler_id, body.order_id, body.revision, body.line)

    @classmethod
    def read(cls, written: str) -> "Place":
        """The same, from how it is written."""
        wholesaler_id, order_id, revision, line = written.split("/")
        return cls(wholesaler_id, order_id, int(revision), int(line))


class Recorded(NamedTuple):
    """A distribution record, and the dispensing units that it stands for."""

    record_id: UUID
    kind: str
    replaces: UUID | None
    units: int
    program: str
    body: DistributionRecord

    @property
    def place(self) -> Place:
        return Place.of(self.body)


def records_of(cursor: Cursor[Any], order_ids: Iterable[str]) -> list[Recorded]:
    """Every record of the orders with these ids, of whatever wholesaler, oldest first."""
    found = cursor.execute(OF_ORDERS, (list(set(order_ids)),))
    return [Recorded._make((*row[:-1], _record.decode(row[-1]))) for row in found]
