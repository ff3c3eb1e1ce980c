"""The OpenAPI 3.1 document, made from the operations: what they take by marshmallow, what they answer by the types of the answers."""

import json
from collections.abc import Callable
from typing import Any, Final

import flask_smorest
import msgspec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask

from gatekeeper.api import areas, lists, reasons
from gatekeeper.api.links import link
from gatekeeper.api.problems import CONTENT_TYPE, KINDS, PREFIX, ProblemSchema
from schemas import members
from schemas.documents import HERE, VERSION
from schemas.text import DAY, INSTANT, NO_CONTROL

ABOUT: Final = (
    "Who was stopped, why, and what clears it; what the gate would answer; the feed of distribution records. Times are UTC. "
    "Lists page by opaque cursor. What goes wrong is a problem document (RFC 9457), whose `type` stays the same. "
    "A request that is no HTTP, comes too slowly, or has an address or headers that are too large is answered before any operation is "
    "known: by 400, 408, 414, 431 or 505, as the responses of these names say. "
    "`x-permission` names the permission that an operation needs; a token's claims are `roles`, `wholesalers` and `programs`, "
    "lists of texts, and `*` is all of them."
)
EXAMPLES: Final[dict[str, Any]] = json.loads((HERE / "http-examples.json").read_text(encoding="utf-8"))
"""By operation: a path that is asked, a body that is sent with it, and what is answered."""
REASON: Final = rf"^{NO_CONTROL}[^\u0000-\u0020\u007f-\u009f]{NO_CONTROL}$"
_FORMS: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    members.Words: lambda field: {"type": "string", "minLength": 1, "maxLength": field.most, "pattern": f"^{NO_CONTROL}$"},
    members.Written: lambda field: {"type": "string", "pattern": f"^(?:{field.pattern.pattern})$"},
    members.OneOf: lambda field: {"type": "string", "enum": list(field.words)},
    members.WholeNumber: lambda field: {"type": "integer", "minimum": field.least, "maximum": field.most},
    reasons.Reason: lambda field: {"type": "string", "minLength": 1, "maxLength": field.most, "pattern": REASON},
    members.Items: lambda field: {"type": "array", "items": _form(None, field.item), "uniqueItems": field.once},
    areas.Number: lambda field: {"type": "integer", "minimum": field.least, "maximum": field.most},
    members.Day: lambda _: {"type": "string", "format": "date", "pattern": f"^{DAY}$"},
    members.Instant: lambda _: {"type": "string", "format": "date-time", "pattern": f"^{INSTANT}$"},
    members.TrueOrFalse: lambda _: {"type": "boolean"},
    lists.Cursor: lambda _: {"type": "string", "pattern": f"^{lists.FORM.pattern}$"},
}


class Document(flask_smorest.Api):  # type: ignore[misc] # the library has no types
    """Registers areas, and tells what they are made of."""

    def __init__(self, app: Flask) -> None:
        self._answers: list[type] = []
        plugin = MarshmallowPlugin()
        app.config.update(API_TITLE="Distribution gatekeeper", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
        super().__init__(app, spec_kwargs={"marshmallow_plugin": plugin, "info": {"description": ABOUT}})
        plugin.converter.add_attribute_function(_form)  # type: ignore[union-attr] # it is there from now on
        self.register_converter(areas.Digest, lambda _: {"type": "string", "pattern": f"^{areas.Digest.regex}$"})
        self.register_converter(areas.Id, lambda _: {"type": "string", "pattern": f"^{areas.Id.regex}$"})
        self.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
        self.spec.components.schema("Problem", schema=ProblemSchema)
        for status in sorted({kind.status for kind in KINDS.values()}):
            self.spec.components.response(f"Problem{status}", _problem(status))

    # The library's own errors are not RFC 9457, and neither are their descriptions.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_responses(self) -> None:
        """Only those above."""

    def _register_etag_headers(self) -> None:
        """None: who acts on what was seen says so with ``If-Match``, and the operations say which do."""

    def _register_pagination_header(self) -> None:
        """None: lists say themselves where they go on."""

    def _register_error_handlers(self) -> None:
        """None: see ``answer_problems``."""

    def add(self, area: areas.Area) -> None:
        """Registers an area, with the types of its answers."""
        self._answers += area.answers
        self.register_blueprint(area)

    def told(self) -> dict[str, Any]:
        """The whole document."""
        document: dict[str, Any] = json.loads(json.dumps(self.spec.to_dict()))
        _, components = msgspec.json.schema_components(self._answers, ref_template="#/components/schemas/{name}")
        _say_true(components)
        for name, schema in document["components"].get("schemas", {}).items():
            if name.endswith("Body"):
                schema["additionalProperties"] = False
        document["components"]["schemas"] = dict(sorted((document["components"].get("schemas", {}) | components).items()))
        for operation in [path[method] for path in document["paths"].values() for method in path if method != "parameters"]:
            operation["responses"] = {
                status: response for status, response in sorted(operation["responses"].items()) if response not in _OF_THE_LIBRARY
            }
            if headers := operation.pop(areas.HEADERS):
                operation["parameters"] = operation.get("parameters", []) + headers
            _exemplify(operation)
            link(operation)
        return document


_OF_THE_LIBRARY: Final = ("BAD_REQUEST", {"$ref": "#/components/responses/BAD_REQUEST"})


def _say_true(schema: Any) -> None:
    """What is always true is said as a constant: makers of clients understand no list of one truth."""
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        if isinstance(inner, dict) and inner.get("enum") == [True]:
            inner.clear()
            inner.update({"type": "boolean", "const": True})
        _say_true(inner)


def _exemplify(operation: dict[str, Any]) -> None:
    example = EXAMPLES.get(operation["operationId"])
    if example is not None:
        operation["responses"]["200"]["content"]["application/json"]["example"] = example["answer"]
    if example is not None and "body" in example:
        operation["requestBody"]["content"]["application/json"]["example"] = example["body"]


_AGAIN: Final = ("Retry-After", "Seconds after which to ask again.", "integer")
_TOLD_WITH: Final = {401: ("WWW-Authenticate", "What is wanted, or that the token was refused.", "string"), 429: _AGAIN, 503: _AGAIN}
"""By status, a header with its description and type."""


def _problem(status: int) -> dict[str, Any]:
    kinds = {name: kind for name, kind in KINDS.items() if kind.status == status}
    examples = {name: {"value": {"type": PREFIX + name, "title": kind.title, "status": status}} for name, kind in kinds.items()}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    told: dict[str, Any] = {"description": " ".join(kind.about for kind in kinds.values()), "content": {CONTENT_TYPE: content}}
    name, about, form = _TOLD_WITH.get(status, ("", "", ""))
    return told | ({"headers": {name: {"description": about, "schema": {"type": form}}}} if name else {})


def _form(_: Any, field: Any, **__: Any) -> dict[str, Any]:
    """What the contract's own fields say in the document."""
    for kind, form in _FORMS.items():
        if isinstance(field, kind):
            return form(field)
    return {}
