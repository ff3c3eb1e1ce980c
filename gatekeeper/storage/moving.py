"""What moves, written once a batch. Each table can be made anew from the evidence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import md5
from typing import Any

from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.storage import tables
from gatekeeper.storage.columns import Added, insert

# Whatever becomes of a later message, an earlier one of another revision, or that it contradicts, is not released any more on its own.
CLOSE = """
WITH settled AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::int[], %s::bool[])
        AS s(order_id, wholesaler_id, below, watched_below, reported)
), unwatched AS (
    DELETE FROM moving_watched_line o USING settled s
    WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision < s.watched_below
    RETURNING o.examination, o.line, o.until, s.reported
), withdrawn AS (
    INSERT INTO moving_withdrawn_line (examination, line, until) SELECT examination, line, until FROM unwatched WHERE reported
    ON CONFLICT DO NOTHING
)
DELETE FROM moving_open_line o USING settled s
WHERE o.order_id = s.order_id AND o.wholesaler_id = s.wholesaler_id AND o.revision < s.below
"""
NEXT_OFFSET = " ON CONFLICT (source, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset"
LAST_SEQUENCE = " ON CONFLICT (program) DO UPDATE SET sequence = EXCLUDED.sequence"
MORE_UNITS = " ON CONFLICT (authorization_id, program) DO UPDATE SET units = moving_units.units + EXCLUDED.units"
OTHER_PLACE = " ON CONFLICT (serial, gtin) DO UPDATE SET place = EXCLUDED.place"
KNOWN_ALREADY = " ON CONFLICT (question, examination) DO NOTHING"
FREE = "DELETE FROM moving_serial m USING unnest(%s::text[], %s::text[]) AS s(serial, gtin) WHERE m.serial = s.serial AND m.gtin = s.gtin"
UNNAME = FREE.replace("moving_serial", "moving_named_serial")
UNCLAIM = """
DELETE FROM moving_claimed_serial m USING unnest(%s::text[], %s::text[], %s::text[]) AS s(serial, gtin, place)
WHERE (m.serial, m.gtin, m.place) = (s.serial, s.gtin, s.place)
"""
OPEN_NO_MORE = """
DELETE FROM moving_open_line m USING unnest(%s::bigint[], %s::int[]) AS s(examination, line)
WHERE m.examination = s.examination AND m.line = s.line
"""
OPEN_FOR_GOOD = """
UPDATE moving_open_line m SET next_at = NULL FROM unnest(%s::bigint[], %s::int[]) AS s(examination, line)
WHERE m.examination = s.examination AND m.line = s.line
"""
SEEN = """
UPDATE moving_waiting_event m SET waits = false
FROM unnest(%s::text[], %s::text[], %s::int[]) AS s(order_id, wholesaler_id, revision)
WHERE (m.order_id, m.wholesaler_id, m.revision) = (s.order_id, s.wholesaler_id, s.revision) AND m.waits
"""
WATCHED_NO_MORE = OPEN_NO_MORE.replace("moving_open_line", "moving_watched_line")
WATCHED_ON = """
UPDATE moving_watched_line m SET next_at = least(m.until, s.next_at)
FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[]) AS s(examination, line, next_at)
WHERE m.examination = s.examination AND m.line = s.line
"""
FOLLOW = """
INSERT INTO moving_follow_up (cause, load, question, place, through)
SELECT cause, load, question, 0, through
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS s(cause, load, question, through)
"""
FOLLOW_FIRST = "INSERT INTO moving_follow_up (cause, place, through, questions) VALUES ('stop', 0, %s, %s)"
QUESTIONS_AT_ONCE = 1000


class Moves:
    """What a batch changes of what moves."""

    def __init__(self) -> None:
        self.heads: dict[int, int] = {}
        self.units: dict[tuple[str, str], int] = defaultdict(int)
        """By program and authorization, dispensing units more (or less)."""
        self.serials: dict[tuple[str, str], str | None] = {}
        """By GTIN and serial, with which line it is out, or None where it is free again."""
        self.claims: dict[tuple[str, str, str], bool] = {}
        """By serial, GTIN and line, whether that line too holds what is out with another."""
        self.named: dict[tuple[str, str], str | None] = {}
        """By GTIN and serial, the superseded line whose live record names what it does not hold, or None where none does any more."""
        self._open: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._watched: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._dependencies: list[tuple[int, int]] = []
        self._more: list[tuple[int, int]] = []
        self._withdrawn: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._settled: list[tuple[str, str, int, int, bool]] = []
        self._open_no_more: list[tuple[int, int]] = []
        self._open_for_good: list[tuple[int, int]] = []
        self._watched_no_more: list[tuple[int, int]] = []
        self._watched_on: list[tuple[int, int, datetime | None]] = []
        self._follow: list[tuple[str, int | None, int | None, int]] = []
        self._waiting_events: list[tuple[Any, ...]] = []
        self._seen: list[tuple[str, str, int]] = []
        self._unsettled: set[tuple[str, str, int, int]] = set()

    def open(self, examination: int, order: Order, lines: Iterable[int], next_at: datetime | None) -> None:
        """Notes stopped lines that may still be released."""
        for line in lines:
            self._open[examination, line] = (examination, line, order.order_id, order.wholesaler_id, order.revision, next_at)

    def watch(self, examination: int, order: Order, untils: Iterable[tuple[int, datetime]], next_at: datetime | None) -> None:
        """Notes released lines whose goods have not left, each with the end of its watch."""
        for line, until in untils:
            first = until if next_at is None else min(next_at, until)
            self._watched[examination, line] = (examination, line, order.order_id, order.wholesaler_id, order.revision, first, until)

    def hang(self, examination: int, questions: Iterable[Question]) -> None:
        """Notes what the answer of an examination hangs on."""
        self.hang_keys(examination, map(question_key, questions))

    def hang_keys(self, examination: int, keys: Iterable[int]) -> None:
        """The same of questions as the table has them."""
        self._dependencies += [(key, examination) for key in keys]

    def hang_more(self, examination: int, questions: Iterable[Question]) -> None:
        """The same of one whose lines were judged again, and stay as they are: most of it is known already."""
        self._more += [(question_key(question), examination) for question in questions]

    def settle(self, order: Order, *, reported: bool, contradicted: bool = False) -> None:
        """Lower revisions of this order are not open any more, nor watched; where it is contradicted, its own open lines are not either.

        ``reported``: its wholesaler says what became of goods, and is expected to say it of these.
        """
        self._settled.append((order.order_id, order.wholesaler_id, order.revision + contradicted, order.revision, reported))
        for kept, below in ((self._open, order.revision + contradicted), (self._watched, order.revision)):
            for name in [n for n, row in kept.items() if row[2:4] == (order.order_id, order.wholesaler_id) and row[4] < below]:
                row = kept.pop(name)
                if kept is self._watched and reported:
                    self._withdraw(*name, row[6])

    def _withdraw(self, examination: int, line: int, until: datetime) -> None:
        """A line that was withdrawn: by then its wholesaler should have said that its goods stayed."""
        self._withdrawn[examination, line] = (examination, line, until)

    def wait(self, told: tuple[str, str, int], order_id: str, revision: int, since: datetime) -> None:
        """What an event (its id, wholesaler and line) says waits for its order."""
        self._waiting_events.append((*told, order_id, revision, since, None, True))

    def seen(self, order_id: str, wholesaler_id: str, revision: int) -> None:
        """What events said of this order waits for it no longer."""
        self._seen.append((order_id, wholesaler_id, revision))

    def unsettle(self, wholesaler_id: str, order_id: str, revision: int, line: int) -> None:
        """A line has got a serial that another gave up: what its record can say is looked at once more."""
        self._unsettled.add((order_id, wholesaler_id, revision, line))

    def open_no_more(self, examination: int, lines: Iterable[int]) -> None:
        """These lines were judged again."""
        self._open_no_more += [(examination, line) for line in lines]

    def open_for_good(self, examination: int, lines: Iterable[int]) -> None:
        """No day that begins changes anything for these stopped lines."""
        self._open_for_good += [(examination, line) for line in lines]

    def watched_no_more(self, examination: int, untils: Mapping[int, datetime], *, reported: bool) -> None:
        """These lines were withdrawn, each with the end of its watch. ``reported`` as where a higher revision withdraws."""
        self._watched_no_more += [(examination, line) for line in untils]
        for line, until in untils.items() if reported else ():
            self._withdraw(examination, line, until)

    def watched_on(self, examination: int, lines: Iterable[int], next_at: datetime | None) -> None:
        """These lines may still leave; they are looked at again at ``next_at``."""
        self._watched_on += [(examination, line, next_at) for line in lines]

    def follow(self, cause: str, through: int, *, load: int | None = None, question: Question | None = None) -> None:
        """Notes that what hangs on this change, up to this examination, has to be judged again."""
        self._follow.append((cause, load, None if question is None else question_key(question), through))

    def added(self, source: int = 0, counts: Mapping[str, int] | None = None) -> list[Added]:
        """Rows that are new, or come in the place of one that was there."""
        heads = [(source, partition, offset) for partition, offset in self.heads.items()]
        units = [(authorization, program, change) for (program, authorization), change in self.units.items() if change]
        out, named = ([(*name[::-1], place) for name, place in of.items() if place is not None] for of in (self.serials, self.named))
        return [
            Added(tables.HEAD, heads, NEXT_OFFSET),
            Added(tables.RECORD_COUNT, list((counts or {}).items()), LAST_SEQUENCE),
            Added(tables.UNITS, units, MORE_UNITS),
            Added(tables.SERIAL, out, OTHER_PLACE),
            Added(tables.NAMED_SERIAL, named, OTHER_PLACE),
            Added(tables.CLAIMED_SERIAL, [claim for claim, holds in self.claims.items() if holds], " ON CONFLICT DO NOTHING"),
            Added(tables.OPEN_LINE, list(self._open.values())),
            Added(tables.WATCHED_LINE, list(self._watched.values())),
            Added(tables.WITHDRAWN_LINE, list(self._withdrawn.values()), " ON CONFLICT DO NOTHING"),
            Added(tables.WAITING_EVENT, self._waiting_events, " ON CONFLICT DO NOTHING"),
            Added(tables.UNSETTLED_LINE, sorted(self._unsettled), " ON CONFLICT DO NOTHING"),
            Added(tables.DEPENDENCY, self._dependencies + self._more, KNOWN_ALREADY if self._more else ""),
        ]

    def write(self, cursor: Cursor[Any], source: int = 0) -> None:
        """All of it, where no block is added."""
        insert(cursor, *self.added(source))
        self.change(cursor)

    def change(self, cursor: Cursor[Any]) -> None:
        """What goes, and what becomes another; once the rows are added."""
        free, unnamed = ([name[::-1] for name, place in of.items() if place is None] for of in (self.serials, self.named))
        for statement, rows in (
            (FREE, free),
            (UNNAME, unnamed),
            (UNCLAIM, [claim for claim, holds in self.claims.items() if not holds]),
            (CLOSE, self._settled),
            (OPEN_NO_MORE, self._open_no_more),
            (OPEN_FOR_GOOD, self._open_for_good),
            (WATCHED_NO_MORE, self._watched_no_more),
            (WATCHED_ON, self._watched_on),
            (FOLLOW, self._follow),
            (SEEN, self._seen),
        ):
            if rows:
                cursor.execute(statement, tuple(map(list, zip(*rows, strict=True))))


@lru_cache(65_536)
def question_key(question: Question) -> int:
    """A question as the table of dependencies has it. Two that meet in one key cost a look in vain, never an answer."""
    return int.from_bytes(md5(" ".join(question).encode(), usedforsecurity=False).digest()[:8], "big", signed=True)


def follow(cursor: Cursor[Any], cause: str, through: int, *, load: int | None = None, question: Question | None = None) -> None:
    """Notes, in the transaction of a change, that what hangs on it up to the examination ``through`` has to be judged again."""
    moves = Moves()
    moves.follow(cause, through, load=load, question=question)
    moves.change(cursor)


def follow_first(cursor: Cursor[Any], through: int, questions: Sequence[Question]) -> None:
    """The same of many questions whose answers take something back: before the rest of what came with them."""
    for first in range(0, len(questions), QUESTIONS_AT_ONCE):
        cursor.execute(FOLLOW_FIRST, (through, [question_key(question) for question in questions[first : first + QUESTIONS_AT_ONCE]]))


def rules(cursor: Cursor[Any]) -> dict[str, str]:
    """By program, the digest of the rules by which what waits was last judged."""
    return dict(cursor.execute("SELECT program, sha256 FROM moving_rules").fetchall())


def keep_rules(cursor: Cursor[Any], digests: Mapping[str, str]) -> None:
    """From now on what waits is judged by these."""
    cursor.execute("DELETE FROM moving_rules")
    insert(cursor, Added(tables.RULES, list(digests.items())))
