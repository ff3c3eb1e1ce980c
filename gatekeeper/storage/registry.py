"""A snapshot against what is held: the statements of a load, each over all facts at once, but for what it adds.

A load is one transaction. Everything up to `lock_ledger` goes on beside the consumers; what comes after holds the ledger lock,
and is a few small statements that arrive whole. What is added goes piece by piece: whoever commits meanwhile waits until all that was
written before is on the disk, and he has the ledger lock.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from gatekeeper.domain.program import Program
from gatekeeper.domain.sequences import Range, Sequences
from gatekeeper.errors import Halt
from gatekeeper.storage import ledger
from gatekeeper.storage.certified import STANDING, Lost, count

IMPORT_LOCK = 7313003
"""One import follows the other. Taken before the ledger lock, and never while that is held."""

# The sorts and joins are of whole tables. Until the ledger lock is asked for nobody waits for this session but another import; and it is in
# no hurry: with workers beside it, which no session of ours has for a question, it would keep every processor from the orders.
LONG_WORK = """
SET LOCAL enable_seqscan = on;
SET LOCAL work_mem = '64MB';
SET LOCAL max_parallel_maintenance_workers = 0;
SET LOCAL lock_timeout = '15min';
SET LOCAL statement_timeout = '15min';
SET LOCAL idle_in_transaction_session_timeout = 0
"""
# From here on whoever waits for the ledger waits for this session: by index only, whatever the statistics of a table say that just grew.
SHORT_WORK = """
SET LOCAL enable_seqscan = off;
SET LOCAL lock_timeout = '15s';
SET LOCAL statement_timeout = '30s';
SET LOCAL idle_in_transaction_session_timeout = '5s'
"""

LAST_SEQUENCE = "SELECT max(sequence) FROM registry_load WHERE program = %s"

ARRIVING = """
CREATE TEMPORARY TABLE arriving (
    line integer GENERATED ALWAYS AS IDENTITY, kind text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL, effective_on date NOT NULL, body bytea NOT NULL
) ON COMMIT DROP
"""
COPY = "COPY arriving (kind, subject, sequence, effective_on, body) FROM STDIN (FORMAT binary)"
COLUMN_TYPES = ("text", "text", "int8", "date", "bytea")

FORGET_REPEATS = """
DELETE FROM arriving WHERE line IN (
    SELECT line FROM (
        SELECT line, row_number() OVER (PARTITION BY kind, subject, sequence, effective_on, body ORDER BY line) AS time
        FROM arriving JOIN (SELECT kind, subject, sequence, effective_on FROM arriving GROUP BY 1, 2, 3, 4 HAVING count(*) > 1) several
        USING (kind, subject, sequence, effective_on)
    ) counted WHERE time > 1)
"""

# What a fact says of itself decides whether it is held; how a snapshot left it is the latest of its presences. What is told by topic from
# the moment on that the load got its number is settled later.
HELD = """
CREATE TEMPORARY TABLE held ON COMMIT DROP AS
SELECT f.id, f.kind, f.subject, f.sequence, f.effective_on, p.until, a.line
FROM fact f
LEFT JOIN (
    SELECT DISTINCT ON (fact) fact, CASE WHEN NOT present THEN day END AS until FROM fact_presence ORDER BY fact, load DESC
) p ON p.fact = f.id
LEFT JOIN arriving a ON (a.kind, a.subject, a.sequence, a.effective_on, a.body) = (f.kind, f.subject, f.sequence, f.effective_on, f.body)
WHERE f.program = %(program)s AND f.load < %(load)s
"""
# Each says of which rows of `arriving` a, or of `held` h, it is true.
NEW = "NOT EXISTS (SELECT FROM held h WHERE h.line = a.line)"
# A recall or a mode that the snapshot leaves out still holds; it goes only where the same fact now says something else.
LEFT_OUT = """
h.line IS NULL AND h.sequence <= %(sequence)s AND h.kind = ANY(%(covers)s) AND (h.until IS NULL OR h.until > %(day)s)
AND (h.kind NOT IN ('recall', 'program') OR EXISTS (
    SELECT FROM arriving a WHERE (a.kind, a.subject, a.sequence, a.effective_on) = (h.kind, h.subject, h.sequence, h.effective_on)))
"""
# The same fact may be held twice, once by topic and once by a snapshot that was loading then: only one of the two ever counts.
NAMED_AGAIN = """
h.line IS NOT NULL AND h.until IS NOT NULL
AND NOT EXISTS (SELECT FROM held o WHERE o.line = h.line AND (o.until IS NULL OR (o.until, o.id) > (h.until, h.id)))
"""

PIECE = "{0}.ctid >= %(first)s::tid AND {0}.ctid < %(next)s::tid"
PIECE_PAGES = 256
"""So many pages of what arrived, or is held, are gone through at once: what comes of them is some 4 MiB on the way to the disk."""
PAGES = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int"

ADD = f"""
INSERT INTO fact (id, load, kind, program, subject, sequence, effective_on, body)
SELECT nextval('fact_id'), %(load)s, kind, %(program)s, subject, sequence, effective_on, body
FROM arriving a WHERE {PIECE.format("a")} AND {NEW}
"""  # noqa: S608 - our own words
IDENTIFIERS = f"""
INSERT INTO moving_site_identifier (value, kind, site_id, load)
SELECT value, kind, site_id, %(load)s
FROM (
    SELECT subject, convert_from(body, 'UTF8')::jsonb -> 'identifiers' FROM arriving a
    WHERE a.kind = 'site' AND {PIECE.format("a")} AND {NEW}
) f (site_id, identifiers), jsonb_each(identifiers) i (kind, on_file), jsonb_array_elements_text(on_file) v (value)
ON CONFLICT DO NOTHING
"""  # noqa: S608
GONE = f"""
INSERT INTO fact_presence (fact, load, day, present)
SELECT h.id, %(load)s, %(day)s, false
FROM held h WHERE {PIECE.format("h")} AND {LEFT_OUT}
"""  # noqa: S608
BACK = f"""
INSERT INTO fact_presence (fact, load, day, present)
SELECT h.id, %(load)s, %(day)s, true
FROM held h WHERE {PIECE.format("h")} AND {NAMED_AGAIN}
"""  # noqa: S608
# What was told by topic meanwhile, and is at or below the snapshot's sequence, is in the snapshot already: if that has it, once is enough.
SETTLE = """
INSERT INTO fact_presence (fact, load, day, present)
SELECT f.id, %(load)s, CASE WHEN s.same THEN f.effective_on ELSE %(day)s END, false
FROM fact f, LATERAL (
    SELECT count(*) > 0 AS named, coalesce(bool_or(a.body = f.body), false) AS same FROM arriving a
    WHERE (a.kind, a.subject, a.sequence, a.effective_on) = (f.kind, f.subject, f.sequence, f.effective_on)
) s
WHERE f.load > %(after)s AND f.load <= %(through)s AND f.program = %(program)s AND f.sequence <= %(sequence)s AND f.kind = ANY(%(covers)s)
AND (s.named OR f.kind NOT IN ('recall', 'program'))
RETURNING fact, day, present
"""
LATE = "SELECT count(*), max(load) FROM fact WHERE load > %s"
SEQUENCES = "SELECT range_agg(int8range(sequence, sequence, '[]')) FROM arriving"
ROWS_OF_LOAD = """
SELECT id, kind, program, subject, sequence, effective_on, body FROM fact WHERE load = %s ORDER BY id
"""
PRESENCES_OF_LOAD = "SELECT fact, day, present FROM fact_presence WHERE load = %s ORDER BY fact"

ROWS_AT_ONCE = 5000


class Arriving(NamedTuple):
    """One fact of a snapshot as it is held: what is asked for, and its canonical bytes."""

    kind: str
    subject: str
    sequence: int
    effective_on: date
    body: bytes


class Difference(NamedTuple):
    """How many facts were new, how many a snapshot left out, and how many it named again."""

    added: int
    gone: int
    back: int


def begin(cursor: Cursor[Any]) -> None:
    """Prepares the transaction for long work and waits until no other import is under way."""
    cursor.execute(LONG_WORK)
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (IMPORT_LOCK,))


def begin_comparing(cursor: Cursor[Any]) -> None:
    """Prepares the transaction for long work on one state of the registry; nobody waits for it, and it waits for nobody."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    cursor.execute(LONG_WORK)


def now(cursor: Cursor[Any]) -> datetime:
    """The present instant, of the database's clock."""
    row = cursor.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        raise Halt("The database gives no instant.")
    return row[0]  # type: ignore[no-any-return]


def last_sequence(cursor: Cursor[Any], program: str) -> int:
    """The sequence of the program's last snapshot; 0 where there was none."""
    row = cursor.execute(LAST_SEQUENCE, (program,)).fetchone()
    return int(row[0] or 0) if row else 0


def receive(cursor: Cursor[Any], facts: Iterable[Arriving]) -> None:
    """Takes in the facts of a snapshot, one after the other; none of them counts yet."""
    cursor.execute(ARRIVING)
    with cursor.copy(COPY) as copy:
        copy.set_types(COLUMN_TYPES)
        for fact in facts:
            copy.write_row(fact)
    cursor.execute(FORGET_REPEATS)
    cursor.execute("CREATE INDEX arriving_subject ON arriving (subject, kind, sequence)")
    cursor.execute("ANALYZE arriving")


class Load(NamedTuple):
    """A load by its number, and what its snapshot speaks of, from a day on."""

    load: int
    program: str
    sequence: int
    day: date
    covers: list[str]


def add_difference(
    cursor: Cursor[Any], load: Load, counted_on: date, rules: Program | None, flush: Callable[[], None]
) -> tuple[Difference, Lost]:
    """Adds how the facts that arrived differ from those that are held, and counts on a day who may receive by the rules.

    Held is what loads with lower numbers brought: for the rest there is ``settle``. ``flush`` is called after each piece that added
    something, and brings that to the disk (``write_through``).
    """
    named = load._asdict() | {"counted_on": counted_on}
    cursor.execute(f"CREATE TEMPORARY TABLE sites_before ON COMMIT DROP AS {STANDING}", named)
    cursor.execute(HELD, named)
    cursor.execute("CREATE INDEX held_line ON held (line) WHERE line IS NOT NULL")
    cursor.execute("ANALYZE held")
    added, _ = _by_pieces(cursor, "arriving", (ADD, IDENTIFIERS), named, flush)
    gone, back = _by_pieces(cursor, "held", (GONE, BACK), named, flush)
    cursor.execute(f"CREATE TEMPORARY TABLE sites_after ON COMMIT DROP AS {STANDING}", named)
    cursor.execute("ANALYZE sites_before, sites_after")
    return Difference(added, gone, back), count(cursor, rules, counted_on)


def _by_pieces(cursor: Cursor[Any], table: str, statements: Sequence[str], named: dict[str, Any], flush: Callable[[], None]) -> list[int]:
    """How many rows each statement added."""
    row = cursor.execute(PAGES, (table,)).fetchone()
    rows = [0] * len(statements)
    for first in range(0, row[0] if row else 0, PIECE_PAGES):
        piece = named | {"first": f"({first},0)", "next": f"({first + PIECE_PAGES},0)"}
        added = [cursor.execute(statement, piece).rowcount for statement in statements]
        if any(added):
            flush()
        rows = [before + more for before, more in zip(rows, added, strict=True)]
    return rows


class Meanwhile(NamedTuple):
    """What settles the facts that were told by topic since a load got its number. Those up to ``after`` are settled."""

    of: Load
    after: int

    def settle(self, cursor: Cursor[Any], most: int | None = None) -> "tuple[Meanwhile, list[Sequence[Any]]]":
        """Marks those as gone that the snapshot leaves out, or has itself, and gives the rows that were added, in their order.

        With ``most``, nothing is done where no more facts than that came.
        """
        count, through = cursor.execute(LATE, (self.after,)).fetchone() or (0, None)
        if through is None or (most is not None and count <= most):
            return self, []
        named = self.of._asdict() | {"after": self.after, "through": through}
        return self._replace(after=through), sorted(cursor.execute(SETTLE, named).fetchall())


def sequences(cursor: Cursor[Any]) -> Sequences:
    """The sequences of the facts that arrived."""
    row = cursor.execute(SEQUENCES).fetchone()
    return Sequences(Range(each.lower, each.upper - 1) for each in (row and row[0]) or ())


def rows_of_load(connection: Connection[Any], load: int) -> Iterator[Sequence[Any]]:
    """What a load added, in the order of its digest: the facts, then the presences. They are fetched bit by bit."""
    for statement in (ROWS_OF_LOAD, PRESENCES_OF_LOAD):
        with connection.cursor("rows_of_load", binary=True) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(statement, (load,))


def next_load(cursor: Cursor[Any]) -> int:
    """A number that no load before has."""
    row = cursor.execute("SELECT nextval('registry_load_id')").fetchone()
    if row is None:
        raise Halt("The database gives no number for a load.")
    return int(row[0])


def write_through(cursor: Cursor[Any]) -> None:
    """Commits, in a transaction beside that of a load, something small: what the load has written until then is on the disk after it.

    Else it would be written at the commit of whoever comes next, or at the load's own, under the ledger lock.
    """
    cursor.execute("SELECT pg_logical_emit_message(true, 'gatekeeper', '')")


def lock_ledger(cursor: Cursor[Any]) -> ledger.Tail:
    """Ends the long work: from here on a frozen import is cut off, so that nobody waits for the ledger lock for long."""
    cursor.execute(SHORT_WORK)
    ledger.take_lock(cursor)
    return ledger.read_tail(cursor)


def gather_statistics(cursor: Cursor[Any]) -> None:
    """Tells the planner what a load changed."""
    cursor.execute("ANALYZE fact, fact_presence, moving_site_identifier")
