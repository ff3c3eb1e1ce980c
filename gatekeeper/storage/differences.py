"""What a snapshot would change, by the conditions of a load itself, without a row being added."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.storage.certified import LAPSED, Certified, lapse
from gatekeeper.storage.registry import HELD, LEFT_OUT, NAMED_AGAIN, NEW

# In canonical bytes these signs stand in a row only where the member itself does: within a text every quote has a backslash.
STATUS = """substring(convert_from(body, 'UTF8') FROM '"status":"([a-z]+)"')"""
SITES = f"""
CREATE TEMPORARY TABLE standing ON COMMIT DROP AS
SELECT h.subject, h.effective_on, h.sequence, h.id, {STATUS} AS status, md5(f.body) AS said, {LAPSED.format("f.body")} AS lapsed,
       h.until IS NULL OR h.until > %(counted_on)s AS before,
       h.line IS NOT NULL OR ((h.until IS NULL OR h.until > %(counted_on)s) AND NOT ({LEFT_OUT})) AS after
FROM held h JOIN fact f ON f.id = h.id WHERE h.kind = 'site' AND h.effective_on <= %(counted_on)s
UNION ALL
SELECT a.subject, a.effective_on, a.sequence, NULL, {STATUS}, md5(a.body), {LAPSED.format("a.body")}, false, true
FROM arriving a WHERE a.kind = 'site' AND a.effective_on <= %(counted_on)s AND {NEW}
"""  # noqa: S608 - our own words
HOLDING = """
SELECT DISTINCT ON (subject) subject, status, said, lapsed FROM standing WHERE {0}
ORDER BY subject, effective_on DESC, sequence DESC, id NULLS LAST
"""
CHANGED = f"""
WITH b AS ({HOLDING.format("before")}), a AS ({HOLDING.format("after")})
SELECT b.status, CASE WHEN a.status = 'certified' AND a.lapsed AND b.status = 'certified' AND NOT b.lapsed THEN 'lapsed' ELSE a.status END,
       count(*), (array_agg(subject ORDER BY subject))[1:%s]
FROM b FULL JOIN a USING (subject) WHERE (b.status, b.said) IS DISTINCT FROM (a.status, a.said)
GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2 NULLS LAST
"""  # noqa: S608
CERTIFIED = f"""
WITH b AS ({HOLDING.format("before")}), a AS ({HOLDING.format("after")})
SELECT count(*) FILTER (WHERE b.status = 'certified'),
       count(*) FILTER (WHERE a.status = 'certified' AND NOT (a.lapsed AND b.status IS NOT DISTINCT FROM 'certified' AND NOT b.lapsed)),
       count(*) FILTER (WHERE b.status = 'certified' AND (a.status IS DISTINCT FROM 'certified' OR (a.lapsed AND NOT b.lapsed)))
FROM b FULL JOIN a USING (subject)
"""  # noqa: S608
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
    """Their status; None where they are not known."""
    becomes: str | None
    """``lapsed`` where by what the file says the certificate is over that counts today."""
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
    certified: Certified


def compare(
    cursor: Cursor[Any], program: str, sequence: int, day: date, counted_on: date, covers: Sequence[str], years: int | None, first: int
) -> Changes:
    """What the facts that arrived would change of those that are held, from ``day`` on; of sites, how they stand on another."""
    named = {"load": NO_LOAD, "program": program, "sequence": sequence, "day": day, "counted_on": counted_on, "covers": list(covers)}
    named |= lapse(counted_on, years)
    cursor.execute(HELD, named)
    cursor.execute("ANALYZE held")
    cursor.execute(SITES, named)
    sites = tuple([SiteChange(*row) for row in cursor.execute(CHANGED, (first,))])
    kinds = tuple([KindChange(*row) for row in cursor.execute(BY_KIND, named)])
    return Changes(sites, kinds, Certified(*cursor.execute(CERTIFIED).fetchone() or (0, 0, 0)))
