"""What was released is withdrawn, by a higher revision or because it may not leave any more: pure, from what the ledger has of it."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.domain.case import Question
from gatekeeper.domain.ids import record_id
from gatekeeper.domain.order import Order
from gatekeeper.domain.reasons import BLOCKED, HELD
from gatekeeper.domain.verdict import Reason, Verdict
from gatekeeper.messages import Envelope, given, released_message, stopped_line, stopped_message
from gatekeeper.storage.ledger import EarlierExamination
from schemas.record import DistributionRecord
from schemas.released import Released as ReleasedMessage
from schemas.released import ReleasedLine
from schemas.stopped import StoppedLine


class ReleasedBy(NamedTuple):
    """The verdict that released lines."""

    verdict_id: str
    revision: int
    digest: bytes
    relayed: bool
    """It was published by the relay, and so must what withdraws it be."""


class Released(NamedTuple):
    """A line that was released and that is still out, or was withdrawn and has a live record."""

    by: ReleasedBy
    line: ReleasedLine
    records: tuple[UUID, ...]
    """Its live records."""
    out: bool


class Withdrawn(NamedTuple):
    released: bytes | None
    stopped: bytes | None
    voids: tuple[DistributionRecord, ...]
    """One for each record that was voided, in their order; their sequences are still those of the voided ones."""
    evidence: bytes


class Withdrawal(NamedTuple):
    """The whole case of a withdrawal."""

    envelope: Envelope
    withdraws: str
    by_revision: int
    lines: tuple[ReleasedLine, ...]
    """Those that were still out."""
    records: tuple[bytes, ...]
    event_id: str | None = None
    """The event that cancelled them, where it was not a higher revision that superseded them."""


_released = msgspec.json.Decoder(ReleasedMessage)
_record = msgspec.json.Decoder(DistributionRecord)


def released_lines(history: Iterable[EarlierExamination]) -> dict[tuple[int, int], Released]:
    """By revision and line, what was released and is still out, or has a live record."""
    lines: dict[tuple[int, int], Released] = {}
    ended: dict[UUID, UUID | None] = {}
    for examination in history:
        ended.update(examination.ends)
        if examination.released is None:
            continue
        message = _released.decode(examination.released)
        by = ReleasedBy(message.verdict_id, examination.revision, examination.digest, examination.relayed)
        for line in message.lines:
            name = examination.revision, line.line
            if line.outcome != "withdrawn":
                lines[name] = Released(by, line, tuple([UUID(record) for record in line.record_ids]), out=True)
            elif name in lines:
                lines[name] = lines[name]._replace(out=False)
    if ended:
        lines = {name: line._replace(records=_live(line.records, ended)) for name, line in lines.items()}
    return {name: line for name, line in lines.items() if line.out or line.records}


def _live(records: Iterable[UUID], ended: Mapping[UUID, UUID | None]) -> tuple[UUID, ...]:
    """Those that are live, or what replaced them."""
    found = []
    for record in records:
        name: UUID | None = record
        while name is not None and name in ended:
            name = ended[name]
        if name is not None:
            found.append(name)
    return tuple(found)


def released_programs(message: bytes) -> dict[int, str]:
    """By line that a message releases, the program by whose rules."""
    lines = _released.decode(message).lines
    return {line.line: line.program for line in lines if line.outcome == "released" and line.program is not None}


def live_lines(history: Iterable[EarlierExamination], *, below: int) -> dict[ReleasedBy, list[Released]]:
    """Of what revisions below this one released, what is still out or has a live record, by the verdict that released it."""
    lines: dict[ReleasedBy, list[Released]] = {}
    for (revision, _), line in released_lines(history).items() if history else ():
        if revision < below:
            lines.setdefault(line.by, []).append(line)
    return lines


def withdraw(case: Withdrawal) -> Withdrawn:
    """The two messages (none where no line was still out), the void records, and the case as it is kept."""
    envelope = case.envelope
    reason = given(_reason(case))
    stopped = tuple(
        StoppedLine(line=line.line, outcome="blocked", program=line.program, site_id=line.site_id, reasons=(reason,)) for line in case.lines
    )
    return Withdrawn(
        released_message(envelope, gone(case.lines)) if case.lines else None,
        stopped_message(envelope, stopped, case.withdraws) if case.lines else None,
        tuple(_void(_record.decode(body), envelope) for body in case.records),
        _kept(case),
    )


def take_back(envelope: Envelope, verdict: Verdict, withdraws: str, lines: Iterable[ReleasedLine]) -> tuple[bytes, bytes]:
    """The two messages about those of the released ``lines`` that the verdict stops."""
    stopped = {line.line: line for line in verdict.lines if line.outcome in (HELD, BLOCKED)}
    back = [line for line in lines if line.line in stopped]
    return (
        released_message(envelope, gone(back)),
        stopped_message(envelope, tuple(stopped_line(stopped[line.line]) for line in back), withdraws),
    )


def _reason(case: Withdrawal) -> Reason:
    if case.event_id is not None:
        return Reason("order_cancelled", {"cancelled_revision": case.by_revision, "event_id": case.event_id})
    return Reason("order_superseded", {"revision": case.envelope.revision, "highest_revision": case.by_revision})


def gone(lines: Iterable[ReleasedLine]) -> tuple[ReleasedLine, ...]:
    """The lines as the message says them that takes them back."""
    return tuple(replace(line, outcome="withdrawn", reasons=UNSET) for line in lines)


def record_of(body: bytes) -> DistributionRecord:
    """A distribution record from its stored bytes."""
    return _record.decode(body)


def uses_of(record: DistributionRecord, units: int) -> dict[Question, int | None]:
    """What a record used up: units of its authorization, and its serials (None)."""
    uses: dict[Question, int | None] = {}
    if record.authorization_id is not UNSET:
        uses["units", record.program, record.authorization_id] = units
    serials = () if record.serials is UNSET else record.serials
    return uses | {("serial", record.product.gtin, serial): None for serial in serials}


def withdrawal_of(document: bytes, envelope: Envelope) -> Withdrawal:
    """The case again, from what was kept of it and the row's own identity."""
    kept = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    lines = msgspec.json.decode(kept["lines"], type=tuple[ReleasedLine, ...])
    records = tuple(bytes(raw) for raw in msgspec.json.decode(kept["records"], type=list[msgspec.Raw]))
    event_id = msgspec.json.decode(kept["event_id"], type=str) if "event_id" in kept else None
    withdraws, by_revision = msgspec.json.decode(kept["withdraws"], type=str), msgspec.json.decode(kept["by_revision"], type=int)
    return Withdrawal(envelope, withdraws, by_revision, lines, records, event_id)


def _void(original: DistributionRecord, envelope: Envelope) -> DistributionRecord:
    name = record_id(original.wholesaler_id, original.order_id, original.revision, original.line, envelope.examination, "void")
    return replace(
        original,
        record_id=str(name),
        kind="void",
        replaces=original.record_id,
        verdict_id=str(envelope.verdict_id),
        recorded_at=envelope.decided_at,
    )


def _kept(case: Withdrawal) -> bytes:
    said: dict[str, Any] = {
        "at": case.envelope.decided_at,
        "withdraws": case.withdraws,
        "by_revision": case.by_revision,
        "programs": case.envelope.programs,
        "lines": case.lines,
        "records": [msgspec.Raw(body) for body in case.records],
    }
    return msgspec.json.encode(said if case.event_id is None else said | {"event_id": case.event_id})


def without_live(order: Order, verdict: Verdict, live: Container[int]) -> tuple[Order, Verdict]:
    """The lines without a live record: those that hold nothing yet."""
    kept = [(line, judged) for line, judged in zip(order.lines, verdict.lines, strict=True) if line.line not in live]
    return order._replace(lines=tuple(line for line, _ in kept)), Verdict(tuple(judged for _, judged in kept))
