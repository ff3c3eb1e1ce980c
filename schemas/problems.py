"""Every problem of a message that cannot be read. Slow, and asked only about what was refused."""

import json
from typing import Any, Final

from marshmallow import ValidationError

from schemas.acknowledgement_schema import AcknowledgementSchema
from schemas.event_schema import EventSchema
from schemas.fact_schema import FACT_SCHEMAS, HeaderSchema
from schemas.members import NO_OBJECT, SENTENCES, MessageSchema, flat
from schemas.order_schema import OrderSchema
from schemas.text import MOST_BYTES

MOST_DEPTH: Final = 16
MOST_PROBLEMS: Final = 1000
"""A refusal has to fit into a message itself."""

NOT_JSON: Final = "Is not JSON."
TOO_DEEP: Final = f"Nests more than {MOST_DEPTH} deep."
NO_NUMBER: Final = float("inf")
UNREAD: Final = object()

_SCHEMAS: Final[dict[str, MessageSchema]] = {
    "order": OrderSchema(),
    "event": EventSchema(),
    "header": HeaderSchema(),
    "acknowledgement": AcknowledgementSchema(),
}
_FACTS: Final[dict[str, MessageSchema]] = {kind: schema() for kind, schema in FACT_SCHEMAS.items()}


class Examined:
    """What the complete look found: the message, or every problem."""

    def __init__(self, message: Any, found: list[tuple[str, str]]) -> None:
        self.message = message
        self.problems: dict[str, list[str]] = {}
        for pointer, sentence in found[:MOST_PROBLEMS]:
            sentences = self.problems.setdefault(pointer, [])
            if sentence not in sentences:
                sentences.append(sentence)
        if len(found) > MOST_PROBLEMS:
            self.problems.setdefault("", []).append(f"Has more than {MOST_PROBLEMS:,} problems; these are the first.")


def problems(raw: bytes, name: str) -> dict[str, list[str]]:
    """Every problem of a message that the decoder refused, never none."""
    return examine(raw, name).problems or {"": ["Cannot be read."]}


def content_of(raw: bytes) -> tuple[Any, dict[str, list[str]]]:
    """What any document says that is read as strictly as messages are, and every problem of it as a whole."""
    content, found = _content(raw)
    return content, Examined(None, found).problems


def examine(raw: bytes, name: str) -> Examined:
    """A whole message, read without the decoder."""
    content, found = _content(raw)
    if content is UNREAD:
        return Examined(None, found)
    message, rest = _loaded(content, name)
    return Examined(None if found or rest else message, found + rest)


def _content(raw: bytes) -> tuple[Any, list[tuple[str, str]]]:
    """What the document says, or ``UNREAD``."""
    if len(raw) > MOST_BYTES:
        return UNREAD, [("", f"Is longer than {MOST_BYTES:,} bytes.")]
    if raw.startswith(b"\xef\xbb\xbf"):
        return UNREAD, [("", "Begins with a byte order mark.")]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return UNREAD, [("", "Is not UTF-8.")]
    document = _Document()
    try:
        content = json.loads(
            text, object_pairs_hook=document.members, parse_int=_whole_number, parse_constant=_no_constant, parse_float=float
        )
    except RecursionError:
        return UNREAD, [("", TOO_DEEP)]
    except ValueError:
        return UNREAD, [("", NOT_JSON)]
    found = [("", "A member stands twice.")] if document.says_twice else []
    if _depth(content) > MOST_DEPTH:
        found.append(("", TOO_DEEP))
    return content, found


def _loaded(content: Any, name: str) -> tuple[Any, list[tuple[str, str]]]:
    schema = _SCHEMAS.get(name)
    if schema is None:
        if not isinstance(content, dict):
            return None, [("", NO_OBJECT)]
        kind = content.get("fact")
        if not isinstance(kind, str) or kind not in _FACTS:
            sentence = f"Must be one of {', '.join(_FACTS)}." if "fact" in content else SENTENCES["required"]
            return None, [("/fact", sentence)]
        schema = _FACTS[kind]
    try:
        return schema.load(content), []
    except ValidationError as problem:
        return None, flat(problem.messages)


class _Document:
    """Notices a member that stands twice in one object."""

    says_twice = False

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        self.says_twice |= len(members) != len(pairs)
        return members


def _whole_number(text: str) -> int | float:
    """A number with more digits than any in the contract is no whole number of it; turning it into one could take minutes."""
    return int(text) if len(text) <= 20 else NO_NUMBER


def _no_constant(_: str) -> None:
    raise ValueError(NOT_JSON)


def _depth(content: Any) -> int:
    depth, level = 0, [content]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth
