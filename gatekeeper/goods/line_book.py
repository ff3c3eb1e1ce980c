"""The book of one line: its records, and what was reported of its goods. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from gatekeeper.domain.ids import record_id
from gatekeeper.domain.products import Row, find_product, read_product
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.examinations.history import Amount, is_superseded
from gatekeeper.goods.books import STANDING, came_back, live, returned
from gatekeeper.goods.by_people import Change, as_corrected, changes_of
from gatekeeper.goods.reported import Goods, Reported, reported
from gatekeeper.goods.settlement import CORRECTED, RETURNED
from gatekeeper.goods.whereabouts import Move, Whereabouts, whereabouts
from gatekeeper.storage.events import OrderEvent, digest_of
from gatekeeper.storage.ledger import EarlierExamination
from gatekeeper.storage.records import Place, Recorded
from schemas.event import EventLine, ShipmentEvent
from schemas.order import PatientOnLine, Product


class Use(NamedTuple):
    """Of which product and on whose authorization goods were used up."""

    program: str
    gtin: str
    authorization_id: str | None = None


class Shipment(NamedTuple):
    """What one event says left of a line."""

    report: Reported
    product: tuple[str, str] | None
    """Program and GTIN, where it names a product that is covered."""
    names_product: bool
    patient: PatientOnLine | None
    waits: bool
    """No record says it yet: an order is waited for."""


class Book(NamedTuple):
    """One line: its records, and what was reported of its goods."""

    records: Sequence[Recorded]
    """All of them, oldest first."""
    shipments: Sequence[Shipment] = ()
    left: bool = False
    """Anything was reported to have left, or to have come back."""
    superseded: bool = False
    cancelled: bool = False
    moves: Sequence[Move] = ()
    """The same reports, and those of what came back."""
    by_people: frozenset[UUID] = frozenset()
    """The records that people made."""
    ordered: Use | None = None
    """What was ordered, where that is known."""

    @property
    def changes(self) -> list[Change]:
        """What people corrected of it, oldest first."""
        return list(changes_of(self.records, self.by_people)) if self.by_people else []

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


def fits(records: Iterable[Recorded], live: Recorded) -> bool:
    """Whether what the records of a line say came back is of what its live one says left."""
    back = came_back(records)
    serials = set(goods_of(live).serials)
    return returned(back) <= live.units and (not serials or all(serials.issuperset(goods_of(record).serials) for record in back))


def whereabouts_of(book: Book) -> Whereabouts:
    """Where the line's goods are; of a line that was never released, of those that it is recorded with."""
    record = book.released or book.standing
    if record is None:
        return Whereabouts()
    body = as_corrected(record.body, book.changes) if record is book.released else record.body
    return whereabouts(book.moves, record.units, body.serials or ())


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
        self.named: dict[tuple[str, str], str] = {}
        """By GTIN and serial, the superseded line whose live record names what it does not hold."""
        self.arrived: dict[tuple[str, str], tuple[int, int, int]] = {}
        """By order, as far as that was looked up, where its last message stood."""
        self.ordered: dict[Place, tuple[Use, CoveredPackage]] = {}
        """Of lines that were ordered, as far as that was looked up, what they are of."""
        self.uncovered: dict[Place, Amount] = {}
        """The same of lines that nobody restricted when they were let go, because a program had ended: how much."""

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
        records, (ordered, package), programs = self.records(place), self.ordered.get(place, (None, None)), tuple(programs)
        if records:
            package = package_of(records[-1], programs)
        own = [event for event in events if event.revision == place.revision]
        told = [(event, line) for event in own if event.event != "cancelled" for line in lines_of(event.said) if line.line == place.line]
        applied = [(event, line) for event, line in told if told_of(event.said, line.line) not in self.waiting]
        return Book(
            tuple(records),
            tuple([
                _shipment(event, line, package, programs, waits=told_of(event.said, line.line) in self.waiting)
                for event, line in told if event.event == "shipped"
            ]),
            bool(told),
            is_superseded(history, place.revision),
            any(event.event == "cancelled" and event.is_of(place.line) for event in own),
            tuple([_move(event, line, package, history, records) for event, line in applied if package]),
            frozenset([made for each in history if each.cause == CORRECTED for _, made in each.ends if made is not None]),
            ordered,
        )  # fmt: skip


def _shipment(
    event: OrderEvent, line: EventLine, package: CoveredPackage | None, programs: tuple[Program, ...], *, waits: bool
) -> Shipment:
    row = None if line.product is UNSET else row_of(line.product, programs)
    own = row.package if row is not None else package or UNKNOWN
    patient = None if line.patient is UNSET else line.patient
    product = None if row is None else (row.program.name, row.package.gtin)
    return Shipment(reported(event.said.event_id, line, own), product, line.product is not UNSET, patient, waits)


def row_of(product: Product, programs: tuple[Program, ...]) -> Row | None:
    """The covered product that these codes name, whatever the mode of its program."""
    ndc, gtin = (None if code is UNSET else code for code in (product.ndc, product.gtin))
    return find_product(read_product(ndc, gtin, programs), programs, lambda _: True).row


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


def package_of(record: Recorded, programs: Iterable[Program]) -> CoveredPackage:
    """The package of a record; where no rules name it any more, what the record itself says of it."""
    product = record.body.product
    packages = [package for program in programs if program.name == record.program for package in program.packages]
    own = CoveredPackage("", product.gtin, product.name, record.body.unit, ())
    return next((package for package in packages if package.gtin == product.gtin), own)


UNKNOWN = CoveredPackage("", "", "", "", ())
"""Of which no unit is known."""


def lines_of(event: ShipmentEvent) -> tuple[EventLine, ...]:
    """The lines that an event names."""
    return () if event.lines is UNSET else event.lines
