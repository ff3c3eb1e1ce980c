"""Shipment events: a batch of them goes in, what follows from each is recorded, in one database transaction."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple, Self
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor

from gatekeeper.arrivals import Answer, Position, SetAside, Source
from gatekeeper.domain.case import Question
from gatekeeper.domain.verdict import NOT_COVERED, RELEASED
from gatekeeper.examinations.beginning import begin, guarded
from gatekeeper.examinations.history import emptied_lines, gone_lines, lots_gone, outcomes_of
from gatekeeper.examinations.recording import TERMS, Terms
from gatekeeper.examinations.refusals import refusal_of
from gatekeeper.examinations.withdrawal import Released, ReleasedBy, Withdrawal, released_lines, released_programs, withdraw
from gatekeeper.goods.grounds import Known, grounds, keep_books, nothing_more, read_uncovered
from gatekeeper.goods.held import holding
from gatekeeper.goods.line_book import Books, lines_of, told_of
from gatekeeper.goods.past_gate import Name, as_released
from gatekeeper.goods.settling import Settling
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import events as storage
from gatekeeper.storage import ledger, tables, waiting_events
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination, Outgoing, Tail
from gatekeeper.storage.lookups import Said
from gatekeeper.storage.records import Place, Recorded, records_of
from schemas.canonical import canonical
from schemas.event import EventLine, ShipmentEvent
from schemas.reading import Unreadable, read_event


class EventArrival(NamedTuple):
    """One message at one position of a source, as it was read."""

    position: Position
    raw: bytes
    digest: bytes
    """SHA-256 of the message."""
    event: ShipmentEvent | Unreadable | SetAside
    content: bytes = b""
    """What the event says, canonical; the same under the same id is a repeat."""

    def set_aside(self, reason: str) -> Self:
        """The same, taken out of the way."""
        return self._replace(event=SetAside(reason))


def read_event_arrival(position: Position, raw: bytes, aside: str | None = None) -> EventArrival:
    """Reads one message. Nothing that was sent makes it raise."""
    digest = sha256(raw).digest()
    if aside is not None:
        return EventArrival(position, raw, digest, SetAside(aside))
    event = read_event(raw)
    if isinstance(event, Unreadable):
        return EventArrival(position, raw, digest, event)
    event = replace(event, revision=1 if event.revision is UNSET else event.revision)
    return EventArrival(position, raw, digest, event, canonical(event))


def take_events(
    cursor: Cursor[Any], source: Source, arrivals: Sequence[EventArrival], book: RuleBook, terms: Terms = TERMS
) -> list[Answer]:
    """What the ledger has for each arrival, in their order; what was taken before is read back.

    The caller commits, and publishes only then. What follows for orders is published by the relay.
    """
    (tail, _, _, counts, *_), fresh, answers = begin(cursor, source, arrivals)
    if fresh:
        rules = book.at(tail.now)
        known = _known(cursor, [arrival.event for arrival in fresh])
        plain = {arrival.position for arrival in fresh if guarded(source, arrival.position, known.is_plain, arrival.event)}
        by_event = {id(arrival.event): arrival.position for arrival in fresh}
        other = [arrival.event for arrival in fresh if isinstance(arrival.event, ShipmentEvent) and arrival.position not in plain]
        # What left of an order before it was cancelled may have left too late.
        cancelled = {(event.wholesaler_id, event.order_id): by_event[id(event)] for event in other if event.event == "cancelled"}
        left = [each for each in known.of_orders.events if each.event == "shipped" and (each.wholesaler_id, each.order_id) in cancelled]
        by_event |= {id(each.said): cancelled[each.wholesaler_id, each.order_id] for each in left}
        other += [each.said for each in left]

        def looked(event: ShipmentEvent, step: Any, *arguments: Any) -> Any:
            return guarded(source, by_event[id(event)], step, *arguments)

        found, said = grounds(cursor, rules, known.of_orders, other, looked) if other else (nothing_more(known.of_orders.books), {})
        taking = _Taking(source, tail, rules, terms, known, said)
        taking.counts, taking.grounds = counts, found
        keep_books(cursor, taking, found.books)
        for arrival in fresh:
            guarded(source, arrival.position, taking.take, arrival, arrival.position in plain)
        answers |= {answer.position: answer for answer in taking.write(cursor)}
    return [answers[arrival.position] for arrival in arrivals]


class _Known(NamedTuple):
    """What the ledger has of the orders and events that a batch names."""

    of_orders: Known
    digests: dict[Name, bytes]
    histories: dict[Name, list[EarlierExamination]]
    crowded: Container[Name]
    """Orders of which more than this one event is known, or comes in the batch."""

    def is_plain(self, event: ShipmentEvent | Unreadable | SetAside) -> bool:
        """Whether it can but confirm what was released: the goods left as they are in the records of lines that are out."""
        if not isinstance(event, ShipmentEvent) or event.event != "shipped":
            return False
        name, revision = (event.wholesaler_id, event.order_id), event.revision or 1
        history = self.histories.get(name, [])
        if name in self.crowded or len(history) != 1 or history[0].revision != revision:
            return False
        outcomes = outcomes_of(revision, history)
        return all(self._confirms(event, line, outcomes.get(line.line)) for line in lines_of(event))

    def _confirms(self, event: ShipmentEvent, line: EventLine, outcome: str | None) -> bool:
        if outcome != RELEASED:
            return outcome == NOT_COVERED and line.product is UNSET
        records = self.of_orders.books.records(Place(event.wholesaler_id, event.order_id, event.revision or 1, line.line))
        if len(records) != 1 or not as_released(event, line, records[0].body):
            return False
        body = records[0].body
        return line.quantity in (UNSET, body.quantity) and line.unit in (UNSET, body.unit) and line.serials in (UNSET, body.serials)


def _known(cursor: Cursor[Any], messages: Iterable[ShipmentEvent | Unreadable | SetAside]) -> _Known:
    events = [message for message in messages if isinstance(message, ShipmentEvent)]
    if not events:
        return _Known(Known((), (), Books()), {}, {}, ())
    names, ids = [event.order_id for event in events], [event.event_id for event in events]
    histories: dict[Name, list[EarlierExamination]] = {(event.wholesaler_id, event.order_id): [] for event in events}
    examinations = ledger.earlier(cursor, names)
    for examination in examinations:
        if (name := (examination.wholesaler_id, examination.order_id)) in histories:
            histories[name].append(examination)
    told = storage.events_of(cursor, names)
    books = Books(records_of(cursor, names), waiting_events.of_orders(cursor, names))
    counted = Counter([(event.wholesaler_id, event.order_id) for event in (*events, *[each.said for each in told])])
    crowded = {name for name, count in counted.items() if count > 1}
    read_uncovered(cursor, books, events)
    return _Known(Known(examinations, told, books), storage.digests_of(cursor, ids), histories, crowded)


class _Taking(Settling):
    """What one batch of events changes, until it is written."""

    def __init__(self, source: Source, tail: Tail, rules: Rules, terms: Terms, known: _Known, said: dict[Question, Said]) -> None:
        super().__init__(tail, rules, terms, said, known.of_orders.examinations, known.of_orders.events)
        self._source = source
        self._digests = dict(known.digests)
        self._settled = storage.Settled()
        self._answers: list[Answer] = []

    def take(self, arrival: EventArrival, plain: bool) -> None:  # noqa: FBT001 - by position, as the guard passes it on
        """Records one arrival, and what follows from it. A ``plain`` one confirms."""
        event = arrival.event
        if not isinstance(event, ShipmentEvent):
            self._refuse(arrival, event)
            return
        digest = sha256(arrival.content).digest()
        recorded = self._digests.setdefault((event.wholesaler_id, event.event_id), digest)
        if recorded is not digest:
            self._again(arrival, event, repeat=recorded == digest)
            return
        revision = event.revision or 1
        row = (self._source.number, *arrival.position, event.event_id, event.wholesaler_id, event.order_id, revision, event.event)
        self._rows[tables.SHIPMENT_EVENT].append((*row, digest, arrival.content, self._block))
        self._answer(arrival, "event")
        told = storage.order_event(event)
        self._events[event.wholesaler_id, event.order_id].append(told)
        if event.event == "shipped":
            self._left(event, told, plain)
        elif event.event == "cancelled":
            self._stays(event, told)
        elif not self._waits(event, revision):
            for line in lines_of(event):
                if not self._waits_behind(event, line, revision):
                    self.bring_back(event, line, fresh=True)

    def write(self, cursor: Cursor[Any]) -> list[Answer]:
        """Adds all of it as the next block, and moves what moves."""
        self.leave_out_what_was_told(cursor)
        head = self._add_block(cursor, self._source.number).hash.hex()
        self._settled.write(cursor)
        return [answer._replace(head=head) for answer in self._answers]

    def _left(self, event: ShipmentEvent, told: OrderEvent, plain: bool) -> None:  # noqa: FBT001
        """What has left whole leaves the watch; the records of what left say what did."""
        wholesaler_id, order_id, revision, _, lines, *_ = told
        name = wholesaler_id, order_id
        uncovered = {place.line: amount for place, amount in self.books.uncovered.items() if place[:3] == (*name, revision)}
        if emptied := emptied_lines(revision, self._events[name], self._ordered(name, revision) | uncovered) & set(lines):
            self._settled.unwatch(order_id, wholesaler_id, revision, revision, sorted(emptied))
        for examination in self._history[name]:
            if examination.revision == revision and examination.released is not None:
                self._hang_on_lots(examination.id, released_programs(examination.released), lots_gone(revision, [told]))
        self._settled.tell(order_id, wholesaler_id, revision)
        if not plain and not self._waits(event, revision):
            for line in lines_of(event):
                self.ship(event, line, fresh=True)

    def _waits(self, event: ShipmentEvent, revision: int) -> bool:
        """Whether the order of an event has not been seen: what it says is settled when it was, or is known not to come."""
        history = self._history[event.wholesaler_id, event.order_id]
        if any(examination.cause == "message" and examination.revision == revision for examination in history):
            return False
        for line in lines_of(event):
            self._put_off(event, line, revision)
        return True

    def _waits_behind(self, event: ShipmentEvent, line: EventLine, revision: int) -> bool:
        """Whether what was reported of a line before its order came is still to be settled: what came back of it is settled after that."""
        events = self._events[event.wholesaler_id, event.order_id]
        waits = any(told_of(each.said, line.line) in self.books.waiting for each in events if each.revision == revision)
        if waits:
            self._put_off(event, line, revision)
            self._moves.seen(event.order_id, event.wholesaler_id, revision)
        return waits

    def _put_off(self, event: ShipmentEvent, line: EventLine, revision: int) -> None:
        """What it says of serials counts at once: they left."""
        place, key = Place(event.wholesaler_id, event.order_id, revision, line.line), told_of(event, line.line)
        before = holding(self._before(place, key, fresh=True))
        self._moves.wait((event.event_id, event.wholesaler_id, line.line), event.order_id, revision, self._tail.now)
        self.books.waiting.add(key)
        self.hold(place, before)

    def _stays(self, event: ShipmentEvent, told: OrderEvent) -> None:
        """What is open is closed, what was released is withdrawn, live records are voided; but not of what has left."""
        wholesaler_id, order_id, revision, *_ = told
        name = wholesaler_id, order_id
        events = self._events[name]
        gone = gone_lines(revision, events)
        part = gone & (self._ordered(name, revision).keys() - emptied_lines(revision, events, self._ordered(name, revision)))
        unsaid = gone - gone_lines(revision, events, ("shipped",))
        if contradicted := sorted(line for line in (gone - part) | unsaid if told.is_of(line)):
            self.tell("shipped_goods_cancelled", event, "", {"lines": contradicted})
        self._settled.close(order_id, wholesaler_id, revision, told.lines)
        self._settled.unwatch(order_id, wholesaler_id, 1, revision, told.lines)
        self._settled.tell(order_id, wholesaler_id, revision)
        groups: dict[ReleasedBy, list[Released]] = {}
        for (of, line), released in released_lines(self._history[name]).items():
            stays = line not in gone_lines(of, events) or (of == revision and line in part)
            if of <= revision and told.is_of(line) and stays:
                groups.setdefault(released.by, []).append(released)
        for by, lines in groups.items():
            # Of a lower revision nobody said that the goods stayed, only that they are not wanted any more; and what left has its record.
            staying = [line for line in lines if by.revision == revision and line.line.line not in gone]
            records = [record for line in staying for record in line.records]
            if records or any(line.out for line in lines):
                self._take_back(event, told, by, tuple(line.line for line in lines if line.out), records)
        for line in sorted(gone):
            if told.is_of(line):
                self.rest_stays(Place(*name, revision, line), event)

    def _take_back(self, event: ShipmentEvent, told: OrderEvent, by: ReleasedBy, out: tuple[Any, ...], records: Iterable[UUID]) -> None:
        name = event.wholesaler_id, event.order_id
        books, wanted = self.books, set(records)
        rows = sorted(
            (row for place in books.places(name) for row in books.records(place) if row.record_id in wanted),
            key=attrgetter("program"),
        )
        until_now = [each for each in self._events[name] if each.said is not event]
        before = {row.place: holding(self._book(row.place, until_now)) for row in rows}
        envelope = self._envelope(*name, by.revision)
        case = Withdrawal(envelope, by.verdict_id, told.revision, out, tuple(canonical(row.body) for row in rows), event.event_id)
        withdrawal = withdraw(case)
        self._last += 1
        said = withdrawal.released, withdrawal.stopped
        self._examined(envelope, "cancelled", by.digest, withdrawal.evidence, said, [(row.record_id, None) for row in rows], relayed=True)
        for row, void in zip(rows, withdrawal.voids, strict=True):
            record = replace(void, sequence=self._next(row.program))
            self._record(UUID(void.record_id), row.program, "void", row.record_id, row.units, canonical(record))
            books.add(Recorded(UUID(void.record_id), "void", row.record_id, row.units, row.program, record))
            self.hold(row.place, before[row.place])
        self._outbox.append(Outgoing(self._last, after=self.grounds.arrived.get(name)))

    def _again(self, arrival: EventArrival, event: ShipmentEvent, *, repeat: bool) -> None:
        """An event whose id was there before: a repeat, or another content, which is kept and changes nothing."""
        if repeat:
            self._answer(arrival, "repeat")
            return
        self._rows[tables.ASIDE].append((self._source.number, *arrival.position, "contradicts", arrival.content, self._block))
        self.tell("event_contradicts", event, sha256(arrival.content).hexdigest(), {})
        self._answer(arrival, "aside")

    def _refuse(self, arrival: EventArrival, why: Unreadable | SetAside) -> None:
        refusal = refusal_of(self._source, arrival.position, why, self._tail.now)
        self._rows[tables.REFUSAL].append((self._source.number, *arrival.position, arrival.raw, refusal.body, self._block))
        self._answer(arrival, "refused")
        self._answers[-1] = self._answers[-1]._replace(refusal=refusal)

    def _answer(self, arrival: EventArrival, kind: str) -> None:
        self._rows[tables.ARRIVAL].append((self._source.number, *arrival.position, kind, arrival.digest, None, None, self._block))
        self._moves.heads[arrival.position.partition] = arrival.position.offset + 1
        self._answers.append(Answer(arrival.position, kind, "", read_back=False))
