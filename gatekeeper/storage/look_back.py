"""Look-backs under way: which there are, what each has still to look at, and what it has found."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.storage import tables
from gatekeeper.storage.ledger import Outgoing, Tail, add_block

# A fact that counts again counts as if it had never been left out. Where the same load says something else of the subject from no later
# day on, that is looked at instead.
CHANGED = """
SELECT c.fact, c.day FROM (
    SELECT p.fact, f.kind, f.program, f.subject, greatest(f.effective_on, CASE WHEN NOT p.present THEN p.day ELSE (
        SELECT q.day FROM fact_presence q WHERE q.fact = p.fact AND q.load < p.load ORDER BY q.load DESC LIMIT 1) END) AS day
    FROM fact_presence p JOIN fact f ON f.id = p.fact WHERE p.load = %(load)s AND p.fact = ANY(%(facts)s) AND f.load <> %(load)s
) c WHERE NOT EXISTS (
    SELECT FROM fact n WHERE n.subject = c.subject AND n.kind = c.kind AND n.program = c.program AND n.load = %(load)s
    AND n.effective_on <= c.day)
"""
OWN = "SELECT id FROM fact WHERE load = %(load)s AND id = ANY(%(facts)s)"
# The instants of decisions rise with their numbers, so the last that asked is the last that was made. A recall, which has no day, is
# also of what left past the gate: what that was is seen when the look-back is concluded.
HANGING = """
SELECT DISTINCT t.fact, t.kind, t.since
FROM unnest(%(facts)s::bigint[], %(kinds)s::text[], %(sinces)s::timestamptz[], %(questions)s::bigint[]) AS t(fact, kind, since, question)
LEFT JOIN LATERAL (
    SELECT d.examination FROM moving_dependency d WHERE d.question = t.question AND d.examination <= %(through)s
    ORDER BY d.examination DESC LIMIT 1
) last ON true
WHERE CASE WHEN t.since IS NULL THEN last.examination IS NOT NULL OR EXISTS (SELECT FROM bypass)
    ELSE (SELECT e.decided_at FROM examination e WHERE e.id = last.examination) >= t.since END
"""
# The last examination before each instant, by halving.
BEFORE = """
WITH RECURSIVE bisect(since, low, high) AS (
    SELECT since, 0::bigint, %(through)s::bigint FROM unnest(%(sinces)s::timestamptz[]) AS given(since)
    UNION ALL
    SELECT since, CASE WHEN before THEN middle ELSE low END, CASE WHEN before THEN high ELSE middle - 1 END
    FROM (
        SELECT since, low, high, (low + high + 1) / 2 AS middle, coalesce((
            SELECT e.decided_at < since FROM examination e WHERE e.id <= (low + high + 1) / 2 ORDER BY e.id DESC LIMIT 1), true) AS before
        FROM bisect WHERE low < high
    ) halved
)
SELECT since, low FROM bisect WHERE low >= high
"""
# A number under which something was found is not given again, also where the row of that look-back was lost.
BEGIN = """
INSERT INTO moving_look_back (id, fact, kind, place, through, lines, findings)
SELECT (SELECT greatest((SELECT max(id) FROM look_back), (SELECT max(look_back) FROM finding), (SELECT max(id) FROM moving_look_back), 0))
       + g.number,
       g.fact, g.kind, g.place, %(through)s, 0, 0
FROM unnest(%(facts)s::bigint[], %(kinds)s::text[], %(places)s::bigint[]) WITH ORDINALITY AS g(fact, kind, place, number)
"""
# Recalls come first; then what has looked at least, so that a long one holds up no short one.
TURN = "(SELECT id, kind FROM moving_look_back WHERE kind = '{}' ORDER BY lines, id LIMIT 1)"
NEXT = f"""
SELECT l.id, l.kind, l.place, l.through, l.lines, l.findings, f.id, f.kind, f.program, f.subject, f.sequence, f.effective_on, f.body,
       (SELECT at FROM registry_load r WHERE r.id = f.load UNION ALL SELECT at FROM registry_batch b WHERE b.id = f.load)
FROM ({TURN.format("recall")} UNION ALL {TURN.format("look_back")}) turn
JOIN moving_look_back l ON l.id = turn.id JOIN fact f ON f.id = l.fact ORDER BY l.kind DESC LIMIT 1
"""  # noqa: S608 - our own words
PIECE = """
WITH next AS (
    SELECT DISTINCT n.examination FROM unnest(%(questions)s::bigint[]) AS q(question) CROSS JOIN LATERAL (
        SELECT d.examination FROM moving_dependency d
        WHERE d.question = q.question AND d.examination > %(place)s AND d.examination <= %(through)s ORDER BY d.examination LIMIT %(most)s
    ) n ORDER BY n.examination LIMIT %(most)s
)
SELECT e.id, e.wholesaler_id, e.order_id, e.revision, e.number, e.decided_at, e.registry_version,
       CASE WHEN e.cause IN ('message', 'again') THEN e.released END, CASE WHEN e.released IS NOT NULL THEN e.evidence END
FROM next JOIN examination e ON e.id = next.examination ORDER BY e.id
"""
MOVE = """
UPDATE moving_look_back SET place = %s, lines = lines + %s, findings = findings + %s WHERE id = %s AND place = %s
"""
FOUND = """
SELECT examination, line, body FROM finding WHERE look_back = %s AND (examination, line) > (%s, %s) ORDER BY examination, line LIMIT %s
"""
UNDER_WAY = """
SELECT l.id, l.kind, f.program, f.sequence, l.place, l.through, l.lines, l.findings
FROM moving_look_back l JOIN fact f ON f.id = l.fact ORDER BY l.id
"""
FOUND_AT_ONCE = 2000


class Beginning(NamedTuple):
    """A look-back that may begin, where some decision since the instant (None: ever) asked one of the questions."""

    fact: int
    kind: str
    """``look_back``; ``recall``: whoever received the lot."""
    since: datetime | None
    questions: tuple[int, ...]


class LookingBack(NamedTuple):
    """A look-back under way, and the fact from which it comes."""

    id: int
    kind: str
    place: int
    """Up to this examination it has looked."""
    through: int
    lines: int
    findings: int
    fact: int
    fact_kind: str
    program: str
    subject: str
    sequence: int
    effective_on: date
    body: bytes
    known_since: datetime


class DecidedRow(NamedTuple):
    """An examination that asked; its message and its case where it released anything."""

    id: int
    wholesaler_id: str
    order_id: str
    revision: int
    number: int
    decided_at: datetime
    registry_version: int
    released: bytes | None
    evidence: bytes | None


class Progress(NamedTuple):
    """How far a look-back is: it goes on from ``place`` to ``through``, both numbers of examinations."""

    look_back: int
    kind: str
    program: str
    sequence: int
    place: int
    through: int
    lines: int
    findings: int


def days_of(cursor: Cursor[Any], load: int, facts: Mapping[int, date]) -> dict[int, date]:
    """By fact, from which day on it matters that a load told it, or changed whether it counts. ``facts`` gives the day of each."""
    asked = {"load": load, "facts": list(facts)}
    days = {fact: facts[fact] for (fact,) in cursor.execute(OWN, asked)}
    return days | dict(cursor.execute(CHANGED, asked).fetchall())


def begin(cursor: Cursor[Any], through: int, beginnings: Iterable[Beginning]) -> int:
    """Begins those on which decisions up to the examination ``through`` hang, and says how many."""
    asked = [(each.fact, each.kind, each.since, question) for each in beginnings for question in each.questions]
    if not asked:
        return 0
    facts, kinds, sinces, questions = map(list, zip(*asked, strict=True))
    given = {"facts": facts, "kinds": kinds, "sinces": sinces, "questions": questions, "through": through}
    hanging = sorted(cursor.execute(HANGING, given).fetchall(), key=lambda row: row[0])
    if not hanging:
        return 0
    days = list({since for _, _, since in hanging if since is not None})
    places = dict(cursor.execute(BEFORE, {"sinces": days, "through": through}).fetchall())
    # Two that begin at once take their numbers one after the other.
    cursor.execute("LOCK TABLE moving_look_back IN SHARE ROW EXCLUSIVE MODE")
    begun = {
        "facts": [fact for fact, _, _ in hanging],
        "kinds": [kind for _, kind, _ in hanging],
        "places": [0 if since is None else places[since] for _, _, since in hanging],
        "through": through,
    }
    cursor.execute(BEGIN, begun)
    return len(hanging)


def still(cursor: Cursor[Any]) -> int:
    """The registry's version; from here to the end of the transaction everything that is read is as of one moment."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    row = cursor.execute("SELECT registry_version FROM moving_tail").fetchone()
    return int(row[0]) if row else 0


def next_one(cursor: Cursor[Any]) -> LookingBack | None:
    """The look-back whose turn it is."""
    row = cursor.execute(NEXT.encode()).fetchone()
    return None if row is None else LookingBack(*row)


def piece(cursor: Cursor[Any], looking: LookingBack, questions: Iterable[int], most: int) -> list[DecidedRow]:
    """The next examinations that asked one of the questions, at most so many, oldest first."""
    asked = {"questions": list(questions), "place": looking.place, "through": looking.through, "most": most}
    return [DecidedRow(*row) for row in cursor.execute(PIECE, asked)]


def move(cursor: Cursor[Any], looking: LookingBack, place: int, lines: int, findings: int) -> bool:
    """Notes that it has come this far; False where somebody else has moved it meanwhile."""
    return cursor.execute(MOVE, (place, lines, findings, looking.id, looking.place)).rowcount == 1


def add_findings(cursor: Cursor[Any], tail: Tail, looking: LookingBack, found: Sequence[tuple[int, int, bytes]]) -> None:
    """Adds findings, each the examination, the line and its body."""
    add_block(cursor, tail, {tables.FINDING: [(looking.id, *row, tail.block + 1) for row in found]})


def findings(cursor: Cursor[Any], look_back: int) -> Iterable[bytes]:
    """The bodies of all that was found, in the order of the examinations."""
    place = (0, 0)
    while rows := cursor.execute(FOUND, (look_back, *place, FOUND_AT_ONCE)).fetchall():
        yield from (body for _, _, body in rows)
        place = rows[-1][0], rows[-1][1]


def end(cursor: Cursor[Any], looking: LookingBack) -> bool:
    """It is under way no more; False where somebody else has ended it."""
    return cursor.execute("DELETE FROM moving_look_back WHERE id = %s AND place = %s", (looking.id, looking.place)).rowcount == 1


def conclude(
    cursor: Cursor[Any],
    tail: Tail,
    looking: LookingBack,
    alert: tuple[UUID, str, bytes] | None,
    outside: Sequence[tuple[UUID, bytes]] = (),
) -> None:
    """Adds what came of it, and the alert (id, kind, body) where there is one, which the relay publishes.

    ``outside`` is what it found of goods that left past the gate: each the bypass, and the body of the finding.
    """
    name = None if alert is None else alert[0]
    ended = (looking.id, looking.fact, looking.kind, tail.registry_version, looking.lines, looking.findings, name, tail.now, tail.block + 1)
    raised = [] if alert is None else [(alert[0], alert[1], None, alert[2], tail.block + 1)]
    found = [(looking.id, *row, tail.block + 1) for row in outside]
    rows: dict[Table, Sequence[Sequence[Any]]] = {tables.LOOK_BACK: [ended], tables.ALERT: raised, tables.FINDING_OUTSIDE: found}
    add_block(cursor, tail, rows, outbox=[Outgoing(alert_id=name)] if name else [])


def under_way(cursor: Cursor[Any]) -> list[Progress]:
    """How far each look-back is that has not ended."""
    return [Progress(*row) for row in cursor.execute(UNDER_WAY)]
