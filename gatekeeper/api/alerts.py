"""What a person must look at, and what people decided about it."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from psycopg import Cursor

from gatekeeper import desk
from gatekeeper.api.areas import Area, caller, reading
from gatekeeper.api.lists import Number8, Page, begins, ends, limit_of
from gatekeeper.api.once import recording, writing
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import ReasonBody
from gatekeeper.messages import written
from gatekeeper.people.permissions import Permission
from schemas.alert import ComplianceAlert
from schemas.members import OneOf, Written
from schemas.order_schema import identity, identity_without_colon

AREA = Area("alerts", __name__, "What a person must look at.")
STATES: Final = ("open", "decided")
AT_ONCE: Final = 500
"""Where all of them are read, so many at a time."""


class DecisionShown(msgspec.Struct):
    """What became of an alert. ``approved`` and ``released`` are of a bypass: its record was made, or the gate released it after all."""

    decision: Literal["acted_on", "no_action", "approved", "released"]
    reason: str | None
    person: str | None
    name: str | None
    at: str


class AlertShown(msgspec.Struct):
    """An alert as it was published, and what became of it."""

    alert: ComplianceAlert
    state: Literal["open", "decided"]
    decision: DecisionShown | None


class AlertList(msgspec.Struct):
    """The newest first."""

    alerts: list[AlertShown]
    next: str | None


class AlertsQuery(Page):
    kind = Written(r"[a-z_]{1,64}", "Must be a kind of alert.")
    state = OneOf(STATES, metadata={"description": "`open`: nobody has decided about it."})
    program = identity()
    wholesaler_id = identity_without_colon()


class DecisionBody(ReasonBody):
    """What was decided, and why."""

    decision = OneOf(
        desk.DECISIONS,
        required=True,
        metadata={"description": "`acted_on`: what it asks for was done; `no_action`: nothing is to be done."},
    )


DECIDED = """
LEFT JOIN LATERAL (
    SELECT decision, reason, person, name, at FROM alert_decision WHERE alert_id = a.alert_id
    UNION ALL (SELECT step, reason, person, NULL, at FROM bypass_step WHERE bypass_id = a.alert_id AND step IN ('approved', 'released')
               ORDER BY number DESC LIMIT 1)
    LIMIT 1
) d ON true
"""
# An alert that names no program is of those of its order's lines, of all of its revisions; one of them may be none.
PROGRAMS = """
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT line ->> 'program') AS programs
    FROM examination e CROSS JOIN LATERAL (VALUES (e.released), (e.stopped)) AS m (message)
    CROSS JOIN LATERAL jsonb_array_elements(convert_from(m.message, 'UTF8')::jsonb -> 'lines') AS line
    WHERE NOT a.said ? 'program' AND (NOT %(every_program)s OR %(program)s::text IS NOT NULL)
      AND e.order_id = a.said ->> 'order_id' AND e.wholesaler_id = a.said ->> 'wholesaler_id'
) o ON true
"""
SEEN = """
(%(every_program)s OR coalesce(ARRAY[said ->> 'program'] <@ %(programs)s::text[] OR o.programs <@ %(programs)s::text[], false))
  AND (%(every_wholesaler)s OR said ->> 'wholesaler_id' = ANY(%(wholesalers)s))
"""
SHOWN = "body, d.decision, d.reason, d.person, d.name, d.at, block, alert_id"
ALERTS = f"""
SELECT {SHOWN} FROM (
    SELECT alert_id, kind, body, block, convert_from(body, 'UTF8')::jsonb AS said FROM alert
    WHERE %(block)s::bigint IS NULL OR (block, alert_id) < (%(block)s, %(alert_id)s)
    ORDER BY block DESC, alert_id DESC
) AS a {DECIDED} {PROGRAMS}
WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(decided)s::boolean IS NULL OR %(decided)s = (d.at IS NOT NULL))
  AND (%(program)s::text IS NULL OR said ->> 'program' = %(program)s OR %(program)s = ANY(o.programs))
  AND (%(wholesaler_id)s::text IS NULL OR said ->> 'wholesaler_id' = %(wholesaler_id)s)
  AND {SEEN}
ORDER BY block DESC, alert_id DESC LIMIT %(limit)s
"""  # noqa: S608 - our own words
ALERT = f"""
SELECT {SHOWN} FROM (SELECT *, convert_from(body, 'UTF8')::jsonb AS said FROM alert WHERE alert_id = %(alert_id)s) AS a {DECIDED} {PROGRAMS}
WHERE {SEEN}
"""  # noqa: S608


@AREA.operation("GET", "/v1/alerts", Permission.READ_ALERTS, AlertList, query=AlertsQuery)
def list_alerts(query: dict[str, Any]) -> Any:
    """Alerts, of one kind, program or wholesaler, open or decided, each with what people decided about it.

    An alert about an order that names no program is of the programs of all of its lines, and shows to a token that names them all. One
    that is of no order, and names no program or no wholesaler, shows only to a token that is not limited to some.
    """
    wanted, limit = _wanted(query), limit_of(query)
    with reading() as cursor:
        rows = _alerts(cursor, wanted, begins(query, tuple[Number8, UUID]), limit + 1)
    shown = [_shown(row) for row in rows[:limit]]
    return AlertList(shown, ends(query, rows[limit - 1][6:]) if len(rows) > limit else None)


def every_alert(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All that are asked for, the newest first, each with its state."""
    wanted, key = _wanted(query), None
    while rows := _alerts(cursor, wanted, key, AT_ONCE):
        yield from (msgspec.json.decode(row[0]) | {"state": "open" if row[5] is None else "decided"} for row in rows)
        key = rows[-1][6:]


@recording(AREA, "/v1/alerts/<uuid:alert_id>/decisions", Permission.DECIDE_ALERTS, AlertShown, body=DecisionBody)
def decide_alert(body: dict[str, Any], alert_id: UUID) -> Any:
    """Decides about an alert, once. Nothing else follows from it: what it asks for is done by other operations."""
    asked = caller().limits() | {"alert_id": alert_id, "program": None}
    if writing().execute(ALERT, asked).fetchone() is None:
        raise Problem("not-found")
    desk.decide_alert(writing(), alert_id, body["decision"], body["reason"], caller().person)
    return _shown(writing().execute(ALERT, asked).fetchone() or ())


def _shown(row: tuple[Any, ...]) -> AlertShown:
    body, decision, reason, person, name, at, *_ = row
    decided = None if at is None else DecisionShown(decision, reason, person, name, written(at.astimezone(UTC)))
    return AlertShown(msgspec.Raw(body), "open" if decided is None else "decided", decided)  # type: ignore[arg-type] # as it is stored


def _wanted(query: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, as far as the caller may see it. Ends the request where he may not ask."""
    caller().must_see_asked(query)
    asked = {name: query.get(name) for name in ("kind", "program", "wholesaler_id")}
    return asked | {"decided": None if "state" not in query else query["state"] == "decided"} | caller().limits()


def _alerts(cursor: Cursor[Any], wanted: dict[str, Any], key: Any, most: int) -> list[Any]:
    block, alert_id = key or (None, None)
    return cursor.execute(ALERTS, wanted | {"block": block, "alert_id": alert_id, "limit": most}).fetchall()
