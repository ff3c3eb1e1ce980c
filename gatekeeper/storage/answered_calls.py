"""What was answered to calls that recorded something, for a time."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.storage import tables
from gatekeeper.storage.columns import Added, insert

FIND = "SELECT asked, etag, body, limits FROM moving_answered_call WHERE person = %s AND key = %s AND until > %s"
OVER = """
DELETE FROM moving_answered_call WHERE (person, key) = (%s, %s) OR (person, key) IN (
    SELECT person, key FROM moving_answered_call WHERE until <= %s ORDER BY until LIMIT 100
)
"""


class AnsweredCall(NamedTuple):
    asked: bytes
    """A digest of what was asked."""
    etag: str | None
    body: bytes
    limits: bytes
    """For which wholesalers and programs it was answered."""


def find(cursor: Cursor[Any], person: str, key: str, at: datetime) -> AnsweredCall | None:
    """What was answered to this person under this key, unless that is over."""
    row = cursor.execute(FIND, (person, key, at)).fetchone()
    return None if row is None else AnsweredCall(*row)


def keep(cursor: Cursor[Any], person: str, key: str, call: AnsweredCall, at: datetime, until: datetime) -> None:
    """Keeps the answer, and lets some go that are over."""
    cursor.execute(OVER, (person, key, at))
    insert(cursor, Added(tables.ANSWERED_CALL, [(person, key, call.asked, call.etag, call.body, until, call.limits)]))
