"""Released lines whose time to be watched is over."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from psycopg import Cursor

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


class OverLine(NamedTuple):
    """A line that is watched no longer."""

    examination: int
    wholesaler_id: str
    order_id: str
    revision: int
    line: int


def end_others(cursor: Cursor[Any], wholesalers: Collection[str], most: int) -> bool:
    """Ends the watch of lines of all but these wholesalers; says whether there were any whose time is over."""
    return cursor.execute(END_OTHERS.encode(), (list(wholesalers), most)).rowcount > 0


def any_over(cursor: Cursor[Any], wholesalers: Collection[str]) -> bool:
    """Whether there are lines of these wholesalers whose time is over."""
    row = cursor.execute(ANY_OVER.encode(), (list(wholesalers),)).fetchone()
    return bool(row and row[0])


def end(cursor: Cursor[Any], wholesalers: Collection[str], most: int) -> list[OverLine]:
    """Ends the watch of lines of these wholesalers, and gives them; under the ledger lock."""
    return [OverLine(*row) for row in cursor.execute(END.encode(), (list(wholesalers), most))]
