"""What a look-back finds: decided lines, each as it stands in the ledger."""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from gatekeeper.domain.case import Case
from gatekeeper.domain.ids import verdict_id
from gatekeeper.domain.order import Line, Patient
from gatekeeper.domain.reasons import REASONS
from gatekeeper.domain.verdict import LineVerdict
from gatekeeper.examinations.history import Amount, emptied_lines, gone_lines
from gatekeeper.examinations.withdrawal import released_lines
from gatekeeper.goods.line_book import Told, told_of
from gatekeeper.messages import written
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination
from gatekeeper.storage.look_back import DecidedRow
from schemas.canonical import canonical
from schemas.order import ShipTo
from schemas.released import ReleasedLine

SHIPPED, RELEASED, WITHDRAWN, STAYED, ELSEWHERE = "shipped", "released", "withdrawn", "stayed", "elsewhere"
REACHED_NOBODY: Final = (STAYED, ELSEWHERE)
"""Of the line itself: whoever received what left elsewhere is told of with that."""
_NOBODY: Final = Patient()


class FoundReason(Struct, frozen=True):
    code: str
    outcome: str
    stops: bool
    evidence: dict[str, Any]


class KnownThen(Struct, frozen=True, omit_defaults=True):
    """The fact about the same subject that held by what was known when the line was decided; without status where none was known."""

    registry_version: int
    status: str | None = None
    effective_on: str | None = None
    sequence: int | None = None


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One released line that a look-back found."""

    found_with: int
    """The registry's version by which it was decided again."""
    verdict_id: str | None = None
    """Of goods that left past the gate there is neither verdict nor examination, but a ``bypass_id`` and an ``event_id``."""
    wholesaler_id: str
    order_id: str
    revision: int
    examination: int | None = None
    line: int
    decided_at: str | None = None
    bypass_id: str | None = None
    event_id: str | None = None
    left_at: str | None = None
    program: str | None
    site_id: str | None
    site_name: str | None = None
    ndc: str | None = None
    gtin: str | None = None
    quantity: int | None = None
    """None only of goods that left past the gate, where nobody said how many."""
    unit: str | None = None
    lot: str | None = None
    serials: tuple[str, ...] = ()
    patient_id: str | None = None
    authorization_id: str | None = None
    prescriber_id: str | None = None
    ship_to: ShipTo | None = None
    """Of goods that left past the gate, as far as anybody said it."""
    record_ids: tuple[str, ...] = ()
    state: str
    """Of the goods, when it was found. ``shipped``: they left. ``released``: they may leave. ``withdrawn``: they may not, or this release
    was taken back for a later one; nobody said that they stayed. ``stayed``: their record is voided. ``elsewhere``: they left past the
    gate, for another site or patient, or another product left in their place."""
    left: bool
    outcome: str | None = None
    """What would have become of the line."""
    reasons: tuple[FoundReason, ...] = ()
    known: KnownThen | None = None


def state_of(
    row: DecidedRow, line: Line, history: Iterable[EarlierExamination], events: Sequence[OrderEvent], elsewhere: Container[Told]
) -> str:
    """What became of the goods of a line that this examination released; ``history`` and ``events`` are those of its order.

    ``elsewhere`` is what left for others, or is of another product.
    """
    last = released_lines(history).get((row.revision, line.line))
    mine = str(verdict_id(row.wholesaler_id, row.order_id, row.revision, row.number))
    if last is not None and last.by.verdict_id != mine:
        return WITHDRAWN
    own = [event for event in events if told_of(event.said, line.line) not in elsewhere]
    if line.line in gone_lines(row.revision, own):
        return SHIPPED
    if emptied_lines(row.revision, events, {line.line: Amount(line.quantity, line.unit)}):
        return ELSEWHERE
    if last is None:
        return STAYED
    return RELEASED if last.out else WITHDRAWN


def found(
    row: DecidedRow, case: Case, line: Line, said: ReleasedLine, judged: LineVerdict, state: str, found_with: int, known: KnownThen
) -> bytes:
    """The body of a finding."""
    patient, ship_to = line.patient or _NOBODY, case.order.ship_to
    reasons = tuple([FoundReason(reason.code, REASONS[reason.code].outcome, reason.stops, reason.evidence) for reason in judged.reasons])
    return canonical(
        Finding(
            found_with=found_with,
            verdict_id=str(verdict_id(row.wholesaler_id, row.order_id, row.revision, row.number)),
            wholesaler_id=row.wholesaler_id,
            order_id=row.order_id,
            revision=row.revision,
            examination=row.number,
            line=line.line,
            decided_at=written(row.decided_at),
            program=said.program or judged.program,
            site_id=said.site_id or judged.site_id or ship_to.rems_site_id,
            site_name=ship_to.name,
            ndc=line.ndc,
            gtin=line.gtin,
            quantity=line.quantity,
            unit=line.unit,
            lot=line.lot,
            serials=line.serials,
            patient_id=patient.patient_id,
            authorization_id=patient.authorization_id,
            prescriber_id=patient.prescriber_id,
            record_ids=said.record_ids,
            state=state,
            left=state == SHIPPED,
            outcome=judged.outcome,
            reasons=reasons,
            known=known,
        )
    )
