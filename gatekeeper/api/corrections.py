"""Records that a REMS rejected: a correction is proposed by one person and approved by another, and replaces the record in the feed."""

from collections.abc import Iterator
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from marshmallow import ValidationError, validates_schema
from msgspec import UNSET, UnsetType
from psycopg import Cursor

from gatekeeper.api.areas import Area, caller, parts, reading
from gatekeeper.api.lists import Number8, Page
from gatekeeper.api.once import recording, writing
from gatekeeper.api.patients import PARAMETER, on_record, order_of, purpose_of_request
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import ReasonBody
from gatekeeper.api.two_people import ApprovalShown, Listed, StepShown, approval_shown, may_act, steps_shown
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.feeds import correcting
from gatekeeper.people.approvals import CORRECTION, Approval, approvals
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import corrections as kept
from gatekeeper.storage.corrections import Proposal, Told
from schemas.correction import RecordChanges
from schemas.members import Day, Items, MessageSchema, Part, Words, Written
from schemas.order_schema import SERIAL_SENTENCE, identity
from schemas.record import DistributionRecord
from schemas.text import SERIAL

AREA = Area("corrections", __name__, "Records that a REMS rejected.")
ONE: Final = "/v1/corrections/<uuid:correction_id>"


class CorrectionShown(msgspec.Struct):
    """A proposal, what it changes, and what became of it."""

    correction_id: str
    state: Literal["proposed", "approved", "refused"]
    record_id: str
    changes: dict[str, Any]
    steps: list[StepShown]
    approval: ApprovalShown | None
    made: str | UnsetType = UNSET
    """The record that replaces it, where this call made it."""


class RejectedShown(msgspec.Struct):
    """A record that its REMS rejected and that nobody has corrected or voided, with the problem, and what was proposed."""

    record: DistributionRecord
    problem: str
    corrections: list[CorrectionShown]


class RejectedList(msgspec.Struct):
    """By their sequences."""

    rejected: list[RejectedShown]
    patients: Literal["shown", "masked"]
    next: str | None


class RejectedQuery(Page):
    program = identity(required=True)


class RecordChangesSchema(MessageSchema):
    """The members that change. How many left, and to where, is what shipment events say."""

    struct = RecordChanges
    patient_id = identity()
    prescriber_id = identity()
    authorization_id = identity()
    administering_site_id = identity()
    lot = Words()
    expires_on = Day()
    serials = Items(Written(SERIAL, SERIAL_SENTENCE), once=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def changes_something(self, _: Any, original: Any, **__: Any) -> None:
        if isinstance(original, dict) and not any(value != "" for value in original.values()):
            raise ValidationError("Must change something.")


class CorrectionBody(ReasonBody):
    """What is to be changed, and why."""

    changes = Part(RecordChangesSchema, required=True)


@AREA.operation("GET", "/v1/corrections", Permission.READ_PROPOSALS, RejectedList, query=RejectedQuery, parameters=[PARAMETER])
def list_corrections(query: dict[str, Any]) -> Any:
    """A program's records that need a correction, each with the problem and what was proposed.

    Patients are masked unless the permission `patients.read` and a purpose are there; the REMS's own words too, which may name one.
    """
    caller().must_see_program(query["program"])
    purpose = purpose_of_request()
    with reading() as cursor:
        page, following = _listed(cursor, query["program"]).page(query)
        shown = [_rejected(cursor, told) for told in page]
    if purpose is not None and page:
        numbers = page[0].sequence, page[-1].sequence
        on_record(
            Inquiry("patients", "list_corrections", purpose, len(page), None, None, query["program"], *numbers),
            [order_of(told.body) for told in page],
        )
    return {"rejected": shown, "patients": "masked" if purpose is None else "shown", "next": following}


def every_rejected(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All of a program, by their sequences."""
    caller().must_see_program(query["program"])
    for told in _listed(cursor, query["program"]).walk():
        yield _rejected(cursor, told)


def _listed(cursor: Cursor[Any], program: str) -> Listed[Told]:
    return Listed(lambda after, most: kept.rejected(cursor, program, after or 0, most), lambda told: told.sequence, Number8, _allowed)


@recording(
    AREA, "/v1/distribution-records/<uuid:record_id>/corrections", Permission.PROPOSE_CORRECTIONS, CorrectionShown, body=CorrectionBody
)
def propose_correction(body: dict[str, Any], record_id: UUID) -> Any:
    """Proposes what to change of a record that the REMS rejected. It counts for nothing before another person approves it."""
    _record(record_id)
    name = correcting.propose(writing(), str(record_id), body["changes"], body["reason"], caller().person)
    return _now(name)


@recording(AREA, f"{ONE}/approvals", Permission.APPROVE_CORRECTIONS, CorrectionShown, body=ReasonBody)
def approve_correction(body: dict[str, Any], correction_id: UUID) -> Any:
    """Makes the correction, which the relay publishes. Nobody approves what he proposed."""
    _proposal(correction_id)
    made = correcting.approve(writing(), str(correction_id), body["reason"], caller().person, parts().book, parts().terms)
    return _now(correction_id) | {"made": made.record_id}


@recording(AREA, f"{ONE}/refusals", Permission.APPROVE_CORRECTIONS, CorrectionShown, body=ReasonBody)
def refuse_correction(body: dict[str, Any], correction_id: UUID) -> Any:
    """Closes a proposal that is not to count."""
    _proposal(correction_id)
    correcting.refuse(writing(), str(correction_id), body["reason"], caller().person)
    return _now(correction_id)


def _record(record_id: UUID) -> None:
    told = kept.record(writing(), record_id)
    if told is None or not _allowed(told):
        raise Problem("not-found")


def _proposal(correction_id: UUID) -> Proposal:
    proposal = kept.proposal(writing(), correction_id)
    if proposal is None:
        raise Problem("not-found")
    _record(proposal.record_id)
    return proposal


def _allowed(told: Told) -> bool:
    return may_act(caller(), told.program, record_of(told.body).wholesaler_id)


def _now(correction_id: UUID) -> dict[str, Any]:
    said = approvals(writing(), CORRECTION, [correction_id]).get(str(correction_id))
    return _correction(_proposal(correction_id), said)


def _rejected(cursor: Cursor[Any], told: Told) -> dict[str, Any]:
    proposals = list(kept.proposals(cursor, told.record_id))
    said = approvals(cursor, CORRECTION, [proposal.correction_id for proposal in proposals])
    return {
        "record": msgspec.json.decode(told.body),
        "problem": msgspec.json.decode(told.said or b"{}").get("problem", ""),
        "corrections": [_correction(proposal, said.get(str(proposal.correction_id))) for proposal in proposals],
    }


def _correction(proposal: Proposal, approval: Approval | None) -> dict[str, Any]:
    return {
        "correction_id": str(proposal.correction_id),
        "state": proposal.decision or "proposed",
        "record_id": str(proposal.record_id),
        "changes": msgspec.json.decode(proposal.body),
        "steps": steps_shown(proposal),
        "approval": approval_shown(approval),
    }
