"""The records of lines that were released, or left without it, and what each line has used up."""

from collections.abc import Container, Iterable, Mapping
from typing import Any
from uuid import UUID

from msgspec import UNSET, Raw
from msgspec.structs import replace

from gatekeeper.domain.case import Held, Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.products import covered_package
from gatekeeper.domain.verdict import RELEASED, Verdict, used_by, used_by_line
from gatekeeper.examinations.history import Amount, by_order
from gatekeeper.examinations.recording import Recording
from gatekeeper.goods.books import ENDING, STANDING, came_back, returned
from gatekeeper.goods.held import holding, named_by, out_by_records, units_held
from gatekeeper.goods.line_book import Book, Books, lines_of, row_of, whereabouts_of
from gatekeeper.goods.settlement import GIVEN_UP, RELEASED_AFTER, Settlement, says_the_same, settled
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination, Outgoing
from gatekeeper.storage.records import Place, Recorded
from schemas.canonical import canonical


class Bookkeeping(Recording):
    """A transaction in which goods may have left already of what is decided."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.books = Books()
        """Of the orders of which goods left, or came back."""
        self._back: dict[int, Book] = {}
        """Of the order that is just released, the lines of which goods had left before, and may have come back."""

    def _book(self, place: Place, events: Iterable[OrderEvent] | None = None) -> Book:
        """What is known of one line, or was before all of its order's ``events`` were."""
        name = place[:2]
        return self.books.book(place, self._history[name], self._events[name] if events is None else events, self._rules.programs)

    def _ordered(self, name: tuple[str, str], revision: int) -> dict[int, Amount]:
        """By line of this revision, how much was released."""
        amounts = {}
        for place in self.books.places(name):
            if place.revision == revision and (released := Book(self.books.records(place)).released) is not None:
                amounts[place.line] = Amount(released.body.quantity, released.body.unit)
        return amounts

    def _moved(self, place: Place, before: Mapping[Question, int | None], after: Mapping[Question, int | None]) -> None:
        """A line holds other units and serials than before: who waits for what is free, or was released on it, is looked at again.

        A serial that is out with another line is neither taken from it nor freed: it is this one's when that one gives it up.
        """
        for question in dict.fromkeys((*before, *after)):
            if question[0] == "named":
                if question not in before or question not in after:
                    self._name(question, str(place), names=question in after)
            elif question[0] == "serial":
                if question in after:
                    self._hold(question, str(place))
                elif self._owner(*question[1:]) == str(place):
                    self._place(question, None)
                    self._moves.follow("freed", self._last, question=question)
                else:
                    self._claim(question, str(place), holds=False)
            elif change := (after.get(question) or 0) - (before.get(question) or 0):
                self._count(question, change)
                if change < 0:
                    self._moves.follow("freed", self._last, question=question)
                else:
                    self._moves.follow("event", self._last, question=("authorization", *question[1:]))

    def _name(self, question: Question, place: str, *, names: bool) -> None:
        """The live record of a superseded line names a serial that the line does not hold, or does so no longer."""
        if names or self._named_by(*question[1:]) == place:
            self._moves.named[question[1], question[2]] = place if names else None

    def _named_by(self, gtin: str, serial: str) -> str | None:
        """The superseded line whose live record names a serial that it does not hold."""
        return self._moves.named.get((gtin, serial), self.books.named.get((gtin, serial)))

    def _name_here_only(self, place: str, gtin: str, serials: Iterable[str]) -> None:
        """The live record of this line names serials: that of a superseded line which still names one of them does without any from now on.

        Nothing of that line left, as far as is known, and its record is not void before the warehouse says that the goods stayed.
        """
        for serial in serials:
            other = self._named_by(gtin, serial)
            if other is not None and other != place:
                self._give_up(Place.read(other))

    def _give_up(self, place: Place) -> None:
        live = self._live_record(place)
        if live is None:
            raise ValueError("whose record names a serial has a live one")
        case = Settlement(at=self._at, programs=Raw(b"[]"), line=place.line, unit=live.body.unit, standing=live.body)
        # It says nothing before the record that it replaces.
        self._settle(place, GIVEN_UP, case, live, live.units, live.record_id.bytes, self.books.arrived.get(place[:2]))
        for _, gtin, serial in named_by(live.body):
            self._moves.named[gtin, serial] = None

    def _live_record(self, place: Place) -> Recorded | None:
        """The live record of a line."""
        return Book(self.books.records(place)).live

    def learn(self, examinations: Iterable[EarlierExamination]) -> None:
        """The history of orders of which nothing was known."""
        new = [each for each in examinations if (each.wholesaler_id, each.order_id) not in self._history]
        self._history.update(by_order(new))

    def _owner(self, gtin: str, serial: str) -> str | None:
        """With which line a serial is out at this moment."""
        return self._moves.serials.get((gtin, serial), self.books.owners.get((gtin, serial)))

    def _hold(self, question: Question, place: str) -> None:
        """A serial is out with this line, or with the line that has it, and after that one with this."""
        owner = self._owner(*question[1:])
        if owner is None:
            self._place(question, place)
        elif owner != place:
            self._claim(question, place, holds=True)

    def _place(self, question: Question, place: str | None) -> None:
        """A serial that a line gives up and another one holds too is out with that one, whose record may name it now; so it is when whoever
        takes it gives it up.
        """
        claims = self.books.claims.get((question[1], question[2]))
        if place is None and claims:
            place = min(claims)
            self._claim(question, place, holds=False)
            self._moves.unsettle(*Place.read(place))
        elif place is not None and (owner := self._owner(*question[1:])) not in (None, place):
            self._claim(question, str(owner), holds=True)
        super()._place(question, place)

    def _claim(self, question: Question, place: str, *, holds: bool) -> None:
        claims = self.books.claims.setdefault((question[1], question[2]), set())
        if holds is not (place in claims):
            (claims.add if holds else claims.discard)(place)
            self._moves.claims[question[2], question[1], place] = holds

    def _held_outside(self, order: Order) -> tuple[Held, ...]:
        """The units that lines of an order hold because their goods left past the gate before it is judged."""
        lines = {line.line: line for line in order.lines}
        found = self._outside(order, lines)
        return tuple([each for place, book in found for each in units_held(lines[place.line], holding(book))])

    def _outside(self, order: Order, lines: Container[int] | None = None) -> list[tuple[Place, Book]]:
        """The lines of an order that have a live record outside the gate and were never released, or only as of another program."""
        places = [place for place in self.books.places((order.wholesaler_id, order.order_id)) if place.revision == order.revision]
        found = [(place, self._book(place)) for place in places if lines is None or place.line in lines]
        return [
            (place, book) for place, book in found if book.live and (book.released is None or book.released.program != book.live.program)
        ]

    def _released_after(self, order: Order, verdict: Verdict, after: tuple[int, int, int] | None) -> None:
        """What left before its release: its record outside the gate is void, and what was reported of it is settled once more."""
        events = self._events.get((order.wholesaler_id, order.order_id))
        lines = {line.line for line in verdict.lines if line.outcome == RELEASED} if events else set()
        for place, book in self._outside(order, lines) if lines else ():
            if (live := book.live) is not None:
                self._moved(place, holding(book), {})
                self._back[place.line] = book
                case = Settlement(at=self._at, programs=Raw(b"[]"), line=place.line, unit=live.body.unit, standing=live.body)
                self._settle(place, RELEASED_AFTER, case, live, live.units, live.record_id.bytes, after)
        told = [event for event in events or () if event.event != "cancelled" and event.revision == order.revision]
        if told:
            self._moves.seen(order.order_id, order.wholesaler_id, order.revision)
        for event in told:
            for line in lines.intersection(event.lines):
                self._moves.wait((event.said.event_id, event.wholesaler_id, line), event.order_id, event.revision, self._tail.now)

    def _use(self, order: Order, verdict: Verdict) -> None:
        """What came back of a line before it was released is not used up; what left is out at once, and not only when it is settled."""
        super()._use(order, verdict)
        for question, place in used_by(order, verdict):
            if question[0] == "serial":
                self._name_here_only(str(place), question[1], question[2:])
        self._use_reported(order, verdict)
        lines, self._back = self._back, {}
        for line, judged in zip(order.lines, verdict.lines, strict=True):
            book = lines.get(line.line)
            back = came_back(book.records) if book else []
            if book is None or not back:
                continue
            free = whereabouts_of(book).back
            for question, used in used_by_line(order, line, judged):
                if isinstance(used, int):
                    self._free({question: min(used, returned(back))})
                elif question[2] in free:
                    self._free({question: None})

    def _use_reported(self, order: Order, verdict: Verdict) -> None:
        """The serials that were reported to have left of lines, released or not, and that records say left past the gate."""
        for number, book in self._back.items():
            if (live := book.live) is not None:
                place = Place(order.wholesaler_id, order.order_id, order.revision, number)
                for serial in out_by_records(book).difference(whereabouts_of(book).back):
                    self._hold(("serial", live.body.product.gtin, serial), str(place))
        events = self._events.get((order.wholesaler_id, order.order_id), ())
        if not events:
            return
        packages = {line.line: line.package for line in verdict.lines}
        messages = [each for each in self._history[order.wholesaler_id, order.order_id] if each.cause == "message"]
        if [each.revision for each in messages].count(order.revision) == 1:
            # Of an order that is contradicted nobody knows what it was of; of any other also where it is not looked at any more.
            packages = {line.line: covered_package(line.ndc, line.gtin, self._rules.programs) for line in order.lines}
        for event in events:
            for line in lines_of(event.said) if event.event == "shipped" and event.revision == order.revision else ():
                row = None if line.product is UNSET else row_of(line.product, self._rules.programs)
                package = packages.get(line.line) if line.product is UNSET else row and row.package
                if package is not None:
                    place = Place(order.wholesaler_id, order.order_id, order.revision, line.line)
                    book = self._back.get(line.line) or self._book(place)
                    for serial in set(line.serials or ()).difference(whereabouts_of(book).back):
                        self._hold(("serial", package.gtin, serial), str(place))

    def _settle(
        self,
        place: Place,
        cause: str,
        case: Settlement,
        about: Recorded | None,
        units: int,
        digest: bytes,
        after: tuple[int, int, int] | None,
    ) -> None:
        """One record more of a line, by an examination of its own, which the relay publishes; none where the live one says the same."""
        envelope = self._envelope(*place[:3])
        document = canonical(case)
        record = settled(cause, case, envelope, document)
        is_live = about is not None and about is Book(self.books.records(place)).live
        if about is not None and is_live and record.kind == "correction" and says_the_same(record, about.body):
            return
        self._last += 1
        name, program = UUID(record.record_id), record.program
        replaced = None if about is None else about.record_id
        ends = [(replaced, name if record.kind == "correction" else None)] if replaced is not None and record.kind in ENDING else []
        self._examined(envelope, cause, digest, document, (None, None), ends, relayed=True)
        record = replace(record, sequence=self._next(program))
        self._record(name, program, record.kind, replaced, units, canonical(record))
        if record.kind == "original" and record.authorization_id is not UNSET:
            # Whoever is judged again by what was released on it before finds it there.
            self._moves.hang(self._last, [("authorization", program, record.authorization_id)])
        if about is None or self.books.records(place):
            # Of a line of which nothing was reported the books may have no records: then its history says which is live.
            self.books.add(Recorded(name, record.kind, replaced, units, program, record))
        self._outbox.append(Outgoing(self._last, after=after))
        if record.kind in STANDING:
            self._name_here_only(str(place), record.product.gtin, record.serials or ())
