"""Snapshots that were refused: one that loses sites is loaded on the word of another person than who offered it."""

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any, Literal

import msgspec
from flask import Response
from psycopg import Cursor

from gatekeeper.api.areas import Area, caller, parts, reading
from gatekeeper.api.lists import Number8, Page, begins, ends, limit_of
from gatekeeper.api.once import keep_answer, recording
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import ReasonBody
from gatekeeper.api.two_people import ApprovalShown, approval_shown
from gatekeeper.messages import written
from gatekeeper.people.approvals import SNAPSHOT, Approval, approvals
from gatekeeper.people.permissions import Permission
from gatekeeper.registry.confirming import confirm
from gatekeeper.registry.importing import Loaded, Terms
from gatekeeper.storage import refused_files as held
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.refused_files import Refused
from schemas.fact import Fact
from schemas.members import OneOf

AREA = Area("snapshots", __name__, "Snapshots that were refused.")


class SnapshotShown(msgspec.Struct):
    """A file that was refused, as it was the last time. ``waiting``: another person may confirm it."""

    sha256: str
    state: Literal["waiting", "confirmed", "refused"]
    program: str | None
    problem: str
    size: int
    offered_by: str | None
    at: str
    approval: ApprovalShown | None


class SnapshotList(msgspec.Struct):
    """By when they were first refused, the newest first."""

    snapshots: list[SnapshotShown]
    next: str | None


class SnapshotConfirmed(msgspec.Struct):
    """What the load did."""

    sha256: str
    program: str
    sequence: int
    registry_version: int
    facts: int
    certified_before: int
    certified_now: int
    approval: ApprovalShown | None


class SnapshotsQuery(Page):
    state = OneOf(("waiting", "confirmed", "refused"))


class _Unwatched:
    """Nobody sees how far the load is."""

    def reading(self, facts: Iterable[Fact], total: int) -> Iterable[Fact]:  # noqa: ARG002
        return facts

    def step(self, words: str) -> None:
        """Nobody is told."""


@AREA.operation("GET", "/v1/refused-snapshots", Permission.READ_PROPOSALS, SnapshotList, query=SnapshotsQuery)
def list_snapshots(query: dict[str, Any]) -> Any:
    """Snapshot files that were refused, with why, and which of them wait for the word of another person.

    A registry is of every wholesaler, so a token that is limited to some sees none.
    """
    _must_see_all_wholesalers()
    limit, before = limit_of(query), begins(query, Number8)
    with reading() as cursor:
        found = [file for file in _wanted(cursor, query) if before is None or file.first < before]
        said = approvals(cursor, SNAPSHOT, [file.sha256 for file in found[:limit]])
    shown = [_shown(file, said.get(file.sha256)) for file in found[:limit]]
    return {"snapshots": shown, "next": ends(query, found[limit - 1].first) if len(found) > limit else None}


def every_snapshot(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All that are asked for, in the order of the list."""
    _must_see_all_wholesalers()
    for file in _wanted(cursor, query):
        yield _shown(file, approvals(cursor, SNAPSHOT, [file.sha256]).get(file.sha256))


def _wanted(cursor: Cursor[Any], query: dict[str, Any]) -> list[Refused]:
    """Few files are refused: those that are, are read whole."""
    return [file for file in held.every(cursor) if caller().programs.allow(file.program) and query.get("state") in (None, _state(file))]


@recording(
    AREA,
    "/v1/refused-snapshots/<digest:sha256>/confirmations",
    Permission.CONFIRM_SNAPSHOTS,
    SnapshotConfirmed,
    apart=True,
    body=ReasonBody,
)
def confirm_snapshot(body: dict[str, Any], sha256: str) -> Any:
    """Loads a file that was refused for the sites that it loses. Who offered it does not confirm it; every other check is made again."""
    _must_see_all_wholesalers()
    with transaction(parts().engine) as cursor:
        refusals = held.refusals(cursor, sha256)
    if not refusals or not caller().programs.allow(refusals[-1].program):
        raise Problem("not-found")
    answers: list[Response] = []

    def loaded(cursor: Cursor[Any], load: Loaded) -> None:
        answers.append(keep_answer(cursor, _confirmed(sha256, load, approvals(cursor, SNAPSHOT, [sha256]).get(sha256))))

    confirm(parts().engine, sha256, body["reason"], caller().person, Terms.of(parts().settings), _Unwatched(), loaded)
    return answers[0]


def _confirmed(sha256: str, loaded: Loaded, approval: Approval | None) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "program": loaded.program,
        "sequence": loaded.sequence,
        "registry_version": loaded.version,
        "facts": loaded.facts,
        "certified_before": loaded.certified.before,
        "certified_now": loaded.certified.after,
        "approval": approval_shown(approval),
    }


def _must_see_all_wholesalers() -> None:
    if not caller().wholesalers.every:
        raise Problem("not-permitted")


def _state(file: Refused) -> str:
    return "confirmed" if file.confirmed else "waiting" if file.confirmable else "refused"


def _shown(file: Refused, approval: Approval | None) -> dict[str, Any]:
    return {
        "sha256": file.sha256,
        "state": _state(file),
        "program": file.program,
        # Where the file lay on the machine of who offered it is nobody's business.
        "problem": file.problem.partition(": ")[2] or file.problem,
        "size": file.size,
        "offered_by": file.person,
        "at": written(file.at.astimezone(UTC)),
        "approval": approval_shown(approval),
    }
