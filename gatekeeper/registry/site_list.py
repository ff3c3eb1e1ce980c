"""The sites by their names and places, kept beside the ledger: a row for each fact that a registry ever said of a site.

Nothing waits for it. It is no evidence, and is made anew by beginning from nothing. That a fact stands here does not mean that it holds.
"""

from typing import Any, Final

import msgspec
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.domain.addresses import words_of, zip5
from gatekeeper.domain.usps import ABBREVIATIONS
from gatekeeper.storage import site_list
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.site_list import SiteRow, UpTo

FACTS_AT_ONCE: Final = 2000
MOST_WORDS: Final = 10
"""Of one question."""


class _Address(msgspec.Struct):
    street: str
    city: str
    state: str
    postal_code: str
    street2: str = ""


class _Site(msgspec.Struct):
    status: str
    name: str = ""
    address: _Address | None = None


_SITE: Final = msgspec.json.Decoder(_Site)


def step(engine: Engine, *, most: int = FACTS_AT_ONCE) -> bool:
    """Takes one bounded piece of the registry into the list, and says whether there is more that is not in it yet.

    Killed at any moment, it has done the piece or nothing. Several may call it: one does the work, the others find nothing to do.
    """
    with transaction(engine) as cursor:
        if not site_list.take_sites(cursor):
            return False
        come, end = site_list.up_to(cursor), site_list.registry_version(cursor)
        if come.registry_version == end:
            return False
        rows, stop = _next(cursor, come, most)
        if stop == come:
            return False
        site_list.keep(cursor, rows, stop)
    return stop.registry_version != end


def catch_up(engine: Engine) -> None:
    """Until the list has all that the registry has."""
    while step(engine):
        pass


def query_of(text: str) -> str | None:
    """What finds the sites that have all of these words, or words that begin so; None where there are none, or too many.

    A number or a single letter is a word as it stands. Words that the Postal Service abbreviates alike are the same word.
    """
    words = words_of(text)
    return " & ".join(_wanted(word) for word in words) if 1 <= len(words) <= MOST_WORDS else None


def _wanted(word: str) -> str:
    if len(word) == 1 or word.isdigit():
        return f"'{word}'"
    short = ABBREVIATIONS.get(word, word)
    return f"'{word}':*" if short == word else f"('{word}':* | '{short}')"


def _next(cursor: Cursor[Any], come: UpTo, most: int) -> tuple[list[SiteRow], UpTo]:
    rows: list[SiteRow] = []
    for load, version in site_list.loads(cursor, come.registry_version):
        room = most - len(rows)
        found = site_list.facts(cursor, load, come.fact, room)
        rows += [_row(*fact) for fact in found]
        if len(found) == room:
            return rows, UpTo(come.registry_version, found[-1][0])
        come = UpTo(version, 0)
    return rows, come


def _row(fact: int, program: str, site_id: str, effective_on: Any, body: bytes) -> SiteRow:
    site = _SITE.decode(body)
    place = site.address
    parts = [site.name, *([place.street, place.street2, place.city, place.state, place.postal_code] if place else [])]
    words = {word for part in parts for word in words_of(part)}
    words |= {ABBREVIATIONS.get(word, word) for word in words}
    return SiteRow(
        fact,
        program,
        site_id,
        effective_on,
        site.status == "certified",
        zip5(place.postal_code) if place else None,
        " ".join(sorted(words)),
    )
