"""What the REMS say of distribution records, into the ledger: a batch of acknowledgements goes in, in one database transaction."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.arrivals import Answer, Position, SetAside, Source, Stored
from gatekeeper.domain.acknowledgements import COUNTS, REJECTED, REPEAT, UNKNOWN, Acknowledged, what_it_does
from gatekeeper.examinations.alerts import acknowledgement_alert
from gatekeeper.examinations.beginning import begin, guarded
from gatekeeper.examinations.refusals import refusal_of
from gatekeeper.storage import acknowledgements as storage
from gatekeeper.storage import ledger, moving, tables
from gatekeeper.storage.facts import alerted
from schemas.acknowledgement import Acknowledgement
from schemas.canonical import canonical
from schemas.reading import Unreadable, read_acknowledgement

CALLS: Final = "acknowledgement-calls"
"""The source of what was sent by calls: one after the other, in one partition."""


class AcknowledgementArrival(NamedTuple):
    """One message at one position of a source, as it was read."""

    position: Position
    raw: bytes
    digest: bytes
    """SHA-256 of the message."""
    message: Acknowledgement | Unreadable | SetAside
    record: UUID | None = None
    """The record that it names; None where no record can have this id."""

    def set_aside(self, reason: str) -> Self:
        """The same, taken out of the way."""
        return self._replace(message=SetAside(reason))


def read_acknowledgement_arrival(position: Position, raw: bytes, aside: str | None = None) -> AcknowledgementArrival:
    """Reads one message. Nothing that was sent makes it raise."""
    digest = sha256(raw).digest()
    if aside is not None:
        return AcknowledgementArrival(position, raw, digest, SetAside(aside))
    message = read_acknowledgement(raw)
    if isinstance(message, Unreadable):
        return AcknowledgementArrival(position, raw, digest, message)
    return AcknowledgementArrival(position, raw, digest, message, record_named(message.record_id))


def record_named(text: str) -> UUID | None:
    """The id of a record, if it is written as ours are; None for any other text."""
    try:
        name = UUID(text)
    except ValueError:
        return None
    return name if str(name) == text else None


def take_acknowledgements(cursor: Cursor[Any], source: Source, arrivals: Sequence[AcknowledgementArrival]) -> list[Answer]:
    """What the ledger has for each arrival, in their order; what was taken before is read back.

    The caller commits, and publishes only then. Raises ``Halt`` and ``TryAgain`` as the gate does.
    """
    (tail, *_), fresh, answers = begin(cursor, source, arrivals)
    if fresh:
        batch = _Batch(source, tail, storage.held(cursor, [arrival.record for arrival in fresh if arrival.record is not None]))
        for arrival in fresh:
            guarded(source, arrival.position, batch.take, arrival)
        answers |= {answer.position: answer for answer in batch.write(cursor)}
    return [answers[arrival.position] for arrival in arrivals]


class Told(NamedTuple):
    """What became of an acknowledgement that no topic brought: a kind of answer, why it was kept aside, or what is wrong with it."""

    kind: str
    why: str | None = None
    problems: dict[str, list[str]] | None = None


def take_told(cursor: Cursor[Any], messages: Sequence[bytes], programs: Callable[[str], bool]) -> list[Told]:
    """Takes acknowledgements that were sent by a call, in their order. One that cannot be read is told, and changes nothing.

    Who may not speak for a record's program knows no such record.
    """
    source = Source(ledger.source_of(cursor, CALLS, CALLS), CALLS, CALLS)
    first = ledger.heads(cursor, source.number).get(0, 0)
    read = [read_acknowledgement_arrival(Position(0, first + place), raw) for place, raw in enumerate(messages)]
    held = storage.held(cursor, [arrival.record for arrival in read if arrival.record is not None])
    arrivals = [
        arrival if arrival.record not in held or programs(held[arrival.record].program) else arrival._replace(record=None)
        for arrival in read
        if not isinstance(arrival.message, Unreadable)
    ]
    kinds = {answer.position: answer.kind for answer in take_acknowledgements(cursor, source, arrivals)} if arrivals else {}
    why = storage.aside(cursor, source.number, first)
    return [
        Told("refused", problems=arrival.message.problems)
        if isinstance(arrival.message, Unreadable)
        else Told(kinds[arrival.position], why.get(arrival.position.offset))
        for arrival in read
    ]


class _Batch:
    """What one transaction takes, until it is written."""

    def __init__(self, source: Source, tail: ledger.Tail, held: Mapping[UUID, Acknowledged]) -> None:
        self._source, self._tail, self._held = source, tail, dict(held)
        self._block = tail.block + 1
        self._rows: dict[Table, list[Sequence[Any]]] = defaultdict(list)
        self._moves = moving.Moves()
        self._alerts: dict[UUID, tuple[str, bytes]] = {}
        self._answers: list[Answer] = []

    def take(self, arrival: AcknowledgementArrival) -> None:
        """Records one arrival, and what follows from it."""
        message = arrival.message
        if not isinstance(message, Acknowledgement):
            refusal = refusal_of(self._source, arrival.position, message, self._tail.now)
            self._rows[tables.REFUSAL].append((*self._place(arrival), arrival.raw, refusal.body, self._block))
            self._arrived(arrival, "refused", refusal)
            return
        record = None if arrival.record is None else self._held.get(arrival.record)
        program = None if message.program is UNSET else message.program
        said = message if record is None else replace(message, program=record.program)
        digest = sha256(canonical(said)).digest()
        what = what_it_does(record, program, message.status, digest)
        if what == REPEAT:
            self._arrived(arrival, what)
        elif what == COUNTS and record is not None and arrival.record is not None:
            self._count(arrival, arrival.record, record, message, digest)
        else:
            self._rows[tables.ASIDE].append((*self._place(arrival), what, canonical(message), self._block))
            self._tell(what, arrival, record, digest)
            self._arrived(arrival, "aside")

    def write(self, cursor: Cursor[Any]) -> list[Answer]:
        """Adds all that was taken as the next block, and moves the heads."""
        before = alerted(cursor, list(self._alerts))
        new = {name: alert for name, alert in self._alerts.items() if name not in before}
        self._rows[tables.ALERT] = [(name, kind, None, body, self._block) for name, (kind, body) in new.items()]
        block = ledger.add_block(cursor, self._tail, self._rows, outbox=[ledger.Outgoing(alert_id=name) for name in new])
        self._moves.write(cursor, self._source.number)
        head = block.hash.hex()
        return [answer._replace(head=head) for answer in self._answers]

    def _count(self, arrival: AcknowledgementArrival, name: UUID, record: Acknowledged, message: Acknowledgement, digest: bytes) -> None:
        number = len(record.statuses) + 1
        row = (record.program, record.sequence, number, name, message.status, digest, canonical(message), self._block)
        self._rows[tables.ACKNOWLEDGEMENT].append(row)
        self._held[name] = record._replace(statuses=(*record.statuses, message.status), digests=(*record.digests, digest))
        if message.status == REJECTED:
            self._tell("record_rejected", arrival, record, digest)
        self._arrived(arrival, COUNTS)

    def _tell(self, kind: str, arrival: AcknowledgementArrival, record: Acknowledged | None, digest: bytes) -> None:
        """An alert, once. What was sent shows only where it is the id of a record: anything may stand in the place of one."""
        partition, offset = arrival.position
        seen: dict[str, Any] = {"position": {"topic": self._source.topic, "partition": partition, "offset": offset}}
        if record is not None:
            seen |= {"record_id": str(arrival.record), "sequence": record.sequence}
        name, body = acknowledgement_alert(
            kind, self._tail.now, digest.hex(), None if kind == UNKNOWN or record is None else record.program, seen
        )
        self._alerts.setdefault(UUID(name), (kind, body))

    def _arrived(self, arrival: AcknowledgementArrival, kind: str, refusal: Stored | None = None) -> None:
        self._rows[tables.ARRIVAL].append((*self._place(arrival), kind, arrival.digest, None, None, self._block))
        self._moves.heads[arrival.position.partition] = arrival.position.offset + 1
        self._answers.append(Answer(arrival.position, kind, "", read_back=False, refusal=refusal))

    def _place(self, arrival: AcknowledgementArrival) -> tuple[int, int, int]:
        return (self._source.number, *arrival.position)
