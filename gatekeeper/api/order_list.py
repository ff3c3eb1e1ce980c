"""The stopped orders, and all others: filters that combine freely, and pages by key."""

from collections.abc import Iterator
from datetime import UTC, date
from typing import Any, Final, Literal

import msgspec
from psycopg import Cursor

from gatekeeper.api.areas import Area, Body, Query, caller, reading
from gatekeeper.api.lists import Cursor as PageCursor
from gatekeeper.api.lists import Page, begins, ends, limit_of
from gatekeeper.api.patients import MOST, on_record
from gatekeeper.api.problems import Problem
from gatekeeper.domain.reasons import REASONS
from gatekeeper.evidence import members
from gatekeeper.inquiries import Inquiry
from gatekeeper.instants import instant_of
from gatekeeper.messages import written
from gatekeeper.permissions import Permission
from gatekeeper.storage import ledger
from gatekeeper.storage.order_list import Candidate, Examined, examined, first_at, is_known_patient, scan
from schemas.members import Instant, OneOf, WholeNumber, Words, Written
from schemas.order_schema import SERIAL_SENTENCE, identity, identity_without_colon
from schemas.text import SERIAL

AREA = Area("order-list", __name__, "The stopped orders, and all others.")
OUTCOMES: Final = ("released", "not_covered", "withdrawn", "held", "blocked")
STATES: Final = ("open", "settled")
ORDERS: Final = ("newest", "oldest")
AT_ONCE: Final = 1000
MOST_LOOKED_AT: Final = 5000
MOST_READ: Final = 500
"""A page looks at no more examinations than this, and reads no more orders; it is then shorter than it could be."""
_IDENTIFIERS: Final = ("rems_site_id", "account", "npi", "dea", "ncpdp_id", "hin", "gln", "name")


class LineListed(msgspec.Struct):
    """What holds of a line now."""

    line: int
    outcome: Literal["released", "not_covered", "withdrawn", "held", "blocked"]
    program: str | None
    site_id: str | None
    reasons: list[str]
    open: bool
    """It may still be released as it is."""


class OrderListed(msgspec.Struct):
    """The highest revision of an order."""

    wholesaler_id: str
    order_id: str
    revision: int
    received_at: str
    decided_at: str
    """When it was last judged."""
    ship_on: date
    site_name: str | None
    """As the order writes it."""
    state: Literal["open", "settled"]
    lines: list[LineListed]


class OrderList(msgspec.Struct):
    """A page. It may have fewer orders than its limit, or none, although there are more: as long as ``next`` is not null, ask on."""

    orders: list[OrderListed]
    next: str | None


class _Filters(Query):
    outcome = OneOf(OUTCOMES)
    reason = OneOf(tuple(REASONS))
    program = identity()
    site_id = identity()
    wholesaler_id = identity_without_colon()
    since = Instant(data_key="from", metadata={"description": "Of this instant or later, by when the revision was first judged."})
    to = Instant(metadata={"description": "Before this instant."})
    state = OneOf(STATES, metadata={"description": "`open`: some line may still be released as it is."})
    lot = Words()
    serial = Written(SERIAL, SERIAL_SENTENCE)
    q = Words(metadata={"description": "A part of the order's id, the site's name or its identifiers; never a patient."})
    sort = OneOf(ORDERS, metadata={"description": "`newest` where not given, by when the revision was first judged."})


class OrdersQuery(Page, _Filters):
    """What combines freely: all of it must hold, of one line what speaks of lines."""


class SearchBody(_Filters, Body):
    """The same filters, and what must not stand in a URL."""

    patient_id = identity()
    authorization_id = identity()
    prescriber_id = identity()
    purpose = Words(most=MOST, required=True, metadata={"description": "What it is asked for, in words that an auditor understands."})
    cursor = PageCursor()
    limit = WholeNumber(1, 200)


@AREA.operation("GET", "/v1/orders", Permission.READ_ORDERS, OrderList, query=OrdersQuery)
def list_orders(query: dict[str, Any]) -> Any:
    """Orders at their highest revision, with what holds of their lines.

    Filters combine freely. Lines of programs that the token does not name are left out, and those of none where it does not name all.
    """
    with reading() as cursor:
        if "q" in query and is_known_patient(cursor, {query["q"], *query["q"].split()}):
            detail = "Must not name a patient or an authorization: search by POST /v1/orders/searches."
            raise Problem("invalid-parameters", errors=[{"parameter": "q", "detail": detail}])
        return _page(cursor, query)


@AREA.operation("POST", "/v1/orders/searches", Permission.READ_ORDERS, OrderList, body=SearchBody)
def search_orders(body: dict[str, Any]) -> Any:
    """The same by a body, also for patients, authorizations and prescribers: these need `patients.read`, and go on record."""
    query = {name: value for name, value in body.items() if name != "purpose"}
    of_patients = bool({"patient_id", "authorization_id", "prescriber_id"} & query.keys())
    if of_patients:
        caller().must(Permission.READ_PATIENTS)
    with reading() as cursor:
        page = _page(cursor, query)
    if of_patients:
        names = query.get("wholesaler_id"), None, query.get("program")
        on_record(Inquiry("patients", "search_orders", body["purpose"], len(page.orders), *names))
    return page


def _page(cursor: Cursor[Any], query: dict[str, Any]) -> OrderList:
    for name, limits in (("program", caller().programs), ("wholesaler_id", caller().wholesalers)):
        if name in query and not limits.allow(query[name]):
            raise Problem("not-permitted")
    limit, oldest = limit_of(query), query.get("sort") == "oldest"
    end = ledger.read_tail(cursor).examination + 1
    first = first_at(cursor, instant_of(query["since"]), end) if "since" in query else 1
    end = first_at(cursor, instant_of(query["to"]), end) if "to" in query else end
    place = begins(query, int)
    if place is None:
        place = first - 1 if oldest else end
    wanted = {
        "first": first, "end": end, "most": AT_ONCE, "every": caller().wholesalers.every, "wholesalers": list(caller().wholesalers.names),
        "wholesaler_id": query.get("wholesaler_id"), "open": None if "state" not in query else query["state"] == "open",
    }  # fmt: skip
    shown: list[OrderListed] = []
    looked_at = read = 0
    while looked_at < MOST_LOOKED_AT and read < MOST_READ:
        scanned = scan(cursor, wanted | {"place": place}, oldest=oldest)
        if scanned.last is None:
            return OrderList(shown, None)
        looked_at += scanned.looked_at
        place = scanned.last
        for number, (candidate, listed) in enumerate(_listed(cursor, scanned.candidates, query), read + 1):
            read = number
            if listed is not None:
                shown.append(listed)
            if len(shown) == limit or read >= MOST_READ:
                return OrderList(shown, ends(query, candidate.id))
    return OrderList(shown, ends(query, place))


def _listed(cursor: Cursor[Any], candidates: list[Candidate], query: dict[str, Any]) -> Iterator[tuple[Candidate, OrderListed | None]]:
    """Each candidate as it is shown; None where it is not what is asked for, or nothing of it may be seen."""
    for first in range(0, len(candidates), 100):
        part = candidates[first : first + 100]
        examinations, open_lines = examined(cursor, part)
        for candidate in part:
            name = candidate.order_id, candidate.wholesaler_id, candidate.revision
            yield candidate, _order(candidate, examinations[name], open_lines[name], query)


def _order(candidate: Candidate, examinations: list[Examined], open_lines: set[int], query: dict[str, Any]) -> OrderListed | None:
    content = msgspec.json.decode(members(examinations[0].evidence or b"{}")["order"])
    ordered = {line["line"]: line for line in content["lines"]}
    lines = [line for line in _current(examinations) if caller().programs.allow(line["program"])]
    if not _names(query.get("q"), candidate, content["ship_to"], lines):
        return None
    if not any(_fits(line, ordered.get(line["line"], {}), query) for line in lines):
        return None
    return OrderListed(
        candidate.wholesaler_id,
        candidate.order_id,
        candidate.revision,
        written(examinations[0].decided_at.astimezone(UTC)),
        written(examinations[-1].decided_at.astimezone(UTC)),
        date.fromisoformat(content["ship_on"]),
        content["ship_to"].get("name"),
        "open" if open_lines else "settled",
        [
            LineListed(
                line["line"], line["outcome"], line["program"], line["site_id"],
                [reason["code"] for reason in line.get("reasons", ())], line["line"] in open_lines,
            )
            for line in lines
        ],
    )  # fmt: skip


def _current(examinations: list[Examined]) -> list[dict[str, Any]]:
    """Of each line what the last examination says that names it. A withdrawn line stands in both messages of one."""
    current: dict[int, dict[str, Any]] = {}
    for examination in examinations:
        now: dict[int, dict[str, Any]] = {}
        for body in (examination.stopped, examination.released):
            for line in msgspec.json.decode(body)["lines"] if body is not None else ():
                now[line["line"]] = now.get(line["line"], {}) | line
        current |= now
    return [line for _, line in sorted(current.items())]


def _names(q: str | None, candidate: Candidate, ship_to: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
    if q is None:
        return True
    words = [candidate.order_id, *[ship_to.get(name) for name in _IDENTIFIERS], *[line["site_id"] for line in lines]]
    return any(q.casefold() in word.casefold() for word in words if word)


def _fits(line: dict[str, Any], ordered: dict[str, Any], query: dict[str, Any]) -> bool:
    """Whether all that is asked of a line holds of this one."""
    patient = ordered.get("patient", {})
    has = {
        "outcome": [line["outcome"]],
        "reason": [reason["code"] for reason in line.get("reasons", ())],
        "program": [line["program"]],
        "site_id": [line["site_id"]],
        "lot": [ordered.get("lot")],
        "serial": ordered.get("serials", ()),
        **{name: [patient.get(name)] for name in ("patient_id", "authorization_id", "prescriber_id")},
    }
    return all(query[name] in values for name, values in has.items() if name in query)
