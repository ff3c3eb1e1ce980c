"""Vials that left and did not come back: until when each site must have returned what it has not used, and an alert before that.

Nobody tells the gatekeeper of infusions: what did not come back was used, or is still to be returned, and a person asks the site.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import UNSET
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.domain.program import Program
from gatekeeper.examinations.alerts import unused_alert
from gatekeeper.examinations.business_days import business_day_after
from gatekeeper.goods.books import came_back, returned
from gatekeeper.goods.line_book import goods_of
from gatekeeper.rules import day_begins
from gatekeeper.storage import ledger
from gatekeeper.storage import unused as storage
from gatekeeper.storage.acknowledgements import last_before, last_sequence
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.facts import alerted
from gatekeeper.storage.records import Place, Recorded, records_of
from gatekeeper.storage.unused import Looked

KIND: Final = "unused_vials_due"
RECORDS_AT_ONCE: Final = 1000
DUE, OVERDUE, RETURNED, UNKNOWN = "due", "overdue", "returned", "unknown"
STATES: Final = (DUE, OVERDUE, RETURNED, UNKNOWN)


class Vials(NamedTuple):
    """What left by one line, by its live record, and what came back of it."""

    record: Recorded
    submitted_on: date | None
    """When the form of its authorization was submitted; None where nobody said it."""
    ends_on: date | None
    """The last day on which what was not used must have been returned."""
    back: tuple[Recorded, ...]

    @property
    def out(self) -> int:
        """How many did not come back."""
        return max(0, self.record.units - returned(self.back))

    @property
    def returned_serials(self) -> tuple[str, ...]:
        return tuple(sorted(serial for each in self.back for serial in goods_of(each).serials))

    @property
    def serials(self) -> tuple[str, ...]:
        """Those that did not come back, as far as returns named them."""
        gone = set(self.returned_serials)
        return tuple(serial for serial in goods_of(self.record).serials if serial not in gone) if self.out else ()

    def state(self, today: date) -> str:
        if not self.out:
            return RETURNED
        if self.ends_on is None:
            return UNKNOWN
        return DUE if today <= self.ends_on else OVERDUE


def listed(engine: Engine, program: Program, wanted: Callable[[date | None], bool] = lambda _: True) -> Iterator[tuple[str, Vials]]:
    """Every line of which goods left by a live record, with its state today: those of a day of end that is ``wanted``, by their ends.

    All is one state of the ledger; it needs memory for what is wanted alone.
    """
    found: list[Vials] = []
    with transaction(engine) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        today, last = _today(cursor, program), last_sequence(cursor, program.name)
        for first in range(1, last + 1, RECORDS_AT_ONCE):
            found += _vials(cursor, program, first, min(last, first + RECORDS_AT_ONCE - 1), wanted)
    found.sort(key=lambda vials: (vials.ends_on or date.max, vials.record.place))
    return ((vials.state(today), vials) for vials in found)


def alert_unused(engine: Engine, programs: Iterable[Program], lead: int) -> bool:
    """Looks at a bounded part of what left, and says whether there was any to look at.

    Each day all that was recorded before it is looked at once. A line of which anything is still out so many business days (``lead``)
    before its end, or fewer, has one alert, also where nobody looked until the end was past. A lead of 0: never. Records older than
    twice the window are not looked at.
    """
    asked = {program.name: program for program in programs if lead and program.return_window_business_days}
    if not asked:
        return False
    with transaction(engine) as cursor:
        places = storage.places(cursor, asked)
        for program in asked.values():
            place = _place_of_today(cursor, program, places.get(program.name))
            if place is not None:
                _look(cursor, program, place, lead)
                return True
    return False


def _place_of_today(cursor: Cursor[Any], program: Program, place: Looked | None) -> Looked | None:
    """From where it is to be looked on; None where all was looked at today."""
    today = _today(cursor, program)
    if place is not None and place.day == today:
        return place if place.sequence < place.through else None
    newest = last_sequence(cursor, program.name)
    # Three days for each business day are more than twice as many business days.
    oldest = day_begins(today - timedelta(days=3 * program.return_window_business_days), program.time_zone)
    before = last_before(cursor, program.name, oldest, newest)
    return Looked(program.name, today, before, last_before(cursor, program.name, day_begins(today, program.time_zone), newest))


def _look(cursor: Cursor[Any], program: Program, place: Looked, lead: int) -> None:
    """The next part of what left: alerts where it is time, and how far it was looked."""
    last = min(place.through, place.sequence + RECORDS_AT_ONCE)
    latest = business_day_after(place.day, lead)

    def near(end: date | None) -> bool:
        return end is not None and end <= latest

    def found() -> list[Vials]:
        return [vials for vials in _vials(cursor, program, place.sequence + 1, last, near) if vials.out]

    def untold(at: datetime) -> dict[UUID, bytes]:
        told = {UUID(name): body for name, body in (_alert(at, vials) for vials in found())}
        known = alerted(cursor, list(told)) if told else ()
        return {name: body for name, body in told.items() if name not in known}

    if untold(ledger.now(cursor)):
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        # Once more, for what came back until the lock was held.
        ledger.raise_alerts(cursor, tail, KIND, untold(tail.now))
    storage.note(cursor, place._replace(sequence=last))


def _alert(at: datetime, vials: Vials) -> tuple[str, bytes]:
    if vials.ends_on is None or vials.submitted_on is None:
        raise ValueError("what has no end has no alert")
    return unused_alert(at, vials.record.body, vials.submitted_on, vials.ends_on, vials.out, vials.serials)


def _vials(cursor: Cursor[Any], program: Program, first: int, last: int, wanted: Callable[[date | None], bool]) -> list[Vials]:
    """Of the live records with these sequences, those whose end is ``wanted``."""
    records = storage.standing(cursor, program.name, first, last)
    named = {record.body.authorization_id for record in records if record.body.authorization_id is not UNSET}
    forms = storage.forms(cursor, program.name, named)
    chosen = []
    for record in records:
        submitted = None if record.body.authorization_id is UNSET else forms.get(record.body.authorization_id)
        end = None if submitted is None else business_day_after(submitted, program.return_window_business_days)
        if wanted(end):
            chosen.append((record, submitted, end))
    back: dict[Place, list[Recorded]] = defaultdict(list)
    for each in came_back(records_of(cursor, {record.body.order_id for record, _, _ in chosen})) if chosen else ():
        back[each.place].append(each)
    return [Vials(record, submitted, end, tuple(back[record.place])) for record, submitted, end in chosen]


def _today(cursor: Cursor[Any], program: Program) -> date:
    return ledger.now(cursor).astimezone(ZoneInfo(program.time_zone)).date()
