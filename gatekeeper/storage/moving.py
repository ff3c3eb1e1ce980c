"""What moves, written once a batch. Each table can be made anew from the evidence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import md5
from typing import Any

from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.storage import tables
from gatekeeper.storage.columns import Added, insert

CLOSE = """
DELETE FROM moving_open_line o USING unnest(%s::text[], %s::text[], %s::int[]) AS s(order_id, wholesaler_id, revision)
WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision < s.revision
"""
NEXT_OFFSET = " ON CONFLICT (source, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset"
LAST_SEQUENCE = " ON CONFLICT (program) DO UPDATE SET sequence = EXCLUDED.sequence"
MORE_UNITS = " ON CONFLICT (authorization_id, program) DO UPDATE SET units = moving_units.units + EXCLUDED.units"
OTHER_PLACE = " ON CONFLICT (serial, gtin) DO UPDATE SET place = EXCLUDED.place"
FREE = "DELETE FROM moving_serial m USING unnest(%s::text[], %s::text[]) AS s(serial, gtin) WHERE m.serial = s.serial AND m.gtin = s.gtin"


class Moves:
    """What a batch changes of what moves."""

    def __init__(self) -> None:
        self.heads: dict[int, int] = {}
        self.units: dict[tuple[str, str], int] = defaultdict(int)
        """By program and authorization, dispensing units more (or less)."""
        self.serials: dict[tuple[str, str], str | None] = {}
        """By GTIN and serial, with which line it is out, or None where it is free again."""
        self._open: list[tuple[Any, ...]] = []
        self._dependencies: list[tuple[int, int]] = []
        self._superseded: list[Order] = []

    def open(self, examination: int, order: Order, lines: Iterable[int], asked: Iterable[Question], at: datetime | None) -> None:
        """Notes stopped lines that may still be released, and what they hang on."""
        self._open += [(examination, line, order.order_id, order.wholesaler_id, order.revision, at) for line in lines]
        self._dependencies += [(question_key(question), examination) for question in asked]

    def close(self, order: Order) -> None:
        """Lower revisions of this order are not open any more."""
        self._superseded.append(order)

    def write(self, cursor: Cursor[Any], source: int, counts: Mapping[str, int]) -> None:
        heads = [(source, partition, offset) for partition, offset in self.heads.items()]
        units = [(authorization, program, change) for (program, authorization), change in self.units.items() if change]
        out = [(serial, gtin, place) for (gtin, serial), place in self.serials.items() if place is not None]
        insert(
            cursor,
            Added(tables.HEAD, heads, NEXT_OFFSET),
            Added(tables.RECORD_COUNT, list(counts.items()), LAST_SEQUENCE),
            Added(tables.UNITS, units, MORE_UNITS),
            Added(tables.SERIAL, out, OTHER_PLACE),
            Added(tables.OPEN_LINE, self._open),
            Added(tables.DEPENDENCY, self._dependencies),
        )
        free = [(serial, gtin) for (gtin, serial), place in self.serials.items() if place is None]
        if free:
            cursor.execute(FREE, tuple(map(list, zip(*free, strict=True))))
        if self._superseded:
            self._close(cursor)

    def _close(self, cursor: Cursor[Any]) -> None:
        orders = [(order.order_id, order.wholesaler_id, order.revision) for order in self._superseded]
        cursor.execute(CLOSE, tuple(map(list, zip(*orders, strict=True))))


def question_key(question: Question) -> int:
    """A question as the table of dependencies has it. Two that meet in one key cost a look in vain, never an answer."""
    return int.from_bytes(md5(" ".join(question).encode(), usedforsecurity=False).digest()[:8], "big", signed=True)
