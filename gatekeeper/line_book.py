"""The book of one line: its records, what was reported of its goods, and what it has used up. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from gatekeeper.books import STANDING, live, returned, shipped
from gatekeeper.domain.case import Question
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.goods import Goods, Reported, reported
from gatekeeper.history import is_superseded
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination
from gatekeeper.storage.records import Place, Recorded
from schemas.event import EventLine, ShipmentEvent


class Book(NamedTuple):
    """One line: its records, and what was reported of its goods."""

    records: Sequence[Recorded]
    """All of them, oldest first."""
    reports: Sequence[Reported] = ()
    """Of goods that left, as far as records say it."""
    left: bool = False
    """Anything was reported to have left."""
    superseded: bool = False
    cancelled: bool = False
    verified: frozenset[str] = frozenset()
    """Serials that a verified return named."""

    @property
    def live(self) -> Recorded | None:
        """The one that is live."""
        found = live(self.records)
        return found[-1] if found else None

    @property
    def standing(self) -> Recorded | None:
        """The live one, or the last that was."""
        return self.live or next((record for record in reversed(self.records) if record.kind in STANDING), None)

    @property
    def released(self) -> Recorded | None:
        """What the gate released."""
        found = [record for record in self.records if record.kind == "original" and record.body.outside_gate is UNSET]
        return found[-1] if found else None


def goods_of(record: Recorded) -> Goods:
    """What a record says of its goods."""
    body = record.body
    serials = () if body.serials is UNSET else body.serials
    return Goods(record.units, serials, None if body.lot is UNSET else body.lot, None if body.expires_on is UNSET else body.expires_on)


def holding(book: Book) -> dict[Question, int | None]:
    """What the line has used up: units of its authorization, and serials (None).

    Until all of it has left, or the rest stays, a line holds all that it was released for: what has not left may still leave. Of a
    superseded line only what left counts. Units that came back are free again; serials when a verified return says so.
    """
    record, released = book.live, book.released
    if record is None or (book.superseded and not book.left):
        return {}
    units, serials = record.units, set(goods_of(record).serials)
    if released is not None and released is not record:
        left = shipped([report for report in book.reports if report.is_known], released.units)
        ended = book.superseded or book.cancelled or left >= released.units
        unnamed = len(serials) < units
        if not ended:
            units = max(units, released.units)
        if not ended or unnamed:
            serials.update(goods_of(released).serials)
    back = [each for each in book.records if each.kind == "return"]
    serials -= book.verified & {serial for each in back for serial in goods_of(each).serials}
    held: dict[Question, int | None] = {("serial", record.body.product.gtin, serial): None for serial in serials}
    if record.body.authorization_id is not UNSET and (units := max(0, units - returned(back))):
        held["units", record.program, record.body.authorization_id] = units
    return held


TAKEN, FREE = "taken", "free"
Told = tuple[str, str, int]
"""Wholesaler, event and line."""


class Books:
    """What the ledger has of the lines of some orders."""

    def __init__(self, records: Iterable[Recorded] = (), waiting: Iterable[Told] = ()) -> None:
        self._records: dict[Place, list[Recorded]] = {}
        self._places: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for record in records:
            self.add(record)
        self.waiting = set(waiting)
        """What was reported and no record says yet: an order is waited for."""

    def add(self, record: Recorded) -> None:
        """One more."""
        place = record.place
        if place not in self._records:
            self._records[place] = []
            self._places[place[:2]].append(place)
        self._records[place].append(record)

    def records(self, place: Place) -> list[Recorded]:
        """Of one line, oldest first."""
        return self._records.get(place, [])

    def places(self, name: tuple[str, str]) -> list[Place]:
        """The lines of an order, of every revision, that have records."""
        return self._places.get(name, [])

    def book(self, place: Place, history: Iterable[EarlierExamination], events: Iterable[OrderEvent], programs: Iterable[Program]) -> Book:
        """Of one line of an order with this history and these events."""
        records = self.records(place)
        package = package_of(records[-1], programs) if records else None
        own = [event for event in events if event.revision == place.revision]
        told = [(event, line) for event in own for line in lines_of(event.said) if line.line == place.line]
        applied = [(event, line) for event, line in told if (place.wholesaler_id, event.said.event_id, line.line) not in self.waiting]
        return Book(
            tuple(records),
            tuple([reported(event.said.event_id, line, package) for event, line in applied if event.event == "shipped" and package]),
            any(event.event == "shipped" for event, _ in told),
            is_superseded(history, place.revision),
            any(event.event == "cancelled" and event.is_of(place.line) for event in own),
            frozenset(
                [serial for event, line in applied if event.event == "returned" and line.verified is True for serial in line.serials or ()]
            ),
        )


def package_of(record: Recorded, programs: Iterable[Program]) -> CoveredPackage:
    """The package of a record; where no rules name it any more, what the record itself says of it."""
    product = record.body.product
    packages = [package for program in programs if program.name == record.program for package in program.packages]
    own = CoveredPackage("", product.gtin, product.name, record.body.unit, ())
    return next((package for package in packages if package.gtin == product.gtin), own)


def lines_of(event: ShipmentEvent) -> tuple[EventLine, ...]:
    """The lines that an event names."""
    return () if event.lines is UNSET else event.lines


def changed(before: Mapping[Question, int | None], after: Mapping[Question, int | None]) -> dict[Question, int | str]:
    """What a line has used up more than before, or less: units (the difference), and of a serial ``taken`` or ``free``."""
    found: dict[Question, int | str] = {}
    for question in (*before, *[question for question in after if question not in before]):
        if question[0] == "serial":
            if (question in before) != (question in after):
                found[question] = TAKEN if question in after else FREE
        elif difference := (after.get(question) or 0) - (before.get(question) or 0):
            found[question] = difference
    return found
