"""Orders in the list, found by index whatever is asked, and how many lines there are of each kind."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.storage.listing import up_to

MOST_ORDERS: Final = 1000
MOST_ADDRESSEES: Final = 500
MOST_OF_A_WORD: Final = 1000
"""What a search finds at most by the words of it: what fits more is not searched for."""
ENDLESS: Final = 2**63 - 1
"""After every place."""
COUNTED: Final = 10_000
"""So many lines are counted exactly."""
MORE: Final = f"more than {COUNTED:,}"
OPEN, OPEN_IN_PROGRAM = OPENED = ("open", "open_in_program")
"""Sorts by since when orders are open: by all of their lines, or by those of the line's program alone."""
KINDS = """
SELECT kind, outcome, string_to_array(nullif(reasons, ''), ','), lines FROM moving_listed_kind
WHERE lines > 0 AND (%(every_wholesaler)s OR wholesaler_id = ANY(%(wholesalers)s)) AND (%(every_program)s OR program = ANY(%(programs)s))
  AND (%(wholesaler_id)s::text IS NULL OR wholesaler_id = %(wholesaler_id)s)
  AND (%(program)s::text IS NULL OR program = %(program)s)
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
  AND (%(reason)s::text IS NULL OR %(reason)s = ANY(string_to_array(reasons, ',')))
  AND (%(open)s::boolean IS NULL OR %(open)s = CASE
       WHEN %(every_program)s THEN opened <> '' ELSE string_to_array(opened, ',') && %(programs)s::text[] END)
"""
AFTER: Final = {
    "newest": "l.place < %(place)s",
    "oldest": "l.place > %(place)s",
    "ship_on": "(l.ship_on, l.place) > (%(day)s::date, %(place)s)",
    OPEN: "(l.open_since, l.place) > (%(since)s::timestamptz, %(place)s) AND l.open_since <= %(until)s",
    OPEN_IN_PROGRAM: "(l.program_since, l.place) > (%(since)s::timestamptz, %(place)s) AND l.program_since <= %(until)s",
}
ORDER: Final = {"newest": "place DESC", "oldest": "place", "ship_on": "ship_on, place", **dict.fromkeys(OPENED, "open_since, place")}
COLUMNS: Final = {
    "newest": "place, NULL::date AS ship_on, NULL::timestamptz AS open_since",
    "oldest": "place, NULL::date AS ship_on, NULL::timestamptz AS open_since",
    "ship_on": "place, ship_on, NULL::timestamptz AS open_since",
    OPEN: "place, NULL::date AS ship_on, open_since",
    OPEN_IN_PROGRAM: "place, NULL::date AS ship_on, program_since AS open_since",
}
# Each kind by its own look into the index, in the order of the page; then the first of all of them.
PAGE = """
SELECT DISTINCT place, ship_on, open_since FROM unnest(%(kinds)s::int[]) AS k(kind), LATERAL (
    SELECT DISTINCT {columns} FROM moving_listed_line l WHERE l.kind = k.kind AND {has} AND {after} ORDER BY {order} LIMIT %(most)s
) p ORDER BY {order} LIMIT %(most)s
"""
COUNT = """
SELECT k.kind, (SELECT count(*) FROM (SELECT FROM moving_listed_line l WHERE l.kind = k.kind AND {has} LIMIT %(counted)s) c)
FROM unnest(%(kinds)s::int[]) AS k(kind)
"""
GATHERED = """
WITH found AS MATERIALIZED (
    SELECT l.place, l.kind, l.ship_on, l.open_since, l.program_since FROM {source} WHERE l.kind = ANY(%(kinds)s) AND {has}
)
SELECT kind, count(*), NULL::bigint, NULL::date, NULL::timestamptz FROM found GROUP BY kind
UNION ALL (SELECT DISTINCT NULL::int, NULL::bigint, {columns} FROM found l WHERE {after} ORDER BY {order} LIMIT %(most)s)
"""
BEGINS = "{0} >= %(word)s AND {0} < %(word)s || chr(1114111)"
SCOPES = """
SELECT scope FROM moving_listed_scope WHERE (%(every_wholesaler)s OR wholesaler_id = ANY(%(wholesalers)s))
  AND (%(every_program)s OR string_to_array(programs, ',') && %(programs)s::text[])
"""
# Scope by scope, up to so many rows, which are made distinct only then: what begins with something would be sorted whole.
FOUND = """
WITH f AS MATERIALIZED (SELECT f.found FROM unnest(%(scopes)s::int[]) AS s(scope), LATERAL ({each}) f LIMIT %(rows)s)
(SELECT found FROM f GROUP BY found LIMIT %(most)s) UNION ALL SELECT NULL WHERE (SELECT count(*) FROM f) = %(rows)s
"""
ORDERS_OF = """
(SELECT place AS found FROM moving_listed_order WHERE scope = s.scope AND {word} LIMIT %(rows)s)
UNION ALL (SELECT place FROM moving_listed_order WHERE scope = s.scope AND {ending} AND NOT ({word}) LIMIT %(rows)s)
"""
WORDS_OF = "SELECT addressee AS found FROM moving_listed_word WHERE scope = s.scope AND {word} LIMIT %(rows)s"
ROWS_OF_A_WORD: Final = 8 * MOST_OF_A_WORD
"""A site has a word once in each scope of which orders go there, and may have several that begin alike."""
# Each addressee by a look of its own: one plan for all words would go through all that many of them have.
ALSO = f"""
SELECT addressee FROM unnest(%(among)s::bigint[]) AS a(addressee), LATERAL (
    SELECT FROM moving_listed_word w WHERE w.addressee = a.addressee AND {BEGINS.format("w.word")} LIMIT 1
) w
"""  # noqa: S608
ORDERS = """
SELECT place, wholesaler_id, order_id, revision, received_at, decided_at, open_since, ship_on, site_name, lines, opened
FROM moving_listed_order WHERE place = ANY(%s)
"""
FIRST = "SELECT place FROM moving_listed_order WHERE received_at >= %s ORDER BY received_at, place LIMIT 1"


class Kind(NamedTuple):
    kind: int
    outcome: str
    reasons: list[str] | None
    lines: int


class Found(NamedTuple):
    """What a text was found to begin: orders by their place, and addressees."""

    places: list[int]
    addressees: list[int]


class Wanted(NamedTuple):
    """What is asked of one line."""

    kinds: list[int]
    first: int
    """Places from this one on, and before ``end``."""
    end: int
    site_id: str | None = None
    lot: str | None = None
    terms: tuple[str, ...] = ()
    found: Found | None = None


class Key(NamedTuple):
    """After what a page begins."""

    place: int
    day: date | None = None
    """Where the list is by the day of shipment."""
    since: datetime | None = None
    """Where the list is by since when the orders are open."""


class Listed(NamedTuple):
    place: int
    wholesaler_id: str
    order_id: str
    revision: int
    received_at: datetime
    decided_at: datetime
    open_since: datetime | None
    ship_on: date
    site_name: str | None
    lines: bytes
    opened: bytes


class Page(NamedTuple):
    keys: list[Key]
    counts: dict[int, int] | None
    """By kind, how many lines there are; None where the table of kinds says it."""


def kinds(cursor: Cursor[Any], limits: dict[str, Any]) -> list[Kind]:
    """The kinds of lines that are asked for."""
    return [Kind(*row) for row in cursor.execute(KINDS, limits)]


def page(
    cursor: Cursor[Any], wanted: Wanted, sort: str, after: Key | None, most: int, *, until: datetime | None = None, counting: bool
) -> Page:
    """The next orders with such a line, ``most`` at most; with counts where they are wanted and not in the table of kinds.

    ``until`` is where the list is by since when orders are open (``sort`` is one of ``OPENED``): what opened later is not on the page.
    """
    has, asked = _conditions(wanted)
    after = after or Key({"newest": wanted.end, "oldest": wanted.first - 1}.get(sort, 0))
    asked |= {"kinds": wanted.kinds, "most": most, "counted": COUNTED + 1, "place": after.place, "until": until}
    asked |= {"day": after.day or date.min, "since": after.since or datetime.min.replace(tzinfo=UTC)}
    parts = {"has": has, "after": AFTER[sort], "order": ORDER[sort], "columns": COLUMNS[sort]}
    if wanted.terms or wanted.found is not None:
        rows = cursor.execute(GATHERED.format(source=_source(wanted), **parts).encode(), asked).fetchall()
        return Page(_sorted(sort, [row[2:] for row in rows if row[0] is None]), {row[0]: row[1] for row in rows if row[0] is not None})
    keys = [Key(*row) for row in cursor.execute(PAGE.format(**parts).encode(), asked)]
    if not counting or not (wanted.site_id or wanted.lot or _ranged(wanted)):
        return Page(keys, None)
    return Page(keys, dict(cursor.execute(COUNT.format(has=has).encode(), asked).fetchall()))


def orders(cursor: Cursor[Any], places: Sequence[int]) -> list[Listed]:
    """These orders, in this order."""
    found = {row[0]: Listed(*row) for row in cursor.execute(ORDERS, (list(places),))}
    return [found[place] for place in places if place in found]


def since_seen(open_since: datetime | None, opened: bytes, limits: dict[str, Any]) -> datetime | None:
    """Since when an order is open to who has these limits: lines that he does not see open nothing. None where it is not."""
    if limits["every_program"] or open_since is None:
        return open_since
    by_program = _OPENED.decode(opened)
    return min((by_program[program] for program in limits["programs"] if program in by_program), default=None)


def first_since(cursor: Cursor[Any], instant: datetime, end: int) -> int:
    """The first place of this instant or later; ``end`` where there is none: places and instants grow together."""
    row = cursor.execute(FIRST, (instant,)).fetchone()
    return end if row is None else int(row[0])


def begun_by(cursor: Cursor[Any], text: str, words: Sequence[str], limits: dict[str, Any]) -> Found | None:
    """What the text begins: an order's id or its last part, an identifier; or each of its words one of the addressee.

    What begins too much is looked for as it is. None: too much, and nothing of it is just so. All of that is of what shows to who has
    these ``limits``: how much else there is is not told.
    """
    scopes = [scope for (scope,) in cursor.execute(SCOPES, limits)]
    places = _looked_up(cursor, scopes, ORDERS_OF, text, MOST_ORDERS, MOST_ORDERS + 1)
    identified = _having(cursor, scopes, text)
    by_words = _all_of(cursor, scopes, words)
    each = places, identified, by_words
    addressees = (identified or set()) | (by_words or set())
    if (None in each and not any(each)) or len(addressees) > MOST_ADDRESSEES:
        return None
    return Found(sorted(places or ()), sorted(addressees))


def _having(cursor: Cursor[Any], scopes: Sequence[int], word: str) -> set[int] | None:
    return _looked_up(cursor, scopes, WORDS_OF, word, MOST_OF_A_WORD, ROWS_OF_A_WORD)


def _looked_up(cursor: Cursor[Any], scopes: Sequence[int], each: str, word: str, most: int, rows: int) -> set[int] | None:
    """What begins with the word; where that is too much, what is the word. None: that is nothing, or too much as well."""
    asked = {"scopes": list(scopes), "word": word, "most": most + 1, "rows": rows}
    for has in (BEGINS, "{0} = %(word)s"):
        statement = FOUND.format(each=each.format(word=has.format("word"), ending=has.format("ending")))
        found = {row[0] for row in cursor.execute(statement.encode(), asked)}
        if None not in found and len(found) <= most:
            return found if found or has == BEGINS else None
    return None


def as_of(cursor: Cursor[Any]) -> datetime | None:
    """The instant of the last block that is in the list whole; None where it has not begun.

    Not now: what is being decided at this moment has an instant before it, and is in no list yet.
    """
    come = up_to(cursor)
    return None if come is None else come.at


def _all_of(cursor: Cursor[Any], scopes: Sequence[int], words: Sequence[str]) -> set[int] | None:
    """The addressees that have all of these words; None where each of them is in too many."""
    if not words:
        return set()
    each = [(word, _having(cursor, scopes, word)) for word in words]
    told = [(word, found) for word, found in each if found is not None]
    if not told:
        return None
    rarest, found = min(told, key=lambda one: len(one[1]))
    among = list(found)
    for word in words:
        if word != rarest:
            among = [addressee for (addressee,) in cursor.execute(ALSO.encode(), {"among": among, "word": word})]
    return set(among)


def _conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    asked: dict[str, Any] = {"first": wanted.first, "end": wanted.end}
    has = ["l.place >= %(first)s AND l.place < %(end)s"]
    for name, value in (("site_id", wanted.site_id), ("lot", wanted.lot)):
        if value is not None:
            has.append(f"l.{name} = %({name})s")
            asked[name] = value
    for number, term in enumerate(wanted.terms):
        asked[f"term{number}"] = term
        if number:
            same = f"o.term = %(term{number})s AND o.place = l.place AND o.line = l.line"
            has.append(f"EXISTS (SELECT FROM moving_listed_term o WHERE {same})")
    if wanted.found is not None:
        has.append("(l.addressee = ANY(%(addressees)s) OR l.place = ANY(%(places)s))")
        asked |= wanted.found._asdict()
    return " AND ".join(has), asked


def _source(wanted: Wanted) -> str:
    if not wanted.terms:
        return "moving_listed_line l"
    return "(SELECT place, line FROM moving_listed_term WHERE term = %(term0)s) t JOIN moving_listed_line l USING (place, line)"


def _ranged(wanted: Wanted) -> bool:
    return wanted.first > 1 or wanted.end < ENDLESS


def _sorted(sort: str, rows: Iterable[tuple[Any, ...]]) -> list[Key]:
    keys: Iterator[Key] = (Key(*row) for row in rows)
    return sorted(keys, key=lambda key: (key.day or key.since or 0, key.place), reverse=sort == "newest")


_OPENED: Final = msgspec.json.Decoder(dict[str, datetime])
