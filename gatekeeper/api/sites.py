"""Who is certified, and who was: both times; by id, identifier, name, address and place."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import UNSET
from psycopg import Cursor

from gatekeeper.api.areas import Area, Number, Query, caller, parts, reading
from gatekeeper.api.lists import Instant as PastInstant
from gatekeeper.api.lists import Name, Number4, Number8, Page, begins, ends, limit_of
from gatekeeper.api.patients import refuse_patients
from gatekeeper.api.problems import Problem
from gatekeeper.domain.addresses import zip5
from gatekeeper.domain.program import Program
from gatekeeper.instants import instant_of
from gatekeeper.messages import written
from gatekeeper.people.permissions import Permission
from gatekeeper.registry import both_times
from gatekeeper.registry.both_times import Answer, Subject
from gatekeeper.registry.importing import zone_of
from gatekeeper.registry.site_list import MOST_WORDS, query_of
from gatekeeper.registry.site_search import MOST_FOUND, Found, Key, TooMany, Wanted, is_certified, search
from gatekeeper.registry.zip_codes import around
from gatekeeper.rules import day_begins
from gatekeeper.storage import ledger, site_list
from schemas.fact import SiteFact
from schemas.members import Day, Instant, OneOf, Words, Written
from schemas.order_schema import identity
from schemas.text import FIRST_YEAR, LAST_YEAR

AT_ONCE: Final = 500
"""Where all sites are read, so many at a time."""
LEAST_AT_ONCE: Final = 50
"""So many are looked at together, however few are asked for: most may not fit."""
MOST_LOOKED_AT: Final = 2000
"""For one page: more than that are looked at for the next one."""
USUAL_MILES: Final = 25
MOST_MILES: Final = 250
ZIP_CODE: Final = r"[0-9]{5}(?:-[0-9]{4})?"
ZIP_SENTENCE: Final = "Must be a ZIP code of five digits, or with four more after a hyphen."
NO_WORDS: Final = f"Must have 1 to {MOST_WORDS} words."
TOO_MUCH: Final = f"Fits more than {MOST_FOUND:,} sites: say more of it, or ask for a place."
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


class SiteAnswer(msgspec.Struct, kw_only=True):
    """What holds of a site on a day as known at an instant; where nothing does, why."""

    program: str
    site_id: str
    on: date
    known_at: str
    certified: bool
    """On that day: its fact says so, its certificate has begun, and is not over by what it says or by the program's term."""
    holds: list[HeldFact]
    why: str | None
    miles: float | msgspec.UnsetType = UNSET
    """Where a place is asked for: how far away its ZIP code lies, as the crow flies, to a tenth of a mile."""


class SiteHistory(SiteAnswer, kw_only=True):
    """The same, and everything that was ever said of the site."""

    history: list[HeldFact]


class SiteList(msgspec.Struct):
    """By their ids; where a place is asked for, the nearest first."""

    sites: list[SiteAnswer]
    complete: bool
    """False where names or places were searched while a load of the registry is still taken in: sites that it brought may be missing."""
    next: str | None


class After(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Where a page begins, and as of what the first one answered: all pages tell of the same day as the registry was known then."""

    known_at: PastInstant
    on: date
    version: Number8
    tenths: Number4
    site_id: Name

    def __post_init__(self) -> None:
        if not all(FIRST_YEAR <= when.year <= LAST_YEAR for when in (self.known_at, self.on)):
            raise ValueError("No page is of this day.")


class BothTimes(Query):
    at = Day(metadata={"description": "The day that is asked about; without it, today in the program's time zone."})
    known_at = Instant(metadata={"description": "As was known at this instant; without it, now. Write `+` as `%2B`."})


class SitesQuery(Page, BothTimes):
    program = Written(r"[A-Za-z0-9._:-]{1,64}", "Must be a program's name.", required=True)
    identifier = Words(
        metadata={"description": "Only those that some fact gives this NPI, DEA, NCPDP id, HIN, GLN or `WHOLESALER:ACCOUNT`."}
    )
    site_id = identity()
    q = Words(
        metadata={
            "description": f"Words of its name and address, in any order, by their beginnings; numbers and single letters whole. Up to "
            f"{MOST_WORDS} words. What fits more than {MOST_FOUND:,} sites is refused, unless a place is asked for."
        }
    )
    near = Written(ZIP_CODE, ZIP_SENTENCE, metadata={"description": "Only sites whose ZIP code lies near this one, the nearest first."})
    within = Number(1, MOST_MILES, metadata={"description": f"How many miles away at most; {USUAL_MILES} where not given."})
    certified = OneOf(("true",), metadata={"description": "Only sites that are certified on the day."})


@AREA.operation("GET", "/v1/sites", Permission.READ_SITES, SiteList, query=SitesQuery)
def list_sites(query: dict[str, Any]) -> Any:
    """The sites that a program's registry ever named, with what holds of each; by their ids, or the nearest first.

    By name, address and place a site is found by what holds of it. Else one that is unknown on the day, or was not known yet at the
    instant, says why. A page whose filters find little may have fewer sites than its limit, and yet a `next`.
    """
    limit = limit_of(query)
    shown: list[SiteAnswer] = []
    with reading() as cursor:
        before = begins(query, After)
        wanted = _wanted(cursor, query, before)
        found = _search(cursor, wanted, None if before is None else Key(before.tenths, before.site_id), max(limit + 1, LEAST_AT_ONCE))
        key = None
        for number, (this, answer) in enumerate(islice(found, MOST_LOOKED_AT), 1):
            if answer is not None and len(shown) == limit:
                break
            if answer is not None:
                shown.append(_site(answer, wanted, this))
            key = this
            if number == MOST_LOOKED_AT:
                break
        else:
            key = None
        complete = (wanted.words is None and wanted.near is None) or site_list.is_complete(cursor)
    return SiteList(shown, complete, None if key is None else _ends(query, wanted, key))


def every_site(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that are asked for, in the order of the list, each as a document."""
    wanted = _wanted(cursor, query)
    for key, answer in _search(cursor, wanted, None, AT_ONCE):
        if answer is not None:
            yield msgspec.to_builtins(_site(answer, wanted, key))


@AREA.operation("GET", "/v1/sites/<id:program>/<id:site_id>", Permission.READ_SITES, SiteHistory, query=BothTimes)
def show_site(query: dict[str, Any], program: str, site_id: str) -> Any:
    """What holds of one site on a day as known at an instant, and everything that was ever said of it."""
    caller().must_see_program(program)
    with reading() as cursor:
        on, known_at = _times(cursor, query, program)
        subject = Subject(program, "site", site_id)
        answer = both_times.answer(cursor, subject, on, known_at)
        said = both_times.history(cursor, subject)
    shown = _answer(answer, _rules(program, on))
    history: Any = [both_times.document(fact) for fact in said]
    return SiteHistory(**shown, history=history)


def _ends(query: dict[str, Any], wanted: Wanted, key: Key) -> str:
    return ends(query, After(wanted.known_at, wanted.on, wanted.version, *key))


def _wanted(cursor: Cursor[Any], query: dict[str, Any], before: After | None = None) -> Wanted:
    """What is asked for, of a later page as of the first. Ends the request where it cannot be, or may not be."""
    program = query["program"]
    caller().must_see_program(program)
    words, near = query_of(query["q"]) if "q" in query else None, None
    if "q" in query:
        refuse_patients(cursor, query)
        if words is None:
            raise _refused("q", NO_WORDS)
    if "within" in query and "near" not in query:
        raise _refused("within", "Needs `near`.")
    if "near" in query:
        near = around(zip5(query["near"]), query.get("within", USUAL_MILES))
        if near is None:
            raise _refused("near", "Must be a ZIP code of which it is known where it lies.")
    on, known_at = _times(cursor, query, program) if before is None else (before.on, before.known_at)
    version = site_list.registry_version(cursor) if before is None else before.version
    named = query.get("site_id"), query.get("identifier")
    return Wanted(program, on, known_at, _rules(program, on), *named, words, near, version, "certified" in query)


def _search(cursor: Cursor[Any], wanted: Wanted, after: Key | None, at_once: int) -> Iterator[Found]:
    if _of_another(wanted.identifier):
        return
    try:
        yield from search(cursor, wanted, after, at_once)
    except TooMany:
        raise _refused("q", TOO_MUCH) from None


def _site(answer: Answer, wanted: Wanted, key: Key) -> SiteAnswer:
    miles = UNSET if wanted.near is None else key.tenths / 10
    return SiteAnswer(**_answer(answer, wanted.rules), miles=miles)


def _answer(answer: Answer, rules: Program | None) -> dict[str, Any]:
    return {
        "program": answer.subject.program,
        "site_id": answer.subject.name,
        "on": answer.on,
        "known_at": written(answer.known_at),
        "certified": is_certified(answer, rules),
        "holds": [both_times.document(fact) for fact in answer.holds],
        "why": answer.why,
    }


def _times(cursor: Cursor[Any], query: dict[str, Any], program: str) -> tuple[date, datetime]:
    present = ledger.now(cursor)
    known_at = instant_of(query["known_at"]) if "known_at" in query else present
    return query.get("at") or present.astimezone(zone_of(parts().book.known(present), program)).date(), known_at


def _rules(program: str, on: date) -> Program | None:
    """By what the gate decides on that day; where no rules hold then, by those that hold last."""
    named = [rules for rules in parts().book.newest if rules.name == program]
    known = parts().book.known(day_begins(on, named[0].time_zone)) if named else ()
    return next((rules for rules in known if rules.name == program), None)


def _of_another(identifier: str | None) -> bool:
    """Whether it is an account of a wholesaler that the caller may not see."""
    wholesaler_id, colon, _ = (identifier or "").partition(":")
    return bool(colon) and not caller().wholesalers.allow(wholesaler_id)


def _refused(parameter: str, detail: str) -> Problem:
    return Problem("invalid-parameters", errors=[{"parameter": parameter, "detail": detail}])
