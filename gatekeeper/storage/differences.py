"""What a snapshot would change, by the conditions of a load itself, without a row being added."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.domain.program import Program
from gatekeeper.storage.certified import DAY, NOBODY, TERMS, Lost, Receiving, count
from gatekeeper.storage.registry import HELD, LEFT_OUT, NAMED_AGAIN, NEW

SITES = f"""
CREATE TEMPORARY TABLE standing ON COMMIT DROP AS
SELECT h.subject, h.effective_on, h.sequence, h.id, {DAY.format("h")} AS day, md5(f.body) AS said, {TERMS.format("f.body")} AS terms,
       h.until IS NULL OR h.until > {DAY.format("h")} AS before,
       h.line IS NOT NULL OR ((h.until IS NULL OR h.until > {DAY.format("h")}) AND NOT ({LEFT_OUT})) AS after
FROM held h JOIN fact f ON f.id = h.id WHERE h.kind = 'site'
UNION ALL
SELECT a.subject, a.effective_on, a.sequence, NULL, {DAY.format("a")}, md5(a.body), {TERMS.format("a.body")}, false, true
FROM arriving a WHERE a.kind = 'site' AND {NEW}
"""  # noqa: S608 - our own words
HOLDING = """
CREATE TEMPORARY TABLE sites_{0} ON COMMIT DROP AS
SELECT DISTINCT ON (subject, day) subject, day, terms, said FROM standing WHERE {0}
ORDER BY subject, day, effective_on DESC, sequence DESC, id NULLS LAST
"""
CHANGED = """
SELECT coalesce(b.terms, ''), coalesce(a.terms, ''), count(*), (array_agg(subject ORDER BY subject))[1:%s]
FROM (SELECT * FROM sites_before WHERE day = %s) b FULL JOIN (SELECT * FROM sites_after WHERE day = %s) a USING (subject)
WHERE b.said IS DISTINCT FROM a.said GROUP BY 1, 2
"""
COMING = """
SELECT was, day, becomes, count(*), (array_agg(subject ORDER BY subject))[1:%s] FROM site_changes WHERE day > %s GROUP BY 1, 2, 3
"""
BY_KIND = f"""
SELECT kind, sum(added)::bigint, sum(gone)::bigint, sum(back)::bigint FROM (
    SELECT kind, 1 AS added, 0 AS gone, 0 AS back FROM arriving a WHERE {NEW}
    UNION ALL SELECT kind, 0, 1, 0 FROM held h WHERE {LEFT_OUT}
    UNION ALL SELECT kind, 0, 0, 1 FROM held h WHERE {NAMED_AGAIN}
) counted GROUP BY kind ORDER BY kind
"""  # noqa: S608


NO_LOAD = 2**63 - 1
"""Above the number of every load: all that is held takes part."""


class SiteChange(NamedTuple):
    """Sites to which the same happens, as they stand today."""

    was: str | None
    """Their status; None where they are not known. Where a certificate counts for nothing, what is wrong with it."""
    becomes: str | None
    """The same by what the file says. With a day where it says so of a day to come on which the site may receive no more."""
    sites: int
    first: list[str]


class KindChange(NamedTuple):
    """How many facts of a kind are new, left out, and named again."""

    kind: str
    added: int
    gone: int
    back: int


class Changes(NamedTuple):
    """What a snapshot would change."""

    sites: tuple[SiteChange, ...]
    kinds: tuple[KindChange, ...]
    lost: Lost


def compare(
    cursor: Cursor[Any], program: str, sequence: int, day: date, counted_on: date, covers: Sequence[str], rules: Program | None, first: int
) -> Changes:
    """What the facts that arrived would change of those that are held, from ``day`` on; of sites, how they stand on another."""
    named = {"load": NO_LOAD, "program": program, "sequence": sequence, "day": day, "counted_on": counted_on, "covers": list(covers)}
    cursor.execute(HELD, named)
    cursor.execute("ANALYZE held")
    cursor.execute(SITES, named)
    for when in ("before", "after"):
        cursor.execute(HOLDING.format(when).encode())
    lost = count(cursor, rules, counted_on)
    sites = _site_changes(cursor, Receiving(rules), counted_on, first)
    kinds = tuple([KindChange(*row) for row in cursor.execute(BY_KIND, named)])
    return Changes(sites, kinds, lost)


def _site_changes(cursor: Cursor[Any], receiving: Receiving, today: date, first: int) -> tuple[SiteChange, ...]:
    """Those that are gained first, then by what they were, and at last what is to come."""
    found: dict[tuple[str | None, str | None], SiteChange] = {}

    def add(was: str | None, becomes: str | None, sites: int, some: list[str]) -> None:
        before = found.get((was, becomes), SiteChange(was, becomes, 0, []))
        found[was, becomes] = SiteChange(was, becomes, before.sites + sites, sorted([*before.first, *some])[:first])

    for was, becomes, sites, some in cursor.execute(CHANGED, (first, today, today)).fetchall():
        words = [None if terms == NOBODY else receiving.word(terms, today) for terms in (was, becomes)]
        if words == ["certified", "certified"]:
            words[1] = receiving.loses(was, becomes, today, today) or "certified"
        add(words[0], words[1], sites, some or [])
    changes = [found[words] for words in sorted(found, key=lambda words: (words[0] or "", words[1] is None, words[1] or ""))]
    found.clear()
    for was, day, becomes, sites, some in cursor.execute(COMING, (first, today)).fetchall():
        if word := receiving.loses(was, becomes, today, day):
            add("certified", f"{word} from {day}", sites, some or [])
    return (*changes, *found.values())
