"""What became of stopped orders between two instants, by index."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.storage.order_list import Listed, orders, since_seen

NEXT = "SELECT id, decided_at FROM examination WHERE id >= %s ORDER BY id LIMIT 1"
LAST = "SELECT examination, block FROM moving_tail"
SEEN = """
({0} IS NOT NULL AND (%(every_program)s OR EXISTS (
    SELECT FROM jsonb_array_elements(convert_from({0}, 'UTF8')::jsonb -> 'lines') AS said WHERE said ->> 'program' = ANY(%(programs)s)
)))
"""
"""Whether a message says something of a line of programs that are seen."""
RELEASED, STOPPED = SEEN.format("e.released"), SEEN.format("e.stopped")
# What may have opened or cleared an order: it was judged, an event came, or people did something.
HAPPENED = f"""
SELECT e.order_id, e.wholesaler_id, min(e.id), bool_or(
    e.cause = 'cancelled' OR (e.cause = 'again' AND {RELEASED}) OR (e.cause = 'message' AND e.revision > 1)
) FROM examination e
WHERE e.id >= %(first)s AND e.id < %(end)s AND (e.cause IN ('again', 'withdrawn', 'cancelled') OR e.stopped IS NOT NULL OR e.revision > 1)
GROUP BY 1, 2
UNION ALL
SELECT d.order_id, d.wholesaler_id, NULL, true FROM desk_entry d WHERE d.at >= %(since)s AND d.at < %(to)s AND d.kind = 'settled'
UNION ALL
SELECT s.order_id, s.wholesaler_id, NULL, true FROM block b JOIN shipment_event s ON s.block = b.number
WHERE b.number >= %(block)s AND b.number < %(end_block)s AND s.event = 'cancelled'
"""  # noqa: S608 - our own words
BLOCK = "SELECT number, at FROM block WHERE number >= %s ORDER BY number LIMIT 1"
# Before what happened first a line that is seen was stopped, or it was stopped in between.
STANDING = f"""
SELECT l.order_id, l.wholesaler_id, l.place, l.open_since, l.opened, coalesce((
    SELECT {STOPPED} FROM examination e
    WHERE e.order_id = n.order_id AND e.wholesaler_id = n.wholesaler_id AND (n.first IS NULL OR e.id < n.first)
    ORDER BY e.revision DESC, e.number DESC LIMIT 1
), false) OR EXISTS (
    SELECT FROM examination e WHERE e.order_id = n.order_id AND e.wholesaler_id = n.wholesaler_id AND e.id >= n.first
    AND {STOPPED} AND (e.cause IN ('again', 'withdrawn') OR (e.cause = 'message' AND e.number = 1))
)
FROM unnest(%(orders)s::text[], %(wholesaler_ids)s::text[], %(firsts)s::bigint[]) AS n(order_id, wholesaler_id, first)
JOIN moving_listed_order l ON l.order_id = n.order_id AND l.wholesaler_id = n.wholesaler_id
"""  # noqa: S608
DUE = """
SELECT DISTINCT l.place FROM unnest(%(kinds)s::int[]) AS k(kind), LATERAL (
    SELECT place FROM moving_listed_line l WHERE l.kind = k.kind AND l.ship_on = %(day)s ORDER BY place LIMIT %(most)s
) l ORDER BY l.place LIMIT %(most)s
"""
OPEN = """
SELECT w.place, o.line, e.evidence FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS w(place, order_id, wholesaler_id)
JOIN moving_open_line o USING (order_id, wholesaler_id) JOIN examination e ON e.id = o.examination
"""


class Happened(NamedTuple):
    """By their place in the list, the oldest first."""

    opened: list[Listed]
    cleared: list[Listed]


def happened(cursor: Cursor[Any], since: datetime, to: datetime, limits: dict[str, Any]) -> Happened:
    """Which orders opened, and are open; and which were stopped, and are open no more: by the lines of the programs in ``limits``."""
    [(last, block)] = cursor.execute(LAST).fetchall()
    asked = {
        "since": since, "to": to, "first": _first(cursor, NEXT, since, last), "end": _first(cursor, NEXT, to, last),
        "block": _first(cursor, BLOCK, since, block), "end_block": _first(cursor, BLOCK, to, block), **limits,
    }  # fmt: skip
    first: dict[tuple[str, str], int | None] = {}
    could_clear = set()
    for order_id, wholesaler_id, examination, clears in cursor.execute(HAPPENED.encode(), asked):
        known = first.get((order_id, wholesaler_id))
        first[order_id, wholesaler_id] = known if examination is None else examination
        if clears:
            could_clear.add((order_id, wholesaler_id))
    if not first:
        return Happened([], [])
    names = [[order_id for order_id, _ in first], [wholesaler_id for _, wholesaler_id in first], [*first.values()]]
    asked = dict(zip(("orders", "wholesaler_ids", "firsts"), names, strict=True)) | limits
    opened, cleared = [], []
    for order_id, wholesaler_id, place, open_since, by_program, stopped in cursor.execute(STANDING.encode(), asked):
        seen = since_seen(open_since, by_program, limits)
        if seen is not None and since <= seen < to:
            opened.append(place)
        elif seen is None and stopped and (order_id, wholesaler_id) in could_clear:
            cleared.append(place)
    return Happened(orders(cursor, sorted(opened)), orders(cursor, sorted(cleared)))


def due(cursor: Cursor[Any], kinds: Sequence[int], day: date, most: int) -> list[Listed]:
    """Orders that are to ship that day, with a line of one of these kinds."""
    return orders(cursor, [place for (place,) in cursor.execute(DUE, {"kinds": list(kinds), "day": day, "most": most})])


def evidence_of_open(cursor: Cursor[Any], several: Sequence[Listed]) -> dict[int, list[tuple[bytes, set[int]]]]:
    """By place, the cases by which lines are stopped, each with these lines."""
    named = [[each.place for each in several], [each.order_id for each in several], [each.wholesaler_id for each in several]]
    found: dict[int, dict[bytes, set[int]]] = defaultdict(lambda: defaultdict(set))
    for place, line, evidence in cursor.execute(OPEN, named):
        found[place][evidence].add(line)
    return {place: list(cases.items()) for place, cases in found.items()}


def _first(cursor: Cursor[Any], statement: str, instant: datetime, last: int) -> int:
    """The first number of this instant or later, one more than the last where there is none: numbers and instants grow together."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        row = cursor.execute(statement.encode(), (middle,)).fetchone()
        if row is None or row[0] >= high or row[1] >= instant:
            high = middle
        else:
            low = row[0] + 1
    return low
