"""What needs two people, as it is shown: each step with who took it, and the approval with its meaning."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from psycopg import Cursor

from gatekeeper.api.callers import Caller
from gatekeeper.api.lists import begins, ends, limit_of
from gatekeeper.feeds.proposals import Proposed
from gatekeeper.messages import written
from gatekeeper.people.approvals import Approval, approvals

T = TypeVar("T")
AT_ONCE: Final = 200
"""Where all of a list are read, so many at a time."""


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


def steps_shown(proposal: Proposed) -> list[dict[str, Any]]:
    """What was proposed, and what was decided, if anything was."""
    steps = [step_shown("proposed", proposal.person, proposal.at, proposal.reason)]
    if proposal.decision is not None and proposal.decided_at is not None:
        steps.append(step_shown(proposal.decision, proposal.decided_by, proposal.decided_at, proposal.decided_because))
    return steps


def approval_shown(approval: Approval | None) -> dict[str, Any] | None:
    if approval is None:
        return None
    return {"person": approval.person, "name": approval.name, "at": _instant(approval.at), "meaning": approval.meaning}


class Listed(NamedTuple, Generic[T]):
    """How a list is read, in the order of its keys."""

    fetch: Callable[[Any, int], Sequence[T]]
    """So many at most after a key; None is before all."""
    key: Callable[[T], Any]
    kind: Any
    """The type of a key."""
    wanted: Callable[[T], bool]

    def walk(self, after: Any = None, at_once: int = AT_ONCE) -> Iterator[T]:
        """All that is wanted after a key, read so many at a time."""
        while several := self.fetch(after, at_once):
            yield from filter(self.wanted, several)
            after = self.key(several[-1])

    def pieces(self) -> Iterator[list[T]]:
        """All that is wanted, some at a time."""
        wanted = self.walk()
        while several := list(islice(wanted, AT_ONCE)):
            yield several

    def page(self, query: dict[str, Any]) -> tuple[list[T], str | None]:
        """One page, and where the next begins: whatever comes or goes, none is shown twice."""
        limit = limit_of(query)
        found = [*islice(self.walk(begins(query, self.kind), limit + 1), limit + 1)]
        return found[:limit], ends(query, self.key(found[limit - 1])) if len(found) > limit else None


def with_approvals(
    cursor: Cursor[Any], about: str, several: Sequence[T], name: Callable[[T], UUID | str], shown: Callable[[T, Approval | None], Any]
) -> list[Any]:
    """What is ``shown`` of each and of its approval, all of which are asked for at once."""
    said = approvals(cursor, about, [name(each) for each in several])
    return [shown(each, said.get(str(name(each)))) for each in several]


def may_act(caller: Caller, program: str | None, wholesaler_id: str | None) -> bool:
    """Whether the caller's token names both."""
    return caller.programs.allow(program) and caller.wholesalers.allow(wholesaler_id)


def _instant(at: datetime) -> str:
    return written(at.astimezone(UTC))
