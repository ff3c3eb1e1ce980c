"""What a verdict says on the wire: the exact bytes, made once, stored, and only then published."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import UNSET

from gatekeeper.domain.order import Address as OrderAddress
from gatekeeper.domain.program import Program
from gatekeeper.domain.reasons import REASONS
from gatekeeper.domain.records import DistributionRecord as Record
from gatekeeper.domain.verdict import NOT_COVERED, RELEASED, LineVerdict, Reason, Verdict
from schemas.canonical import canonical
from schemas.order import Address
from schemas.record import DistributionRecord, RecordProduct, RecordShipFrom, RecordShipTo
from schemas.released import ProgramRules, ReasonGiven, Released, ReleasedLine
from schemas.stopped import Stopped, StoppedLine

_NUMBERLESS: Final = b'"sequence":0,'


class Envelope(NamedTuple):
    """What both messages of one examination have in common."""

    verdict_id: UUID
    wholesaler_id: str
    order_id: str
    revision: int
    examination: int
    decided_at: str
    registry_version: int
    programs: dict[str, ProgramRules]


class NewRecord(NamedTuple):
    """An original record, but for its program's sequence, which only the ledger knows."""

    record_id: UUID
    program: str
    units: int
    before: bytes
    after: bytes
    """The message as it is published, around the sequence."""

    def body(self, sequence: int) -> bytes:
        """The message."""
        return b"%s%d%s" % (self.before, sequence, self.after)


def written(at: datetime) -> str:
    """An instant in UTC as every message writes it, to the millisecond."""
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


def rules_of(programs: Iterable[Program]) -> dict[str, ProgramRules]:
    return {program.name: ProgramRules(version=program.version, sha256=program.sha256) for program in programs}


def messages_for(
    envelope: Envelope, lines: Sequence[LineVerdict], records: Iterable[Record], live: Mapping[int, str] | None = None
) -> tuple[bytes | None, bytes | None]:
    """The released and the stopped message; None where no line belongs in it. ``live`` are the records that lines have already."""
    by_line = {record.line: (str(record.record_id),) for record in records} | {line: (name,) for line, name in (live or {}).items()}
    free = tuple([_released(line, by_line) for line in lines if line.outcome in (RELEASED, NOT_COVERED)])
    held = tuple([stopped_line(line) for line in lines if line.outcome not in (RELEASED, NOT_COVERED)])
    return released_message(envelope, free) if free else None, stopped_message(envelope, held) if held else None


def released_message(envelope: Envelope, lines: tuple[ReleasedLine, ...]) -> bytes:
    return canonical(Released(**_members(envelope), lines=lines))


def stopped_message(envelope: Envelope, lines: tuple[StoppedLine, ...], withdraws: str | None = None) -> bytes:
    return canonical(Stopped(**_members(envelope), withdraws=withdraws or UNSET, lines=lines))


def given(reason: Reason) -> ReasonGiven:
    """A reason with its sentence and remedy, as a person reads it."""
    text = REASONS[reason.code]
    return ReasonGiven(
        code=reason.code, outcome=text.outcome, stops=reason.stops, text=text.sentence, remedy=text.remedy, evidence=reason.evidence  # type: ignore[arg-type]
    )  # fmt: skip


def new_records(records: Iterable[Record], verdict: Verdict, recorded_at: str) -> tuple[NewRecord, ...]:
    """Of the lines of one verdict, in the order in which they are numbered."""
    units = {line.line: line.units for line in verdict.lines}
    ordered = sorted(records, key=attrgetter("program"))
    return tuple([NewRecord(one.record_id, one.program, units[one.line], *_around_sequence(one, recorded_at)) for one in ordered])


def record_message(record: Record, sequence: int, recorded_at: str) -> bytes:
    """The distribution record as it is published, with its program's sequence."""
    return NewRecord(record.record_id, record.program, 0, *_around_sequence(record, recorded_at)).body(sequence)


def _around_sequence(record: Record, recorded_at: str) -> tuple[bytes, bytes]:
    body = canonical(
        DistributionRecord(
            record_id=str(record.record_id),
            program=record.program,
            sequence=0,
            kind="original",
            replaces=None,
            wholesaler_id=record.wholesaler_id,
            order_id=record.order_id,
            revision=record.revision,
            line=record.line,
            verdict_id=str(record.verdict_id),
            recorded_at=recorded_at,
            ship_on=record.ship_on,
            ship_from=RecordShipFrom(site_id=record.ship_from_site_id),
            ship_to=RecordShipTo(
                site_id=record.site_id,
                site_class=record.site_class,  # type: ignore[arg-type]
                name=_optional(record.site_name),
                address=_address(record.address),
            ),
            patient_id=_optional(record.patient_id),
            prescriber_id=_optional(record.prescriber_id),
            authorization_id=_optional(record.authorization_id),
            administering_site_id=_optional(record.administering_site_id),
            product=RecordProduct(ndc=record.ndc, gtin=record.gtin, name=record.product_name),
            quantity=record.quantity,
            unit=record.unit,
            lot=_optional(record.lot),
            expires_on=_optional(record.expires_on),
            serials=record.serials or UNSET,
        )
    )
    # Before it stand an id and a program's name only, in which nothing needs an escape: the first such place is the member.
    before, _, after = body.partition(_NUMBERLESS)
    return before + _NUMBERLESS[:-2], b"," + after


def _members(envelope: Envelope) -> dict[str, Any]:
    verdict_id, wholesaler_id, order_id, revision, examination, decided_at, registry_version, programs = envelope
    return {
        "verdict_id": str(verdict_id),
        "wholesaler_id": wholesaler_id,
        "order_id": order_id,
        "revision": revision,
        "examination": examination,
        "decided_at": decided_at,
        "registry_version": registry_version,
        "programs": programs,
    }


def _released(line: LineVerdict, by_line: Mapping[int, tuple[str, ...]]) -> ReleasedLine:
    return ReleasedLine(
        line=line.line,
        outcome=line.outcome,  # type: ignore[arg-type]
        program=line.program,
        site_id=line.site_id,
        record_ids=by_line.get(line.line, ()),
        reasons=tuple([given(reason) for reason in line.reasons]) or UNSET,
        site_alias=line.site_alias or UNSET,
    )


def stopped_line(line: LineVerdict) -> StoppedLine:
    reasons = tuple([given(reason) for reason in line.reasons])
    return StoppedLine(
        line=line.line,
        outcome=line.outcome,  # type: ignore[arg-type]
        program=line.program,
        site_id=line.site_id,
        reasons=reasons,
        site_alias=line.site_alias or UNSET,
    )


@lru_cache(maxsize=4096)
def _address(address: OrderAddress) -> Address:
    street, street2, city, state, postal_code = address
    return Address(street=street, street2=_optional(street2), city=city, state=state, postal_code=postal_code)


def _optional(value: Any) -> Any:
    return UNSET if value is None else value
