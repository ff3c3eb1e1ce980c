"""What one transaction decides, until it is added to the ledger as its next block."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.arrivals import Stored
from gatekeeper.config import Settings
from gatekeeper.domain.case import Case, Earlier, Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.verdict import RELEASED, Verdict, used_by
from gatekeeper.evidence import Asked
from gatekeeper.examinations.alerts import order_alert
from gatekeeper.examinations.drafting import Moment
from gatekeeper.examinations.history import Amount, by_order, earlier_of, emptied_lines, lots_gone
from gatekeeper.examinations.outlook import Outlook, outlook
from gatekeeper.messages import Envelope, NewRecord, written
from gatekeeper.rules import Rules
from gatekeeper.storage import ledger, moving, tables
from gatekeeper.storage.chain import Block
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination, Outgoing, RecordRow, Tail
from gatekeeper.storage.lookups import Said, plain


class Terms(NamedTuple):
    """What a deployment chooses, beside the rules of its programs."""

    watch_business_days: int = 3
    """So long after the day on which it is to ship a released line may still be withdrawn."""
    reports_shipments: frozenset[str] = frozenset()
    """Wholesalers whose warehouse says what left: a record is voided only when it says that the goods stayed."""
    missing_facts_s: int = 900
    """After this an alert is raised about facts that were sent and have not come."""
    order_wait_s: int = 900
    """So long, at most, an event waits for its order before its goods count as shipped past the gate."""
    acknowledged_h: int = 72
    """So long after the end of the day an alert is raised about records that were not acknowledged; 0: never."""
    unused_business_days: int = 10
    """So many business days before the end of their return window an alert is raised about vials that did not come back; 0: never."""

    @classmethod
    def of(cls, settings: Settings) -> "Terms":
        """As the settings say."""
        return cls(
            settings.watch_business_days,
            frozenset(settings.reporting_wholesalers),
            settings.missing_facts_alert_s,
            settings.order_wait_s,
            settings.acknowledgement_alert_h,
            settings.unused_alert_business_days,
        )


TERMS: Final = Terms()


class Recording:
    """Examinations, records and alerts that follow from one another; what one order releases is there before the next is decided."""

    def __init__(
        self,
        tail: Tail,
        rules: Rules,
        terms: Terms,
        said: dict[Question, Said],
        earlier: Iterable[EarlierExamination],
        events: Iterable[OrderEvent] = (),
    ) -> None:
        self._tail, self._rules, self._terms = tail, rules, terms
        self._at = written(tail.now)
        self._moment = Moment(tail.now, tail.registry_version, rules, terms.watch_business_days, terms.reports_shipments)
        self._block = tail.block + 1
        self._last = tail.examination
        self._said = said
        self._history, self._events = by_order(earlier), by_order(events)
        self.counts: dict[str, int] = {}
        self._rows: dict[Table, list[Sequence[Any]]] = defaultdict(list)
        self._outbox: list[Outgoing] = []
        self._moves = moving.Moves()

    def _add_block(self, cursor: Cursor[Any], source: int = 0) -> Block:
        """Adds all that was decided as the next block, and moves what moves."""
        version = self._tail.registry_version
        moved = self._moves.added(source, self.counts)
        block = ledger.add_block(
            cursor, self._tail, self._rows, examination=self._last, registry_version=version, outbox=self._outbox, moved=moved
        )
        self._moves.change(cursor)
        return block

    def _earlier(self, order: Order) -> tuple[Earlier, ...]:
        """What came before of the order: the answer to the question for it."""
        name = order.wholesaler_id, order.order_id
        return earlier_of(order, self._history[name], self._events[name], reports=self._reports(order))

    def _reports(self, order: Order) -> bool:
        """Whether the order's wholesaler reports shipments."""
        return order.wholesaler_id in self._terms.reports_shipments

    def _envelope(self, wholesaler_id: str, order_id: str, revision: int) -> Envelope:
        """Of the next examination of this revision."""
        number = self._number(wholesaler_id, order_id, revision)
        return self._moment.envelope(wholesaler_id, order_id, revision, number)

    def _number(self, wholesaler_id: str, order_id: str, revision: int) -> int:
        history = self._history[wholesaler_id, order_id]
        return 1 + max([examination.number for examination in history if examination.revision == revision], default=0)

    def _examined(
        self,
        envelope: Envelope,
        cause: str,
        digest: bytes,
        kept: bytes,
        said: tuple[bytes | None, bytes | None],
        ends: Sequence[tuple[UUID, UUID | None]] = (),
        *,
        relayed: bool = False,
    ) -> None:
        """Adds an examination, whose number ``_last`` is already; ``said`` are its released and its stopped message."""
        _, wholesaler_id, order_id, revision, number, *_ = envelope
        identity = (self._last, wholesaler_id, order_id, revision, number, cause, digest)
        self._history[wholesaler_id, order_id].append(EarlierExamination(*identity, said[0], tuple(ends), relayed))
        self._rows[tables.EXAMINATION].append((*identity, self._tail.now, self._tail.registry_version, kept, *said, self._block))

    def _wait(self, order: Order, verdict: Verdict, outlook: Outlook) -> None:
        """Notes what of the examination's lines is open, what is watched, and on what they hang."""
        self._moves.hang_keys(self._last, outlook.keys)
        if outlook.keys and (events := self._events.get((order.wholesaler_id, order.order_id))):
            released = {line.line: str(line.program) for line in verdict.lines if line.outcome == RELEASED}
            self._hang_on_lots(self._last, released, lots_gone(order.revision, events))
        self._moves.open(self._last, order, outlook.open, outlook.open_until)
        self._moves.watch(self._last, order, outlook.watched, outlook.watched_until)

    def _outlook(self, case: Case, asked: Asked, verdict: Verdict) -> Outlook:
        days, reported = self._terms.watch_business_days, self._reports(case.order)
        return outlook(case, asked, verdict, days, reported=reported, left=self._emptied(case.order))

    def _hang_on_lots(self, examination: int, programs: Mapping[int, str], lots: Mapping[int, Iterable[str]]) -> None:
        """Notes that released lines, each with its program, hang on recalls of the lots that really left."""
        self._moves.hang_more(examination, [("recall", program, lot) for line, program in programs.items() for lot in lots.get(line, ())])

    def _emptied(self, order: Order) -> frozenset[int]:
        """The lines of which all has left."""
        events = self._events.get((order.wholesaler_id, order.order_id))
        if not events:
            return frozenset()
        return emptied_lines(order.revision, events, {line.line: Amount(line.quantity, line.unit) for line in order.lines})

    def _originals(self, records: Iterable[NewRecord]) -> list[Stored]:
        return [self._record(new.record_id, new.program, "original", None, new.units, new.body(self._next(new.program))) for new in records]

    def _next(self, program: str) -> int:
        self.counts[program] = self.counts.get(program, 0) + 1
        return self.counts[program]

    def _record(self, record_id: UUID, program: str, kind: str, replaces: UUID | None, units: int, body: bytes) -> Stored:
        row = RecordRow(record_id, program, units, body)
        self._rows[tables.DISTRIBUTION_RECORD].append(
            (record_id, program, self.counts[program], kind, replaces, self._last, units, body, self._block)
        )
        self._recorded(row)
        return Stored(str(record_id), body)

    def _recorded(self, row: RecordRow) -> None:
        """Whoever voids records of the same transaction keeps it."""

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
        """Units and serials count no longer: who waits for them is looked at again."""
        for question, units in uses.items():
            if units is None:
                self._place(question, None)
            else:
                self._count(question, -units)
            self._moves.follow("freed", self._last, question=question)

    def _count(self, question: Question, units: int) -> None:
        self._moves.units[question[1], question[2]] += units
        if question in self._said:
            self._said[question] = plain(self._said[question].answer + units)

    def _place(self, question: Question, place: str | None) -> None:
        self._moves.serials[question[1], question[2]] = place
        if question in self._said:
            self._said[question] = plain(place)
