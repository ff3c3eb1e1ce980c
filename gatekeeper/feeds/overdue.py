"""Records that were submitted and not acknowledged in time: a person has to know, once a program and day."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.domain.ids import alert_id
from gatekeeper.domain.program import Program
from gatekeeper.domain.sequences import Range, Sequences
from gatekeeper.examinations.alerts import acknowledgement_alert
from gatekeeper.rules import day_begins
from gatekeeper.storage import acknowledgements as storage
from gatekeeper.storage import ledger
from gatekeeper.storage.acknowledgements import Awaited
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.facts import alerted

KIND: Final = "acknowledgement_overdue"
MOST_RANGES_SHOWN: Final = 20
AT_ONCE: Final = "continuous"
"""The cadence of programs whose records are submitted by topic as soon as they are made."""


def alert_overdue(engine: Engine, programs: Iterable[Program], limit_h: int) -> bool:
    """Looks at the next day of records, or the next ones that were submitted again, of each program, and says whether there were any.

    A day is looked at when so many hours have passed since its end, and has one alert where a record of it has no acknowledgement.
    Where the cadence of a program is another than at once, its files are looked at instead, so many hours after each was made; what is
    in none so many hours after a day, week or month is over is told once for each of them. A limit of 0: never.
    """
    if not limit_h:
        return False
    known = {program.name: program for program in programs}
    limit, done = timedelta(hours=limit_h), False
    with transaction(engine) as cursor:
        places = storage.awaited(cursor, known)
        now = ledger.now(cursor)
        for place in places:
            program = known[place.program]
            done |= _look(cursor, place, program, now - limit) or _look_again(cursor, place, now - limit)
    return done


def _look(cursor: Cursor[Any], place: Awaited, program: Program, before: datetime) -> bool:
    if program.feed_cadence == AT_ONCE:
        return _look_at_day(cursor, place, program.time_zone, before)
    return _look_at_file(cursor, place, before) if place.file is not None else _look_at_no_file(cursor, place, program, before)


def _look_at_day(cursor: Cursor[Any], place: Awaited, zone: str, before: datetime) -> bool:
    """The next day of records, if its time was over at ``before``."""
    if place.next_at is None:
        return False
    day = place.next_at.astimezone(ZoneInfo(zone)).date()
    end = day_begins(day + timedelta(days=1), zone)
    if end > before:
        return False
    last = storage.last_before(cursor, place.program, end, storage.last_sequence(cursor, place.program))
    count, ranges = storage.unanswered(cursor, place.program, place.through + 1, last, MOST_RANGES_SHOWN)
    _note(cursor, place._replace(through=last), f"{place.program}/{day}", count, ranges, {"recorded_on": day.isoformat()})
    return True


def _look_at_file(cursor: Cursor[Any], place: Awaited, before: datetime) -> bool:
    """The next file, if its time was over at ``before``."""
    if place.made_at is None or place.file_last is None or place.made_at > before:
        return False
    count, ranges = storage.unanswered(cursor, place.program, place.through + 1, place.file_last, MOST_RANGES_SHOWN)
    about = f"{place.program}/file/{place.file}"
    _note(cursor, place._replace(through=place.file_last), about, count, ranges, {"file": place.file})
    return True


def _look_at_no_file(cursor: Cursor[Any], place: Awaited, program: Program, before: datetime) -> bool:
    """What is in no file although the last day, week or month whose time was over at ``before`` should have brought one."""
    ended = _ended(program.feed_cadence, before.astimezone(ZoneInfo(program.time_zone)).date())
    if place.next_at is None or ended is None:
        return False
    end, about = day_begins(ended, program.time_zone), f"{place.program}/no file/{ended}"
    if place.next_at >= end or alerted(cursor, [alert_id(KIND, about)]):
        return False
    last = storage.last_before(cursor, place.program, end, storage.last_sequence(cursor, place.program))
    count, ranges = storage.unanswered(cursor, place.program, place.through + 1, last, MOST_RANGES_SHOWN)
    # What was acknowledged all the same is not waited for. The rest is looked at again when it is in a file.
    through = ranges[0].first - 1 if ranges else last
    _note(cursor, place._replace(through=through), about, count, ranges, {"in_no_file": True, "ended_before": ended.isoformat()})
    return True


def _ended(cadence: str, today: date) -> date | None:
    """The day that follows the last day, week or month that is over; None where the cadence has none."""
    return {"daily": today, "weekly": today - timedelta(days=today.weekday()), "monthly": today.replace(day=1)}.get(cadence)


def _look_again(cursor: Cursor[Any], place: Awaited, before: datetime) -> bool:
    """The next records that were submitted again, if that was before ``before``."""
    again = storage.resubmitted(cursor, place, before)
    if again is None:
        return False
    block, sequences = again
    shown, about = Sequences.of(sequences).ranges[:MOST_RANGES_SHOWN], f"{place.program}/resubmitted/{block}"
    _note(cursor, place._replace(block=block), about, len(sequences), shown, {"submitted_again": True})
    return True


def _note(cursor: Cursor[Any], place: Awaited, about: str, count: int, ranges: Sequence[Range], seen: dict[str, Any]) -> None:
    """How far it was looked, and an alert where something is missing."""
    ledger.take_lock(cursor)
    if count:
        tail = ledger.read_tail(cursor)
        seen |= {"missing": count, "sequences": [{"first": first, "last": last} for first, last in ranges]}
        name, body = acknowledgement_alert(KIND, tail.now, about, place.program, seen)
        if not alerted(cursor, [UUID(name)]):
            ledger.raise_alerts(cursor, tail, KIND, {UUID(name): body})
    storage.looked(cursor, place.program, place.through, place.block)
