"""What goes wrong, as RFC 9457 problem documents: each kind with a type that stays, and no sentence that repeats what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from flask import Flask, Response
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

from gatekeeper.errors import TryAgain
from gatekeeper.telemetry import log
from schemas.members import flat

PREFIX: Final = "urn:distribution-gatekeeper:problem:"
CONTENT_TYPE: Final = "application/problem+json"
MOST_ERRORS: Final = 100


class Kind(NamedTuple):
    status: int
    title: str
    about: str


KINDS: Final[dict[str, Kind]] = {
    "bad-request": Kind(400, "The request cannot be read.", "It is no HTTP that can be understood."),
    "invalid-parameters": Kind(400, "A parameter cannot be used.", "`errors` names each parameter, with a sentence."),
    "invalid-body": Kind(400, "The body cannot be used.", "`errors` names each place by JSON Pointer, with a sentence."),
    "key-missing": Kind(400, "The call needs a key.", "Send `Idempotency-Key` with a text that stands for this one call, such as a UUID."),
    "token-missing": Kind(401, "A token is needed.", "Send `Authorization: Bearer …` with a token (JWT) of the issuer."),
    "token-refused": Kind(401, "The token is not accepted.", "Its issuer, audience, signature or time is not right."),
    "not-permitted": Kind(403, "This is not permitted.", "No role of the token permits it here; whether anything is there is not said."),
    "not-found": Kind(404, "There is nothing here.", "The path names nothing, or nothing that the token may see."),
    "method-not-allowed": Kind(405, "There is no such operation.", "The path has other methods; `Allow` names them."),
    "too-slow": Kind(408, "The request came too slowly.", "It did not come whole in time; nothing was changed."),
    "conflict": Kind(409, "What is on record does not allow it.", "`detail` says why; nothing was changed."),
    "changed-meanwhile": Kind(412, "It is not any more what it was.", "`If-Match` names another state: read it again, and decide anew."),
    "too-large": Kind(413, "The request is too large.", "The body is longer than this operation takes."),
    "address-too-long": Kind(414, "The address is too long.", "What is asked for in so many words goes by a body."),
    "unsupported-media-type": Kind(415, "The body is of another kind.", "The operation takes another `Content-Type`."),
    "key-used": Kind(422, "The key stands for another call.", "Under this `Idempotency-Key` the same caller sent something else before."),
    "match-missing": Kind(428, "It must be said what was seen.", "Send `If-Match` with the `ETag` of what was read: others may write."),
    "too-many-requests": Kind(429, "These are too many requests.", "The caller asks too often: ask again after `Retry-After`."),
    "headers-too-large": Kind(431, "The headers are too large.", "One header, or all of them, are larger than is read."),
    "fault": Kind(500, "A fault of the gatekeeper.", "It is on its log; nothing was changed."),
    "unavailable": Kind(503, "It cannot be answered now.", "Something that it needs is away or busy: ask again after `Retry-After`."),
    "http-version": Kind(505, "It needs HTTP/1.1.", "It is answered over HTTP/1.1 only."),
}  # fmt: skip
"""By the last part of its type."""
_BY_STATUS: Final = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media-type"}


class Problem(Exception):  # noqa: N818 - named as RFC 9457 does
    """Ends a request with this kind of problem; ``detail`` is a sentence for the caller that repeats nothing that was sent."""

    def __init__(self, kind: str, detail: str = "", errors: Iterable[Mapping[str, str]] = (), retry_after_s: int = 1) -> None:
        super().__init__(kind)
        self.kind, self.detail, self.errors, self.retry_after_s = kind, detail, [*errors], retry_after_s


class ErrorSchema(Schema):
    """One place that is wrong: a place of the body, or a parameter."""

    detail = fields.String(required=True, metadata={"description": "What is wrong there."})
    pointer = fields.String(metadata={"description": "A place of the body, as JSON Pointer; empty is the body itself."})
    parameter = fields.String(metadata={"description": "A parameter of the query, or a header."})


class ProblemSchema(Schema):
    """A problem (RFC 9457)."""

    type = fields.String(required=True, metadata={"enum": [PREFIX + name for name in KINDS]})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "A sentence about this occurrence."})
    errors = fields.List(fields.Nested(ErrorSchema))


def invalid_body(problems: Mapping[str, Iterable[str]]) -> Problem:
    """Of a body with these sentences by JSON Pointer."""
    found = [{"pointer": pointer, "detail": sentence} for pointer, sentences in problems.items() for sentence in sentences]
    return Problem("invalid-body", errors=found[:MOST_ERRORS])


def invalid_parameters(messages: Any) -> Problem:
    """Of a query of which marshmallow says this."""
    found = [{"parameter": pointer.partition("/")[2].partition("/")[0], "detail": sentence} for pointer, sentence in flat(messages)]
    return Problem("invalid-parameters", errors=found[:MOST_ERRORS])


def answer_problems(app: Flask) -> None:
    """Every error of the application is a problem document."""
    app.register_error_handler(Problem, answered)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(TryAgain, lambda _: answered(Problem("unavailable")))
    app.register_error_handler(Exception, _fault)


def answered(problem: Problem) -> Response:
    """The document of a problem."""
    kind = KINDS[problem.kind]
    document: dict[str, Any] = {"type": PREFIX + problem.kind, "title": kind.title, "status": kind.status}
    if problem.detail:
        document["detail"] = problem.detail
    if problem.errors:
        document["errors"] = problem.errors
    response = Response(msgspec.json.encode(document), kind.status, content_type=CONTENT_TYPE)
    if kind.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer" if problem.kind == "token-missing" else 'Bearer error="invalid_token"'
    if kind.status in {429, 503}:
        response.headers["Retry-After"] = str(problem.retry_after_s)
    return response


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    response = answered(Problem(_BY_STATUS.get(status, "bad-request" if status < 500 else "fault")))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _fault(error: Exception) -> Response:
    """Its words may hold what was sent, so only its kind is logged."""
    log("request_failed", code=type(error).__name__)
    return answered(Problem("fault"))
