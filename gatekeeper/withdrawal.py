"""A higher revision withdraws what lower ones released: pure, from what the ledger has of them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.domain.case import Question
from gatekeeper.domain.ids import record_id
from gatekeeper.domain.verdict import Reason
from gatekeeper.messages import Envelope, given, released_message, stopped_message
from gatekeeper.storage.ledger import EarlierExamination
from schemas.record import DistributionRecord
from schemas.released import Released, ReleasedLine
from schemas.stopped import StoppedLine


class ReleasedBy(NamedTuple):
    """The verdict that released lines."""

    verdict_id: str
    revision: int
    digest: bytes


class Withdrawn(NamedTuple):
    released: bytes
    stopped: bytes
    voids: tuple[DistributionRecord, ...]
    """One for each record that was voided, in their order; their sequences are still those of the voided ones."""
    evidence: bytes


class Withdrawal(NamedTuple):
    """The whole case of a withdrawal."""

    envelope: Envelope
    withdraws: str
    by_revision: int
    lines: tuple[ReleasedLine, ...]
    records: tuple[bytes, ...]


_released = msgspec.json.Decoder(Released)
_record = msgspec.json.Decoder(DistributionRecord)


def live_lines(history: Iterable[EarlierExamination], *, below: int) -> dict[ReleasedBy, list[ReleasedLine]]:
    """What revisions below this one released and nothing has withdrawn, by the verdict that released it."""
    live: dict[tuple[int, int], tuple[ReleasedBy, ReleasedLine]] = {}
    for examination in history:
        if examination.revision < below and examination.released is not None:
            message = _released.decode(examination.released)
            by = ReleasedBy(message.verdict_id, examination.revision, examination.digest)
            for line in message.lines:
                if line.outcome == "withdrawn":
                    live.pop((examination.revision, line.line), None)
                else:
                    live[examination.revision, line.line] = by, line
    lines: dict[ReleasedBy, list[ReleasedLine]] = {}
    for by, line in live.values():
        lines.setdefault(by, []).append(line)
    return lines


def withdraw(case: Withdrawal) -> Withdrawn:
    """The two messages, the void records, and the case as it is kept."""
    envelope = case.envelope
    reason = given(Reason("order_superseded", {"revision": envelope.revision, "highest_revision": case.by_revision}))
    stopped = tuple(
        StoppedLine(line=line.line, outcome="blocked", program=line.program, site_id=line.site_id, reasons=(reason,)) for line in case.lines
    )
    gone = tuple(replace(line, outcome="withdrawn", reasons=UNSET) for line in case.lines)
    return Withdrawn(
        released_message(envelope, gone),
        stopped_message(envelope, stopped, case.withdraws),
        tuple(_void(_record.decode(body), envelope) for body in case.records),
        _kept(case),
    )


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
    return Withdrawal(
        envelope, msgspec.json.decode(kept["withdraws"], type=str), msgspec.json.decode(kept["by_revision"], type=int), lines, records
    )


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
    return msgspec.json.encode(said)
