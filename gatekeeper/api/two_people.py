"""What needs two people, as it is shown: each step with who took it, and the approval with its meaning."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from gatekeeper.api.callers import Caller
from gatekeeper.api.lists import begins, ends, limit_of
from gatekeeper.approvals import Approval
from gatekeeper.messages import written

T = TypeVar("T")


class StepShown(msgspec.Struct):
    """What a person did, when and why; of what followed by itself nobody's name."""

    step: str
    person: str | None
    at: str
    reason: str | None


class ApprovalShown(msgspec.Struct):
    """The word of the second person."""

    person: str
    name: str
    at: str
    meaning: str


def step_shown(step: str, person: str | None, at: datetime, reason: str | None) -> dict[str, Any]:
    return {"step": step, "person": person, "at": _instant(at), "reason": reason}


def approval_shown(approval: Approval | None) -> dict[str, Any] | None:
    if approval is None:
        return None
    return {"person": approval.person, "name": approval.name, "at": _instant(approval.at), "meaning": approval.meaning}


def page_of(query: dict[str, Any], keyed: Sequence[tuple[Any, T]], kind: Any) -> tuple[list[T], str | None]:
    """One page of what is listed whole, in the order of its keys, which are of this type: whatever comes or goes, none is shown twice."""
    after, limit = begins(query, kind), limit_of(query)
    rest = [(key, each) for key, each in keyed if after is None or key > after]
    page = rest[:limit]
    return [each for _, each in page], ends(query, page[-1][0]) if len(rest) > limit else None


def may_act(caller: Caller, program: str | None, wholesaler_id: str | None) -> bool:
    """Whether the caller's token names both."""
    return caller.programs.allow(program) and caller.wholesalers.allow(wholesaler_id)


def _instant(at: datetime) -> str:
    return written(at.astimezone(UTC))
