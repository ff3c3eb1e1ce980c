"""What could not be read."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from psycopg import Cursor

from gatekeeper.api.areas import Area, caller, reading
from gatekeeper.api.lists import Number2, Number4, Number8, Page, begins, ends, limit_of
from gatekeeper.api.problems import Problem
from gatekeeper.people.permissions import Permission
from schemas.refusal import RefusedMessage

AT_ONCE: Final = 500
"""Where all of them are read, so many at a time."""
AREA = Area("refusals", __name__, "What could not be read.")


class RefusalList(msgspec.Struct):
    """The newest first."""

    refusals: list[RefusedMessage]
    next: str | None


REFUSALS = """
SELECT body, block, source, partition, "offset" FROM refusal
WHERE %(block)s::bigint IS NULL OR (block, source, partition, "offset") < (%(block)s, %(source)s, %(partition)s, %(offset)s)
ORDER BY block DESC, source DESC, partition DESC, "offset" DESC LIMIT %(limit)s
"""


@AREA.operation("GET", "/v1/refusals", Permission.READ_REFUSALS, RefusalList, query=Page)
def list_refusals(query: dict[str, Any]) -> Any:
    """Messages that could not be read, with every problem by its place.

    Nobody knows whose such a message is, so a token that is limited to wholesalers or programs sees none.
    """
    _must_see_all()
    limit = limit_of(query)
    with reading() as cursor:
        rows = _refusals(cursor, begins(query, tuple[Number8, Number2, Number4, Number8]), limit + 1)
    shown = [msgspec.Raw(row[0]) for row in rows[:limit]]
    return RefusalList(shown, ends(query, rows[limit - 1][1:]) if len(rows) > limit else None)  # type: ignore[arg-type] # as they are stored


def every_refusal(cursor: Cursor[Any]) -> Iterator[Any]:
    """All of them, the newest first."""
    _must_see_all()
    key = None
    while rows := _refusals(cursor, key, AT_ONCE):
        yield from (msgspec.json.decode(row[0]) for row in rows)
        key = rows[-1][1:]


def _must_see_all() -> None:
    if not (caller().wholesalers.every and caller().programs.every):
        raise Problem("not-permitted")


def _refusals(cursor: Cursor[Any], key: Any, most: int) -> list[Any]:
    wanted = dict(zip(("block", "source", "partition", "offset"), key or (None,) * 4, strict=True))
    return cursor.execute(REFUSALS, wanted | {"limit": most}).fetchall()
