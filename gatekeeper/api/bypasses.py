"""Goods that left past the gate and of which no record could be made: completed by one person, approved by another."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from flask import Response
from marshmallow import ValidationError, validates_schema
from psycopg import Cursor

from gatekeeper.api.areas import VERSIONED, Area, as_json, caller, parts, reading
from gatekeeper.api.lists import Instant, Page
from gatekeeper.api.once import must_match, recording, writing
from gatekeeper.api.patients import PARAMETER, on_record, purpose_of_request
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import ReasonBody
from gatekeeper.api.two_people import ApprovalShown, Listed, StepShown, approval_shown, may_act, step_shown, with_approvals
from gatekeeper.examinations.recording import Terms
from gatekeeper.goods import bypasses
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import BYPASS, Approval, approvals
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook
from gatekeeper.storage import bypasses as kept
from gatekeeper.storage.bypasses import Bypass
from schemas.bypass import Completion
from schemas.members import Day, Items, MessageSchema, OneOf, Part, WholeNumber, Words, Written
from schemas.order_schema import SERIAL_SENTENCE, PatientSchema, ProductSchema, ShipFromSchema, ShipToSchema
from schemas.text import SERIAL

AREA = Area("bypasses", __name__, "Goods that left past the gate.")
ONE: Final = "/v1/bypasses/<uuid:bypass_id>"
STATES: Final = ("recorded", "open", "proposed", "approved", "released")
Decide = Callable[[Cursor[Any], str, str, Person, RuleBook, Terms], Bypass]


class BypassShown(msgspec.Struct):
    """Goods of one line that left past the gate, as an event said it. ``lacks``: what a record of them lacks; ``completion``: what a
    person proposes or has added."""

    bypass_id: str
    """That of its alert."""
    state: Literal["recorded", "open", "proposed", "approved", "released"]
    event_id: str
    wholesaler_id: str
    order_id: str
    revision: int
    line: int
    program: str | None
    why: list[str]
    lacks: list[str]
    completion: dict[str, Any] | None
    steps: list[StepShown]
    approval: ApprovalShown | None


class BypassOne(BypassShown):
    """One of them."""

    patients: Literal["shown", "masked"]


class BypassList(msgspec.Struct):
    """The oldest first."""

    bypasses: list[BypassShown]
    next: str | None


class BypassesQuery(Page):
    state = OneOf(STATES)


class CompletionSchema(MessageSchema):
    """What is given comes before what the event and the order say; each as in an order."""

    struct = Completion
    lists = frozenset({"serials"})
    product = Part(ProductSchema)
    quantity = WholeNumber(1, 10_000)
    unit = Words()
    lot = Words()
    expires_on = Day()
    serials = Items(Written(SERIAL, SERIAL_SENTENCE), once=True)
    patient = Part(PatientSchema)
    ship_to = Part(ShipToSchema)
    ship_from = Part(ShipFromSchema)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def completes_something(self, _: Any, original: Any, **__: Any) -> None:
        if isinstance(original, dict) and not any(value not in ("", []) for value in original.values()):
            raise ValidationError("Must complete something.")


class CompletionBody(ReasonBody):
    """What a record of the goods lacks, and how it is known."""

    completion = Part(CompletionSchema, required=True)


@AREA.operation("GET", "/v1/bypasses", Permission.READ_PROPOSALS, BypassList, query=BypassesQuery)
def list_bypasses(query: dict[str, Any]) -> Any:
    """What left past the gate: what is lacking, who did what, when and why. Patients are masked."""
    with reading() as cursor:
        page, following = _listed(cursor, query).page(query)
        return {"bypasses": _several(cursor, page), "next": following}


def every_bypass(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All that are asked for, the oldest first."""
    for several in _listed(cursor, query).pieces():
        yield from _several(cursor, several)


def _several(cursor: Cursor[Any], several: Sequence[Bypass]) -> list[Any]:
    return with_approvals(cursor, BYPASS, several, lambda bypass: bypass.bypass_id, _shown)


def _listed(cursor: Cursor[Any], query: dict[str, Any]) -> Listed[Bypass]:
    return Listed(
        lambda after, most: kept.following(cursor, after, most),
        lambda bypass: (bypass.at, bypass.bypass_id),
        tuple[Instant, UUID],
        lambda bypass: query.get("state") in (None, bypass.state) and _allowed(bypass),
    )


@AREA.operation("GET", ONE, Permission.READ_PROPOSALS, BypassOne, parameters=[PARAMETER], responses=VERSIONED)
def show_bypass(bypass_id: UUID) -> Any:
    """One of them, with the patient where the permission `patients.read` and a purpose are there."""
    purpose = purpose_of_request()
    with reading() as cursor:
        bypass = _seen(cursor, bypass_id)
        shown = _shown(bypass, approvals(cursor, BYPASS, [bypass_id]).get(str(bypass_id)))
    if purpose is not None:
        on_record(Inquiry("patients", "show_bypass", purpose, 1, bypass.place.wholesaler_id, bypass.place.order_id))
        return as_json(shown | {"patients": "shown"}, _version(bypass))
    return as_json(shown | {"patients": "masked"}, _version(bypass))


@recording(AREA, f"{ONE}/completions", Permission.PROPOSE_BYPASSES, BypassOne, matches=True, body=CompletionBody)
def complete_bypass(body: dict[str, Any], bypass_id: UUID) -> Response:
    """Proposes what a record of the goods lacks. It counts for nothing before another person approves it."""
    must_match(_version(_seen(writing(), bypass_id)))
    by, also = caller().person, (parts().book, parts().terms)
    return _now(bypasses.complete(writing(), str(bypass_id), body["completion"], body["reason"], by, *also))


@recording(AREA, f"{ONE}/approvals", Permission.APPROVE_BYPASSES, BypassOne, matches=True, body=ReasonBody)
def approve_bypass(body: dict[str, Any], bypass_id: UUID) -> Response:
    """Makes the record of what was completed. Nobody approves what he proposed."""
    return _decided(bypasses.approve, bypass_id, body["reason"])


@recording(AREA, f"{ONE}/refusals", Permission.APPROVE_BYPASSES, BypassOne, matches=True, body=ReasonBody)
def refuse_bypass(body: dict[str, Any], bypass_id: UUID) -> Response:
    """Closes a proposal that is not to count. The bypass stays open."""
    return _decided(bypasses.refuse, bypass_id, body["reason"])


def _decided(step: Decide, bypass_id: UUID, reason: str) -> Response:
    must_match(_version(_seen(writing(), bypass_id)))
    return _now(step(writing(), str(bypass_id), reason, caller().person, parts().book, parts().terms))


def _now(bypass: Bypass) -> Response:
    said = approvals(writing(), BYPASS, [bypass.bypass_id]).get(str(bypass.bypass_id))
    return as_json(_shown(bypass, said) | {"patients": "masked"}, _version(bypass))


def _seen(cursor: Cursor[Any], bypass_id: UUID) -> Bypass:
    bypass = kept.one(cursor, bypass_id)
    if bypass is None or not _allowed(bypass):
        raise Problem("not-found")
    return bypass


def _version(bypass: Bypass) -> str:
    """Whoever approves has seen what is proposed now, not what another proposed before."""
    return str(len(bypass.steps))


def _allowed(bypass: Bypass) -> bool:
    return may_act(caller(), bypass.program, bypass.place.wholesaler_id)


def _shown(bypass: Bypass, approval: Approval | None) -> dict[str, Any]:
    proposed = [step.body for step in bypass.steps if step.step == "proposed"] if bypass.state in ("proposed", "approved") else []
    return {
        "bypass_id": str(bypass.bypass_id),
        "state": bypass.state,
        "event_id": bypass.event_id,
        **bypass.place._asdict(),
        "program": bypass.program,
        "why": [word for word in bypass.why.split(",") if word],
        "lacks": [word for word in bypass.lacks.split(",") if word],
        "completion": msgspec.json.decode(proposed[-1] or b"{}") if proposed else None,
        "steps": [step_shown(step.step, step.person, step.at, step.reason) for step in bypass.steps],
        "approval": approval_shown(approval),
    }
