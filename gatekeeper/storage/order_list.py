"""Orders one after the other, by the number of the examination that first judged their revision: a number that never changes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

SCANNED = """
WITH scanned AS MATERIALIZED (
    SELECT id, wholesaler_id, order_id, revision, cause, number FROM examination
    WHERE id {after} %(place)s AND id >= %(first)s AND id < %(end)s ORDER BY id {direction} LIMIT %(most)s
)
SELECT (SELECT {last}(id) FROM scanned), (SELECT count(*) FROM scanned), s.id, s.wholesaler_id, s.order_id, s.revision
FROM (SELECT) AS one LEFT JOIN scanned s ON s.cause = 'message' AND s.number = 1
  AND (%(every)s OR s.wholesaler_id = ANY(%(wholesalers)s))
  AND (%(wholesaler_id)s::text IS NULL OR s.wholesaler_id = %(wholesaler_id)s)
  AND NOT EXISTS (
      SELECT FROM examination h WHERE h.order_id = s.order_id AND h.wholesaler_id = s.wholesaler_id AND h.revision > s.revision
  )
  AND (%(open)s::boolean IS NULL OR %(open)s = EXISTS (
      SELECT FROM moving_open_line o
      WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision = s.revision
  ))
ORDER BY s.id {direction}
"""
NEWEST = SCANNED.format(after="<", direction="DESC", last="min")
OLDEST = SCANNED.format(after=">", direction="ASC", last="max")
WANTED = "unnest(%s::text[], %s::text[], %s::int[]) AS w(order_id, wholesaler_id, revision)"
EXAMINATIONS = f"""
SELECT e.order_id, e.wholesaler_id, e.revision, e.decided_at, e.released, e.stopped, CASE WHEN e.number = 1 THEN e.evidence END
FROM {WANTED} JOIN examination e USING (order_id, wholesaler_id, revision) ORDER BY e.id + 0
"""  # noqa: S608 - our own words
OPEN = f"""
SELECT o.order_id, o.wholesaler_id, o.revision, o.line FROM {WANTED} JOIN moving_open_line o USING (order_id, wholesaler_id, revision)
"""  # noqa: S608
NEXT = "SELECT id, decided_at FROM examination WHERE id >= %s ORDER BY id LIMIT 1"
KNOWN_PATIENT = "SELECT EXISTS (SELECT FROM fact WHERE subject = %s AND kind IN ('patient', 'authorization'))"


class Candidate(NamedTuple):
    """The highest revision of an order, and the examination that judged it first."""

    id: int
    wholesaler_id: str
    order_id: str
    revision: int


class Scanned(NamedTuple):
    last: int | None
    """The last examination that was looked at; None where there is no further one."""
    looked_at: int
    candidates: list[Candidate]


class Examined(NamedTuple):
    """One examination of a revision; ``evidence`` is that of the first."""

    decided_at: datetime
    released: bytes | None
    stopped: bytes | None
    evidence: bytes | None


Name = tuple[str, str, int]
"""Order, wholesaler, revision."""


def scan(cursor: Cursor[Any], wanted: dict[str, Any], *, oldest: bool) -> Scanned:
    """The next of the examinations, ``most`` of them after ``place``, and which of them begin an order that is wanted."""
    rows = cursor.execute(OLDEST if oldest else NEWEST, wanted).fetchall()
    last, looked_at = rows[0][:2]
    return Scanned(last, looked_at, [Candidate(*row[2:]) for row in rows if row[2] is not None])


def examined(cursor: Cursor[Any], candidates: Sequence[Candidate]) -> tuple[dict[Name, list[Examined]], dict[Name, set[int]]]:
    """By revision, its examinations in their order, and its open lines."""
    names = ([each.order_id for each in candidates], [each.wholesaler_id for each in candidates], [each.revision for each in candidates])
    examinations: dict[Name, list[Examined]] = defaultdict(list)
    for row in cursor.execute(EXAMINATIONS, names):
        examinations[row[:3]].append(Examined(*row[3:]))
    lines: dict[Name, set[int]] = defaultdict(set)
    for *name, line in cursor.execute(OPEN, names):
        lines[(name[0], name[1], name[2])].add(line)
    return examinations, lines


def first_at(cursor: Cursor[Any], instant: datetime, end: int) -> int:
    """The first examination of this instant or later, of those below ``end``: numbers and instants grow together."""
    low, high = 1, end
    while low < high:
        middle = (low + high) // 2
        row = cursor.execute(NEXT, (middle,)).fetchone()
        if row is None or row[0] >= high or row[1] >= instant:
            high = middle
        else:
            low = row[0] + 1
    return low


def is_known_patient(cursor: Cursor[Any], words: Iterable[str]) -> bool:
    """Whether a registry knows a patient or an authorization of such a name."""
    return any(cursor.execute(KNOWN_PATIENT, (word,)).fetchone() == (True,) for word in words)
