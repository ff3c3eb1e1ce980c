"""The application: its areas, who may what, limits, headers. Refusing by default: what names no permission is for nobody."""

from collections.abc import Callable
from threading import BoundedSemaphore, Event
from typing import Any, Final

from flask import Flask, Response, current_app, g, request
from sqlalchemy import Engine

from gatekeeper.api import (
    acknowledgements,
    alerts,
    bypasses,
    corrections,
    digest,
    findings,
    health,
    more_exports,
    order_list,
    orders,
    records,
    refusals,
    rehearsals,
    rules,
    site_aliases,
    sites,
    snapshots,
    voids,
    work,
)
from gatekeeper.api import settings as settings_area
from gatekeeper.api.areas import MOST_OF_A_BODY, OPEN, Digest, Id, Parts
from gatekeeper.api.callers import caller_of_request
from gatekeeper.api.document import Document
from gatekeeper.api.limits import Rates
from gatekeeper.api.measured import measure_calls
from gatekeeper.api.origins import allow_origins
from gatekeeper.api.problems import Problem, answer_problems
from gatekeeper.api.reader import add_reader
from gatekeeper.config import Settings
from gatekeeper.examinations.recording import Terms
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook

AREAS: Final = (
    health.AREA, rules.AREA, sites.AREA, refusals.AREA, findings.AREA, records.AREA, order_list.AREA,
    orders.AREA, rehearsals.AREA, work.AREA, alerts.AREA, acknowledgements.AREA, site_aliases.AREA, snapshots.AREA,
    corrections.AREA, voids.AREA, bypasses.AREA, more_exports.AREA, settings_area.AREA, digest.AREA,
)  # fmt: skip
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def make_app(
    settings: Settings, engine: Engine, book: RuleBook, stopping: Event | None = None, lists_followed: Callable[[], bool] = bool
) -> Flask:
    """The application on this ledger, by these rules. It opens nothing, and starts nothing: nor does it keep lists up to the ledger."""
    app = Flask("gatekeeper", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_OF_A_BODY, PROPAGATE_EXCEPTIONS=False, TRAP_HTTP_EXCEPTIONS=False)
    app.url_map.converters |= {"id": Id, "digest": Digest}
    app.url_map.merge_slashes = False
    waiters, exporters = (BoundedSemaphore(max(1, settings.http_threads // share)) for share in (2, 4))
    app.extensions["gatekeeper"] = Parts(
        engine, book, Terms.of(settings), settings, stopping or Event(), waiters, exporters, lists_followed
    )
    app.extensions["rates"] = Rates(settings.http_rate)
    document = Document(app)
    for area in AREAS:
        document.add(area)
    add_reader(app, document)
    answer_problems(app)
    measure_calls(app)
    allow_origins(app, settings.http_origins)
    app.before_request(_permitted)
    app.after_request(_with_headers)
    app.extensions["document"] = document
    return app


def permission_of(app: Flask, endpoint: str) -> Any:
    """What the operation behind an endpoint needs; None where it names nothing, and is therefore for nobody."""
    return getattr(app.view_functions[endpoint], "permission", None)


def _permitted() -> None:
    """Before anything of the request is looked at: whether its caller may ask this at all."""
    if request.endpoint is None:
        return
    needed = permission_of(current_app, request.endpoint)
    if needed == OPEN:
        return
    g.caller = caller_of_request(current_app.extensions["gatekeeper"].settings)
    current_app.extensions["rates"].count(g.caller.person.subject)
    if not isinstance(needed, Permission):
        raise Problem("not-permitted")
    g.caller.must(needed)


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
