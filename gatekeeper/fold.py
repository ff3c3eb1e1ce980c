"""A batch is a fold: what one order releases is there before the next is decided, so that its size never changes an answer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.alerts import order_alert
from gatekeeper.arrivals import SET_ASIDE, Answer, Arrival, Examined, SetAside, Source, Stored
from gatekeeper.dependencies import next_at, open_lines
from gatekeeper.domain.case import Case, Earlier, Question
from gatekeeper.domain.ids import verdict_id
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.records import records_for
from gatekeeper.domain.verdict import LineVerdict, Verdict, decide, used_by
from gatekeeper.evidence import Asked, evidence
from gatekeeper.messages import Envelope, messages_for, record_message, written
from gatekeeper.storage import ledger, moving, tables
from gatekeeper.storage.ledger import EarlierExamination, RecordRow, Tail
from gatekeeper.storage.lookups import NOTHING, Said, plain
from gatekeeper.withdrawal import Withdrawal, live_lines, uses_of, withdraw
from schemas.canonical import canonical
from schemas.reading import Unreadable
from schemas.refusal import Position as RefusedPosition
from schemas.refusal import RefusedMessage
from schemas.released import ProgramRules


class Fold:
    """What one transaction decides, until it is written."""

    def __init__(
        self,
        source: Source,
        tail: Tail,
        rules: dict[str, ProgramRules],
        programs: tuple[Program, ...],
        kept_rules: bytes,
        said: dict[Question, Said],
        earlier: Iterable[EarlierExamination],
    ) -> None:
        self._source, self._tail, self._rules, self._programs, self._kept_rules = source, tail, rules, programs, kept_rules
        self._at = written(tail.now)
        self._block = tail.block + 1
        self._last = tail.examination
        self._said = said
        self._history: dict[tuple[str, str], list[EarlierExamination]] = defaultdict(list)
        for examination in earlier:
            self._history[examination.wholesaler_id, examination.order_id].append(examination)
        self.counts: dict[str, int] = {}
        self.voidable: dict[UUID, RecordRow] = {}
        self._rows: dict[Table, list[Sequence[Any]]] = defaultdict(list)
        self._moves = moving.Moves()
        self._answers: list[Answer] = []

    def superseded_records(self, orders: Iterable[Order]) -> list[UUID]:
        """The records that a higher revision among ``orders`` would void."""
        return [
            UUID(record)
            for order in orders
            for lines in live_lines(self._history.get((order.wholesaler_id, order.order_id), ()), below=order.revision).values()
            for line in lines
            for record in line.record_ids
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
        block = ledger.add_block(cursor, self._tail, self._rows, examination=self._last, registry_version=self._tail.registry_version)
        self._moves.write(cursor, self._source.number, self.counts)
        head = block.hash.hex()
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
        answer, lines = self._examine(arrival, order, history, messages, digest)
        self._arrived(arrival, "order", first, self._last)
        self._answers.append(Answer(arrival.position, "order", "", read_back=False, examinations=(*examined, answer), lines=lines))

    def _examine(
        self, arrival: Arrival, order: Order, history: list[EarlierExamination], messages: list[EarlierExamination], digest: bytes
    ) -> tuple[Examined, tuple[LineVerdict, ...]]:
        question = ("order", order.wholesaler_id, order.order_id)
        earlier = _that_matter(messages, order.revision)
        self._said[question] = plain(earlier) if earlier else NOTHING
        asked = Asked(self._said)
        verdict = decide(Case(order, asked, self._programs, self._tail.now))

        number = _next_number(history, order.revision)
        envelope = self._envelope(order.wholesaler_id, order.order_id, order.revision, number)
        records = records_for(order, verdict, envelope.verdict_id, number)
        released, stopped = messages_for(envelope, verdict.lines, records)
        self._last += 1
        case = asked.asked
        kept = evidence(self._at, arrival.content, self._kept_rules, case)
        self._add_examination(history, envelope, "message", digest, kept, released, stopped)
        units = {line.line: line.units for line in verdict.lines}
        stored = [
            self._record(
                record.record_id,
                record.program,
                "original",
                None,
                units[record.line],
                record_message(record, self._next(record.program), self._at),
            )
            for record in sorted(records, key=attrgetter("program"))
        ]
        self._use(order, verdict)
        if stopped is not None and (lines := open_lines(verdict)):
            self._moves.open(self._last, order, lines, case, next_at(order, case, self._tail.now))
        alerts = self._contradiction(order, verdict, envelope, history)
        return Examined(envelope.verdict_id, order.order_id, released, stopped, tuple(stored), alerts), verdict.lines

    def _supersede(self, order: Order, history: list[EarlierExamination]) -> list[Examined]:
        """Withdraws what lower revisions released: the messages, the voided records, the alert; units and serials are free again."""
        self._moves.close(order)
        examined = []
        for released_by, lines in live_lines(history, below=order.revision).items():
            revision = released_by.revision
            number = _next_number(history, revision)
            envelope = self._envelope(order.wholesaler_id, order.order_id, revision, number)
            voids = sorted((self.voidable[UUID(record)] for line in lines for record in line.record_ids), key=attrgetter("program"))
            withdrawal = withdraw(
                Withdrawal(envelope, released_by.verdict_id, order.revision, tuple(lines), tuple(row.body for row in voids))
            )
            self._last += 1
            self._add_examination(
                history, envelope, "superseded", released_by.digest, withdrawal.evidence, withdrawal.released, withdrawal.stopped
            )
            stored = []
            for row, void in zip(voids, withdrawal.voids, strict=True):
                body = canonical(replace(void, sequence=self._next(row.program)))
                stored.append(self._record(UUID(void.record_id), row.program, "void", row.record_id, row.units, body))
                self._free(uses_of(void, row.units))
            alert = self._alert(
                "released_order_superseded", envelope, {"lines": [line.line for line in lines], "by_revision": order.revision}
            )
            examined.append(Examined(envelope.verdict_id, order.order_id, withdrawal.released, withdrawal.stopped, tuple(stored), (alert,)))
        return examined

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

    def _envelope(self, wholesaler_id: str, order_id: str, revision: int, number: int) -> Envelope:
        name = verdict_id(wholesaler_id, order_id, revision, number)
        return Envelope(name, wholesaler_id, order_id, revision, number, self._at, self._tail.registry_version, self._rules)

    def _arrived(self, arrival: Arrival, kind: str, first: int | None, last: int | None) -> None:
        partition, offset = arrival.position
        self._rows[tables.ARRIVAL].append((self._source.number, partition, offset, kind, arrival.digest, first, last, self._block))
        self._moves.heads[partition] = offset + 1

    def _add_examination(
        self,
        history: list[EarlierExamination],
        envelope: Envelope,
        cause: str,
        digest: bytes,
        kept: bytes,
        released: bytes | None,
        stopped: bytes | None,
    ) -> None:
        _, wholesaler_id, order_id, revision, number, *_ = envelope
        identity = (self._last, wholesaler_id, order_id, revision, number, cause, digest)
        history.append(EarlierExamination(*identity, released))
        self._rows[tables.EXAMINATION].append(
            (*identity, self._tail.now, self._tail.registry_version, kept, released, stopped, self._block)
        )

    def _next(self, program: str) -> int:
        self.counts[program] = self.counts.get(program, 0) + 1
        return self.counts[program]

    def _record(self, record_id: UUID, program: str, kind: str, replaces: UUID | None, units: int, body: bytes) -> Stored:
        row = (record_id, program, self.counts[program], kind, replaces, self._last, units, body, self._block)
        self._rows[tables.DISTRIBUTION_RECORD].append(row)
        self.voidable[record_id] = RecordRow(record_id, program, units, body)
        return Stored(str(record_id), body)

    def _contradiction(self, order: Order, verdict: Verdict, envelope: Envelope, history: list[EarlierExamination]) -> tuple[Stored, ...]:
        contradicts = any(reason.code == "order_contradicts" for reason in verdict.lines[0].reasons)
        released = [line.line for lines in live_lines(history, below=order.revision + 1).values() for line in lines] if contradicts else []
        return (self._alert("released_order_contradicted", envelope, {"lines": released}),) if released else ()

    def _alert(self, kind: str, envelope: Envelope, seen: dict[str, Any]) -> Stored:
        name, body = order_alert(kind, envelope, seen)
        self._rows[tables.ALERT].append((UUID(name), kind, self._last, body, self._block))
        return Stored(name, body)

    def _use(self, order: Order, verdict: Verdict) -> None:
        for question, used in used_by(order, verdict):
            if isinstance(used, int):
                self._count(question, used)
            else:
                self._place(question, used)

    def _free(self, uses: Mapping[Question, int | None]) -> None:
        for question, units in uses.items():
            if units is None:
                self._place(question, None)
            else:
                self._count(question, -units)

    def _count(self, question: Question, units: int) -> None:
        self._moves.units[question[1], question[2]] += units
        if question in self._said:
            self._said[question] = plain(self._said[question].answer + units)

    def _place(self, question: Question, place: str | None) -> None:
        self._moves.serials[question[1], question[2]] = place
        if question in self._said:
            self._said[question] = plain(place)


def _that_matter(messages: Sequence[EarlierExamination], revision: int) -> tuple[Earlier, ...]:
    """Of the earlier messages one with this revision and the highest one: a sender that contradicts itself in a loop fills no disk."""
    matter = [message for message in messages if message.revision == revision][:1]
    if messages and (highest := max(messages, key=attrgetter("revision"))).revision != revision:
        matter.append(highest)
    return tuple([Earlier(message.revision, message.digest.hex()) for message in matter])


def _next_number(history: Iterable[EarlierExamination], revision: int) -> int:
    return 1 + max([examination.number for examination in history if examination.revision == revision], default=0)
