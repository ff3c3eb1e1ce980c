"""Released lines that are watched: what was ordered of them, and whose time is over."""

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from psycopg import Cursor

from gatekeeper.storage.records import Place

# The instant is asked once, so that the index finds what is over.
_OVER: Final = "next_at <= (SELECT clock_timestamp()) AND until <= (SELECT clock_timestamp()) AND {} (wholesaler_id = ANY(%s))"
_END: Final = """
DELETE FROM moving_watched_line WHERE (examination, line) IN (
    SELECT examination, line FROM moving_watched_line WHERE {} ORDER BY next_at LIMIT %s
) RETURNING examination, wholesaler_id, order_id, revision, line
"""
END_OTHERS: Final = _END.format(_OVER.format("NOT"))
END: Final = _END.format(_OVER.format(""))
ANY_OVER: Final = f"SELECT EXISTS (SELECT FROM moving_watched_line WHERE {_OVER.format('')})"  # noqa: S608 - our own words

ANY_WITHDRAWN_OVER: Final = "SELECT EXISTS (SELECT FROM moving_withdrawn_line WHERE until <= (SELECT clock_timestamp()))"
END_WITHDRAWN: Final = """
WITH over AS (
    DELETE FROM moving_withdrawn_line WHERE (examination, line) IN (
        SELECT examination, line FROM moving_withdrawn_line WHERE until <= (SELECT clock_timestamp()) ORDER BY until LIMIT %s
    ) RETURNING examination, line
)
SELECT o.examination, e.wholesaler_id, e.order_id, e.revision, o.line FROM over o JOIN examination e ON e.id = o.examination
"""

ORDERED: Final = """
SELECT w.wholesaler_id, w.order_id, w.revision, w.line, e.evidence
FROM unnest(%s::text[], %s::text[], %s::int[], %s::int[]) AS s(wholesaler_id, order_id, revision, line)
JOIN moving_watched_line w USING (wholesaler_id, order_id, revision, line) JOIN examination e ON e.id = w.examination
"""


class OverLine(NamedTuple):
    """A line that is watched no longer."""

    examination: int
    wholesaler_id: str
    order_id: str
    revision: int
    line: int


def ordered(cursor: Cursor[Any], places: Iterable[Place]) -> dict[Place, bytes]:
    """Of those of these lines that are watched, the evidence of the examination that let them go."""
    found = cursor.execute(ORDERED, tuple(map(list, zip(*places, strict=True)))).fetchall()
    return {Place(*place): evidence for *place, evidence in found}


def end_others(cursor: Cursor[Any], wholesalers: Collection[str], most: int) -> bool:
    """Ends the watch of lines of all but these wholesalers; says whether there were any whose time is over."""
    return cursor.execute(END_OTHERS.encode(), (list(wholesalers), most)).rowcount > 0


def any_over(cursor: Cursor[Any], wholesalers: Collection[str]) -> bool:
    """Whether there are lines of these wholesalers whose time is over."""
    row = cursor.execute(ANY_OVER.encode(), (list(wholesalers),)).fetchone()
    return bool(row and row[0])


def any_withdrawn_over(cursor: Cursor[Any]) -> bool:
    """Whether there are withdrawn lines of which something should have been said by now."""
    row = cursor.execute(ANY_WITHDRAWN_OVER).fetchone()
    return bool(row and row[0])


def end_withdrawn(cursor: Cursor[Any], most: int) -> list[OverLine]:
    """Gives them, and forgets them; under the ledger lock."""
    return [OverLine(*row) for row in cursor.execute(END_WITHDRAWN, (most,))]


def end(cursor: Cursor[Any], wholesalers: Collection[str], most: int) -> list[OverLine]:
    """Ends the watch of lines of these wholesalers, and gives them; under the ledger lock."""
    return [OverLine(*row) for row in cursor.execute(END.encode(), (list(wholesalers), most))]
