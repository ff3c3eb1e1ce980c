"""Sites by name, address and place: found in the list of sites, and shown by what holds of them on the day as known at the instant."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

from psycopg import Cursor

from gatekeeper.domain.program import Program
from gatekeeper.domain.site_checks import certified_on_day
from gatekeeper.registry.both_times import NEWEST, Answer, answers
from gatekeeper.storage import site_list
from gatekeeper.storage.site_list import Said
from gatekeeper.translate import fact_of
from schemas.fact import SiteFact

MOST_FOUND: Final = 5000
"""So many facts at most are found by words alone: what fits more is not searched for."""
ZIP_CODES_AT_ONCE: Final = 16
MOST_ZIP_CODES_AT_ONCE: Final = 256


class Wanted(NamedTuple):
    """What is asked of a site. Without words and place all that a registry ever named are asked for."""

    program: str
    on: date
    known_at: datetime
    rules: Program | None
    """Whose term says until when a certificate without a last day counts; None where there are none."""
    site_id: str | None = None
    identifier: str | None = None
    words: str | None = None
    near: Mapping[str, int] | None = None
    """ZIP codes, the nearest first, each with how many tenths of a mile it is away."""
    version: int = NEWEST
    """By what the registry had at this version of it: it may grow while somebody turns pages."""
    certified: bool = False
    """Only sites that are certified on the day."""


class Key(NamedTuple):
    """Where a site stands: the nearest first, then by their ids."""

    tenths: int
    """Of a mile; 0 where no place is asked for."""
    site_id: str


class Found(NamedTuple):
    """A site, with what holds of it; None where it is not what is asked for, as it is on that day."""

    key: Key
    answer: Answer | None


class TooMany(Exception):  # noqa: N818 - it is an answer
    """The words alone fit more than is searched for."""


def search(cursor: Cursor[Any], wanted: Wanted, after: Key | None, at_once: int) -> Iterator[Found]:
    """The sites in their order after one of them, each once, looked at so many at a time. Raises ``TooMany``."""
    candidates = _candidates(cursor, wanted, after or Key(-1, ""), at_once)
    while part := list(islice(candidates, at_once)):
        known = answers(cursor, wanted.program, "site", [key.site_id for key, _ in part], wanted.on, wanted.known_at, wanted.version)
        for (key, facts), answer in zip(part, known, strict=True):
            yield Found(key, answer if _fits(answer, facts, wanted) else None)


def is_certified(answer: Answer, rules: Program | None) -> bool:
    """Whether the site is certified on the day, as the gate would say: by its fact, from its first day to its last."""
    years = 0 if rules is None else rules.certification_years
    facts = [fact_of(held.said) for held in answer.holds if isinstance(held.said, SiteFact)]
    return any(certified_on_day(fact, answer.on, years) for fact in facts)  # type: ignore[arg-type] # it is one about a site


def _fits(answer: Answer, facts: frozenset[int] | None, wanted: Wanted) -> bool:
    """``facts`` are those that have the words and the place: one of them must be what holds."""
    if facts is not None and not any(held.id in facts for held in answer.holds):
        return False
    return not wanted.certified or is_certified(answer, wanted.rules)


def _candidates(cursor: Cursor[Any], wanted: Wanted, after: Key, at_once: int) -> Iterator[tuple[Key, frozenset[int] | None]]:
    asked = wanted._asdict()
    if wanted.words is None and wanted.near is None:
        name = after.site_id
        while names := site_list.by_name(cursor, asked, name, at_once):
            yield from ((Key(0, name), None) for name in names)
            name = names[-1]
        return
    limited = wanted.site_id is not None or wanted.identifier is not None
    these = set(site_list.by_name(cursor, asked, "", MOST_FOUND)) if limited else None
    for part in _parts(cursor, wanted, asked, after):
        rows = sorted(each for each in part if these is None or each[0].site_id in these)
        for key, several in groupby(rows, key=lambda row: row[0]):
            if key > after:
                yield key, frozenset(fact for _, fact in several)


def _parts(cursor: Cursor[Any], wanted: Wanted, asked: dict[str, Any], after: Key) -> Iterator[Iterator[tuple[Key, int]]]:
    """The facts that have the words and the place, in parts that follow each other in the order of the sites."""
    if wanted.words is not None:
        found = site_list.by_words(cursor, asked, MOST_FOUND + 1)
        if len(found) <= MOST_FOUND:
            yield _placed(found, wanted.near)
            return
    if wanted.near is None:
        raise TooMany
    for zip_codes in _rings([(zip_code, tenths) for zip_code, tenths in wanted.near.items() if tenths >= after.tenths]):
        yield _placed(site_list.by_place(cursor, asked, zip_codes), wanted.near)


def _placed(found: list[Said], near: Mapping[str, int] | None) -> Iterator[tuple[Key, int]]:
    """Each where its site stands."""
    if near is None:
        return ((Key(0, site_id), fact) for fact, site_id, _ in found)
    return ((Key(near[zip_code], site_id), fact) for fact, site_id, zip_code in found if zip_code is not None and zip_code in near)


def _rings(near: list[tuple[str, int]]) -> Iterator[list[str]]:
    """From the middle outwards, first few, then more at a time; what is equally far away stays together."""
    size, ring = ZIP_CODES_AT_ONCE, list[str]()
    for _, several in groupby(near, key=lambda each: each[1]):
        ring += [zip_code for zip_code, _ in several]
        if len(ring) >= size:
            yield ring
            size, ring = min(2 * size, MOST_ZIP_CODES_AT_ONCE), []
    if ring:
        yield ring
