"""Shipment events: a batch of them goes in, what follows from each is recorded, in one database transaction."""

from collections.abc import Container, Iterable, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor

from gatekeeper.alerts import event_alert
from gatekeeper.arrivals import Answer, Position, SetAside, Source
from gatekeeper.gate import TERMS, guarded
from gatekeeper.history import Amount, emptied_lines, gone_lines, is_superseded, lots_gone, withdrawn_lines
from gatekeeper.recording import Recording, Terms
from gatekeeper.refusals import refusal_of
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import events as storage
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination, Outgoing, RecordRow, Tail
from gatekeeper.storage.readback import read_back
from gatekeeper.withdrawal import Released, ReleasedBy, Withdrawal, record_of, released_lines, released_programs, uses_of, withdraw
from schemas.canonical import canonical
from schemas.event import ShipmentEvent
from schemas.reading import Unreadable, read_event

Name = tuple[str, str]
"""Wholesaler and order, or wholesaler and event."""


class EventArrival(NamedTuple):
    """One message at one position of a source, as it was read."""

    position: Position
    raw: bytes
    digest: bytes
    """SHA-256 of the message."""
    event: ShipmentEvent | Unreadable | SetAside
    content: bytes = b""
    """What the event says, canonical; the same under the same id is a repeat."""


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
    ledger.take_lock(cursor)
    tail, heads, counts, _ = ledger.read_end(cursor, source.number)
    judged = [arrival for arrival in arrivals if arrival.position.offset < heads.get(arrival.position.partition, 0)]
    answers = {answer.position: answer for answer in read_back(cursor, source, judged)} if judged else {}
    fresh = [arrival for arrival in arrivals if arrival.position not in answers]
    if fresh:
        taking = _Taking(source, tail, book.at(tail.now), terms, _held(cursor, [arrival.event for arrival in fresh]))
        taking.counts = counts
        for arrival in fresh:
            guarded(source, arrival.position, taking.take, arrival)
        answers |= {answer.position: answer for answer in taking.write(cursor)}
    return [answers[arrival.position] for arrival in arrivals]


class _Held(NamedTuple):
    """What the ledger has of the orders and events that a batch names."""

    examinations: Sequence[EarlierExamination]
    events: Sequence[OrderEvent]
    digests: dict[Name, bytes]
    records: dict[UUID, RecordRow]
    """The live ones."""
    arrived: dict[int, tuple[int, int, int]]
    """By the last message's examination, where it stood."""


def _held(cursor: Cursor[Any], messages: Iterable[ShipmentEvent | Unreadable | SetAside]) -> _Held:
    events = [message for message in messages if isinstance(message, ShipmentEvent)]
    if not events:
        return _Held((), (), {}, {}, {})
    names, ids = [event.order_id for event in events], [event.event_id for event in events]
    histories: dict[Name, list[EarlierExamination]] = {(event.wholesaler_id, event.order_id): [] for event in events}
    examinations = ledger.earlier(cursor, names)
    for examination in examinations:
        if (name := (examination.wholesaler_id, examination.order_id)) in histories:
            histories[name].append(examination)
    live = [record for history in histories.values() for line in released_lines(history).values() for record in line.records]
    cancelled = {(event.wholesaler_id, event.order_id) for event in events if event.event == "cancelled"}
    last = [message.id for name in cancelled if (message := _last_message(histories[name])) is not None]
    arrived = storage.arrived(cursor, last) if last else {}
    told, digests = storage.events_of(cursor, names), storage.digests_of(cursor, ids)
    return _Held(examinations, told, digests, ledger.records(cursor, live), arrived)


def _last_message(history: Iterable[EarlierExamination]) -> EarlierExamination | None:
    return max((examination for examination in history if examination.cause == "message"), key=attrgetter("id"), default=None)


class _Taking(Recording):
    """What one batch of events changes, until it is written."""

    def __init__(self, source: Source, tail: Tail, rules: Rules, terms: Terms, held: _Held) -> None:
        super().__init__(tail, rules, terms, {}, held.examinations, held.events)
        self._source, self._records, self._arrived_at = source, held.records, held.arrived
        self._digests = dict(held.digests)
        self._settled = storage.Settled()
        self._alerted: set[UUID] = set()
        self._answers: list[Answer] = []

    def take(self, arrival: EventArrival) -> None:
        """Records one arrival, and what follows from it."""
        event = arrival.event
        if not isinstance(event, ShipmentEvent):
            self._refuse(arrival, event)
            return
        digest = sha256(arrival.content).digest()
        recorded = self._digests.setdefault((event.wholesaler_id, event.event_id), digest)
        if recorded is not digest:
            self._again(arrival, event, repeat=recorded == digest)
            return
        place = (self._source.number, *arrival.position)
        revision = 1 if event.revision is UNSET else event.revision
        self._rows[tables.SHIPMENT_EVENT].append(
            (*place, event.event_id, event.wholesaler_id, event.order_id, revision, event.event, digest, arrival.content, self._block)
        )
        self._answer(arrival, "event")
        told = storage.event_of(event.wholesaler_id, event.order_id, revision, event.event, arrival.content)
        self._events[event.wholesaler_id, event.order_id].append(told)
        if event.event == "shipped":
            self._left(event, told)
        elif event.event == "cancelled":
            self._stays(event, told)

    def write(self, cursor: Cursor[Any]) -> list[Answer]:
        """Adds all of it as the next block, and moves what moves."""
        known = storage.alerts_known(cursor, self._alerted) if self._alerted else set()
        self._rows[tables.ALERT] = [row for row in self._rows[tables.ALERT] if row[0] not in known]
        self._outbox = [out for out in self._outbox if out.alert_id not in known]
        head = self._add_block(cursor, self._source.number).hash.hex()
        self._settled.write(cursor)
        return [answer._replace(head=head) for answer in self._answers]

    def _left(self, event: ShipmentEvent, told: OrderEvent) -> None:
        """What has left whole leaves the watch. Where it had been withdrawn, a person has to know."""
        wholesaler_id, order_id, revision, _, lines, *_ = told
        name = wholesaler_id, order_id
        emptied = emptied_lines(revision, self._events[name], self._ordered(name, revision)) & set(lines)
        if emptied:
            self._settled.unwatch(order_id, wholesaler_id, revision, revision, sorted(emptied))
        for examination in self._history[name]:
            if examination.revision == revision and examination.released is not None:
                self._hang_on_lots(examination.id, released_programs(examination.released), lots_gone(revision, [told]))
        self._settled.tell(order_id, wholesaler_id, revision)
        if is_superseded(self._history[name], revision):
            self._use_again(name, revision, set(lines) - gone_lines(revision, self._events[name][:-1]))
        withdrawn = withdrawn_lines(revision, self._history[name]) & set(lines)
        if withdrawn:
            self._tell("withdrawn_goods_shipped", event, "", {"lines": sorted(withdrawn)})

    def _use_again(self, name: Name, revision: int, lines: Container[int]) -> None:
        """What a higher revision freed of these lines, and has left all the same, is used up where its record is live."""
        for (of, line), released in released_lines(self._history[name]).items():
            for record in released.records if of == revision and line in lines else ():
                row = self._records[record]
                where = f"{name[0]}/{name[1]}/{revision}/{line}"
                for question, units in uses_of(record_of(row.body), row.units).items():
                    if units is None:
                        self._place(question, where)
                    else:
                        self._count(question, units)
                        # Whoever was released on these units meanwhile is looked at again.
                        self._moves.follow("event", self._last, question=("authorization", *question[1:]))

    def _ordered(self, name: Name, revision: int) -> dict[int, Amount]:
        """By line of this revision, what its live record says: only covered lines are watched."""
        released = [line for (of, _), line in released_lines(self._history[name]).items() if of == revision]
        records = [record_of(self._records[record].body) for line in released for record in line.records]
        return {record.line: Amount(record.quantity, record.unit) for record in records}

    def _stays(self, event: ShipmentEvent, told: OrderEvent) -> None:
        """What is open is closed, what was released is withdrawn, live records are voided; but not of what has left."""
        wholesaler_id, order_id, revision, *_ = told
        name = wholesaler_id, order_id
        left = gone_lines(revision, self._events[name])
        if contradicted := sorted(line for line in left if told.is_of(line)):
            self._tell("shipped_goods_cancelled", event, "", {"lines": contradicted})
        self._settled.close(order_id, wholesaler_id, revision, told.lines)
        self._settled.unwatch(order_id, wholesaler_id, 1, revision, told.lines)
        self._settled.tell(order_id, wholesaler_id, revision)
        groups: dict[ReleasedBy, list[Released]] = {}
        for (of, line), released in released_lines(self._history[name]).items():
            if of <= revision and told.is_of(line) and line not in gone_lines(of, self._events[name]):
                groups.setdefault(released.by, []).append(released)
        for by, lines in groups.items():
            # Of a lower revision nobody said that the goods stayed, only that they are not wanted any more.
            records = [record for line in lines for record in line.records] if by.revision == revision else []
            if records or any(line.out for line in lines):
                self._take_back(event, told, by, tuple(line.line for line in lines if line.out), records)

    def _take_back(self, event: ShipmentEvent, told: OrderEvent, by: ReleasedBy, out: tuple[Any, ...], records: Iterable[UUID]) -> None:
        name = event.wholesaler_id, event.order_id
        history = self._history[name]
        rows = sorted((self._records[record] for record in records), key=attrgetter("program"))
        envelope = self._envelope(*name, by.revision)
        case = Withdrawal(envelope, by.verdict_id, told.revision, out, tuple(row.body for row in rows), event.event_id)
        withdrawal = withdraw(case)
        self._last += 1
        said = withdrawal.released, withdrawal.stopped
        self._examined(envelope, "cancelled", by.digest, withdrawal.evidence, said, [row.record_id for row in rows], relayed=True)
        for row, void in zip(rows, withdrawal.voids, strict=True):
            body = canonical(replace(void, sequence=self._next(row.program)))
            self._record(UUID(void.record_id), row.program, "void", row.record_id, row.units, body)
            if not is_superseded(history, by.revision):
                self._free(uses_of(record_of(row.body), row.units))
        last = _last_message(history)
        self._outbox.append(Outgoing(self._last, after=self._arrived_at.get(last.id) if last else None))

    def _again(self, arrival: EventArrival, event: ShipmentEvent, *, repeat: bool) -> None:
        """An event whose id was there before: a repeat, or another content, which is kept and changes nothing."""
        if repeat:
            self._answer(arrival, "repeat")
            return
        self._rows[tables.ASIDE].append((self._source.number, *arrival.position, "contradicts", arrival.content, self._block))
        self._tell("event_contradicts", event, sha256(arrival.content).hexdigest(), {})
        self._answer(arrival, "aside")

    def _refuse(self, arrival: EventArrival, why: Unreadable | SetAside) -> None:
        refusal = refusal_of(self._source, arrival.position, why, self._tail.now)
        self._rows[tables.REFUSAL].append((self._source.number, *arrival.position, arrival.raw, refusal.body, self._block))
        self._answer(arrival, "refused")
        self._answers[-1] = self._answers[-1]._replace(refusal=refusal)

    def _answer(self, arrival: EventArrival, kind: str) -> None:
        partition, offset = arrival.position
        self._rows[tables.ARRIVAL].append((self._source.number, partition, offset, kind, arrival.digest, None, None, self._block))
        self._moves.heads[partition] = offset + 1
        self._answers.append(Answer(arrival.position, kind, "", read_back=False))

    def _tell(self, kind: str, event: ShipmentEvent, about: str, seen: dict[str, Any]) -> None:
        """An alert, once."""
        name, body = event_alert(kind, self._tail.now, event, about, seen)
        alert_id = UUID(name)
        if alert_id not in self._alerted:
            self._alerted.add(alert_id)
            self._rows[tables.ALERT].append((alert_id, kind, None, body, self._block))
            self._outbox.append(Outgoing(alert_id=alert_id))
