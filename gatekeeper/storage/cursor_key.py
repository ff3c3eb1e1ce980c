"""The key under which cursors are sealed: one for all processes of a ledger."""

from secrets import token_bytes
from typing import Any, Final

from psycopg import Cursor

LENGTH: Final = 64
FIND: Final = "SELECT key FROM moving_cursor_key"
MAKE: Final = "INSERT INTO moving_cursor_key (key) VALUES (%s) ON CONFLICT DO NOTHING"


def cursor_key(cursor: Cursor[Any]) -> bytes:
    """The key; where there is none yet, it is made: of two who make it at once both get the same."""
    if (row := cursor.execute(FIND).fetchone()) is None:
        cursor.execute(MAKE, (token_bytes(LENGTH),))
        row = cursor.execute(FIND).fetchone()
    return bytes(row[0]) if row else b""
