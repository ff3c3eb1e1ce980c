"""Records of goods that stayed, and returns that are wrong: one person proposes, another approves, and the record is void."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from psycopg import Cursor

from gatekeeper.api.areas import Area, caller, parts, reading
from gatekeeper.api.lists import Instant, Page
from gatekeeper.api.once import recording, writing
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import ReasonBody
from gatekeeper.api.two_people import ApprovalShown, Listed, StepShown, approval_shown, may_act, steps_shown, with_approvals
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.feeds import voiding
from gatekeeper.people.approvals import VOID, Approval, approvals
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import corrections as records
from gatekeeper.storage import voidings as kept
from gatekeeper.storage.voidings import Voiding
from schemas.members import OneOf

AREA = Area("voids", __name__, "Records of goods that stayed, and returns that are wrong.")
ONE: Final = "/v1/voids/<uuid:void_id>"
STATES: Final = ("proposed", "approved", "refused")


class VoidShown(msgspec.Struct):
    """That the goods of a record stayed, or that a return record is wrong, as a person says, and what became of that."""

    void_id: str
    state: Literal["proposed", "approved", "refused"]
    record_id: str
    program: str
    sequence: int
    kind: Literal["original", "correction", "return"]
    """Of the record. Of a return it is said that it is wrong, of another that its goods stayed."""
    wholesaler_id: str
    order_id: str
    revision: int
    line: int
    steps: list[StepShown]
    approval: ApprovalShown | None
    made: str | UnsetType = UNSET
    """The void record, where this call made it."""


class VoidList(msgspec.Struct):
    """The oldest first."""

    voids: list[VoidShown]
    next: str | None


class VoidsQuery(Page):
    state = OneOf(STATES)


@AREA.operation("GET", "/v1/voids", Permission.READ_PROPOSALS, VoidList, query=VoidsQuery)
def list_voids(query: dict[str, Any]) -> Any:
    """Of which records people said that the goods stayed, or that they are wrong as returns: who did what, when and why."""
    with reading() as cursor:
        page, following = _listed(cursor, query).page(query)
        return {"voids": _several(cursor, page), "next": following}


def every_void(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All that are asked for, the oldest first."""
    for several in _listed(cursor, query).pieces():
        yield from _several(cursor, several)


def _several(cursor: Cursor[Any], several: Sequence[Voiding]) -> list[Any]:
    return with_approvals(cursor, VOID, several, lambda each: each.voiding_id, _shown)


def _listed(cursor: Cursor[Any], query: dict[str, Any]) -> Listed[Voiding]:
    return Listed(
        lambda after, most: kept.following(cursor, after, most),
        lambda each: (each.at, each.voiding_id),
        tuple[Instant, UUID],
        lambda each: query.get("state") in (None, each.state) and _allowed(each.program, each.place.wholesaler_id),
    )


@recording(AREA, "/v1/distribution-records/<uuid:record_id>/voids", Permission.PROPOSE_VOIDS, VoidShown, body=ReasonBody)
def propose_void(body: dict[str, Any], record_id: UUID) -> Any:
    """Says that the goods of a record stayed: its line is withdrawn, and nothing of it was reported to have left. Or that a return record
    is wrong: what its event said came back is to count for nothing.

    It counts for nothing before another person approves it.
    """
    told = records.record(writing(), record_id)
    if told is None or not _allowed(told.program, record_of(told.body).wholesaler_id):
        raise Problem("not-found")
    return _now(voiding.propose(writing(), str(record_id), body["reason"], caller().person, parts().book, parts().terms))


@recording(AREA, f"{ONE}/approvals", Permission.APPROVE_VOIDS, VoidShown, body=ReasonBody)
def approve_void(body: dict[str, Any], void_id: UUID) -> Any:
    """Makes the void record, which the relay publishes; units and serials are free, or those of a return are out again. Nobody approves
    what he proposed.
    """
    _proposal(void_id)
    made = voiding.approve(writing(), str(void_id), body["reason"], caller().person, parts().book, parts().terms)
    return _now(void_id) | {"made": made.record_id}


@recording(AREA, f"{ONE}/refusals", Permission.APPROVE_VOIDS, VoidShown, body=ReasonBody)
def refuse_void(body: dict[str, Any], void_id: UUID) -> Any:
    """Closes a proposal that is not to count."""
    _proposal(void_id)
    voiding.refuse(writing(), str(void_id), body["reason"], caller().person)
    return _now(void_id)


def _proposal(void_id: UUID) -> Voiding:
    proposal = kept.one(writing(), void_id)
    if proposal is None or not _allowed(proposal.program, proposal.place.wholesaler_id):
        raise Problem("not-found")
    return proposal


def _allowed(program: str, wholesaler_id: str) -> bool:
    return may_act(caller(), program, wholesaler_id)


def _now(void_id: UUID) -> dict[str, Any]:
    return _shown(_proposal(void_id), approvals(writing(), VOID, [void_id]).get(str(void_id)))


def _shown(each: Voiding, approval: Approval | None) -> dict[str, Any]:
    return {
        "void_id": str(each.voiding_id),
        "state": each.state,
        "record_id": str(each.record_id),
        "program": each.program,
        "sequence": each.sequence,
        "kind": each.kind,
        **each.place._asdict(),
        "steps": steps_shown(each),
        "approval": approval_shown(approval),
    }
