"""Which sites may receive, without a load and with it: what the guard of a snapshot counts.

What the gate asks of a site is asked here by the same rule, once for all sites of which the same is said.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.facts import SiteFact
from gatekeeper.domain.program import Program
from gatekeeper.domain.site_checks import may_receive

# In canonical bytes these signs stand in a row only where the member itself does: within a text every quote has a backslash. The members
# that are asked for follow each other, and what comes first after them ends them.
TERMS = """
substring({0} FROM position('"class":"'::bytea IN {0}) FOR coalesce(
    nullif(position(',"name":"'::bytea IN {0}), 0), nullif(position(',"address":{{'::bytea IN {0}), 0),
    nullif(position(',"identifiers":{{'::bytea IN {0}), 0), nullif(position(',"authorized_representative":"'::bytea IN {0}), 0),
    octet_length({0})) - position('"class":"'::bytea IN {0}))
|| CASE WHEN position(',"address":{{'::bytea IN {0}) > 0 THEN ',"address":true'::bytea ELSE ''::bytea END
"""
"""What a fact says that matters to whether its site may receive."""
DAY = "greatest({0}.effective_on, %(counted_on)s)"
"""A fact is judged on the day that is counted or, where it counts from a later day on, on that."""
STANDING = f"""
SELECT DISTINCT ON (f.subject COLLATE "C", {DAY.format("f")}) f.subject, {DAY.format("f")} AS day, {TERMS.format("f.body")} AS terms
FROM fact f
LEFT JOIN (
    SELECT DISTINCT ON (fact) fact, CASE WHEN NOT present THEN day END AS until FROM fact_presence ORDER BY fact, load DESC
) p ON p.fact = f.id
WHERE f.program = %(program)s AND f.load <= %(load)s AND f.kind = 'site' AND (p.until IS NULL OR p.until > {DAY.format("f")})
ORDER BY f.subject COLLATE "C", {DAY.format("f")}, f.effective_on DESC, f.sequence DESC, f.id
"""  # noqa: S608
COUNT = "SELECT terms, count(*) FROM {0} WHERE day = %s GROUP BY 1"
# Each site as it stands today and stands then; and what is told of a day to come, but what was known of that is lost no second time.
CHANGES = """
CREATE TEMPORARY TABLE site_changes ON COMMIT DROP AS
SELECT b.subject, b.terms AS was, b.day, coalesce(a.terms, '') AS becomes
FROM sites_before b LEFT JOIN sites_after a ON (a.subject, a.day) = (b.subject, b.day)
WHERE b.day = %(today)s AND a.terms IS DISTINCT FROM b.terms
UNION ALL
SELECT b.subject, b.terms, a.day, a.terms
FROM sites_before b JOIN sites_after a ON a.subject = b.subject AND a.day > b.day
LEFT JOIN sites_before k ON (k.subject, k.day, k.terms) = (a.subject, a.day, a.terms)
WHERE b.day = %(today)s AND k.subject IS NULL
"""
PAIRS = "SELECT DISTINCT was, day, becomes FROM site_changes"
LOST = """
SELECT DISTINCT subject FROM site_changes
JOIN unnest(%s::bytea[], %s::date[], %s::bytea[]) l(was, day, becomes) USING (was, day, becomes)
"""
NOBODY = b""
"""The terms of a site of which nothing is said any more."""


class Terms(msgspec.Struct, frozen=True):
    """What is said of a site that matters to whether it may receive."""

    site_class: str = msgspec.field(name="class")
    status: str
    certified_on: date | None = None
    valid_through: date | None = None
    address: bool = False

    def site(self, program: str, day: date) -> SiteFact:
        return SiteFact(program, 0, day, "", self.site_class, self.status, self.certified_on, self.valid_through)


class Certified(NamedTuple):
    """How many sites are certified without and with a load, and how many of the former may not receive any more by the load.

    Certified is who may receive on the day, by the rule of the gate.
    """

    before: int
    after: int
    lost: int


class Lost(NamedTuple):
    """Of how many sites which would go."""

    certified: Certified
    sites: tuple[str, ...]


class Receiving:
    """Who may receive by a program's rules; where it has none here, nothing is received or stopped, and only the status is looked at."""

    def __init__(self, rules: Program | None) -> None:
        self._rules = rules
        self._read = msgspec.json.Decoder(Terms).decode
        self._known: dict[tuple[bytes, date], str] = {}

    def word(self, terms: bytes, day: date) -> str:
        """``certified`` where the site may receive on the day; else its status, or what is wrong with its certificate."""
        if (terms, day) not in self._known:
            self._known[terms, day] = self._word(self._read(b"{%s}" % terms), day)
        return self._known[terms, day]

    def loses(self, was: bytes, becomes: bytes, today: date, day: date) -> str | None:
        """What a site becomes that may receive today and may not on the day, by what it becomes; None where it loses nothing."""
        if self.word(was, today) != "certified":
            return None
        if becomes == NOBODY:
            return "unknown"
        word = self.word(becomes, day)
        if word != "certified":
            return word
        return "without address" if self._read(b"{%s}" % was).address and not self._read(b"{%s}" % becomes).address else None

    def _word(self, terms: Terms, day: date) -> str:
        if terms.status != "certified" or self._rules is None:
            return terms.status
        site = terms.site(self._rules.name, day)
        if may_receive(site, day, self._rules):
            return "certified"
        if terms.site_class not in self._rules.classes:
            return "of no allowed class"
        return "not yet valid" if terms.certified_on is None or terms.certified_on > day else "lapsed"


def count(cursor: Cursor[Any], rules: Program | None, today: date) -> Lost:
    """What the tables ``sites_before`` and ``sites_after`` come to."""
    receiving = Receiving(rules)

    def certified(table: str) -> int:
        found: Iterable[tuple[bytes, int]] = cursor.execute(COUNT.format(table).encode(), (today,)).fetchall()
        return sum(number for terms, number in found if receiving.word(terms, today) == "certified")

    before, after = certified("sites_before"), certified("sites_after")
    cursor.execute(CHANGES, {"today": today})
    pairs = [pair for pair in cursor.execute(PAIRS) if receiving.loses(pair[0], pair[2], today, pair[1])]
    lost = cursor.execute(LOST, tuple(map(list, zip(*pairs, strict=True)))).fetchall() if pairs else []
    return Lost(Certified(before, after, len(lost)), tuple(sorted(row[0] for row in lost)))
