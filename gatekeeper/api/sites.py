"""Who is certified, and who was: both times."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

import msgspec
from psycopg import Cursor

from gatekeeper import both_times
from gatekeeper.api.areas import Area, Query, caller, parts, reading
from gatekeeper.api.lists import Page, begins, ends, limit_of
from gatekeeper.api.masking import without_others
from gatekeeper.both_times import Subject
from gatekeeper.instants import instant_of
from gatekeeper.messages import written
from gatekeeper.permissions import Permission
from gatekeeper.registry import zone_of
from gatekeeper.storage import ledger
from schemas.fact import SiteFact
from schemas.members import Day, Instant, Words, Written
from schemas.order_schema import identity

AT_ONCE: Final = 500
"""Where all sites are read, so many at a time."""
AREA = Area("sites", __name__, "Sites, as the registries say and said.")


class Known(msgspec.Struct):
    """With what something became known."""

    since: str
    by: str
    load: int
    registry_version: int
    snapshot_sequence: int | msgspec.UnsetType = msgspec.UNSET
    snapshot_as_of: str | msgspec.UnsetType = msgspec.UNSET


class Change(msgspec.Struct):
    """From this day on a fact no longer counts, or counts again."""

    counts: bool
    known: Known
    day: date = msgspec.field(name="from")


class HeldFact(msgspec.Struct):
    """A fact, with when it became known and what snapshots made of it since."""

    fact: SiteFact
    effective_on: date
    sequence: int
    status: str
    known: Known
    changes: list[Change]


class SiteAnswer(msgspec.Struct):
    """What holds of a site on a day as known at an instant; where nothing does, why."""

    program: str
    site_id: str
    on: date
    known_at: str
    holds: list[HeldFact]
    why: str | None


class SiteHistory(SiteAnswer):
    """The same, and everything that was ever said of the site."""

    history: list[HeldFact]


class SiteList(msgspec.Struct):
    """By their ids."""

    sites: list[SiteAnswer]
    next: str | None


class BothTimes(Query):
    at = Day(metadata={"description": "The day that is asked about; without it, today in the program's time zone."})
    known_at = Instant(metadata={"description": "As was known at this instant; without it, now. Write `+` as `%2B`."})


class SitesQuery(Page, BothTimes):
    program = Written(r"[A-Za-z0-9._:-]{1,64}", "Must be a program's name.", required=True)
    identifier = Words(
        metadata={"description": "Only those that some fact gives this NPI, DEA, NCPDP id, HIN, GLN or `WHOLESALER:ACCOUNT`."}
    )
    site_id = identity()


LISTED = """
SELECT DISTINCT subject FROM fact
WHERE kind = 'site' AND program = %(program)s AND subject > %(after)s
  AND (%(site_id)s::text IS NULL OR subject = %(site_id)s)
  AND (%(identifier)s::text IS NULL OR subject IN (SELECT site_id FROM moving_site_identifier WHERE value = %(identifier)s))
ORDER BY subject LIMIT %(limit)s
"""


@AREA.operation("GET", "/v1/sites", Permission.READ_SITES, SiteList, query=SitesQuery)
def list_sites(query: dict[str, Any]) -> Any:
    """The sites that a program's registry ever named, with what holds of each.

    A site that is unknown on the day, or was not known yet at the instant, says why.
    """
    program, limit = query["program"], limit_of(query)
    caller().must_see_program(program)
    wanted = {"program": program, "after": begins(query, str) or "", "limit": limit + 1, "site_id": query.get("site_id")}
    with reading() as cursor:
        names = [] if _of_another(query.get("identifier")) else [
            name for (name,) in cursor.execute(LISTED, wanted | {"identifier": query.get("identifier")})
        ]  # fmt: skip
        on, known_at = _times(cursor, query, program)
        shown = [SiteAnswer(**_answer(cursor, program, name, on, known_at)) for name in names[:limit]]
    return SiteList(shown, ends(query, names[limit - 1]) if len(names) > limit else None)


def every_site(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that are asked for, by their ids, each as a document."""
    program = query["program"]
    caller().must_see_program(program)
    on, known_at = _times(cursor, query, program)
    wanted = {"program": program, "site_id": query.get("site_id"), "identifier": query.get("identifier"), "limit": AT_ONCE}
    after = ""
    while names := [] if _of_another(query.get("identifier")) else [
        name for (name,) in cursor.execute(LISTED, wanted | {"after": after})
    ]:  # fmt: skip
        for name in names:
            yield msgspec.to_builtins(SiteAnswer(**_answer(cursor, program, name, on, known_at)))
        after = names[-1]


@AREA.operation("GET", "/v1/sites/<id:program>/<id:site_id>", Permission.READ_SITES, SiteHistory, query=BothTimes)
def show_site(query: dict[str, Any], program: str, site_id: str) -> Any:
    """What holds of one site on a day as known at an instant, and everything that was ever said of it."""
    caller().must_see_program(program)
    with reading() as cursor:
        on, known_at = _times(cursor, query, program)
        answer = _answer(cursor, program, site_id, on, known_at)
        said = both_times.history(cursor, Subject(program, "site", site_id))
    return SiteHistory(**answer, history=[_shown(fact) for fact in said])


def _times(cursor: Cursor[Any], query: dict[str, Any], program: str) -> tuple[date, datetime]:
    present = ledger.now(cursor)
    known_at = instant_of(query["known_at"]) if "known_at" in query else present
    return query.get("at") or present.astimezone(zone_of(parts().book.newest, program)).date(), known_at


def _answer(cursor: Cursor[Any], program: str, site_id: str, on: date, known_at: datetime) -> dict[str, Any]:
    given = both_times.answer(cursor, Subject(program, "site", site_id), on, known_at)
    holds = [_shown(fact) for fact in given.holds]
    return {"program": program, "site_id": site_id, "on": on, "known_at": written(known_at), "holds": holds, "why": given.why}


def _shown(fact: both_times.Held) -> Any:
    return without_others(both_times.document(fact), caller().wholesalers)


def _of_another(identifier: str | None) -> bool:
    """Whether it is an account of a wholesaler that the caller may not see."""
    wholesaler_id, colon, _ = (identifier or "").partition(":")
    return bool(colon) and not caller().wholesalers.allow(wholesaler_id)
