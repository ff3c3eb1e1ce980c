"""Goods that left past the gate: what was found, what people added to it, and what was made of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.storage.records import Place

BYPASSES = """
SELECT b.bypass_id, b.event_id, b.wholesaler_id, b.order_id, b.revision, b.line, b.why, b.lacks, b.program, b.at,
       s.step, s.body, s.reason, s.person, s.at
FROM bypass b LEFT JOIN bypass_step s ON s.bypass_id = b.bypass_id
WHERE {} ORDER BY b.at, b.bypass_id, s.number
"""
OF_ORDERS = BYPASSES.format("b.order_id = ANY(%s)")
OF_ONE = BYPASSES.format("b.bypass_id = %s")
ALL = BYPASSES.format("true")
SOME = BYPASSES.format("b.bypass_id IN (SELECT bypass_id FROM bypass WHERE at <= %s AND bypass_id > %s ORDER BY bypass_id LIMIT %s)")
NEXT = BYPASSES.format(
    "b.bypass_id IN (SELECT bypass_id FROM bypass WHERE (%(at)s::timestamptz IS NULL OR (at, bypass_id) > (%(at)s, %(bypass_id)s::uuid))"
    " ORDER BY at, bypass_id LIMIT %(most)s)"
)
CLOSING = ("approved", "released")
OTHER = "other_"
"""Begins the words of ``why`` that say so of a line that was released."""


class Step(NamedTuple):
    """``proposed``, ``approved`` or ``refused`` by a person; ``released``: the gate released the line after all."""

    step: str
    body: bytes | None
    reason: str | None
    person: str | None
    at: datetime


class Bypass(NamedTuple):
    """Goods of one line that left past the gate, as one event said it."""

    bypass_id: UUID
    event_id: str
    place: Place
    why: str
    lacks: str
    """What a record of them lacks, with commas between; nothing where one was made at once."""
    program: str | None
    at: datetime
    steps: tuple[Step, ...] = ()

    @property
    def told(self) -> tuple[str, str, int]:
        return self.place.wholesaler_id, self.event_id, self.place.line

    @property
    def state(self) -> str:
        """``recorded``, ``open``, ``proposed``, or as it was closed: ``approved``, ``released``."""
        closed = [step.step for step in self.steps if step.step in CLOSING]
        if closed:
            return closed[-1]
        last = self.steps[-1].step if self.steps else ""
        return "proposed" if last == "proposed" else "open" if self.lacks else "recorded"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the goods left for another site or patient than those for whom a line was released, or are of another product."""
        return any(why.startswith(OTHER) for why in self.why.split(","))

    @property
    def is_open(self) -> bool:
        """Whether goods left of which there is no record."""
        return self.state in ("open", "proposed")

    @property
    def completion(self) -> bytes | None:
        """What a person added and another approved."""
        if not any(step.step == "approved" for step in self.steps):
            return None
        return [step.body for step in self.steps if step.step == "proposed"][-1]


def of_orders(cursor: Cursor[Any], order_ids: Iterable[str]) -> list[Bypass]:
    """Those of the orders with these ids, of whatever wholesaler."""
    return list(_told(cursor.execute(OF_ORDERS, (list(set(order_ids)),)).fetchall()))


def found_by(cursor: Cursor[Any], at: datetime, after: UUID, most: int) -> list[Bypass]:
    """Some of those that were found up to this instant, with ids above ``after``."""
    return list(_told(cursor.execute(SOME, (at, after, most)).fetchall()))


def one(cursor: Cursor[Any], bypass_id: UUID) -> Bypass | None:
    return next(_told(cursor.execute(OF_ONE, (bypass_id,)).fetchall()), None)


def every(cursor: Cursor[Any]) -> list[Bypass]:
    """All of them, oldest first."""
    return list(_told(cursor.execute(ALL).fetchall()))


def following(cursor: Cursor[Any], after: tuple[datetime, UUID] | None, most: int) -> list[Bypass]:
    """The next of them, oldest first, after one by its instant and id."""
    at, bypass_id = after or (None, None)
    return list(_told(cursor.execute(NEXT, {"at": at, "bypass_id": bypass_id, "most": most}).fetchall()))


def _told(rows: Iterable[tuple[Any, ...]]) -> Iterator[Bypass]:
    for _, several in groupby(rows, key=itemgetter(0)):
        found = list(several)
        name, event_id, *place, why, lacks, program, at = found[0][:10]
        yield Bypass(name, event_id, Place(*place), why, lacks, program, at, tuple(Step(*row[10:]) for row in found if row[10] is not None))
