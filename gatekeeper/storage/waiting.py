"""What is to be judged again: changes whose consequences are still to be found, and the open and watched lines that are due."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

# What one fact says comes before what a whole snapshot, new rules or a new day bring; and of facts those first that take something back,
# however many others came before.
AT_ONCE = "('stop', 'fact', 'alias', 'event')"
FIRST = f"cause <> 'stop', cause NOT IN {AT_ONCE}"
FOLLOW_UP = """
SELECT id, cause, load, question, place, through, questions FROM moving_follow_up{}
ORDER BY cause <> 'stop', id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
FACTS = """
SELECT f.id, f.kind, f.program, f.subject, f.sequence, f.effective_on, f.body
FROM (
    (SELECT id FROM fact WHERE load = %(load)s AND id > %(place)s ORDER BY id LIMIT %(most)s)
    UNION (SELECT fact FROM fact_presence WHERE load = %(load)s AND fact > %(place)s ORDER BY fact LIMIT %(most)s)
) n JOIN fact f ON f.id = n.id ORDER BY f.id LIMIT %(most)s
"""
# With a limit each is looked up by itself: an EXISTS might be answered by reading all that waits, once for all.
WAITS = """coalesce(
    (SELECT true FROM moving_open_line o WHERE o.examination = {0} LIMIT 1),
    (SELECT true FROM moving_watched_line w WHERE w.examination = {0} LIMIT 1), false
)"""
# Asked once, so that the index finds what is due; for each row anew it would go through all that waits.
NOW = "(SELECT clock_timestamp())"
NOW_DUE = f"""
ON CONFLICT (examination) DO UPDATE SET cause = EXCLUDED.cause WHERE EXCLUDED.cause IN {AT_ONCE} AND moving_due.cause <> 'stop'
"""
HANGING = f"""
INSERT INTO moving_due (examination, cause)
SELECT DISTINCT d.examination, %(cause)s FROM moving_dependency d
WHERE d.question = ANY(%(questions)s) AND d.examination <= %(through)s AND {WAITS.format("d.examination")} {NOW_DUE}
"""  # noqa: S608
HANGING_NEXT = f"""
WITH next AS (
    SELECT examination FROM moving_dependency
    WHERE question = %(question)s AND examination > %(place)s AND examination <= %(through)s ORDER BY examination LIMIT %(most)s
), due AS (
    INSERT INTO moving_due (examination, cause)
    SELECT DISTINCT n.examination, %(cause)s FROM next n WHERE {WAITS.format("n.examination")} {NOW_DUE}
)
SELECT max(examination) FROM next
"""  # noqa: S608
EVERYTHING = f"""
WITH next AS (
    SELECT examination FROM (
        (SELECT DISTINCT examination FROM moving_open_line WHERE examination > %(place)s AND examination <= %(through)s
         ORDER BY examination LIMIT %(most)s)
        UNION (SELECT DISTINCT examination FROM moving_watched_line WHERE examination > %(place)s AND examination <= %(through)s
               ORDER BY examination LIMIT %(most)s)
    ) n ORDER BY examination LIMIT %(most)s
), due AS (INSERT INTO moving_due (examination, cause) SELECT examination, %(cause)s FROM next {NOW_DUE})
SELECT max(examination) FROM next
"""  # noqa: S608
ANYTHING = """
SELECT EXISTS (SELECT FROM moving_open_line WHERE examination <= %(through)s)
    OR EXISTS (SELECT FROM moving_watched_line WHERE examination <= %(through)s)
"""
DUE = f"SELECT examination FROM moving_due ORDER BY {FIRST}, examination LIMIT %s"  # noqa: S608
OF_THE_DAY = f"""
(SELECT examination, next_at FROM moving_open_line WHERE next_at <= {NOW} ORDER BY next_at LIMIT %(most)s)
UNION ALL (SELECT examination, next_at FROM moving_watched_line WHERE next_at <= {NOW} ORDER BY next_at LIMIT %(most)s)
"""  # noqa: S608
EXAMINED = f"""
SELECT id, wholesaler_id, order_id, revision, digest, released, evidence FROM examination e
WHERE id = ANY(%s) AND {WAITS.format("e.id")} ORDER BY id
"""  # noqa: S608
OPEN = "SELECT examination, line FROM moving_open_line WHERE examination = ANY(%s) ORDER BY 1, 2"
WATCHED = "SELECT examination, line, until FROM moving_watched_line WHERE examination = ANY(%s) ORDER BY 1, 2"
# Each record of whoever asked about the authorization, by its own look into the index: a join over all of them might read whole tables,
# under the ledger lock. Of a revision that a higher one superseded only what has left counts.
RELEASED_ON = """
SELECT q.question, r.record_id, r.program, r.sequence, r.examination, r.body,
    coalesce((SELECT true FROM distribution_record n WHERE n.replaces = r.record_id LIMIT 1), false), r.units
FROM unnest(%s::bigint[]) AS q(question)
CROSS JOIN LATERAL (SELECT examination FROM moving_dependency WHERE question = q.question OFFSET 0) d
CROSS JOIN LATERAL (SELECT * FROM distribution_record WHERE examination = d.examination AND kind = 'original' OFFSET 0) r
CROSS JOIN LATERAL (SELECT order_id, wholesaler_id, revision FROM examination WHERE id = d.examination OFFSET 0) e
WHERE (
    NOT EXISTS (
        SELECT FROM examination h WHERE (h.order_id, h.wholesaler_id) = (e.order_id, e.wholesaler_id)
        AND h.revision > e.revision AND h.cause = 'message')
    OR EXISTS (
        SELECT FROM shipment_event s WHERE (s.order_id, s.wholesaler_id, s.revision) = (e.order_id, e.wholesaler_id, e.revision)
        AND s.event IN ('shipped', 'returned') AND convert_from(s.body, 'UTF8')::jsonb @> jsonb_build_object('lines', jsonb_build_array(
            jsonb_build_object('line', convert_from(r.body, 'UTF8')::jsonb -> 'line')))))
"""


class FollowUp(NamedTuple):
    """A change whose consequences are still to be found: of a load, of one question, of several at once, or (none) of the rules."""

    id: int
    cause: str
    load: int | None
    question: int | None
    place: int
    through: int
    questions: list[int] | None = None


class FactRow(NamedTuple):
    id: int
    kind: str
    program: str
    subject: str
    sequence: int
    effective_on: Any
    body: bytes


class ExaminedRow(NamedTuple):
    """An examination some lines of which are open or watched."""

    id: int
    wholesaler_id: str
    order_id: str
    revision: int
    digest: bytes
    released: bytes | None
    evidence: bytes


class Waiting(NamedTuple):
    """The open lines of an examination, and the watched ones, each with the end of its watch."""

    open: tuple[int, ...]
    watched: dict[int, datetime]


class ReleasedOn(NamedTuple):
    """One record on an authorization."""

    question: int
    record_id: UUID
    program: str
    sequence: int
    examination: int
    body: bytes
    is_named: bool
    """By another record: it was corrected, or is void, or something came back."""
    units: int


def next_follow_up(cursor: Cursor[Any], *, at_once: bool) -> FollowUp | None:
    """The oldest; ``at_once``: of those that come first."""
    row = cursor.execute(FOLLOW_UP.format(f" WHERE cause IN {AT_ONCE}" if at_once else "").encode()).fetchone()
    return None if row is None else FollowUp(*row)


def facts_after(cursor: Cursor[Any], follow_up: FollowUp, most: int) -> list[FactRow]:
    """The next facts that a load added, or with which it did away, in the order of their ids."""
    asked = {"load": follow_up.load, "place": follow_up.place, "most": most}
    return [FactRow(*row) for row in cursor.execute(FACTS, asked)]


def anything_waits(cursor: Cursor[Any], through: int) -> bool:
    row = cursor.execute(ANYTHING, {"through": through}).fetchone()
    return bool(row and row[0])


def make_due(cursor: Cursor[Any], follow_up: FollowUp, questions: Iterable[int]) -> None:
    """What hangs on these questions is to be judged again."""
    cursor.execute(HANGING.encode(), {"cause": follow_up.cause, "questions": list(questions), "through": follow_up.through})


def make_next_due(cursor: Cursor[Any], follow_up: FollowUp, most: int) -> int | None:
    """Of what asked the question the next so many: what waits of them is to be judged again; the last examination among them."""
    asked = {
        "cause": follow_up.cause, "question": follow_up.question, "place": follow_up.place, "through": follow_up.through, "most": most,
    }  # fmt: skip
    row = cursor.execute(HANGING_NEXT.encode(), asked).fetchone()
    return row[0] if row else None


def make_everything_due(cursor: Cursor[Any], follow_up: FollowUp, most: int) -> int | None:
    """The next open and watched lines are to be judged again; the last examination among them."""
    asked = {"cause": follow_up.cause, "place": follow_up.place, "through": follow_up.through, "most": most}
    row = cursor.execute(EVERYTHING.encode(), asked).fetchone()
    return row[0] if row else None


def go_on(cursor: Cursor[Any], follow_up: FollowUp, place: int | None) -> None:
    """Up to this place the consequences were found; None: all of them."""
    if place is None:
        cursor.execute("DELETE FROM moving_follow_up WHERE id = %s", (follow_up.id,))
    else:
        cursor.execute("UPDATE moving_follow_up SET place = %s WHERE id = %s", (place, follow_up.id))


def due(cursor: Cursor[Any], most: int) -> list[int]:
    """The examinations to be judged again next: for what changed, and where a day began that could change the answer."""
    found = [row[0] for row in cursor.execute(DUE.encode(), (most,))]
    if len(found) < most:
        days = sorted((at, examination) for examination, at in cursor.execute(OF_THE_DAY.encode(), {"most": most}))
        found += list(dict.fromkeys(examination for _, examination in days if examination not in set(found)))
    return found[:most]


def examined(cursor: Cursor[Any], examinations: Sequence[int]) -> list[ExaminedRow]:
    """Those of the examinations some lines of which are open or watched, oldest first."""
    return [ExaminedRow(*row) for row in cursor.execute(EXAMINED.encode(), (list(examinations),))]


def lines(cursor: Cursor[Any], examinations: Sequence[int]) -> dict[int, Waiting]:
    """By examination, its lines that are open or watched at this moment."""
    found = {examination: Waiting((), {}) for examination in examinations}
    for examination, line in cursor.execute(OPEN, (list(examinations),)).fetchall():
        found[examination] = found[examination]._replace(open=(*found[examination].open, line))
    for examination, line, until in cursor.execute(WATCHED, (list(examinations),)):
        found[examination].watched[line] = until
    return found


def done(cursor: Cursor[Any], examinations: Sequence[int]) -> None:
    """These have been judged again."""
    cursor.execute("DELETE FROM moving_due WHERE examination = ANY(%s)", (list(examinations),))


def released_on(cursor: Cursor[Any], questions: Sequence[int]) -> list[ReleasedOn]:
    """What was released by examinations that asked one of the questions (about an authorization)."""
    return [ReleasedOn(*row) for row in cursor.execute(RELEASED_ON, (list(questions),))] if questions else []
