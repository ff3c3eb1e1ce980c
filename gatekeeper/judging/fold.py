"""A batch is a fold: what one order releases is there before the next is decided, so that its size never changes an answer."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from operator import attrgetter
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor

from gatekeeper.arrivals import SET_ASIDE, Answer, Arrival, Examined, Position, SetAside, Source, Stored
from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.verdict import LineVerdict, Verdict
from gatekeeper.examinations.drafting import Draft, draft
from gatekeeper.examinations.history import Amount, emptied_lines, gone_lines, is_superseded
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import (
    Released,
    ReleasedBy,
    Withdrawal,
    live_lines,
    record_of,
    released_lines,
    uses_of,
    withdraw,
)
from gatekeeper.goods.bookkeeping import Bookkeeping
from gatekeeper.goods.held import holding, named_by
from gatekeeper.rules import Rules
from gatekeeper.storage import tables
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination, Outgoing, RecordRow, Tail
from gatekeeper.storage.lookups import NOTHING, Said, plain
from gatekeeper.storage.records import Place, Recorded
from schemas.canonical import canonical
from schemas.reading import Unreadable
from schemas.refusal import Position as RefusedPosition
from schemas.refusal import RefusedMessage


class Fold(Bookkeeping):
    """What one batch of arrivals decides, until it is written."""

    def __init__(
        self,
        source: Source,
        tail: Tail,
        rules: Rules,
        terms: Terms,
        said: dict[Question, Said],
        earlier: Iterable[EarlierExamination],
        events: Iterable[OrderEvent],
    ) -> None:
        super().__init__(tail, rules, terms, said, earlier, events)
        self._source = source
        self.voidable: dict[UUID, RecordRow] = {}
        self.drafts: Mapping[Position, Draft] = {}
        """What was worked out before the ledger lock was taken, at the same moment."""
        self._answers: list[Answer] = []

    @property
    def answers(self) -> list[Answer]:
        """What was answered so far, whether or not it is ever written."""
        return self._answers

    def superseded_records(self, orders: Iterable[Order]) -> list[UUID]:
        """The records that a higher revision among ``orders`` would void, and those of what has left."""
        return [
            record
            for order in orders
            for lines in live_lines(self._history.get((order.wholesaler_id, order.order_id), ()), below=order.revision).values()
            for line in lines
            for record in {*line.records, *map(UUID, line.line.record_ids)}
        ]

    def take(self, arrival: Arrival) -> None:
        """Judges one arrival."""
        order = arrival.order
        if isinstance(order, Order):
            self._order(arrival, order)
        else:
            self._refuse(arrival, order)

    def write(self, cursor: Cursor[Any]) -> list[Answer]:
        """Adds all that was decided as the next block, and moves what moves."""
        head = self._add_block(cursor, self._source.number).hash.hex()
        return [answer._replace(head=head) for answer in self._answers]

    def _order(self, arrival: Arrival, order: Order) -> None:
        history = self._history[order.wholesaler_id, order.order_id]
        messages = [examination for examination in history if examination.cause == "message"]
        digest = bytes.fromhex(order.digest)
        for message in messages:
            if message.revision == order.revision and message.digest == digest:
                self._arrived(arrival, "repeat", message.id, message.id)
                self._answers.append(Answer(arrival.position, "repeat", "", read_back=False))
                return
        first = self._last + 1
        examined: list[Examined] = []
        if messages and order.revision > max(message.revision for message in messages):
            examined = self._supersede(order, history)
            self.books.arrived[order.wholesaler_id, order.order_id] = (self._source.number, *arrival.position)
        answer, lines = self._examine(arrival, order, history, digest)
        self._arrived(arrival, "order", first, self._last)
        self._answers.append(Answer(arrival.position, "order", "", read_back=False, examinations=(*examined, answer), lines=lines))

    def _examine(
        self, arrival: Arrival, order: Order, history: list[EarlierExamination], digest: bytes
    ) -> tuple[Examined, tuple[LineVerdict, ...]]:
        drafted = self._drafted(arrival, order, history)
        verdict, envelope, said = drafted.verdict, drafted.envelope, drafted.said
        alerted = self._contradiction(order, verdict, history)
        self._last += 1
        self._examined(envelope, "message", digest, drafted.evidence, said)
        stored = self._originals(drafted.records)
        self._wait(order, verdict, drafted.outlook)
        alerts = (self._alert("released_order_contradicted", envelope, {"lines": alerted}),) if alerted else ()
        self._released_after(order, verdict, (self._source.number, *arrival.position))
        self._use(order, verdict)
        return Examined(envelope.verdict_id, order.order_id, *said, tuple(stored), alerts), verdict.lines

    def _drafted(self, arrival: Arrival, order: Order, history: list[EarlierExamination]) -> Draft:
        """What was drafted before, where nothing has come of the order and what it asked is answered the same; else it is judged now."""
        name = order.wholesaler_id, order.order_id
        earlier = self._earlier(order)
        self._said["order", *name] = plain(earlier) if earlier else NOTHING
        before = self.drafts.get(arrival.position)
        if before is not None and not (history or self._events[name]) and before.holds(self._said):
            return before
        number, left = self._number(*name, order.revision), self._emptied(order)
        return draft(self._moment, self._source.number, arrival, order, self._said, number, left, self._held_outside(order))

    def _supersede(self, order: Order, history: list[EarlierExamination]) -> list[Examined]:
        """Withdraws what lower revisions released and what has not left: the messages, the voided records, the alert; units and serials
        are free again. Of a line of which anything left the record stays, and what it used.

        What the relay published is withdrawn by the relay, so that the withdrawal never comes before the release.
        Where the wholesaler reports shipments nothing is voided: the event that says that the goods stayed does so.
        """
        self._moves.settle(order, reported=self._reports(order))
        name = order.wholesaler_id, order.order_id
        events, examined, looked_at = self._events[name], [], set[int]()
        for released_by, lines in live_lines(history, below=order.revision).items():
            gone = gone_lines(released_by.revision, events)
            staying = [record for line in lines if line.line.line not in gone for record in line.records]
            reports = self._reports(order)
            held = sorted((self.voidable[record] for record in staying), key=attrgetter("program"))
            if not is_superseded(history, released_by.revision):
                # Several verdicts may have released lines of one revision.
                places = [Place(*name, released_by.revision, line) for line in gone if released_by.revision not in looked_at]
                looked_at.add(released_by.revision)
                for row in held:
                    record = record_of(row.body)
                    place = Place(*name, record.revision, record.line)
                    if self.books.records(place):
                        places.append(place)
                    else:
                        self._free(uses_of(record, row.units))
                        self._moved(place, {}, named_by(record) if reports else {})
                for place in places:
                    book = self._book(place)
                    self._moved(place, holding(book), holding(book._replace(superseded=True)) if reports or place.line in gone else {})
            elif not reports:
                # It reported shipments then.
                for record in [record_of(row.body) for row in held]:
                    self._moved(Place(*name, record.revision, record.line), named_by(record), {})
            rest = self._not_left(released_by.revision, lines, gone, events) if gone else lines
            voids = [] if reports else held
            if not voids and not any(line.out for line in rest):
                continue
            withdrawn = self._withdraw(order, released_by, rest, voids)
            if released_by.relayed:
                self._outbox.append(Outgoing(self._last))
            else:
                examined.append(withdrawn)
        return examined

    def _not_left(self, revision: int, lines: list[Released], gone: frozenset[int], events: list[OrderEvent]) -> list[Released]:
        """The lines of which not everything has left. Of one without a record nobody knows how much it was: it has."""
        records = [record_of(self.voidable[UUID(record)].body) for line in lines for record in line.line.record_ids]
        ordered = {record.line: Amount(record.quantity, record.unit) for record in records}
        some = ordered.keys() - emptied_lines(revision, events, ordered)
        return [line for line in lines if line.line.line not in gone or line.line.line in some]

    def _withdraw(self, order: Order, released_by: ReleasedBy, lines: list[Released], voids: list[RecordRow]) -> Examined:
        out = tuple(line.line for line in lines if line.out)
        envelope = self._envelope(order.wholesaler_id, order.order_id, released_by.revision)
        withdrawal = withdraw(Withdrawal(envelope, released_by.verdict_id, order.revision, out, tuple(row.body for row in voids)))
        self._last += 1
        said, voided = (withdrawal.released, withdrawal.stopped), [(row.record_id, None) for row in voids]
        self._examined(envelope, "superseded", released_by.digest, withdrawal.evidence, said, voided, relayed=released_by.relayed)
        stored = []
        for row, void in zip(voids, withdrawal.voids, strict=True):
            body = canonical(replace(void, sequence=self._next(row.program)))
            stored.append(self._record(UUID(void.record_id), row.program, "void", row.record_id, row.units, body))
        seen = {"lines": [line.line for line in out], "by_revision": order.revision}
        alerts = (self._alert("released_order_superseded", envelope, seen),) if out else ()
        return Examined(envelope.verdict_id, order.order_id, *said, tuple(stored), alerts)

    def _refuse(self, arrival: Arrival, order: Unreadable | SetAside) -> None:
        partition, offset = arrival.position
        source = self._source
        name = sha256(f"{source.topic}/{source.topic_id}/{partition}/{offset}".encode()).hexdigest()
        body = canonical(
            RefusedMessage(
                refusal_id=name,
                position=RefusedPosition(topic=source.topic, partition=partition, offset=offset),
                refused_at=self._at,
                problems={"": [SET_ASIDE]} if isinstance(order, SetAside) else order.problems,
                set_aside=order.reason if isinstance(order, SetAside) else UNSET,
            )
        )
        self._rows[tables.REFUSAL].append((source.number, partition, offset, arrival.raw, body, self._block))
        self._arrived(arrival, "refused", None, None)
        self._answers.append(Answer(arrival.position, "refused", "", read_back=False, refusal=Stored(name, body)))

    def _arrived(self, arrival: Arrival, kind: str, first: int | None, last: int | None) -> None:
        partition, offset = arrival.position
        self._rows[tables.ARRIVAL].append((self._source.number, partition, offset, kind, arrival.digest, first, last, self._block))
        self._moves.heads[partition] = offset + 1

    def _contradiction(self, order: Order, verdict: Verdict, history: list[EarlierExamination]) -> list[int]:
        """Which released lines this order contradicts. What is open of the contradicted revision is settled by a new one only."""
        if not any(reason.code == "order_contradicts" for reason in verdict.lines[0].reasons):
            return []
        self._moves.settle(order, reported=self._reports(order), contradicted=True)
        return [line.line.line for lines in live_lines(history, below=order.revision + 1).values() for line in lines if line.out]

    def _live_record(self, place: Place) -> Recorded | None:
        """Of an order of which nothing was reported its history says which record is live."""
        released = None if self.books.records(place) else released_lines(self._history[place[:2]]).get(place[2:])
        if released is None:
            return super()._live_record(place)
        row = self.voidable[released.records[0]]
        return Recorded(row.record_id, "original", None, row.units, row.program, record_of(row.body))

    def _recorded(self, row: RecordRow) -> None:
        self.voidable[row.record_id] = row
