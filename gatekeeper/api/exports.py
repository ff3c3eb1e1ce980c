"""Whole lists at once: any filtered list as CSV or JSON lines, from one state of the ledger, row by row, on record."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import chain, islice
from threading import BoundedSemaphore
from typing import Any, Final, TypeVar
from uuid import uuid4

import msgspec
from flask import Response, request, stream_with_context
from psycopg import Cursor

from gatekeeper.api import alerts, order_list, records, refusals, sites
from gatekeeper.api.alerts import AlertsQuery
from gatekeeper.api.areas import Answer, Area, Body, Query, View, disclosure, parts, reading
from gatekeeper.api.order_list import OrderListed, OrdersQuery, SearchBody
from gatekeeper.api.patients import PARAMETER, on_record, purpose_of_request
from gatekeeper.api.problems import Problem
from gatekeeper.api.sites import SitesQuery
from gatekeeper.api.tables import CONTENT_TYPES, CSV, rows
from gatekeeper.people.inquiries import Inquiry, Named, record_orders
from gatekeeper.people.permissions import Permission
from schemas.members import OneOf

AREA = Area("exports", __name__, "Whole lists, as CSV or JSON lines.")
RETRY_S: Final = 10
PATIENCE_S: Final = 60
"""Who takes no row for so long is cut off."""
ORDER_COLUMNS: Final = (
    "wholesaler_id", "order_id", "revision", "received_at", "decided_at", "ship_on", "ship_date_passes_at", "site_name", "state",
    "open_since", "line", "outcome", "program", "site_id", "reasons", "open",
)  # fmt: skip
ALERT_COLUMNS: Final = (
    "alert_id", "kind", "raised_at", "program", "wholesaler_id", "order_id", "revision", "verdict_id", "state", "text", "remedy",
    "evidence",
)  # fmt: skip
REFUSAL_COLUMNS: Final = (
    "refusal_id", "position.topic", "position.partition", "position.offset", "refused_at", "problems", "set_aside",
)  # fmt: skip
SITE_COLUMNS: Final = (
    "program", "site_id", "on", "known_at", "certified", "miles", "status", "why", "class", "certified_on", "valid_through", "name",
    "address.street", "address.street2", "address.city", "address.state", "address.postal_code", "identifiers",
)  # fmt: skip
RECORD_COLUMNS: Final = (
    "program", "sequence", "record_id", "kind", "replaces", "wholesaler_id", "order_id", "revision", "line", "verdict_id", "outside_gate",
    "recorded_at", "ship_on", "ship_from.site_id", "ship_to.site_id", "ship_to.class", "ship_to.name", "ship_to.address", "patient_id",
    "prescriber_id", "authorization_id", "administering_site_id", "product.ndc", "product.gtin", "product.name", "quantity", "unit", "lot",
    "expires_on", "serials",
)  # fmt: skip
M = TypeVar("M")
TEXT: Final = {"type": "string"}
BOTH: Final = {
    "200": {
        "description": "The rows.",
        "headers": {"Content-Disposition": {"description": "The name of a file.", "schema": TEXT}},
        "content": {"text/csv": {"schema": TEXT}, "application/x-ndjson": {"schema": TEXT}},
    },
    "503": {"$ref": "#/components/responses/Problem503"},
    "505": {"$ref": "#/components/responses/Problem505"},
}


def export(path: str, permission: Permission, lists: type[Query], **documented: Any) -> Callable[[View], View]:
    """Registers an export of what takes ``lists``: it takes the same, but for pages, and the form."""
    about = "`csv` where not given, with cells that a spreadsheet does not compute; or `jsonl`, whole documents."
    form = OneOf(tuple(CONTENT_TYPES), metadata={"description": about})
    meta = type("Meta", (), {"exclude": tuple({"cursor", "limit", "wait"} & lists().fields.keys())})
    name = f"{lists.__name__.removesuffix('Query').removesuffix('Body')}Export"
    takes: Any = type(name, (lists,), {"format": form, "Meta": meta})
    method, where = ("POST", "body") if issubclass(lists, Body) else ("GET", "query")
    return AREA.operation(method, path, permission, TEXT, content_type="text/csv", responses=BOTH, **{where: takes}, **documented)


@export("/v1/exports/orders", Permission.READ_ORDERS, OrdersQuery)
def export_orders(query: dict[str, Any]) -> Response:
    """Every order that the filters find: as CSV a row a line, as JSON lines an order a line. It goes on record."""
    form = query.pop("format", CSV)
    return streamed("orders", query, form, ORDER_COLUMNS, lambda cursor: _orders(order_list.every_page(cursor, query), form))


@export("/v1/exports/orders/searches", Permission.READ_ORDERS, SearchBody)
def export_order_search(body: dict[str, Any]) -> Response:
    """The same by a body, also for patients, authorizations and prescribers: these need `patients.read`. It goes on record."""
    form, purpose = body.pop("format", CSV), body.pop("purpose")
    kind = "patients" if order_list.asks_of_patients(body) else "export"
    told = OnRecord(Inquiry(kind, "export_order_search", purpose, 0, body.get("wholesaler_id"), None, body.get("program")))

    def documents(cursor: Cursor[Any]) -> Iterator[Any]:
        pages: Iterable[list[OrderListed]] = order_list.every_page(cursor, body, of_body=True)
        if kind == "patients":
            pages = told.each(pages, lambda order: (order.wholesaler_id, order.order_id))
        return _orders(pages, form)

    return streamed("orders", body, form, ORDER_COLUMNS, documents, told)


def _orders(pages: Iterable[list[OrderListed]], form: str) -> Iterator[Any]:
    for page in pages:
        for order in msgspec.to_builtins(page):
            if form == CSV:
                yield from (order | line for line in order["lines"])
            else:
                yield order


@export("/v1/exports/alerts", Permission.READ_ALERTS, AlertsQuery)
def export_alerts(query: dict[str, Any]) -> Response:
    """Every alert that the filters find, the newest first. It goes on record."""
    return streamed("alerts", query, query.pop("format", CSV), ALERT_COLUMNS, lambda cursor: alerts.every_alert(cursor, query))


@export("/v1/exports/refusals", Permission.READ_REFUSALS, Query)
def export_refusals(query: dict[str, Any]) -> Response:
    """Everything that could not be read, the newest first; for tokens that name all wholesalers and programs. It goes on record."""
    return streamed("refusals", query, query.pop("format", CSV), REFUSAL_COLUMNS, refusals.every_refusal)


@export("/v1/exports/sites", Permission.READ_SITES, SitesQuery)
def export_sites(query: dict[str, Any]) -> Response:
    """The sites that the filters find, with what holds of each on the day, as known at the instant. It goes on record."""
    form = query.pop("format", CSV)

    def documents(cursor: Cursor[Any]) -> Iterator[Any]:
        for site in sites.every_site(cursor, query):
            if form == CSV:
                fact = site["holds"][0]["fact"] if site["holds"] else {}
                yield site | fact
            else:
                yield site

    return streamed("sites", query, form, SITE_COLUMNS, documents)


@export("/v1/exports/distribution-records", Permission.READ_RECORDS, records.FeedQuery, parameters=[PARAMETER])
def export_records(query: dict[str, Any]) -> Response:
    """A program's records by sequence, `after` one of them. It goes on record. Patients are masked unless permitted, for a purpose."""
    form, purpose = query.pop("format", CSV), purpose_of_request()
    program, after = query["program"], query.get("after", 0)
    records.must_see_feed(program)
    with reading() as cursor:
        last = records.last_of(cursor, program)

    def documents(cursor: Cursor[Any]) -> Iterator[Any]:
        yield from map(msgspec.Raw, records.every_record(cursor, program, after, last))

    told = OnRecord(Inquiry(
        "export" if purpose is None else "patients", "export_records", purpose, max(0, last - after), program=program,
        first_sequence=after + 1, last_sequence=last,
    ))  # fmt: skip
    return streamed("distribution-records", query, form, RECORD_COLUMNS, documents, told)


class OnRecord:
    """What is put on record of an export before its first row leaves, and before each row the orders of whose patients it tells."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.inquiry, self.name, self.begun = inquiry, uuid4(), False
        self.first: list[Named] = []
        self._known: set[Named] = set()

    def each(self, pages: Iterable[list[M]], order_of: Callable[[M], Named]) -> Iterator[list[M]]:
        """The same pages, each once its orders are on record."""
        for page in pages:
            new = dict.fromkeys(order_of(each) for each in page).keys() - self._known
            self._known |= new
            if not self.begun:
                self.first += new
            elif new:
                record_orders(parts().engine, self.name, new)
            yield page


def streamed(
    what: str,
    query: Mapping[str, Any],
    form: str,
    columns: tuple[str, ...],
    documents: Callable[[Cursor[Any]], Iterable[Any]],
    told: OnRecord | None = None,
) -> Response:
    """Row by row, in one transaction. What cannot be answered is said before the first row; what fails later cuts the answer off."""
    if request.environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        raise Problem("http-version", "Over HTTP/1.0 an export that was cut off could not be told from one that is complete.")
    exports = parts().exports
    if not exports.acquire(blocking=False):
        raise Problem("unavailable", "As many exports are under way as may be at once.", retry_after_s=RETRY_S)
    written = _written(documents, form, columns, exports)
    try:
        next(written)
        plain = Inquiry("export", f"export_{what.replace('-', '_')}", None, 0, query.get("wholesaler_id"), None, query.get("program"))
        told = told or OnRecord(plain)
        on_record(told.inquiry, told.first, told.name)
        told.begun = True
    except BaseException:
        written.close()
        raise
    response = Answer(stream_with_context(written), content_type=CONTENT_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{what}.{form}"'
    response.call_on_close(written.close)
    return response


def _written(
    documents: Callable[[Cursor[Any]], Iterable[Any]], form: str, columns: tuple[str, ...], under_way: BoundedSemaphore
) -> Generator[bytes, None, None]:
    """First nothing, once it is known that it can be answered; then the rows. One less is ``under_way`` at its end."""
    try:
        with reading() as cursor:
            cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE_S}s'".encode())
            several = iter(documents(cursor))
            first = list(islice(several, 1))
            yield b""
            yield from rows(disclosure().streamed(chain(first, several), cursor), form, columns)
    finally:
        under_way.release()
