"""A verdict decided again, years later, from its own row: no database, no registry, no clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gatekeeper.arrivals import Stored
from gatekeeper.domain.ids import verdict_id
from gatekeeper.domain.records import records_for
from gatekeeper.domain.verdict import decide
from gatekeeper.evidence import case_of, live_of, released_before, rules_said
from gatekeeper.examinations.withdrawal import take_back, withdraw, withdrawal_of
from gatekeeper.goods.settlement import CAUSES, settled_again
from gatekeeper.messages import Envelope, messages_for, record_message, written
from schemas.canonical import canonical
from schemas.released import ProgramRules


class ExaminationRow(NamedTuple):
    """What is needed of a row of ``examination``."""

    wholesaler_id: str
    order_id: str
    revision: int
    number: int
    cause: str
    decided_at: datetime
    registry_version: int
    evidence: bytes


class Decided(NamedTuple):
    """What follows from the row: the two messages, and the records in the order in which they are published."""

    released: bytes | None
    stopped: bytes | None
    records: tuple[Stored, ...]


def again(row: ExaminationRow, sequences: Mapping[UUID, int]) -> Decided:
    """Decides the row's case again. ``sequences`` are the numbers that its records were given, which no case can tell."""
    if row.cause in ("superseded", "cancelled"):
        return _superseded(row, sequences)
    if row.cause in CAUSES:
        return _settled(row, sequences)
    return _withdrawn(row) if row.cause == "withdrawn" else _judged(row, sequences)


def _judged(row: ExaminationRow, sequences: Mapping[UUID, int]) -> Decided:
    case = case_of(row.evidence)
    verdict = decide(case)
    envelope = _envelope(row, rules_said(row.evidence))
    live = live_of(row.evidence)
    records = [record for record in records_for(case.order, verdict, envelope.verdict_id, row.number) if record.line not in live]
    stored = [
        Stored(str(record.record_id), record_message(record, sequences[record.record_id], envelope.decided_at))
        for record in sorted(records, key=lambda record: record.program)
    ]
    return Decided(*messages_for(envelope, verdict.lines, records, live), tuple(stored))


def _withdrawn(row: ExaminationRow) -> Decided:
    case = case_of(row.evidence)
    withdraws, lines = released_before(row.evidence)
    return Decided(*take_back(_envelope(row, rules_said(row.evidence)), decide(case), withdraws, lines), ())


def _superseded(row: ExaminationRow, sequences: Mapping[UUID, int]) -> Decided:
    kept = msgspec.json.decode(row.evidence, type=dict[str, msgspec.Raw])
    rules = msgspec.json.decode(kept["programs"], type=dict[str, ProgramRules])
    withdrawn = withdraw(withdrawal_of(row.evidence, _envelope(row, rules)))
    voids = [Stored(void.record_id, canonical(replace(void, sequence=sequences[UUID(void.record_id)]))) for void in withdrawn.voids]
    return Decided(withdrawn.released, withdrawn.stopped, tuple(voids))


def _settled(row: ExaminationRow, sequences: Mapping[UUID, int]) -> Decided:
    record = settled_again(row.cause, row.evidence, _envelope(row, {}))
    return Decided(None, None, (Stored(record.record_id, canonical(replace(record, sequence=sequences[UUID(record.record_id)]))),))


def _envelope(row: ExaminationRow, rules: dict[str, ProgramRules]) -> Envelope:
    name = verdict_id(row.wholesaler_id, row.order_id, row.revision, row.number)
    return Envelope(name, row.wholesaler_id, row.order_id, row.revision, row.number, written(row.decided_at), row.registry_version, rules)
