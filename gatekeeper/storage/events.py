"""What the warehouse said of orders, as the ledger has it, and what it changes of what moves."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

OF_ORDERS = """
SELECT wholesaler_id, order_id, revision, event, body FROM shipment_event WHERE order_id = ANY(%s)
ORDER BY block, source, partition, "offset"
"""
OF_IDS = "SELECT wholesaler_id, event_id, digest FROM shipment_event WHERE event_id = ANY(%s)"


class OrderEvent(NamedTuple):
    """One event about an order."""

    wholesaler_id: str
    order_id: str
    revision: int
    event: str
    """``shipped``, ``cancelled`` or ``returned``."""
    lines: tuple[int, ...]
    """None where a whole order was cancelled."""

    def is_of(self, line: int) -> bool:
        """Whether the event says something of this line of its revision."""
        return not self.lines or line in self.lines


class _Line(msgspec.Struct):
    line: int


class _Body(msgspec.Struct):
    lines: tuple[_Line, ...] = ()


_body = msgspec.json.Decoder(_Body)


def events_of(cursor: Cursor[Any], order_ids: Iterable[str]) -> list[OrderEvent]:
    """Every event about the orders with these ids, of whatever wholesaler, in the order in which they were recorded."""
    found = cursor.execute(OF_ORDERS, (list(set(order_ids)),)).fetchall()
    return [OrderEvent(wholesaler, order, revision, kind, _lines(body)) for wholesaler, order, revision, kind, body in found]


def _lines(body: bytes) -> tuple[int, ...]:
    return tuple([line.line for line in _body.decode(body).lines])


def digests_of(cursor: Cursor[Any], event_ids: Iterable[str]) -> dict[tuple[str, str], bytes]:
    """By wholesaler and event id, the digest of what was recorded under it."""
    found = cursor.execute(OF_IDS, (list(set(event_ids)),))
    return {(wholesaler, event): digest for wholesaler, event, digest in found}
