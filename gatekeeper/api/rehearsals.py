"""What would be answered, asked ahead. Nothing is recorded but who asked about how many."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from psycopg import Cursor

from gatekeeper.api.areas import KIB, Area, caller, parts, reading
from gatekeeper.api.callers import Caller
from gatekeeper.api.patients import on_record
from gatekeeper.api.several import messages_of_request, takes_several
from gatekeeper.domain.order import Order
from gatekeeper.domain.reasons import REASONS
from gatekeeper.examinations.recording import Terms
from gatekeeper.judging.rehearsal import Rehearsed, rehearse
from gatekeeper.messages import written
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook
from schemas.order import ShipmentOrder

MOST_ORDERS: Final = 500
MOST: Final = 8 * 1024 * KIB


class ReasonShown(msgspec.Struct):
    """A reason, with what would have to change and who can change it."""

    code: str
    outcome: Literal["held", "blocked"]
    stops: bool
    text: str
    remedy: str
    cleared_by: str
    evidence: dict[str, Any]


class RehearsedLine(msgspec.Struct):
    """``not_told``: nothing but the patient could stop it, and of patients nothing is told."""

    line: int
    outcome: Literal["released", "not_covered", "held", "blocked", "not_told"]
    program: str | None
    site_id: str | None
    reasons: list[ReasonShown]


class RehearsedOrder(msgspec.Struct):
    """What would be answered to one order: its lines, or what is wrong with it by JSON Pointer."""

    position: int
    """From 1, as they were sent."""
    wholesaler_id: str | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    revision: int | UnsetType = UNSET
    repeat: bool | UnsetType = UNSET
    """It has come before with the same content; the answer is the one of then."""
    lines: list[RehearsedLine] | UnsetType = UNSET
    refused: dict[str, list[str]] | UnsetType = UNSET


class RehearsalAnswer(msgspec.Struct):
    """What the gate would answer now."""

    at: str
    registry_version: int
    patients: Literal["judged", "not_told"]
    orders: list[RehearsedOrder]


class RehearsalAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Orders as they would be sent, in the order in which they would be."""

    orders: Annotated[list[ShipmentOrder], msgspec.Meta(min_length=1, max_length=MOST_ORDERS)]


AREA = Area("rehearsals", __name__, "Asking ahead.", RehearsalAsked)


@AREA.operation(
    "POST",
    "/v1/rehearsals",
    Permission.REHEARSE,
    RehearsalAnswer,
    sent=True,
    requestBody=takes_several(RehearsalAsked, "orders", MOST_ORDERS),
)
def rehearse_orders() -> Any:
    """Whether orders would be released, and if not, why, and what would have to change.

    The gate's own decoder and decision, on the registry of this moment; what one order releases counts for the later ones. Nothing
    is recorded but who asked about how many. Reasons about patients, prescribers and authorizations need `patients.rehearse`.
    """
    messages = messages_of_request("orders", MOST, MOST_ORDERS)
    with reading() as cursor:
        answer = answered(cursor, messages, parts().book, parts().terms, caller())
    on_record(Inquiry("rehearsal", "rehearse_orders", count=len(messages)))
    return answer


def answered(cursor: Cursor[Any], messages: Sequence[bytes], book: RuleBook, terms: Terms, asking: Caller) -> RehearsalAnswer:
    """The answer, for who is asking. Ends the request where an order is not the caller's to ask about."""
    patients = asking.may(Permission.REHEARSE_PATIENTS)
    tail, answers = rehearse(cursor, messages, book, terms, patients=patients)
    for rehearsed in answers:
        if isinstance(rehearsed.order, Order):
            asking.must_see_wholesaler(rehearsed.order.wholesaler_id)
        for program in {line["program"] for line in rehearsed.lines} - {None}:
            asking.must_see_program(program)
    shown = [_shown(number, rehearsed) for number, rehearsed in enumerate(answers, 1)]
    return RehearsalAnswer(written(tail.now), tail.registry_version, "judged" if patients else "not_told", shown)


def _shown(position: int, rehearsed: Rehearsed) -> RehearsedOrder:
    order = rehearsed.order
    if not isinstance(order, Order):
        return RehearsedOrder(position, refused=order.problems)
    lines = [RehearsedLine(**line | {"reasons": [_reason(reason) for reason in line["reasons"]]}) for line in rehearsed.lines]
    return RehearsedOrder(position, order.wholesaler_id, order.order_id, order.revision, rehearsed.repeat, lines)


def _reason(reason: dict[str, Any]) -> ReasonShown:
    return ReasonShown(**reason, cleared_by=REASONS[reason["code"]].cleared_by)
