"""Which sites are certified today, without a load and with it: what the guard of a snapshot counts."""

from datetime import date
from typing import NamedTuple

from gatekeeper.domain.calendar import anniversary

# In canonical bytes these signs stand in a row only where the member itself does: within a text every quote has a backslash.
# Days are compared as they are written.
LAPSED = """
coalesce(substring({0} FROM nullif(position('"valid_through":"'::bytea IN {0}), 0) + 17 FOR 10) < %(today)s,
         substring({0} FROM nullif(position('"certified_on":"'::bytea IN {0}), 0) + 16 FOR 10) <= %(years_ago)s, false)
"""
"""Whether the certificate of which a fact speaks is over; see ``lapse``."""
CERTIFIED = f"""
SELECT subject, lapsed FROM (
    SELECT DISTINCT ON (f.subject COLLATE "C") f.subject, position('"status":"certified"'::bytea IN f.body) > 0 AS certified,
           {LAPSED.format("f.body")} AS lapsed
    FROM fact f
    LEFT JOIN (
        SELECT DISTINCT ON (fact) fact, CASE WHEN NOT present THEN day END AS until FROM fact_presence ORDER BY fact, load DESC
    ) p ON p.fact = f.id
    WHERE f.program = %(program)s AND f.load <= %(load)s AND f.kind = 'site' AND f.effective_on <= %(counted_on)s
    AND (p.until IS NULL OR p.until > %(counted_on)s)
    ORDER BY f.subject COLLATE "C", f.effective_on DESC, f.sequence DESC, f.id
) s WHERE certified
"""  # noqa: S608
# A certificate that is over today anyway is not lost again; one that a load says was over before is.
LOST = """
SELECT count(b.subject), count(a.subject) - count(*) FILTER (WHERE a.lapsed AND NOT b.lapsed),
       count(b.subject) FILTER (WHERE a.subject IS NULL OR (a.lapsed AND NOT b.lapsed))
FROM certified_before b FULL JOIN certified_after a USING (subject)
"""


class Certified(NamedTuple):
    """How many sites are certified without and with a load, and how many of the former are not among the latter.

    A site whose certificate would be over by what the load says, and is not without it, is certified no longer.
    """

    before: int
    after: int
    lost: int


def lapse(today: date, years: int | None) -> dict[str, bytes | None]:
    """What ``LAPSED`` is asked with: a certificate without a last day counts so many years, or (None) for ever."""
    ago = None if years is None else anniversary(today, -years).isoformat().encode()
    return {"today": today.isoformat().encode(), "years_ago": ago}
