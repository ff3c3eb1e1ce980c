"""What people did about orders, and how an order stands, without the cases that were decided."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.evidence import kept_of
from gatekeeper.storage import moving, tables
from gatekeeper.storage.columns import Added, insert

ENTRIES = """
SELECT number, revision, kind, examination, body, text, person, name, at
FROM desk_entry WHERE order_id = %s AND wholesaler_id = %s ORDER BY number
"""
EXAMINATIONS = "SELECT id, revision, released, stopped FROM examination WHERE order_id = %s AND wholesaler_id = %s ORDER BY id + 0"
OPEN = "SELECT examination, line FROM moving_open_line WHERE order_id = %s AND wholesaler_id = %s ORDER BY 1, 2"
WATCHED = "SELECT DISTINCT examination FROM moving_watched_line WHERE order_id = %s AND wholesaler_id = %s"
FIRST = """
SELECT evidence FROM examination
WHERE order_id = %s AND wholesaler_id = %s AND revision = %s AND cause = 'message' ORDER BY number LIMIT 1
"""


class Entry(NamedTuple):
    """One thing that a person did about an order, the n-th."""

    number: int
    revision: int
    """The highest one that had come."""
    kind: str
    examination: int | None
    """Of what was sent again, or what came out when the order was judged again."""
    body: bytes | None
    """Of what was settled, which lines were open: pairs of examination and line."""
    text: str | None
    """A note, or why."""
    person: str
    name: str
    at: datetime


class Examined(NamedTuple):
    """An examination, as what it said."""

    id: int
    revision: int
    released: bytes | None
    stopped: bytes | None


def entries(cursor: Cursor[Any], wholesaler_id: str, order_id: str) -> tuple[Entry, ...]:
    """What people did about the order, in the order in which they did."""
    return tuple([Entry(*row) for row in cursor.execute(ENTRIES, (order_id, wholesaler_id))])


def examinations(cursor: Cursor[Any], wholesaler_id: str, order_id: str) -> list[Examined]:
    """Of all revisions, oldest first."""
    return [Examined(*row) for row in cursor.execute(EXAMINATIONS, (order_id, wholesaler_id))]


def open_lines(cursor: Cursor[Any], wholesaler_id: str, order_id: str) -> tuple[tuple[int, int], ...]:
    """The lines that may still be released as they are: examination and line."""
    return tuple(cursor.execute(OPEN, (order_id, wholesaler_id)).fetchall())


def watched(cursor: Cursor[Any], wholesaler_id: str, order_id: str) -> set[int]:
    """The examinations that released lines whose goods have not left."""
    return {number for (number,) in cursor.execute(WATCHED, (order_id, wholesaler_id))}


def arrived(cursor: Cursor[Any], wholesaler_id: str, order_id: str, revision: int) -> tuple[int, int, int] | None:
    """Source, partition and offset of the message that the revision came with."""
    row = cursor.execute(FIRST, (order_id, wholesaler_id, revision)).fetchone()
    return None if row is None else kept_of(row[0]).arrived


def close(cursor: Cursor[Any], lines: tuple[tuple[int, int], ...]) -> None:
    """These lines are open no more."""
    moves = moving.Moves()
    for examination, line in lines:
        moves.open_no_more(examination, [line])
    moves.change(cursor)


def open_again(cursor: Cursor[Any], wholesaler_id: str, order_id: str, revision: int, lines: list[tuple[int, int]]) -> None:
    """These lines are open again, as they were before they were settled."""
    rows = [(examination, line, order_id, wholesaler_id, revision, None) for examination, line in lines]
    insert(cursor, Added(tables.OPEN_LINE, rows, " ON CONFLICT DO NOTHING"))


def lines_of(entry: Entry) -> list[tuple[int, int]]:
    """Which lines were open when they were settled."""
    return msgspec.json.decode(entry.body or b"[]", type=list[tuple[int, int]])
