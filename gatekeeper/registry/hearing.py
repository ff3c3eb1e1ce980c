"""What is heard of a registry besides its facts: that nothing of it is missing, and of which instant it speaks."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import compress
from operator import or_
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.domain.program import Program
from gatekeeper.domain.sequences import Range, Sequences
from gatekeeper.examinations.alerts import facts_missing_alert, registry_stale_alert
from gatekeeper.storage import heard as storage
from gatekeeper.storage import ledger, moving
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.facts import alerted
from gatekeeper.storage.heard import Heard


class Told(NamedTuple):
    """What was told of one program in one transaction."""

    received: Sequences = Sequences()
    heartbeats: tuple[tuple[int, datetime], ...] = ()
    as_of: datetime | None = None
    """The instant as of which a snapshot speaks."""
    whole: bool = False
    """It is a snapshot of all kinds: as of then the registry had told all up to its sequence, and no more."""
    filled: Sequences = Sequences()
    """What a snapshot of some kinds has. Of what it has not nobody can tell whether it will come: it may have been said anew since."""


class State(NamedTuple):
    """How the registry of a program stands at an instant."""

    program: str
    as_of: datetime | None
    age_s: float | None
    stale: bool
    missing: int


def limits_of(programs: Iterable[Program]) -> dict[str, timedelta]:
    """By program, how old its registry may be."""
    return {program.name: timedelta(hours=program.registry_age_limit_hours) for program in programs}


def hear(cursor: Cursor[Any], tail: ledger.Tail, told: Mapping[str, Told], limits: Mapping[str, timedelta]) -> dict[str, Heard]:
    """Takes in what was told, under the ledger lock, and says how the programs stand now.

    A heartbeat counts when nothing up to its sequence is missing, and waits until then. Where a registry becomes fresh that was too old,
    what was held for that reason is judged again.
    """
    before = storage.heard(cursor, told)
    now = {program: _after(before[program], new, tail.now) for program, new in told.items()}
    storage.write(cursor, before, now)
    for program, to in now.items():
        limit = limits.get(program)
        if limit is not None and stale(before[program].as_of, tail.now, limit) and not stale(to.as_of, tail.now, limit):
            moving.follow(cursor, "stale", tail.examination, question=("stale", program))
    return now


def stale(as_of: datetime | None, at: datetime, limit: timedelta) -> bool:
    """Whether a registry that speaks as of ``as_of`` is too old at an instant."""
    return as_of is None or at - as_of > limit


def states(cursor: Cursor[Any], limits: Mapping[str, timedelta], at: datetime) -> list[State]:
    """How the registries of the programs that have limits stand. Others are not named: whoever sends a fact can make up any name."""
    found = storage.heard(cursor, limits)
    return [
        State(
            program,
            one.as_of,
            None if one.as_of is None else (at - one.as_of).total_seconds(),
            stale(one.as_of, at, limits[program]),
            one.missing,
        )
        for program, one in sorted(found.items())
    ]


def alert_missing(engine: Engine, programs: Collection[str], limit_s: float) -> bool:
    """Raises an alert for each of ``programs`` of which something is missing for longer than this: once a gap.

    Says whether there was any.
    """
    with transaction(engine) as cursor:
        if not storage.overdue(cursor, programs, limit_s):
            return False
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        before = storage.heard(cursor, storage.overdue(cursor, programs, limit_s))
        alerts, told = {}, {}
        for program, one in before.items():
            late = [since + timedelta(seconds=limit_s) <= tail.now for since in one.since]
            new = [is_late and not said for is_late, said in zip(late, one.alerted, strict=True)]
            if any(new):
                name, body = facts_missing_alert(tail.now, program, list(compress(one.gaps, new)), min(compress(one.since, new)))
                alerts[UUID(name)] = body
                told[program] = one._replace(alerted=tuple(map(or_, late, one.alerted)))
        storage.write(cursor, before, told)
        return ledger.raise_alerts(cursor, tail, "facts_missing", alerts)


def alert_stale(engine: Engine, limits: Mapping[str, timedelta]) -> bool:
    """Raises an alert for each program whose registry is too old, once as long as it speaks as of one instant. Says whether it did."""
    with transaction(engine) as cursor:
        if not _unsaid(cursor, limits, ledger.now(cursor)):
            return False
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        return ledger.raise_alerts(cursor, tail, "registry_stale", _unsaid(cursor, limits, tail.now))


def _unsaid(cursor: Cursor[Any], limits: Mapping[str, timedelta], at: datetime) -> dict[UUID, bytes]:
    """The alerts about registries that are too old at an instant, but for those that were raised before."""
    old = [state for state in states(cursor, limits, at) if state.stale]
    alerts = [registry_stale_alert(at, state.program, state.as_of, limits[state.program]) for state in old]
    before = alerted(cursor, [UUID(name) for name, _ in alerts])
    return {UUID(name): body for name, body in alerts if UUID(name) not in before}


def _after(before: Heard, told: Told, at: datetime) -> Heard:
    received = before.received | told.received | told.filled
    through = max(before.through, told.received.last)
    beats: dict[int, datetime] = {}
    for sequence, as_of in (*before.waiting, *told.heartbeats):
        beats[sequence] = max(as_of, beats.get(sequence, as_of))
    if slips := _slips(beats, told, received.complete):
        received = received.without(slips)
        through = max(told.received.last, received.last)
        beats = {sequence: as_of for sequence, as_of in beats.items() if sequence not in slips}
    counting = [as_of for sequence, as_of in beats.items() if sequence <= received.complete]
    waiting = tuple(sorted((sequence, as_of) for sequence, as_of in beats.items() if sequence > received.complete))
    fresh = max((as_of for as_of in (before.as_of, told.as_of, *counting) if as_of is not None), default=None)
    after = Heard(received, (), (), through, fresh, waiting)
    clocks = list(_clocks(zip(before.gaps, before.since, before.alerted, strict=True), after.gaps, at))
    return after._replace(since=tuple([since for since, _ in clocks]), alerted=tuple([alerted for _, alerted in clocks]))


def _slips(beats: Mapping[int, datetime], told: Told, complete: int) -> set[int]:
    """Heartbeats that said that more had been sent than a later snapshot of all kinds knows of: their numbers were slips."""
    if not told.whole or told.as_of is None:
        return set()
    return {sequence for sequence, as_of in beats.items() if sequence > complete and as_of < told.as_of}


def _clocks(before: Iterable[tuple[Range, datetime, bool]], gaps: Iterable[Range], at: datetime) -> Iterator[tuple[datetime, bool]]:
    """Of each gap, since when it is seen and whether that was said: what is left of one, or one that grew, keeps both. All in order.

    But where an alert has named a gap, and something comes within it, what still lacks below that begins anew: a number far too high would
    else have said for good whatever is missing later.
    """
    known = deque(before)
    for first, last in gaps:
        while known and known[0][0].last < first:
            known.popleft()
        if known and known[0][0].first <= last:
            gap, since, alerted = known[0]
            yield (at, False) if alerted and last < gap.last else (since, alerted)
        else:
            yield at, False
