"""Bodies of several messages, each read by itself: what is wrong within one is said of that one."""

import re
from collections.abc import Callable
from io import BytesIO
from json import JSONDecoder
from typing import Any, Final, NoReturn

from flask import request

from gatekeeper.api.areas import body, refer
from gatekeeper.api.problems import Problem, invalid_body
from gatekeeper.lines import message_of, read_lines
from schemas.members import NO_LIST, NO_OBJECT, SENTENCES, TWICE, UNKNOWN
from schemas.problems import NOT_JSON, TOO_DEEP

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"


def takes_several(asked: type, name: str, most: int) -> dict[str, Any]:
    """In the document: what such an operation takes. ``asked`` is an object whose one member ``name`` is the list."""
    return {
        "required": True,
        "content": {
            JSON: {"schema": refer(asked) | {"description": f"1 to {most:,} {name}."}},
            LINES: {"schema": {"type": "string", "description": f"1 to {most:,} {name}, one a line, whatever stands there."}},
        },
    }


def messages_of_request(name: str, most_bytes: int, most: int) -> list[bytes]:
    """The messages that were sent, each as its bytes. Ends the request where they are none, or too many."""
    if request.mimetype == LINES:
        found = [message for line in read_lines(BytesIO(body(most_bytes)), "") if (message := message_of(line)) is not None]
    elif request.mimetype == JSON:
        found = _listed(name, body(most_bytes))
    else:
        raise Problem("unsupported-media-type")
    if not 1 <= len(found) <= most:
        raise invalid_body({f"/{name}" if request.mimetype == JSON else "": [f"Must be 1 to {most:,} {name}."]})
    return found


def _listed(name: str, raw: bytes) -> list[bytes]:
    """The messages of a list, as they stand in it."""
    try:
        body = _Listing(raw.decode(), name)
    except RecursionError:
        raise invalid_body({"": [TOO_DEEP]}) from None
    except ValueError:
        raise invalid_body({"": [NOT_JSON]}) from None
    problems: dict[str, list[str]] = {}
    if not body.is_object:
        problems[""] = [NO_OBJECT]
    elif body.names.count(name) > 1:
        problems[""] = [TWICE]
    elif name not in body.names:
        problems[f"/{name}"] = [SENTENCES["required"]]
    elif body.messages is None:
        problems[f"/{name}"] = [NO_LIST]
    if set(body.names) - {name}:
        problems["/*"] = [UNKNOWN]
    if problems:
        raise invalid_body(problems)
    return body.messages or []


class _Listing:
    """An object with a list of messages. Only where each ends is found here: what it says is for who reads it."""

    def __init__(self, text: str, wanted: str) -> None:
        """Raises ``ValueError`` where it is not JSON."""
        self._text, self._wanted = text, wanted
        self.names: list[str] = []
        self.messages: list[bytes] | None = None
        """None where there is no list."""
        self._found: list[bytes] = []
        begin = self._next(0)
        self.is_object = text[begin : begin + 1] == "{"
        end = self._each(begin + 1, "}", self._member) if self.is_object else self._value(begin)[1]
        if self._next(end) != len(text):
            _not_json()

    def _member(self, at: int) -> int:
        if self._text[at : at + 1] != '"':
            _not_json()
        name, at = self._value(at)
        at = self._next(at)
        if self._text[at : at + 1] != ":":
            _not_json()
        self.names.append(name)
        at = self._next(at + 1)
        if name != self._wanted or self._text[at : at + 1] != "[":
            return self._value(at)[1]
        self.messages = self._found
        return self._each(at + 1, "]", self._message)

    def _message(self, at: int) -> int:
        _, end = self._value(at)
        self._found.append(self._text[at:end].encode())
        return end

    def _each(self, at: int, end: str, read: Callable[[int], int]) -> int:
        """Reads what stands up to ``end``, with commas between."""
        at = self._next(at)
        if self._text[at : at + 1] == end:
            return at + 1
        while True:
            at = self._next(read(at))
            if self._text[at : at + 1] != ",":
                break
            at = self._next(at + 1)
        if self._text[at : at + 1] != end:
            _not_json()
        return at + 1

    def _next(self, at: int) -> int:
        blank = _BLANK.match(self._text, at)
        return blank.end() if blank else at

    def _value(self, at: int) -> tuple[Any, int]:
        return _SCANNER.raw_decode(self._text, at)


def _not_json(_: str = "") -> NoReturn:
    raise ValueError(NOT_JSON)


_BLANK: Final = re.compile(r"[ \t\n\r]*")
_SCANNER: Final = JSONDecoder(parse_int=str, parse_float=str, parse_constant=_not_json)
"""A number is not made one: that of one with very many digits would take minutes."""
