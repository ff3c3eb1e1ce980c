"""How the list of orders follows the ledger: which orders were touched, what is on record of them, and how the list takes it in."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import md5
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.storage import tables
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.desk import Entry

LIST_LOCK: Final = 7313004
"""Whoever takes the ledger into the list holds this lock; the ledger's own is not needed."""
UP_TO = "SELECT examination, block, registry_version, at FROM moving_listed_up_to"
TAIL = "SELECT examination, block, registry_version, at FROM moving_tail"
LAST_TOLD = """
SELECT block FROM (
    (SELECT block FROM shipment_event WHERE block > %(after)s ORDER BY block LIMIT %(most)s + 1)
    UNION ALL (SELECT block FROM desk_entry WHERE block > %(after)s ORDER BY block LIMIT %(most)s + 1)
) t ORDER BY block LIMIT 1 OFFSET %(most)s
"""
TOUCHED = """
SELECT order_id, wholesaler_id FROM examination WHERE id > %(after)s AND id <= %(through)s
UNION SELECT order_id, wholesaler_id FROM shipment_event WHERE block > %(after_block)s AND block <= %(through_block)s
UNION SELECT order_id, wholesaler_id FROM desk_entry WHERE block > %(after_block)s AND block <= %(through_block)s
"""
# Of the last block of which the list has everything: before that of the next examination, and before that of the next of the others.
AT = """
SELECT at FROM block
WHERE number < least(%(end)s, (SELECT block FROM examination WHERE id > %(after)s ORDER BY id LIMIT 1)) ORDER BY number DESC LIMIT 1
"""
NAMED = "unnest(%s::text[], %s::text[]) AS w(order_id, wholesaler_id)"
EXAMINATIONS = f"""
SELECT e.order_id, e.wholesaler_id, e.id, e.revision, e.cause, e.decided_at, e.released, e.stopped,
       CASE WHEN e.cause = 'message' THEN e.evidence END
FROM {NAMED} JOIN examination e USING (order_id, wholesaler_id) ORDER BY e.id + 0
"""  # noqa: S608 - our own words
OPEN = f"SELECT o.order_id, o.wholesaler_id, o.revision, o.line FROM {NAMED} JOIN moving_open_line o USING (order_id, wholesaler_id)"  # noqa: S608
ENTRIES = f"""
SELECT d.order_id, d.wholesaler_id, d.number, d.revision, d.kind, d.examination, d.body, d.text, d.person, d.name, d.at
FROM {NAMED} JOIN desk_entry d USING (order_id, wholesaler_id) ORDER BY d.number
"""  # noqa: S608
CANCELLED = f"""
SELECT s.order_id, s.wholesaler_id, b.at, s.revision
FROM {NAMED} JOIN shipment_event s USING (order_id, wholesaler_id) JOIN block b ON b.number = s.block WHERE s.event = 'cancelled'
"""  # noqa: S608
LISTED = f"SELECT l.place, l.revision FROM {NAMED} JOIN moving_listed_order l USING (order_id, wholesaler_id)"  # noqa: S608
KINDS = "SELECT wholesaler_id, program, outcome, reasons, opened, kind FROM moving_listed_kind"
ADDRESSEES = "SELECT digest, scope, addressee FROM moving_listed_addressee WHERE digest = ANY(%s)"
SCOPES = "SELECT wholesaler_id, programs, scope FROM moving_listed_scope"
MORE_LINES = " ON CONFLICT (kind) DO UPDATE SET lines = moving_listed_kind.lines + EXCLUDED.lines"
UP_TO_THERE = """ ON CONFLICT ("only") DO UPDATE SET examination = EXCLUDED.examination, block = EXCLUDED.block,
 registry_version = EXCLUDED.registry_version, at = EXCLUDED.at"""
_OPENED: Final = msgspec.json.Encoder()
SEPARATOR: Final = re.compile(r"[-._:]")
Name = tuple[str, str]
"""Order and wholesaler."""


class UpTo(NamedTuple):
    """How far the list has come."""

    examination: int
    block: int
    registry_version: int
    at: datetime


class Examined(NamedTuple):
    """One examination of an order; ``evidence`` is there where it judged a message."""

    id: int
    revision: int
    cause: str
    decided_at: datetime
    released: bytes | None
    stopped: bytes | None
    evidence: bytes | None


class LineRow(NamedTuple):
    """A line, by what it can be found."""

    line: int
    program: str
    outcome: str
    reasons: str
    site_id: str | None
    lot: str | None
    terms: tuple[str, ...]


class OrderRow(NamedTuple):
    """An order at its highest revision."""

    place: int
    """The examination of its first message: it never changes."""
    order_id: str
    wholesaler_id: str
    revision: int
    received_at: datetime
    """When its first message was judged."""
    decided_at: datetime
    open_since: datetime | None
    """None where it is settled."""
    ship_on: date
    site_name: str | None
    words: tuple[str, ...]
    """Of its addressee."""
    shown: bytes
    """Its lines, as they are shown."""
    lines: tuple[LineRow, ...]
    opened: dict[str, datetime]
    """Since when it would be open if it had the lines of one program only, by program; those of none are of an empty one."""


def take_list(cursor: Cursor[Any]) -> bool:
    """Whether nobody else takes the ledger into the list now; until the end of the transaction nobody does."""
    return cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (LIST_LOCK,)).fetchone() == (True,)


def up_to(cursor: Cursor[Any]) -> UpTo | None:
    """How far the list has come; None where it has not begun."""
    row = cursor.execute(UP_TO).fetchone()
    return None if row is None else UpTo(*row)


def tail(cursor: Cursor[Any]) -> UpTo | None:
    """How far the ledger has come."""
    row = cursor.execute(TAIL).fetchone()
    return None if row is None else UpTo(*row)


def next_stop(cursor: Cursor[Any], come: UpTo, end: UpTo, most: int) -> UpTo:
    """How far one step goes: over so many examinations, and about as many events and entries of the desk."""
    examination = min(end.examination, come.examination + most)
    full = cursor.execute(LAST_TOLD, {"after": come.block, "most": most}).fetchone()
    block = end.block if full is None else int(full[0])
    if (examination, block) == (end.examination, end.block):
        return end
    row = cursor.execute(AT, {"after": examination, "end": block + 1}).fetchone()
    return UpTo(examination, block, end.registry_version, row[0] if row else come.at)


def touched(cursor: Cursor[Any], come: UpTo, stop: UpTo) -> list[Name]:
    """The orders that were examined, or of which an event came or people did something, from there to there."""
    asked = {"after": come.examination, "through": stop.examination, "after_block": come.block, "through_block": stop.block}
    return cursor.execute(TOUCHED, asked).fetchall()


def on_record(cursor: Cursor[Any], names: Sequence[Name]) -> tuple[dict[Name, list[Examined]], dict[Name, set[tuple[int, int]]]]:
    """By order, its examinations in their order, and its open lines, each with its revision."""
    lists = [list(column) for column in zip(*names, strict=True)]
    examinations: dict[Name, list[Examined]] = defaultdict(list)
    # In binary form: what was kept of a message is long, and as text each byte of it would be two.
    for order_id, wholesaler_id, *row in cursor.execute(EXAMINATIONS.encode(), lists, binary=True).fetchall():
        examinations[order_id, wholesaler_id].append(Examined(*row))
    lines: dict[Name, set[tuple[int, int]]] = defaultdict(set)
    for order_id, wholesaler_id, revision, line in cursor.execute(OPEN.encode(), lists):
        lines[order_id, wholesaler_id].add((revision, line))
    return examinations, lines


def entries(cursor: Cursor[Any], names: Sequence[Name]) -> dict[Name, list[Entry]]:
    """By order, what people did about it, in the order in which they did."""
    found: dict[Name, list[Entry]] = defaultdict(list)
    if names:
        for order_id, wholesaler_id, *row in cursor.execute(ENTRIES.encode(), [list(column) for column in zip(*names, strict=True)]):
            found[order_id, wholesaler_id].append(Entry(*row))
    return found


def cancelled(cursor: Cursor[Any], names: Sequence[Name]) -> dict[Name, list[tuple[datetime, int]]]:
    """By order, when the warehouse said that it is cancelled, and at which revision."""
    found: dict[Name, list[tuple[datetime, int]]] = defaultdict(list)
    if names:
        for order_id, wholesaler_id, *row in cursor.execute(CANCELLED.encode(), [list(column) for column in zip(*names, strict=True)]):
            found[order_id, wholesaler_id].append((row[0], row[1]))
    return found


def keep(cursor: Cursor[Any], names: Sequence[Name], orders: Sequence[OrderRow], stop: UpTo) -> None:
    """These orders stand in the list as given; of ``names`` no other. Then the list has come so far."""
    counted: Counter[int] = Counter()
    old = _take_out(cursor, names, {(order.place, order.revision) for order in orders}, counted)
    kinds, scopes = _kinds(cursor, orders), _scopes(cursor, orders)
    addressees = _addressees(cursor, orders, scopes)
    lines = []
    for order in orders:
        addressee = addressees.ids[_digest(order.words)]
        for line in order.lines:
            kind = kinds[_kind(order, line)]
            counted[kind] += 1
            of_line = order.place, line.line, kind, order.ship_on, addressee, line.site_id, line.lot
            lines.append((*of_line, order.open_since, order.opened.get(line.program)))
    said = {kind: said for said, kind in kinds.items()}
    terms = {(term, order.place, line.line) for order in orders if order.place not in old for line in order.lines for term in line.terms}
    insert(
        cursor,
        Added(tables.LISTED_ORDER, [(*_as_listed(order), scopes[_scope(order)]) for order in orders]),
        Added(tables.LISTED_SCOPE, [(scope, *said) for said, scope in scopes.items()], " ON CONFLICT DO NOTHING"),
        Added(tables.LISTED_LINE, lines),
        Added(tables.LISTED_KIND, [(kind, *said[kind], more) for kind, more in counted.items() if more], MORE_LINES),
        Added(tables.LISTED_TERM, sorted(terms)),
        Added(tables.LISTED_ADDRESSEE, [(addressees.ids[digest], scope, digest) for digest, scope in addressees.new]),
        Added(tables.LISTED_WORD, [(s, word, addressees.ids[d]) for (d, s), words in addressees.new.items() for word in words]),
        Added(tables.LISTED_UP_TO, [(True, stop.examination, stop.block, stop.registry_version, stop.at)], UP_TO_THERE),
    )


class _Addressees(NamedTuple):
    ids: dict[bytes, int]
    """By the digest of their words."""
    new: dict[tuple[bytes, int], tuple[str, ...]]
    """The words of those to whom no order of the scope went before."""


def _take_out(cursor: Cursor[Any], names: Sequence[Name], stay: set[tuple[int, int]], counted: Counter[int]) -> set[int]:
    """Takes out what the list has of these orders, but for the terms of revisions that stay; says in which places these are."""
    lists = [list(column) for column in zip(*names, strict=True)] if names else [[], []]
    revisions = dict(cursor.execute(LISTED.encode(), lists).fetchall())
    places = list(revisions)
    if not places:
        return set()
    for (kind,) in cursor.execute("DELETE FROM moving_listed_line WHERE place = ANY(%s) RETURNING kind", (places,)):
        counted[kind] -= 1
    cursor.execute("DELETE FROM moving_listed_order WHERE place = ANY(%s)", (places,))
    gone = [place for place, revision in revisions.items() if (place, revision) not in stay]
    if gone:
        cursor.execute("DELETE FROM moving_listed_term WHERE place = ANY(%s)", (gone,))
    return revisions.keys() - set(gone)


def _as_listed(order: OrderRow) -> tuple[Any, ...]:
    return *order[:9], *_of_the_name(order.order_id), order.shown, _OPENED.encode(order.opened)


def _kind(order: OrderRow, line: LineRow) -> tuple[Any, ...]:
    return order.wholesaler_id, line.program, line.outcome, line.reasons, _as_one(order.opened)


def _scope(order: OrderRow) -> tuple[str, str]:
    return order.wholesaler_id, _as_one({line.program for line in order.lines})


def _as_one(programs: Iterable[str]) -> str:
    """Names of programs as one text: with commas between and around; empty where there is none."""
    names = ",".join(sorted(programs))
    return f",{names}," if programs else ""


def _kinds(cursor: Cursor[Any], orders: Sequence[OrderRow]) -> dict[tuple[Any, ...], int]:
    kinds = {tuple(said): kind for *said, kind in cursor.execute(KINDS)}
    for order in orders:
        for line in order.lines:
            kinds.setdefault(_kind(order, line), len(kinds) + 1)
    return kinds


def _scopes(cursor: Cursor[Any], orders: Sequence[OrderRow]) -> dict[tuple[str, str], int]:
    scopes = {(wholesaler_id, programs): scope for wholesaler_id, programs, scope in cursor.execute(SCOPES)}
    for order in orders:
        scopes.setdefault(_scope(order), len(scopes) + 1)
    return scopes


def _addressees(cursor: Cursor[Any], orders: Sequence[OrderRow], scopes: dict[tuple[str, str], int]) -> _Addressees:
    wanted = {(_digest(order.words), scopes[_scope(order)]): order.words for order in orders}
    found = cursor.execute(ADDRESSEES, [[digest for digest, _ in wanted]]).fetchall()
    ids = {digest: addressee for digest, _, addressee in found}
    row = cursor.execute("SELECT coalesce(max(addressee), 0) FROM moving_listed_addressee").fetchone()
    unknown = dict.fromkeys(digest for digest, _ in wanted if digest not in ids)
    ids |= {digest: number for number, digest in enumerate(unknown, row[0] + 1 if row else 1)}
    known = {(digest, scope) for digest, scope, _ in found}
    return _Addressees(ids, {pair: words for pair, words in wanted.items() if pair not in known})


def _digest(words: Iterable[str]) -> bytes:
    return md5("\n".join(words).encode(), usedforsecurity=False).digest()


def _of_the_name(order_id: str) -> tuple[str, str]:
    """An order's id in small letters, and the last part of it."""
    word = order_id.lower()
    return word, SEPARATOR.split(word)[-1]
