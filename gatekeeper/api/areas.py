"""How an operation is made: its path, the permission that it needs, what it takes and what it answers, all of it in the document."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from threading import BoundedSemaphore, Event
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

import flask_smorest
import msgspec
from flask import Response, current_app, g, request
from marshmallow import EXCLUDE, Schema, ValidationError, pre_load
from psycopg import Cursor
from sqlalchemy import Engine
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter

from gatekeeper.api.callers import Caller
from gatekeeper.api.disclosure import Disclosure, Names
from gatekeeper.api.problems import Problem, invalid_body, invalid_parameters
from gatekeeper.config import Settings
from gatekeeper.examinations.recording import Terms
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction
from schemas.members import TWICE, Member, MessageSchema, flat
from schemas.problems import content_of

KIB: Final = 1024
MOST_OF_A_BODY: Final = 64 * KIB
OPEN: Final = "open"
"""In the place of a permission: the operation is for everybody, and shows nothing of the ledger."""
VERSIONED: Final = {
    200: {"headers": {"ETag": {"description": "Send it in `If-Match` where this is acted on.", "schema": {"type": "string"}}}}
}
"""In the document: the answer says which state it is of."""
HEADERS: Final = "x-headers"
"""In the document until it is told: the library would put them in the place of the query's parameters."""
View = Callable[..., Any]
_DIGITS: Final = re.compile(r"[0-9]{1,19}")


class Parts(NamedTuple):
    """What the operations work with."""

    engine: Engine
    book: RuleBook
    terms: Terms
    settings: Settings
    stopping: Event
    """Is set when the program is told to stop: who waits answers at once."""
    waiters: BoundedSemaphore
    """For how many callers at once a thread may wait."""
    exports: BoundedSemaphore
    """How many exports may be under way at once: each keeps a connection, and a thread while its reader is slow."""
    lists_followed: Callable[[], bool]
    """Whether this program keeps the lists up to the ledger: not where a fault has ended that."""


class Id(BaseConverter):
    """An id of the contract, in a path."""

    regex = r"[A-Za-z0-9._:-]{1,64}"


class Digest(BaseConverter):
    """A SHA-256, in a path."""

    regex = r"[0-9a-f]{64}"


class Query(MessageSchema):
    """What an operation takes in its query: by the parameter's name."""

    @pre_load
    def take_out_empty(self, document: Any, **_: Any) -> Any:
        """Nothing: order systems write what is not given as an empty text, but an empty filter would be no filter."""
        return document

    def make_struct(self, members: dict[str, Any]) -> Any:
        return members


class Body(Query):
    """What an operation takes in its body."""


class Number(Member):
    """A whole number in a query."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:  # noqa: ARG002
        if not isinstance(value, str) or not _DIGITS.fullmatch(value) or not self.least <= int(value) <= self.most:
            raise ValidationError(f"Must be a whole number from {self.least:,} to {self.most:,}.")
        return int(value)


class Strict(FlaskParser):
    """Reads queries and bodies as the contract's messages are read: nothing unknown, nothing twice."""

    # What is unknown is said by the schemas themselves: the library's own sentence would repeat its name.
    DEFAULT_UNKNOWN_BY_LOCATION = {"query": EXCLUDE, "json": EXCLUDE}  # noqa: RUF012 - as the library has it

    def load_querystring(self, req: Any, schema: Schema) -> Any:  # noqa: ARG002
        try:
            # The library would take what is not UTF-8 for a text with percent signs.
            unquote_to_bytes(req.query_string).decode()
        except UnicodeDecodeError:
            raise Problem("invalid-parameters", "The query is not UTF-8.") from None
        twice = {name: [TWICE] for name, values in req.args.lists() if len(values) > 1}
        if twice:
            raise ValidationError(twice)
        return dict(req.args)

    def load_json(self, req: Any, schema: Schema) -> Any:  # noqa: ARG002
        if req.mimetype != "application/json":
            raise Problem("unsupported-media-type")
        content, problems = content_of(body())
        if problems:
            raise invalid_body(problems)
        return content

    def handle_error(self, error: ValidationError, req: Any, schema: Schema, **_: Any) -> NoReturn:  # noqa: ARG002
        # The library puts the messages under the name of where they were found.
        messages: Any = next(iter(error.messages_dict.values()))
        if not isinstance(schema, Body):
            raise invalid_parameters(messages)
        found: dict[str, list[str]] = {}
        for pointer, sentence in flat(messages):
            found.setdefault(pointer, []).append(sentence)
        raise invalid_body(found)


class Area(flask_smorest.Blueprint):  # type: ignore[misc] # the library has no types
    """The operations about one subject."""

    ARGUMENTS_PARSER = Strict()

    def __init__(self, name: str, module: str, about: str, *also: type) -> None:
        super().__init__(name, module, description=about)
        self.answers: list[type] = [*also]
        """The types that its operations answer with, and others that the document refers to."""

    def operation(
        self, method: str, path: str, permission: Permission | str, answers: Any, *, query: type[Query] | None = None,
        body: type[Body] | None = None, content_type: str | None = None, sent: bool = False, **documented: Any,
    ) -> Callable[[View], View]:  # fmt: skip
        """Registers a view, which gives what is answered: as a document, or as an ``Answer`` made of one.

        ``permission`` is checked before anything else is looked at. ``sent``: what is answered speaks of what came with the call.
        """

        reads = body is not None or "requestBody" in documented

        def decorate(view: View) -> View:
            @wraps(view)
            def answered(*given: Any, **path_given: Any) -> Response:
                _take_no_more(query=query is not None or permission == OPEN, body=reads)
                g.sent = sent
                answer = view(*given, **path_given)
                if isinstance(answer, Response) and not isinstance(answer, Answer) and permission != OPEN:
                    raise TypeError("What an operation answers leaves by the one door.")
                return answer if isinstance(answer, Response) else as_json(answer)

            if not isinstance(answers, dict):
                self.answers.append(answers)
            schema = answers if isinstance(answers, dict) else refer(answers)
            made = self.response(200, schema, description="The answer.", content_type=content_type)(answered)
            for taken, location in ((query, "query"), (body, "json")):
                if taken is not None:
                    made = self.arguments(taken, location=location, error_status_code=400)(made)
            headers = documented.pop("parameters", [])
            always = {HEADERS: headers} | _documented(permission, body=reads, named="<" in path)
            made = self.doc(**documented)(self.doc(operationId=view.__name__, **always)(made))
            made.permission = permission
            made.provide_automatic_options = False
            self.add_url_rule(path, view.__name__, made, methods=[method])
            return view

        return decorate


def refer(kind: type) -> dict[str, str]:
    """The document's own name for what an operation answers."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


class Answer(Response):
    """What may leave: made by ``as_json`` or row by row by ``disclosure``, or of nothing that the ledger has."""


def as_json(answer: Any, etag: str | None = None) -> Answer:
    """The answer, as far as its caller may see it; ``etag`` names the state that it is of."""
    encoded = msgspec.json.encode(answer) if g.get("caller") is None else disclosure().encoded(answer, _asking)
    response = Answer(encoded, content_type="application/json")
    if etag is not None:
        response.set_etag(etag)
    return response


def parts() -> Parts:
    """Of the application that answers this request."""
    found: Parts = current_app.extensions["gatekeeper"]
    return found


def caller() -> Caller:
    """Who makes this request."""
    found: Caller = g.caller
    return found


def disclosure() -> Disclosure:
    """What may leave to the caller of this request."""
    settings, versions = parts().settings, parts().book.versions
    programs = frozenset({version.program.name for version in versions}) | frozenset(settings.programs_added)
    known = Names(programs, frozenset(settings.reporting_wholesalers))
    return Disclosure(caller(), known, g.get("patients_on_record", False), g.get("sent", False))


def _asking() -> AbstractContextManager[Cursor[Any]]:
    """The transaction that records, where one is open: what was written there is seen."""
    return nullcontext(g.writing) if "writing" in g else reading()


def body(most: int = MOST_OF_A_BODY) -> bytes:
    """The request's body, of at most so many bytes. Ends the request where it is longer."""
    # The library reads a body without a length up to the limit, and says nothing of what it left out.
    request.max_content_length = most + 1
    read = request.get_data()
    if len(read) > most:
        raise Problem("too-large")
    return read


@contextmanager
def reading() -> Iterator[Cursor[Any]]:
    """One state of the ledger, for all that is asked of it within; nothing can be changed there."""
    with transaction(parts().engine) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield cursor


def _take_no_more(*, query: bool, body: bool) -> None:
    """Ends the request where it has a query or a body, and the operation takes none: what is not read must not seem to count."""
    if not query and request.query_string:
        raise Problem("invalid-parameters", "The operation takes no parameters in its query.")
    if not body and (request.content_length or "Transfer-Encoding" in request.headers):
        raise invalid_body({"": ["The operation takes no body."]})


def _documented(permission: Permission | str, *, body: bool, named: bool) -> dict[str, Any]:
    """What every operation of this kind says in the document."""
    problems = ["400"] if permission == OPEN else ["400", "401", "403", "429", "500", "503"]
    if named:
        problems.append("404")
    if body:
        problems += ["408", "413", "415"]
    return {
        "responses": {status: {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(problems)},
        "security": [] if permission == OPEN else [{"token": []}],
        "x-permission": str(permission),
    }
