"""What has been heard of the programs: which sequences came, which heartbeats wait, how fresh their registries are."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.domain.sequences import Range, Sequences

HEARD = """
SELECT w.program, s.received, coalesce(s.since, '{}'), coalesce(s.alerted, '{}'), coalesce(s.through, 0), f.as_of,
       (SELECT array_agg(h.sequence ORDER BY h.sequence) FROM moving_heartbeat h WHERE h.program = w.program),
       (SELECT array_agg(h.as_of ORDER BY h.sequence) FROM moving_heartbeat h WHERE h.program = w.program)
FROM unnest(%s::text[]) AS w(program)
LEFT JOIN moving_sequence s ON s.program = w.program LEFT JOIN moving_freshness f ON f.program = w.program
"""
OVERDUE = """
SELECT program FROM moving_sequence s
WHERE program = ANY(%(programs)s) AND EXISTS (
    SELECT FROM unnest(s.since, s.alerted) AS g(since, alerted)
    WHERE g.since + make_interval(secs => %(limit)s) <= date_trunc('milliseconds', clock_timestamp()) AND NOT g.alerted)
"""
RECEIVED = """
INSERT INTO moving_sequence (program, received, since, alerted, through)
SELECT program, received::int8multirange, since::timestamptz[], alerted::bool[], through
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[]) AS given(program, received, since, alerted, through)
ON CONFLICT (program) DO UPDATE SET
    received = EXCLUDED.received, since = EXCLUDED.since, alerted = EXCLUDED.alerted, through = EXCLUDED.through
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
DELETE FROM moving_heartbeat h USING unnest(%s::text[], %s::bigint[]) AS done(program, sequence)
WHERE h.program = done.program AND h.sequence = done.sequence
"""


class Heard(NamedTuple):
    """What is known of one program at a moment."""

    received: Sequences = Sequences()
    since: tuple[datetime, ...] = ()
    """Of each gap, when it was first seen."""
    alerted: tuple[bool, ...] = ()
    """Of each gap, whether an alert named it."""
    through: int = 0
    """Up to here the registry has told, as its topic and its snapshots of all kinds say: what did not come of that is missing."""
    as_of: datetime | None = None
    waiting: tuple[tuple[int, datetime], ...] = ()
    """Heartbeats, by their sequence: they count when nothing up to it is missing."""

    @property
    def gaps(self) -> tuple[Range, ...]:
        return tuple(self.received.gaps(self.through))

    @property
    def missing(self) -> int:
        """How many facts are missing."""
        return self.received.missing(self.through)


def overdue(cursor: Cursor[Any], programs: Iterable[str], limit_s: float) -> list[str]:
    """Those of ``programs`` of which something is missing for longer than this, without an alert."""
    return sorted(program for (program,) in cursor.execute(OVERDUE, {"limit": limit_s, "programs": sorted(programs)}))


def heard(cursor: Cursor[Any], programs: Iterable[str]) -> dict[str, Heard]:
    """What is known of these programs, of each something."""
    return {
        program: Heard(
            _sequences(received), tuple(since), tuple(alerted), through, as_of, tuple(zip(numbers or (), instants or (), strict=True))
        )
        for program, received, since, alerted, through, as_of, numbers, instants in cursor.execute(HEARD, (sorted(set(programs)),))
    }


def write(cursor: Cursor[Any], before: dict[str, Heard], now: dict[str, Heard]) -> None:
    """Writes what is new in ``now``."""
    received = [
        (program, _text(to.received), _array(each.isoformat() for each in to.since), _array(map(str, to.alerted)), to.through)
        for program, to in now.items()
        if to[:4] != before[program][:4]
    ]
    fresh = [(program, to.as_of) for program, to in now.items() if to.as_of != before[program].as_of]
    waiting = [(program, *beat) for program, to in now.items() for beat in to.waiting if beat not in before[program].waiting]
    done = [(program, sequence) for program, to in now.items() for sequence in {*dict(before[program].waiting)} - {*dict(to.waiting)}]
    for statement, rows in ((RECEIVED, received), (FRESHEN, fresh), (WAIT_NO_MORE, done), (WAIT, waiting)):
        _each(cursor, statement, rows)


def _each(cursor: Cursor[Any], statement: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        cursor.execute(statement, tuple(map(list, zip(*rows, strict=True))))


def _sequences(received: Any) -> Sequences:
    return Sequences(Range(each.lower, each.upper - 1) for each in received or ())


def _text(sequences: Sequences) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in sequences.ranges) + "}"


def _array(texts: Iterable[str]) -> str:
    # Arrays of different lengths are no array of arrays: each goes as a text.
    return "{" + ",".join(texts) + "}"
