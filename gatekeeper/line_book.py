"""The book of one line: its records, what was reported of its goods, and what it has used up. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from gatekeeper.books import STANDING, live, returned
from gatekeeper.by_people import Change, as_corrected, changes_of
from gatekeeper.domain.case import Question
from gatekeeper.domain.ids import record_id
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.goods import Goods, Reported, reported
from gatekeeper.history import is_superseded
from gatekeeper.settlement import CORRECTED, RETURNED
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination
from gatekeeper.storage.records import Place, Recorded
from gatekeeper.whereabouts import Move, Whereabouts, whereabouts
from schemas.event import EventLine, ShipmentEvent


class Book(NamedTuple):
    """One line: its records, and what was reported of its goods."""

    records: Sequence[Recorded]
    """All of them, oldest first."""
    reports: Sequence[Reported] = ()
    """Of goods that left, as far as records say it."""
    left: bool = False
    """Anything was reported to have left, or to have come back."""
    superseded: bool = False
    cancelled: bool = False
    moves: Sequence[Move] = ()
    """The same reports, and those of what came back."""
    by_people: frozenset[UUID] = frozenset()
    """The records that people made."""

    @property
    def changes(self) -> list[Change]:
        """What people corrected of it, oldest first."""
        return list(changes_of(self.records, self.by_people))

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


def whereabouts_of(book: Book) -> Whereabouts:
    """Where the line's goods are; of a line that was never released, of those that it is recorded with."""
    record = book.released or book.standing
    if record is None:
        return Whereabouts()
    body = as_corrected(record.body, book.changes) if record is book.released else record.body
    return whereabouts(book.moves, record.units, body.serials or ())


def said_to_have_left(book: Book) -> set[str]:
    """The serials that reports named, whatever a record makes of them, and those that people put into a record."""
    of = {record.record_id: set(goods_of(record).serials) for record in book.records}
    put = {
        serial
        for record in book.records
        if record.record_id in book.by_people and record.replaces is not None
        for serial in of[record.record_id] - of[record.replaces]
    }
    return put.union(*[report.serials for report in book.reports])


def holding(book: Book) -> dict[Question, int | None]:
    """What the line has used up: units of its authorization, and serials (None); of the serials, those that no other line has.

    Until all of it has left, or the rest stays, a line holds all that it was released for: what has not left may still leave. Of a
    superseded line only what left counts. Serials that were reported as left are held, whatever is disputed of them. Units that came
    back are free again; serials when a verified return says so.
    """
    record, released = book.live, book.released
    if record is None or (book.superseded and not book.left):
        return {}
    units, named, most, where = record.units, goods_of(record).serials, record.units, whereabouts_of(book)
    serials = set() if where.all_back else said_to_have_left(book).union(named)
    if released is not None:
        most = released.units
        ended = book.superseded or book.cancelled or where.left >= most
        # Of what went to several recipients the record is of one.
        units = max(units, min(where.left, most) if ended else most)
        if not ended or (len(named) < units and not where.all_back):
            serials.update(goods_of(released).serials)
    # What came back and left again is used up again.
    units = max(0, units - returned(book.records), min(most, where.out))
    held: dict[Question, int | None] = {("serial", record.body.product.gtin, serial): None for serial in serials - where.back}
    if record.body.authorization_id is not UNSET and units:
        held["units", record.program, record.body.authorization_id] = units
    return held


Told = tuple[str, str, int]
"""Wholesaler, event and line."""


def told_of(event: ShipmentEvent, line: int) -> Told:
    """What an event says of this line, by its name."""
    return event.wholesaler_id, event.event_id, line


class Books:
    """What the ledger has of the lines of some orders."""

    def __init__(self, records: Iterable[Recorded] = (), waiting: Iterable[Told] = ()) -> None:
        self._records: dict[Place, list[Recorded]] = {}
        self._places: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for record in records:
            self.add(record)
        self.waiting = set(waiting)
        """What was reported and no record says yet: an order is waited for."""
        self.owners: dict[tuple[str, str], str] = {}
        """By GTIN and serial, with which line what these lines ever named is out."""
        self.claims: dict[tuple[str, str], set[str]] = {}
        """The same of what is out with one line, and held by others too."""

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

    def every(self) -> Iterator[Recorded]:
        """The records of all lines."""
        return chain.from_iterable(self._records.values())

    def places(self, name: tuple[str, str]) -> list[Place]:
        """The lines of an order, of every revision, that have records."""
        return self._places.get(name, [])

    def book(self, place: Place, history: Sequence[EarlierExamination], events: Iterable[OrderEvent], programs: Iterable[Program]) -> Book:
        """Of one line of an order with this history and these events."""
        records = self.records(place)
        package = package_of(records[-1], programs) if records else None
        own = [event for event in events if event.revision == place.revision]
        told = [(event, line) for event in own if event.event != "cancelled" for line in lines_of(event.said) if line.line == place.line]
        applied = [(event, line) for event, line in told if told_of(event.said, line.line) not in self.waiting]
        return Book(
            tuple(records),
            tuple([reported(event.said.event_id, line, package) for event, line in applied if event.event == "shipped" and package]),
            bool(told),
            is_superseded(history, place.revision),
            any(event.event == "cancelled" and event.is_of(place.line) for event in own),
            tuple([_move(event, line, package, history, records) for event, line in applied if package]),
            frozenset([made for each in history if each.cause == CORRECTED for _, made in each.ends if made is not None]),
        )


def _move(
    event: OrderEvent, line: EventLine, package: CoveredPackage, history: Iterable[EarlierExamination], records: Iterable[Recorded]
) -> Move:
    """What one event says of where the goods of a line are."""
    report, back = reported(event.said.event_id, line, package), event.event == "returned"
    record = _recorded(event.said, line, history, records) if back else None
    serials = report.serials or (goods_of(record).serials if record else ())
    # In a unit that nobody can convert it is as many as are named.
    units = report.units if report.is_known else len(serials)
    at, verified = datetime.fromisoformat(event.said.at), line.verified is True
    return Move(at, units, serials, back, verified, record and record.units)


def _recorded(event: ShipmentEvent, line: EventLine, history: Iterable[EarlierExamination], records: Iterable[Recorded]) -> Recorded | None:
    """The return record that was made of one line of an event."""
    digest = digest_of(event, line)
    of = [each for each in history if each.cause == RETURNED and each.digest == digest]
    made = {record_id(each.wholesaler_id, each.order_id, each.revision, line.line, each.number, "return") for each in of}
    return next((record for record in records if record.record_id in made), None)


def digest_of(event: ShipmentEvent, line: EventLine) -> bytes:
    """Of what an event says of a line, as the examinations that settle it name it."""
    return sha256(f"{event.wholesaler_id}/{event.event_id}/{line.line}".encode()).digest()


def package_of(record: Recorded, programs: Iterable[Program]) -> CoveredPackage:
    """The package of a record; where no rules name it any more, what the record itself says of it."""
    product = record.body.product
    packages = [package for program in programs if program.name == record.program for package in program.packages]
    own = CoveredPackage("", product.gtin, product.name, record.body.unit, ())
    return next((package for package in packages if package.gtin == product.gtin), own)


def lines_of(event: ShipmentEvent) -> tuple[EventLine, ...]:
    """The lines that an event names."""
    return () if event.lines is UNSET else event.lines
