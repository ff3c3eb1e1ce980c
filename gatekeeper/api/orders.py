"""One order, with everything that was decided about it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date
from typing import Any, Final, Literal

import msgspec

from gatekeeper import order_desk
from gatekeeper.api.areas import VERSIONED, Area, as_json, caller, parts, reading
from gatekeeper.api.order_list import ship_date_passes
from gatekeeper.api.patients import PARAMETER, on_record, purpose_of_request
from gatekeeper.api.problems import Problem
from gatekeeper.api.work import Work, work_shown
from gatekeeper.domain.program import Program
from gatekeeper.evidence import members, rules_said
from gatekeeper.messages import written
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import desk, ledger
from gatekeeper.storage.desk import Entry
from gatekeeper.storage.orders import Examination, OrderRows, order_rows
from schemas.released import ProgramRules

AREA = Area("orders", __name__, "Orders, and what was decided about them.")
_DECIDED: Final = frozenset({"message", "again", "withdrawn"})
"""Causes of examinations that decided a case."""


class Answered(msgspec.Struct):
    """A question that the case asked, and what was answered."""

    question: list[str]
    answer: Any


class CaseShown(msgspec.Struct):
    """What was decided on: the order as it came, the rules, all that was asked and answered. It alone gives the answer again."""

    at: str
    order: dict[str, Any]
    programs: dict[str, ProgramRules]
    asked: list[Answered]


class LineShown(msgspec.Struct):
    """What an examination said of a line. ``open``: it may still be released as it is."""

    line: int
    outcome: Literal["released", "not_covered", "withdrawn", "held", "blocked"]
    program: str | None
    site_id: str | None
    record_ids: list[str]
    reasons: list[dict[str, Any]]
    site_alias: list[str]
    open: bool


class ExaminationShown(msgspec.Struct):
    """The n-th time a revision was judged. ``case`` is null where nothing was decided, or it names programs that the token does not."""

    revision: int
    examination: int
    cause: str
    decided_at: str
    registry_version: int
    withdraws: str | None
    lines: list[LineShown]
    case: CaseShown | None


class RecordShown(msgspec.Struct):
    """A distribution record, and what the REMS said of it last."""

    record: dict[str, Any]
    acknowledgement: dict[str, Any] | None


class LookedShown(msgspec.Struct):
    """Who saw the order's patients, with it, among records, findings or corrections, or found it by them, when and what for."""

    person: str
    name: str
    at: str
    purpose: str | None


class OrderShown(msgspec.Struct):
    """Everything about one order, in the order in which it came."""

    wholesaler_id: str
    order_id: str
    revision: int
    """The highest that came."""
    state: Literal["open", "settled"]
    open_since: str | None
    ship_on: date | None
    """Of the highest revision."""
    ship_date_passes_at: str | None
    """From then on what is open is held for its ship date too, and needs a new revision; null where nothing is open."""
    work: Work
    examinations: list[ExaminationShown]
    records: list[RecordShown]
    events: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    looked: list[LookedShown]
    patients: Literal["shown", "masked"]


@AREA.operation(
    "GET", "/v1/orders/<id:wholesaler_id>/<id:order_id>", Permission.READ_ORDERS, OrderShown, parameters=[PARAMETER],
    responses=VERSIONED,
)  # fmt: skip
def show_order(wholesaler_id: str, order_id: str) -> Any:
    """One order whole: every revision, examination, line, reason with its remedy and evidence, the case that was decided, records.

    Lines of programs that the token does not name are left out, and those of none where it does not name all. Patients are masked
    unless the permission `patients.read` and a purpose are there. `ETag` is of what was decided and done about the order, not of who
    looked; what people wrote, and alerts that name no program, show only to who sees all lines.
    """
    caller().must_see_wholesaler(wholesaler_id)
    purpose = purpose_of_request()
    with reading() as cursor:
        rows, entries = order_rows(cursor, wholesaler_id, order_id), desk.entries(cursor, wholesaler_id, order_id)
        programs = parts().book.at(ledger.now(cursor)).programs
    shown = _order(wholesaler_id, order_id, rows, entries, programs)
    if shown is None:
        raise Problem("not-found")
    if purpose is not None:
        on_record(Inquiry("patients", "show_order", purpose, 1, wholesaler_id, order_id))
    patients = "masked" if purpose is None else "shown"
    return as_json(shown | {"patients": patients}, order_desk.version_of(entries, len(rows.examinations)))


def _order(
    wholesaler_id: str, order_id: str, rows: OrderRows, entries: Sequence[Entry], programs: Iterable[Program]
) -> dict[str, Any] | None:
    """As far as the caller may see it, patients and all; None where that is nothing."""
    examinations = [shown for row in rows.examinations if (shown := _examination(row, rows.open_lines))["lines"]]
    if not examinations:
        return None
    highest = max(row.revision for row in rows.examinations)
    of_highest = [row for row in rows.examinations if row.revision == highest]
    first = next((row for row in of_highest if row.cause == "message"), None)
    lines = [line for examination in examinations if examination["revision"] == highest for line in examination["lines"]]
    opened = [line for line in lines if line["open"]]
    programs_of = {line["program"] for line in lines}
    ship_on = None if first is None else date.fromisoformat(msgspec.json.decode(members(first.evidence)["order"])["ship_on"])
    # What was written of a lower revision may speak of a line that the highest one has not.
    whole = _sees_all(rows.examinations)
    return {
        "wholesaler_id": wholesaler_id,
        "order_id": order_id,
        "revision": highest,
        "state": "open" if opened else "settled",
        "open_since": _open_since(rows, opened, entries) if opened else None,
        "ship_on": ship_on,
        "ship_date_passes_at": ship_date_passes(ship_on, programs_of, programs) if ship_on is not None and opened else None,
        "work": work_shown(entries, highest, opened=bool(opened), whole=whole),
        "examinations": examinations,
        "records": [
            {"record": _plain(row.body), "acknowledgement": None if row.acknowledgement is None else _plain(row.acknowledgement)}
            for row in rows.records
            if caller().programs.allow(row.program)
        ],
        "events": [_plain(body) for body in rows.events] if caller().programs.every else [],
        "alerts": [alert for alert in map(_plain, rows.alerts) if _may_see(alert, whole=whole)],
        "looked": [
            {"person": who.person, "name": who.name, "at": written(who.at.astimezone(UTC)), "purpose": who.purpose if whole else None}
            for who in rows.looked
        ],
    }


def _sees_all(examinations: Iterable[Examination]) -> bool:
    return all(caller().programs.allow(line.program) for row in examinations for line in order_desk.lines_said(row.stopped, row.released))


def _may_see(alert: dict[str, Any], *, whole: bool) -> bool:
    """One that names no program may speak of any line of the order."""
    return caller().programs.allow(alert["program"]) if "program" in alert else whole


def _open_since(rows: OrderRows, lines: Sequence[dict[str, Any]], entries: Sequence[Entry]) -> str:
    """As the list says it: hidden lines open nothing."""
    judged = [
        order_desk.Judged(row.decided_at, row.revision, order_desk.lines_said(row.stopped, row.released)) for row in rows.examinations
    ]
    cancelled = [order_desk.Cancelled(*each) for each in rows.cancelled]
    happened: list[order_desk.Judged | Entry | order_desk.Cancelled] = [*judged, *entries, *cancelled]
    if caller().programs.every:
        since = order_desk.open_since(happened, [line["line"] for line in lines])
    else:
        said = [order_desk.Said(line["line"], line["outcome"], line["program"]) for line in lines]
        since = min(order_desk.open_by_program(happened, said).values())
    return written(since.astimezone(UTC))


def _examination(row: Examination, open_lines: set[tuple[int, int]]) -> dict[str, Any]:
    said = [_plain(body) for body in (row.stopped, row.released) if body is not None]
    withdraws = next((message["withdraws"] for message in said if "withdraws" in message), None)
    lines: dict[int, dict[str, Any]] = {}
    for message in said:
        for line in message["lines"]:
            # A withdrawn line stands in both messages: its reasons in the one, what it is now in the other.
            lines[line["line"]] = lines.get(line["line"], {}) | line
    allowed = {number: line for number, line in lines.items() if caller().programs.allow(line["program"])}
    shown = [
        {
            "line": number,
            "outcome": line["outcome"],
            "program": line["program"],
            "site_id": line["site_id"],
            "record_ids": line.get("record_ids", []),
            "reasons": line.get("reasons", []),
            "site_alias": line.get("site_alias", []),
            "open": (row.id, number) in open_lines,
        }
        for number, line in sorted(allowed.items())
    ]
    return {
        "revision": row.revision,
        "examination": row.number,
        "cause": row.cause,
        "decided_at": written(row.decided_at.astimezone(UTC)),
        "registry_version": row.registry_version,
        "withdraws": withdraws,
        "lines": shown,
        "case": _case(row.evidence) if row.cause in _DECIDED and caller().programs.every else None,
    }


def _case(evidence: bytes) -> dict[str, Any]:
    kept = members(evidence)
    asked = msgspec.json.decode(kept["asked"], type=list[tuple[list[str], Any]])
    return {
        "at": msgspec.json.decode(kept["at"]),
        "order": msgspec.json.decode(kept["order"]),
        "programs": msgspec.to_builtins(rules_said(evidence)),
        "asked": [{"question": question, "answer": answer} for question, answer in asked],
    }


def _plain(body: bytes) -> Any:
    return msgspec.json.decode(body)
