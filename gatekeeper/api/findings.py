"""What look-backs found, line by line: all that their alerts have no room for, and the patients of the lines for those who may see them."""

from collections.abc import Iterator
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from psycopg import Cursor

from gatekeeper.api.areas import Area, caller, reading
from gatekeeper.api.lists import Number2, Number8, Page, begins, ends, limit_of
from gatekeeper.api.patients import PARAMETER, on_record, order_of, purpose_of_request
from gatekeeper.following.findings import Finding
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from schemas.members import Written

AREA = Area("findings", __name__, "What look-backs found.")
NOBODY = UUID(int=0)
AT_ONCE: Final = 500
"""Where all of an alert are read, so many at a time."""
# What left past the gate comes first, as in the alert.
FINDINGS = """
SELECT f.body, t.program, f.decided, f.examination, f.line, f.bypass_id
FROM look_back l JOIN fact t ON t.id = l.fact CROSS JOIN LATERAL (
    SELECT body, 0 AS decided, 0 AS examination, 0 AS line, bypass_id FROM finding_outside WHERE look_back = l.id
    UNION ALL SELECT body, 1, examination, line, %(nobody)s::uuid FROM finding WHERE look_back = l.id
) f
WHERE l.id = (SELECT (convert_from(body, 'UTF8')::jsonb #>> '{evidence,look_back}')::bigint FROM alert WHERE alert_id = %(alert_id)s::uuid)
  AND l.alert_id = %(alert_id)s::uuid
  AND (%(every_program)s OR t.program = ANY(%(programs)s))
  AND (%(every_wholesaler)s OR convert_from(f.body, 'UTF8')::jsonb ->> 'wholesaler_id' = ANY(%(wholesalers)s))
  AND (%(decided)s::int IS NULL
       OR (f.decided, f.examination, f.line, f.bypass_id) > (%(decided)s, %(examination)s, %(line)s, %(bypass_id)s::uuid))
ORDER BY f.decided, f.examination, f.line, f.bypass_id LIMIT %(limit)s
"""


class FindingList(msgspec.Struct):
    """What left past the gate first, then lines in the order of their decisions."""

    findings: list[Finding]
    next: str | None
    patients: Literal["shown", "masked"]


class FindingsQuery(Page):
    alert_id = Written(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "Must be the id of an alert.", required=True,
        metadata={"description": "Of an alert of the kind `look_back_finding` or `lot_recalled`."},
    )  # fmt: skip


@AREA.operation("GET", "/v1/findings", Permission.READ_ALERTS, FindingList, query=FindingsQuery, parameters=[PARAMETER])
def list_findings(query: dict[str, Any]) -> Any:
    """Every line that a look-back found, or that had a recalled lot, with what was known when it was decided.

    Patients are masked unless the permission `patients.read` and a purpose are there. A token that is limited to wholesalers or programs
    sees theirs.
    """
    purpose, limit = purpose_of_request(), limit_of(query)
    after = begins(query, tuple[Number2, Number8, Number2, UUID])
    with reading() as cursor:
        rows = _findings(cursor, query["alert_id"], after, limit + 1)
    page = rows[:limit]
    if purpose is not None and page:
        on_record(Inquiry("patients", "list_findings", purpose, len(page), program=page[0][1]), [order_of(row[0]) for row in page])
    shown: Any = [msgspec.Raw(row[0]) for row in page]
    following = ends(query, page[-1][2:]) if len(rows) > limit else None
    return FindingList(shown, following, "masked" if purpose is None else "shown")


def every_finding(cursor: Cursor[Any], alert_id: str) -> Iterator[list[bytes]]:
    """All of an alert, some at a time."""
    after = None
    while rows := _findings(cursor, alert_id, after, AT_ONCE):
        yield [row[0] for row in rows]
        after = rows[-1][2:]


def program_of(cursor: Cursor[Any], alert_id: str) -> str | None:
    """Of what program the look-back is, where the caller sees any of it."""
    rows = _findings(cursor, alert_id, None, 1)
    return rows[0][1] if rows else None


def _findings(cursor: Cursor[Any], alert_id: str, after: Any, most: int) -> list[Any]:
    names = "decided", "examination", "line", "bypass_id"
    wanted = caller().limits() | {"alert_id": alert_id, "nobody": NOBODY, "limit": most}
    return cursor.execute(FINDINGS, wanted | dict(zip(names, after or (None,) * 4, strict=True))).fetchall()
