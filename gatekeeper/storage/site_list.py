"""The sites as they are searched: what the registries say of their names and places, a row a fact, found by index."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from psycopg import Cursor

SITES_LOCK: Final = 7313005
"""Whoever takes facts into the list of sites holds this lock; the ledger's own is not needed."""
LOADS_AT_ONCE: Final = 200
COME = "SELECT registry_version, fact FROM moving_listed_sites_up_to"
END = "SELECT registry_version FROM moving_tail"
LOADS = """
SELECT id, version FROM registry_load WHERE version > %(after)s UNION ALL
SELECT id, version FROM registry_batch WHERE version > %(after)s ORDER BY version LIMIT %(most)s
"""
FACTS = "SELECT id, program, subject, effective_on, body FROM fact WHERE load = %s AND id > %s AND kind = 'site' ORDER BY id LIMIT %s"
ADD = """
INSERT INTO moving_listed_site (fact, program, site_id, effective_on, certified, zip_code, words)
SELECT fact, program, site_id, effective_on, certified, zip_code, array_to_tsvector(string_to_array(words, ' '))
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::date[], %s::boolean[], %s::text[], %s::text[])
    AS l(fact, program, site_id, effective_on, certified, zip_code, words)
"""
UP_TO = """
INSERT INTO moving_listed_sites_up_to ("only", registry_version, fact) VALUES (true, %s, %s)
ON CONFLICT ("only") DO UPDATE SET registry_version = EXCLUDED.registry_version, fact = EXCLUDED.fact
"""
# A fact that is not effective yet holds of no site.
SAID = "program = %(program)s AND effective_on <= %(on)s AND (certified OR NOT %(certified)s)"
BY_WORDS = f"SELECT fact, site_id, zip_code FROM moving_listed_site WHERE {SAID} AND words @@ %(words)s::tsquery LIMIT %(most)s"  # noqa: S608 - our own words
BY_PLACE = f"""
SELECT fact, site_id, zip_code FROM moving_listed_site
WHERE {SAID} AND zip_code = ANY(%(zip_codes)s) AND (%(words)s::tsquery IS NULL OR words @@ %(words)s::tsquery)
"""  # noqa: S608
BY_NAME = """
SELECT DISTINCT subject FROM fact
WHERE kind = 'site' AND program = %(program)s AND subject > %(after)s
  AND (%(site_id)s::text IS NULL OR subject = %(site_id)s)
  AND (%(identifier)s::text IS NULL OR subject IN (SELECT site_id FROM moving_site_identifier WHERE value = %(identifier)s))
ORDER BY subject LIMIT %(most)s
"""


Said = tuple[int, str, str | None]
"""A fact of a site that is asked for, the site and its ZIP code: thousands at once, so no objects of our own."""


class UpTo(NamedTuple):
    """How far the list has come: all of the registry up to this version, and of the version after it all up to this fact."""

    registry_version: int
    fact: int


class SiteRow(NamedTuple):
    """What a registry said of a site, by what it can be found."""

    fact: int
    program: str
    site_id: str
    effective_on: date
    certified: bool
    zip_code: str | None
    words: str


def take_sites(cursor: Cursor[Any]) -> bool:
    """Whether nobody else takes facts into the list now; until the end of the transaction nobody does."""
    return cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (SITES_LOCK,)).fetchone() == (True,)


def up_to(cursor: Cursor[Any]) -> UpTo:
    """How far the list has come."""
    row = cursor.execute(COME).fetchone()
    return UpTo(0, 0) if row is None else UpTo(*row)


def registry_version(cursor: Cursor[Any]) -> int:
    """How far the registry has come."""
    row = cursor.execute(END).fetchone()
    return 0 if row is None else int(row[0])


def is_complete(cursor: Cursor[Any]) -> bool:
    """Whether the list has all that the registry says."""
    return up_to(cursor).registry_version == registry_version(cursor)


def loads(cursor: Cursor[Any], after: int) -> list[tuple[int, int]]:
    """The loads of the registry's next versions, some of them, each with its version."""
    return cursor.execute(LOADS, {"after": after, "most": LOADS_AT_ONCE}).fetchall()


def facts(cursor: Cursor[Any], load: int, after: int, most: int) -> list[tuple[int, str, str, date, bytes]]:
    """The next facts about sites that a load brought, after one of them."""
    return cursor.execute(FACTS, (load, after, most), binary=True).fetchall()


def keep(cursor: Cursor[Any], rows: Sequence[SiteRow], stop: UpTo) -> None:
    """Adds these rows; then the list has come so far."""
    if rows:
        cursor.execute(ADD, [list(column) for column in zip(*rows, strict=True)])
    cursor.execute(UP_TO, stop)


def by_words(cursor: Cursor[Any], asked: dict[str, Any], most: int) -> list[Said]:
    """The facts that have all of these words, so many at most."""
    return cursor.execute(BY_WORDS.encode(), asked | {"most": most}).fetchall()


def by_place(cursor: Cursor[Any], asked: dict[str, Any], zip_codes: Sequence[str]) -> list[Said]:
    """All facts that name a place with one of these ZIP codes, and have these words."""
    return cursor.execute(BY_PLACE.encode(), asked | {"zip_codes": list(zip_codes)}).fetchall()


def by_name(cursor: Cursor[Any], asked: dict[str, Any], after: str, most: int) -> list[str]:
    """The next sites that a registry ever named, by their ids."""
    return [name for (name,) in cursor.execute(BY_NAME, asked | {"after": after, "most": most})]
