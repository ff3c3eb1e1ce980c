"""What could not be read, and what a person must look at."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Cursor

from gatekeeper.api.areas import Area, caller, reading
from gatekeeper.api.lists import Page, begins, ends, limit_of
from gatekeeper.api.problems import Problem
from gatekeeper.permissions import Permission
from schemas.alert import ComplianceAlert
from schemas.members import Written
from schemas.order_schema import identity, identity_without_colon
from schemas.refusal import RefusedMessage

AT_ONCE: Final = 500
"""Where all of them are read, so many at a time."""
AREA = Area("refusals", __name__, "What could not be read, and what a person must look at.")


class RefusalList(msgspec.Struct):
    """The newest first."""

    refusals: list[RefusedMessage]
    next: str | None


class AlertList(msgspec.Struct):
    """The newest first."""

    alerts: list[ComplianceAlert]
    next: str | None


class AlertsQuery(Page):
    kind = Written(r"[a-z_]{1,64}", "Must be a kind of alert.")
    program = identity()
    wholesaler_id = identity_without_colon()


REFUSALS = """
SELECT body, block, source, partition, "offset" FROM refusal
WHERE %(block)s::bigint IS NULL OR (block, source, partition, "offset") < (%(block)s, %(source)s, %(partition)s, %(offset)s)
ORDER BY block DESC, source DESC, partition DESC, "offset" DESC LIMIT %(limit)s
"""
ALERTS = """
SELECT body, block, alert_id FROM (
    SELECT alert_id, kind, body, block, convert_from(body, 'UTF8')::jsonb AS said FROM alert
    WHERE %(block)s::bigint IS NULL OR (block, alert_id) < (%(block)s, %(alert_id)s)
    ORDER BY block DESC, alert_id DESC
) AS a
WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(program)s::text IS NULL OR said ->> 'program' = %(program)s)
  AND (%(wholesaler_id)s::text IS NULL OR said ->> 'wholesaler_id' = %(wholesaler_id)s)
  AND (%(every_program)s OR said ->> 'program' = ANY(%(programs)s))
  AND (%(every_wholesaler)s OR said ->> 'wholesaler_id' = ANY(%(wholesalers)s))
ORDER BY block DESC, alert_id DESC LIMIT %(limit)s
"""


@AREA.operation("GET", "/v1/refusals", Permission.READ_REFUSALS, RefusalList, query=Page)
def list_refusals(query: dict[str, Any]) -> Any:
    """Messages that could not be read, with every problem by its place.

    Nobody knows whose such a message is, so a token that is limited to wholesalers or programs sees none.
    """
    _must_see_all()
    limit = limit_of(query)
    with reading() as cursor:
        rows = _refusals(cursor, begins(query, tuple[int, int, int, int]), limit + 1)
    shown = [msgspec.Raw(row[0]) for row in rows[:limit]]
    return RefusalList(shown, ends(query, rows[limit - 1][1:]) if len(rows) > limit else None)  # type: ignore[arg-type] # as they are stored


@AREA.operation("GET", "/v1/alerts", Permission.READ_ALERTS, AlertList, query=AlertsQuery)
def list_alerts(query: dict[str, Any]) -> Any:
    """Alerts, of one kind, program or wholesaler.

    An alert that names no program, or no wholesaler, shows only to a token that is not limited to some.
    """
    wanted, limit = _wanted(query), limit_of(query)
    with reading() as cursor:
        rows = _alerts(cursor, wanted, begins(query, tuple[int, UUID]), limit + 1)
    shown = [msgspec.Raw(row[0]) for row in rows[:limit]]
    return AlertList(shown, ends(query, rows[limit - 1][1:]) if len(rows) > limit else None)  # type: ignore[arg-type] # as they are stored


def every_alert(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All that are asked for, the newest first."""
    wanted, key = _wanted(query), None
    while rows := _alerts(cursor, wanted, key, AT_ONCE):
        yield from (msgspec.json.decode(row[0]) for row in rows)
        key = rows[-1][1:]


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


def _wanted(query: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, as far as the caller may see it. Ends the request where he may not ask."""
    programs, wholesalers = caller().programs, caller().wholesalers
    for name, limits in (("program", programs), ("wholesaler_id", wholesalers)):
        if name in query and not limits.allow(query[name]):
            raise Problem("not-permitted")
    return {name: query.get(name) for name in ("kind", "program", "wholesaler_id")} | {
        "every_program": programs.every, "programs": list(programs.names),
        "every_wholesaler": wholesalers.every, "wholesalers": list(wholesalers.names),
    }  # fmt: skip


def _alerts(cursor: Cursor[Any], wanted: dict[str, Any], key: Any, most: int) -> list[Any]:
    block, alert_id = key or (None, None)
    return cursor.execute(ALERTS, wanted | {"block": block, "alert_id": alert_id, "limit": most}).fetchall()


def _refusals(cursor: Cursor[Any], key: Any, most: int) -> list[Any]:
    wanted = dict(zip(("block", "source", "partition", "offset"), key or (None,) * 4, strict=True))
    return cursor.execute(REFUSALS, wanted | {"limit": most}).fetchall()
