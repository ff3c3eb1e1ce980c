"""A day at the desk: what opened, what cleared, what is to ship, and which stops clear by themselves."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Cursor

from gatekeeper.api.areas import Area, Query, caller, parts, reading
from gatekeeper.api.order_list import OrderListed, listed
from gatekeeper.api.problems import Problem
from gatekeeper.domain.days import begin_of
from gatekeeper.domain.program import Program
from gatekeeper.examinations.clearing import clears_at
from gatekeeper.instants import instant_of
from gatekeeper.messages import written
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import digest, ledger, order_list
from gatekeeper.storage.order_list import Listed
from schemas.members import Day, Instant
from schemas.order_schema import identity, identity_without_colon

AREA = Area("digest", __name__, "A day at the desk.")
MOST: Final = 200
LONGEST: Final = timedelta(days=7)


class Waiting(msgspec.Struct):
    """An order that is open."""

    order: OrderListed
    clears_at: str | None
    """When the day begins on which a line of it is released by itself, were nothing else to change; null where no day does it."""


class Digest(msgspec.Struct):
    """Each part has 200 orders at most, and says how many there are."""

    since: str
    to: str
    day: date
    """Of what is due."""
    opened: list[Waiting]
    """Opened since, and open."""
    opened_orders: int
    cleared: list[OrderListed]
    """Stopped before, and open no more: released, superseded, cancelled or settled."""
    cleared_orders: int
    due: list[Waiting]
    """Open, and to ship that day."""
    more_due: bool
    as_of: str | None
    """Everything before this instant is in the list of orders, and so here."""


class DigestQuery(Query):
    day = Day(
        metadata={"description": "In the time zone of the programs that the token names; today where neither this nor `since` is given."}
    )
    since = Instant(metadata={"description": "In the place of a day: from this instant to now, seven days at most."})
    program = identity()
    wholesaler_id = identity_without_colon()


@AREA.operation("GET", "/v1/digest", Permission.READ_ORDERS, Digest, query=DigestQuery)
def show_digest(query: dict[str, Any]) -> Any:
    """What opened, what cleared, what is due, and on which day a stop clears by itself; of the token's wholesalers and programs."""
    caller().must_see_asked(query)
    with reading() as cursor:
        now = ledger.now(cursor)
        rules = parts().book
        since, to, day = _span(query, now, rules.known(now))
        programs = rules.at(now).programs
        found = digest.happened(cursor, since, to, caller().limits())
        opened, cleared = ([each for each in several if _visible(each, query)] for several in found)
        kinds = [kind.kind for kind in order_list.kinds(cursor, _open_kinds(query))]
        due = digest.due(cursor, kinds, day, MOST + 1)
        as_of = order_list.as_of(cursor)
        return Digest(
            written(since), written(to), day, _waiting(cursor, opened[:MOST], programs), len(opened),
            [listed(each, programs) for each in cleared[:MOST]], len(cleared), _waiting(cursor, due[:MOST], programs), len(due) > MOST,
            None if as_of is None else written(as_of.astimezone(UTC)),
        )  # fmt: skip


def _span(query: dict[str, Any], now: datetime, programs: Iterable[Program]) -> tuple[datetime, datetime, date]:
    zone = min((program.time_zone for program in programs if caller().programs.allow(program.name)), default="UTC")
    today = now.astimezone(ZoneInfo(zone)).date()
    if "since" not in query:
        day = query.get("day", today)
        return begin_of(day, zone), begin_of(day + timedelta(days=1), zone), day
    since = instant_of(query["since"])
    if "day" in query or not now - LONGEST <= since <= now:
        detail = "Must be within the last seven days, and without `day`."
        raise Problem("invalid-parameters", errors=[{"parameter": "since", "detail": detail}])
    return since, now + timedelta(milliseconds=1), today


def _visible(order: Listed, query: dict[str, Any]) -> bool:
    """Whether the caller may see something of it, and asks for it."""
    if not caller().wholesalers.allow(order.wholesaler_id) or order.wholesaler_id != query.get("wholesaler_id", order.wholesaler_id):
        return False
    programs = {line.program for line in listed(order, ()).lines}
    return query["program"] in programs if "program" in query else bool(programs)


def _waiting(cursor: Cursor[Any], several: list[Listed], programs: Sequence[Program]) -> list[Waiting]:
    cases = digest.evidence_of_open(cursor, several) if several else {}
    shown = []
    for order in several:
        one = listed(order, programs)
        seen = {line.line for line in one.lines}
        days = [clears_at(evidence, lines & seen) for evidence, lines in cases.get(order.place, ()) if lines & seen]
        begins = min((day for day in days if day is not None), default=None)
        shown.append(Waiting(one, None if begins is None else written(begins)))
    return shown


def _open_kinds(query: dict[str, Any]) -> dict[str, Any]:
    asked = {name: query.get(name) for name in ("wholesaler_id", "program")}
    return asked | {"outcome": None, "reason": None, "open": True} | caller().limits()
