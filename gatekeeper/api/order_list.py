"""The stopped orders, and all others: filters that combine freely, counts over the same filters, and pages by key."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from psycopg import Cursor

from gatekeeper.api.areas import Area, Body, Query, caller, parts, reading
from gatekeeper.api.lists import Cursor as PageCursor
from gatekeeper.api.lists import Instant as PastInstant
from gatekeeper.api.lists import Number8, Page, begins, ends, limit_of
from gatekeeper.api.patients import MOST, on_record, refuse_patients
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import Reason
from gatekeeper.domain.days import begin_of
from gatekeeper.domain.program import Program
from gatekeeper.domain.reasons import REASONS
from gatekeeper.instants import instant_of
from gatekeeper.listing import LineListed, term, words_of
from gatekeeper.messages import written
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import ledger, order_list
from gatekeeper.storage.order_list import COUNTED, ENDLESS, OPEN, OPEN_IN_PROGRAM, OPENED, Found, Key, Kind, Listed, Wanted, since_seen
from schemas.members import Instant, OneOf, WholeNumber, Words, Written
from schemas.order_schema import SERIAL_SENTENCE, identity, identity_without_colon
from schemas.text import SERIAL

AREA = Area("order-list", __name__, "The stopped orders, and all others.")
OUTCOMES: Final = ("released", "not_covered", "withdrawn", "held", "blocked")
STATES: Final = ("open", "settled")
BY_DAY: Final = "ship_on"
SORTS: Final = ("newest", "oldest", BY_DAY)
KEYS: Final = {BY_DAY: tuple[Number8, date], **dict.fromkeys(OPENED, tuple[Number8, PastInstant, PastInstant])}
"""What a cursor of such a list holds; of others a place."""
AT_ONCE: Final = 500
"""Where all orders are read, so many a page."""
OF_PATIENTS: Final = ("patient_id", "authorization_id", "prescriber_id")
NO_WORD: Final = "Must not be blank."
TOO_MUCH: Final = (
    f"Begins more than {order_list.MOST_ORDERS:,} orders, or more than {order_list.MOST_ADDRESSEES} sites, or only words that many sites "
    "have: say more of it."
)
Count = int | Literal["more than 10,000"]


class OrderListed(msgspec.Struct):
    """The highest revision of an order."""

    wholesaler_id: str
    order_id: str
    revision: int
    received_at: str
    """When the order came: its first message was judged."""
    decided_at: str
    """When it was last judged."""
    ship_on: date
    ship_date_passes_at: str | None
    """From then on what is open is held for its ship date too, and needs a new revision; null where nothing is open."""
    site_name: str | None
    """As the order writes it."""
    state: Literal["open", "settled"]
    open_since: str | None
    """Since when it is open without a break: some line of it, of whatever revision, was stopped and could still be released. To who sees
    not all programs: a line of one program that he sees."""
    lines: list[LineListed]


class Counts(msgspec.Struct):
    """How many lines there are that are asked for: exactly up to 10,000. What there is none of is left out."""

    outcomes: dict[str, Count]
    reasons: dict[str, Count]


class OrderList(msgspec.Struct):
    """A page of the list, which follows the ledger within a second or so."""

    orders: list[OrderListed]
    counts: Counts | None
    """Of the first page; null on those after it."""
    as_of: str | None
    """Everything before this instant is in the list: that of the last block of the ledger which it has; null where it has not begun."""
    next: str | None


class _Filters(Query):
    outcome = OneOf(OUTCOMES)
    reason = OneOf(tuple(REASONS))
    program = identity()
    site_id = identity()
    wholesaler_id = identity_without_colon()
    since = Instant(data_key="from", metadata={"description": "Of this instant or later, by when the order came."})
    to = Instant(metadata={"description": "Before this instant."})
    state = OneOf(STATES, metadata={"description": "`open`: some line may still be released as it is."})
    lot = Words()
    serial = Written(SERIAL, SERIAL_SENTENCE)
    q = Words(
        metadata={
            "description": "What the order's id or the last part of it begins with, or an identifier of the site, or words that the "
            "words of its name begin with; never a patient. What fits too much is refused."
        }
    )
    sort = OneOf(
        SORTS,
        metadata={
            "description": "`newest` where not given, and `oldest`, by when the order came; with `state=open`, `oldest` is by since when "
            "it is open (for a token of several programs, but not all, by when it came); `ship_on`, by the day of shipment, the first day "
            "first."
        },
    )


class OrdersQuery(Page, _Filters):
    """What combines freely: all of it must hold, of one line what speaks of lines."""


class SearchBody(_Filters, Body):
    """The same filters, and what must not stand in a URL."""

    patient_id = identity()
    authorization_id = identity()
    prescriber_id = identity()
    purpose = Reason(most=MOST, required=True, metadata={"description": "What it is asked for, in words that an auditor understands."})
    cursor = PageCursor()
    limit = WholeNumber(1, 200)


@AREA.operation("GET", "/v1/orders", Permission.READ_ORDERS, OrderList, query=OrdersQuery)
def list_orders(query: dict[str, Any]) -> Any:
    """Orders at their highest revision, with what holds of their lines, and how many lines there are by outcome and reason.

    Filters combine freely. Lines of programs that the token does not name are left out, and those of none where it does not name all.
    """
    with reading() as cursor:
        refuse_patients(cursor, query)
        return page_of(cursor, query)


@AREA.operation("POST", "/v1/orders/searches", Permission.READ_ORDERS, OrderList, body=SearchBody)
def search_orders(body: dict[str, Any]) -> Any:
    """The same by a body, also for patients, authorizations and prescribers: these need `patients.read`. Each search goes on record."""
    query = {name: value for name, value in body.items() if name != "purpose"}
    of_patients = asks_of_patients(query)
    with reading() as cursor:
        page = page_of(cursor, query, of_body=True)
    kind = "patients" if of_patients else "search"
    told = Inquiry(kind, "search_orders", body["purpose"], len(page.orders), query.get("wholesaler_id"), None, query.get("program"))
    on_record(told, [(each.wholesaler_id, each.order_id) for each in page.orders if of_patients])
    return page


def asks_of_patients(query: dict[str, Any]) -> bool:
    """Whether it does. Ends the request where the caller may not."""
    of_patients = not query.keys().isdisjoint(OF_PATIENTS)
    if of_patients:
        caller().must(Permission.READ_PATIENTS)
    return of_patients


def page_of(cursor: Cursor[Any], query: dict[str, Any], *, of_body: bool = False) -> OrderList:
    """A page of what is asked for, as far as the caller may see it."""
    limit, sort, as_of = limit_of(query), _sort(query), order_list.as_of(cursor)
    after, until = _after(query, sort) or (None, as_of)
    kinds, wanted = wanted_of(cursor, query, of_body=of_body)
    page = order_list.page(cursor, wanted, sort, after, limit + 1, until=until, counting=after is None)
    keys = page.keys[:limit]
    return OrderList(
        _listed(cursor, keys),
        counts_of(kinds, page.counts) if after is None else None,
        None if as_of is None else written(as_of.astimezone(UTC)),
        _ends(query, sort, keys[-1], until) if len(page.keys) > limit else None,
    )


def _sort(query: dict[str, Any]) -> str:
    """The oldest of the open ones are those that wait longest; to who sees some programs, but more than one, those that came first."""
    sort: str = query.get("sort", "newest")
    if sort != "oldest" or query.get("state") != "open":
        return sort
    programs = caller().programs
    return OPEN if programs.every else OPEN_IN_PROGRAM if len(programs.names) == 1 else sort


def _after(query: dict[str, Any], sort: str) -> tuple[Key, datetime | None] | None:
    """After what the page begins; where the list is by since when orders are open, also the instant as of which the first page spoke.

    What opened since is on no later page: an order that was settled and is open again stood on one before.
    """
    begin = begins(query, KEYS.get(sort, tuple[Number8]))
    if begin is None:
        return None
    place, *more = begin
    return (Key(place, since=more[0]), more[1]) if sort in OPENED else (Key(place, *more), None)


def _ends(query: dict[str, Any], sort: str, key: Key, until: datetime | None) -> str:
    more = (key.since, until) if sort in OPENED else (key.day,) if sort == BY_DAY else ()
    return ends(query, (key.place, *more))


def every_page(cursor: Cursor[Any], query: dict[str, Any], *, of_body: bool = False) -> Iterator[list[OrderListed]]:
    """All orders that are asked for, page by page."""
    if not of_body:
        refuse_patients(cursor, query)
    sort, after, until = _sort(query), None, order_list.as_of(cursor)
    _, wanted = wanted_of(cursor, query, of_body=of_body)
    while True:
        keys = order_list.page(cursor, wanted, sort, after, AT_ONCE, until=until, counting=False).keys
        yield _listed(cursor, keys)
        if len(keys) < AT_ONCE:
            return
        after = keys[-1]


def wanted_of(cursor: Cursor[Any], query: dict[str, Any], *, of_body: bool = False) -> tuple[list[Kind], Wanted]:
    """What is asked for, by what the list has. Ends the request where the caller may not ask, or asks for too much."""
    caller().must_see_asked(query)
    kinds = order_list.kinds(cursor, _limits(query))
    end = order_list.first_since(cursor, instant_of(query["to"]), ENDLESS) if "to" in query else ENDLESS
    first = order_list.first_since(cursor, instant_of(query["since"]), end) if "since" in query else 1
    terms = [("serial", "serial"), *[(name, name) for name in OF_PATIENTS]]
    return kinds, Wanted(
        [kind.kind for kind in kinds], first, end, query.get("site_id"), query.get("lot"),
        tuple(term(name, query[member]) for member, name in terms if member in query), _found(cursor, query, of_body=of_body),
    )  # fmt: skip


def _limits(query: dict[str, Any]) -> dict[str, Any]:
    asked = {name: query.get(name) for name in ("wholesaler_id", "program", "outcome", "reason")}
    return asked | {"open": None if "state" not in query else query["state"] == "open"} | caller().limits()


def _found(cursor: Cursor[Any], query: dict[str, Any], *, of_body: bool) -> Found | None:
    """What `q` begins; None where there is no `q`."""
    if "q" not in query:
        return None
    place = {"pointer": "/q"} if of_body else {"parameter": "q"}
    kind = "invalid-body" if of_body else "invalid-parameters"
    if not query["q"].strip():
        raise Problem(kind, errors=[place | {"detail": NO_WORD}])
    found = order_list.begun_by(cursor, query["q"].strip().lower(), words_of(query["q"]), caller().limits())
    if found is not None:
        return found
    raise Problem(kind, errors=[place | {"detail": TOO_MUCH}])


def counts_of(kinds: list[Kind], counted: dict[int, int] | None) -> Counts:
    """By outcome and by reason, how many lines there are."""
    outcomes: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for kind in kinds:
        lines = kind.lines if counted is None else counted.get(kind.kind, 0)
        if lines:
            outcomes[kind.outcome] = outcomes.get(kind.outcome, 0) + lines
            for reason in kind.reasons or ():
                reasons[reason] = reasons.get(reason, 0) + lines
    return Counts(_capped(outcomes, OUTCOMES), _capped(reasons, REASONS))


def _capped(counts: dict[str, int], names: Any) -> dict[str, Count]:
    return {name: order_list.MORE if counts[name] > COUNTED else counts[name] for name in names if name in counts}  # type: ignore[misc] # it is these words


def _listed(cursor: Cursor[Any], keys: list[Key]) -> list[OrderListed]:
    programs = parts().book.at(ledger.now(cursor)).programs
    return [listed(order, programs) for order in order_list.orders(cursor, [key.place for key in keys])]


def listed(order: Listed, programs: Iterable[Program]) -> OrderListed:
    """The order as it is shown by these rules, without lines of programs that the caller may not see."""
    lines = [line for line in _LINES.decode(order.lines) if caller().programs.allow(line.program)]
    since = since_seen(order.open_since, order.opened, caller().limits())
    return OrderListed(
        order.wholesaler_id,
        order.order_id,
        order.revision,
        written(order.received_at.astimezone(UTC)),
        written(order.decided_at.astimezone(UTC)),
        order.ship_on,
        ship_date_passes(order.ship_on, {line.program for line in lines if line.open}, programs),
        order.site_name,
        "settled" if since is None else "open",
        None if since is None else written(since.astimezone(UTC)),
        lines,
    )


def ship_date_passes(ship_on: date, names: set[str | None], programs: Iterable[Program]) -> str | None:
    """The first instant at which, by these rules, a line of a program of these names is held because its ship date is too long past."""
    asking = [program for program in programs if program.name in names]
    begins = [begin_of(ship_on + timedelta(days=program.ship_date_limit_days + 1), program.time_zone) for program in asking]
    return written(min(begins).astimezone(UTC)) if begins else None


_LINES: Final = msgspec.json.Decoder(list[LineListed])
