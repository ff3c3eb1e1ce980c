"""Whether this program lives and can answer, and what is measured."""

from typing import Any

import msgspec
from flask import Response, request
from prometheus_client.exposition import choose_encoder

from gatekeeper.api.areas import OPEN, Answer, Area, caller, parts, refer
from gatekeeper.api.problems import Problem
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.metrics import REGISTRY
from gatekeeper.opening import connected
from gatekeeper.people.permissions import Permission
from gatekeeper.storage.engine import check_version

AREA = Area("health", __name__, "For operations.")


class Health(msgspec.Struct):
    """Whether it is so."""

    live: bool


class Readiness(msgspec.Struct):
    """Whether the database is there and of this version."""

    ready: bool
    lists: bool
    """Whether this program keeps the lists of orders and sites up to the ledger; where a fault has ended that, it must be started anew."""


@AREA.operation("GET", "/health/live", OPEN, Health)
def live() -> Any:
    """Whether the program lives.

    It answers as long as it can answer anything.
    """
    return Health(live=True)


NOT_READY = {"503": {"description": "Not now.", "content": {"application/json": {"schema": refer(Readiness)}}}}


@AREA.operation("GET", "/health/ready", OPEN, Readiness, responses=NOT_READY)
def ready() -> Any:
    """Whether questions can be answered now.

    The database is reached and is of this version; 503 where not. Lists that fall behind do not make it 503: all else is answered.
    """
    lists = parts().lists_followed()
    try:
        with connected(parts().engine) as connection:
            check_version(connection)
    except (TryAgain, Unusable):
        return Response(msgspec.json.encode(Readiness(ready=False, lists=lists)), 503, content_type="application/json")
    return Readiness(ready=True, lists=lists)


TEXT = {"type": "string"}


@AREA.operation("GET", "/metrics", Permission.READ_METRICS, TEXT, content_type="text/plain")
def metrics() -> Any:
    """What is measured of this program, in Prometheus' text form."""
    # They are of every program.
    if not caller().programs.every:
        raise Problem("not-permitted")
    encode, kind = choose_encoder(request.headers.get("Accept", ""))
    return Answer(encode(REGISTRY), content_type=kind)
