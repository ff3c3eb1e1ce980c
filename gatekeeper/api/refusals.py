"""What could not be read, and what a person must look at."""

from typing import Any
from uuid import UUID

import msgspec

from gatekeeper.api.areas import Area, caller, reading
from gatekeeper.api.lists import Page, begins, ends, limit_of
from gatekeeper.api.problems import Problem
from gatekeeper.permissions import Permission
from schemas.alert import ComplianceAlert
from schemas.members import Written
from schemas.order_schema import identity, identity_without_colon
from schemas.refusal import RefusedMessage

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
    if not (caller().wholesalers.every and caller().programs.every):
        raise Problem("not-permitted")
    limit = limit_of(query)
    key = begins(query, tuple[int, int, int, int]) or (None, None, None, None)
    wanted = dict(zip(("block", "source", "partition", "offset"), key, strict=True))
    with reading() as cursor:
        rows = cursor.execute(REFUSALS, wanted | {"limit": limit + 1}).fetchall()
    shown = [msgspec.Raw(row[0]) for row in rows[:limit]]
    return RefusalList(shown, ends(query, rows[limit - 1][1:]) if len(rows) > limit else None)  # type: ignore[arg-type] # as they are stored


@AREA.operation("GET", "/v1/alerts", Permission.READ_ALERTS, AlertList, query=AlertsQuery)
def list_alerts(query: dict[str, Any]) -> Any:
    """Alerts, of one kind, program or wholesaler.

    An alert that names no program, or no wholesaler, shows only to a token that is not limited to some.
    """
    for name, limits in (("program", caller().programs), ("wholesaler_id", caller().wholesalers)):
        if name in query and not limits.allow(query[name]):
            raise Problem("not-permitted")
    limit = limit_of(query)
    block, alert_id = begins(query, tuple[int, UUID]) or (None, None)
    programs, wholesalers = caller().programs, caller().wholesalers
    wanted = {name: query.get(name) for name in ("kind", "program", "wholesaler_id")} | {
        "block": block, "alert_id": alert_id, "limit": limit + 1, "every_program": programs.every, "programs": list(programs.names),
        "every_wholesaler": wholesalers.every, "wholesalers": list(wholesalers.names),
    }  # fmt: skip
    with reading() as cursor:
        rows = cursor.execute(ALERTS, wanted).fetchall()
    shown = [msgspec.Raw(row[0]) for row in rows[:limit]]
    return AlertList(shown, ends(query, rows[limit - 1][1:]) if len(rows) > limit else None)  # type: ignore[arg-type] # as they are stored
