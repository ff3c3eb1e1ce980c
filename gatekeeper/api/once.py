"""Calls that record something: each once, whatever is sent again; and on what was seen, where others may write too."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec
from flask import Response, g, request
from psycopg import Cursor

from gatekeeper.api.areas import MOST_OF_A_BODY, VERSIONED, Area, View, as_json, body, caller, parts
from gatekeeper.api.problems import Problem
from gatekeeper.errors import Unusable
from gatekeeper.people.access import Limits
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import answered_calls as kept
from gatekeeper.storage import ledger
from gatekeeper.storage.answered_calls import AnsweredCall
from gatekeeper.storage.engine import transaction

KEY: Final = "Idempotency-Key"
FORM: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
KEPT_FOR: Final = timedelta(hours=24)
KEY_PARAMETER: Final[dict[str, Any]] = {
    "in": "header",
    "name": KEY,
    "required": True,
    "description": f"Stands for this one call. Within {KEPT_FOR // timedelta(hours=1)} hours the same call under the same key is answered "
    "as it was before, and records nothing.",
    "schema": {"type": "string", "pattern": f"^{FORM.pattern}$"},
}
MATCH_PARAMETER: Final[dict[str, Any]] = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": "The `ETag` of what was read.",
    "schema": {"type": "string", "pattern": '^"[!#-~]{1,100}"$'},
}
_MATCH: Final = re.compile(r'"[!#-~]{1,100}"')


def recording(
    area: Area, path: str, permission: Permission, answers: Any, *, matches: bool = False, versioned: bool = False,
    most: int = MOST_OF_A_BODY, apart: bool = False, **options: Any,
) -> Callable[[View], View]:  # fmt: skip
    """Registers a POST operation that records something. ``matches``: it must say what was seen; ``versioned``: it is told what
    there is now to be seen. ``apart``: it takes too long to hold the ledger lock all the while, is done once whatever its key, and calls
    ``keep_answer``."""
    problems = ["408", "409", "413", "422", *(["412", "428"] if matches else [])]
    documented: dict[str, Any] = {
        "parameters": [KEY_PARAMETER, *([MATCH_PARAMETER] if matches else [])],
        "responses": {status: {"$ref": f"#/components/responses/Problem{status}"} for status in problems}
        | (VERSIONED if matches or versioned else {}),
    }

    def decorate(view: View) -> View:
        return area.operation("POST", path, permission, answers, **documented, **options)((_apart if apart else _once)(view, most))

    return decorate


def writing() -> Cursor[Any]:
    """The transaction in which this call records: the ledger lock is held, and what is done here is done once."""
    found: Cursor[Any] = g.writing
    return found


def keep_answer(cursor: Cursor[Any], answer: Any) -> Response:
    """Of an operation that is done ``apart``: what is answered, kept in the transaction that does it."""
    g.writing = cursor
    try:
        response = as_json(answer)
    finally:
        g.pop("writing")
    g.call.keep(cursor, response)
    return response


def must_match(version: str) -> None:
    """Ends the request where its caller has seen another version than this, or does not say which."""
    seen = request.headers.get("If-Match")
    if seen is None:
        raise Problem("match-missing")
    if not _MATCH.fullmatch(seen):
        raise Problem("invalid-parameters", errors=[{"parameter": "If-Match", "detail": "Must be one `ETag`, with its quotes."}])
    if seen != f'"{version}"':
        raise Problem("changed-meanwhile")


class Call(NamedTuple):
    """A call that is answered once."""

    person: str
    key: str
    asked: bytes

    @classmethod
    def of_request(cls, most: int = MOST_OF_A_BODY) -> "Call":
        """Ends the request where it has no key."""
        key = request.headers.get(KEY)
        if key is None:
            raise Problem("key-missing")
        if not FORM.fullmatch(key):
            raise Problem("invalid-parameters", errors=[{"parameter": KEY, "detail": "Must be 1 to 64 letters, digits, and . _ : -"}])
        said = sha256(body(most)).digest()
        return cls(caller().person.subject, key, sha256(f"{request.method} {request.path}".encode() + said).digest())

    def answered(self, cursor: Cursor[Any]) -> Response | None:
        """As it was answered before. Ends the request where the key stands for another call, or the caller sees less than he did then."""
        before = kept.find(cursor, self.person, self.key, ledger.now(cursor))
        if before is None:
            return None
        if before.asked != self.asked:
            raise Problem("key-used")
        wholesalers, programs = msgspec.json.decode(before.limits, type=tuple[Limits, Limits])
        if not (caller().wholesalers.cover(wholesalers) and caller().programs.cover(programs)):
            raise Problem("not-permitted")
        return as_json(msgspec.Raw(before.body), before.etag)

    def keep(self, cursor: Cursor[Any], response: Response) -> None:
        """From now on, for a time, it is answered so."""
        now = ledger.now(cursor)
        limits = msgspec.json.encode((caller().wholesalers, caller().programs))
        answered = AnsweredCall(self.asked, response.get_etag()[0], response.get_data(), limits)
        kept.keep(cursor, self.person, self.key, answered, now, now + KEPT_FOR)


def _once(view: View, most: int) -> View:
    """The view, in one transaction with the key of the call. Two at once wait for each other; what was refused is not kept."""

    @wraps(view)
    def answered(*given: Any, **path_given: Any) -> Response:
        call = Call.of_request(most)
        if "wholesaler_id" in path_given:
            caller().must_see_wholesaler(path_given["wholesaler_id"])
        with transaction(parts().engine) as cursor:
            ledger.take_lock(cursor)
            g.writing = cursor
            try:
                before = call.answered(cursor)
                if before is not None:
                    return before
                response = _answered(view, *given, **path_given)
            finally:
                g.pop("writing")
            call.keep(cursor, response)
        return response

    return answered


def _apart(view: View, most: int) -> View:
    """The view, which keeps its answer itself, in the last of its transactions."""

    @wraps(view)
    def answered(*given: Any, **path_given: Any) -> Response:
        g.call = Call.of_request(most)
        before = _answered_before()
        if before is not None:
            return before
        try:
            return _answered(view, *given, **path_given)
        except Problem:
            # Of two at once one waits for the other, and is then refused: it is done.
            before = _answered_before()
            if before is None:
                raise
            return before

    return answered


def _answered_before() -> Response | None:
    with transaction(parts().engine) as cursor:
        found: Response | None = g.call.answered(cursor)
        return found


def _answered(view: View, *given: Any, **path_given: Any) -> Response:
    try:
        answer = view(*given, **path_given)
    except Unusable as refused:
        # It is a sentence of ours, in which names may stand that are not the caller's.
        raise Problem("conflict", msgspec.json.decode(as_json({"detail": str(refused)}).data)["detail"]) from None
    return answer if isinstance(answer, Response) else as_json(answer)
