"""What has been heard of the programs: which sequences came, which heartbeats wait, how fresh their registries are."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.domain.sequences import Range, Sequences

HEARD = """
SELECT w.program, s.received, s.missing_since, coalesce(s.alerted, false), f.as_of,
       (SELECT array_agg(h.sequence ORDER BY h.sequence) FROM moving_heartbeat h WHERE h.program = w.program),
       (SELECT array_agg(h.as_of ORDER BY h.sequence) FROM moving_heartbeat h WHERE h.program = w.program)
FROM unnest(%s::text[]) AS w(program)
LEFT JOIN moving_sequence s ON s.program = w.program LEFT JOIN moving_freshness f ON f.program = w.program
"""
OVERDUE = """
SELECT program FROM moving_sequence
WHERE missing_since + make_interval(secs => %s) <= date_trunc('milliseconds', clock_timestamp()) AND NOT alerted AND program = ANY(%s)
"""
RECEIVED = """
INSERT INTO moving_sequence (program, received, missing_since, alerted)
SELECT program, received::int8multirange, missing_since, alerted
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::bool[]) AS given(program, received, missing_since, alerted)
ON CONFLICT (program) DO UPDATE SET received = EXCLUDED.received, missing_since = EXCLUDED.missing_since, alerted = EXCLUDED.alerted
"""
FRESHEN = """
INSERT INTO moving_freshness AS held (program, as_of) SELECT * FROM unnest(%s::text[], %s::timestamptz[])
ON CONFLICT (program) DO UPDATE SET as_of = greatest(held.as_of, EXCLUDED.as_of)
"""
WAIT = """
INSERT INTO moving_heartbeat AS held (program, sequence, as_of) SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (program, sequence) DO UPDATE SET as_of = greatest(held.as_of, EXCLUDED.as_of)
"""
WAIT_NO_MORE = """
DELETE FROM moving_heartbeat h USING unnest(%s::text[], %s::bigint[]) AS done(program, complete)
WHERE h.program = done.program AND h.sequence <= done.complete
"""


class Heard(NamedTuple):
    """What is known of one program at a moment."""

    received: Sequences = Sequences()
    missing_since: datetime | None = None
    alerted: bool = False
    as_of: datetime | None = None
    waiting: tuple[tuple[int, datetime], ...] = ()
    """Heartbeats, by their sequence: they count when nothing up to it is missing."""

    @property
    def sent(self) -> int:
        """Up to here everything has been sent, as the heartbeats that wait say."""
        return self.waiting[-1][0] if self.waiting else 0

    @property
    def gaps(self) -> tuple[Range, ...]:
        return tuple(self.received.gaps(self.sent))

    @property
    def missing(self) -> int:
        """How many facts are missing."""
        return self.received.missing(self.sent)


def overdue(cursor: Cursor[Any], programs: Iterable[str], limit_s: float) -> list[str]:
    """Those of ``programs`` of which something is missing for longer than this, without an alert."""
    return sorted(program for (program,) in cursor.execute(OVERDUE, (limit_s, sorted(programs))))


def heard(cursor: Cursor[Any], programs: Iterable[str]) -> dict[str, Heard]:
    """What is known of these programs, of each something."""
    return {
        program: Heard(_sequences(received), since, alerted, as_of, tuple(zip(numbers or (), instants or (), strict=True)))
        for program, received, since, alerted, as_of, numbers, instants in cursor.execute(HEARD, (sorted(set(programs)),))
    }


def write(cursor: Cursor[Any], before: dict[str, Heard], now: dict[str, Heard]) -> None:
    """Writes what is new in ``now``."""
    received = [(program, _text(to.received), to.missing_since, to.alerted) for program, to in now.items() if to[:3] != before[program][:3]]
    fresh = [(program, to.as_of) for program, to in now.items() if to.as_of != before[program].as_of]
    waiting = [(program, *beat) for program, to in now.items() for beat in to.waiting if beat not in before[program].waiting]
    done = [(program, to.received.complete) for program, to in now.items() if set(before[program].waiting) - set(to.waiting)]
    for statement, rows in ((RECEIVED, received), (FRESHEN, fresh), (WAIT_NO_MORE, done), (WAIT, waiting)):
        _each(cursor, statement, rows)


def _each(cursor: Cursor[Any], statement: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        cursor.execute(statement, tuple(map(list, zip(*rows, strict=True))))


def _sequences(received: Any) -> Sequences:
    return Sequences(Range(each.lower, each.upper - 1) for each in received or ())


def _text(sequences: Sequences) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in sequences.ranges) + "}"
