"""Bodies of several messages, each read by itself: what is wrong within one is said of that one."""

from io import BytesIO
from json import loads
from typing import Any, Final

import msgspec
from flask import request

from gatekeeper.api.areas import body, refer
from gatekeeper.api.problems import Problem, invalid_body
from gatekeeper.lines import message_of, read_lines
from schemas.members import NO_LIST, SENTENCES, TWICE, UNKNOWN
from schemas.problems import NOT_JSON

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
    members: list[list[str]] = []

    def noticed(pairs: list[tuple[str, Any]]) -> Any:
        members.append([name for name, _ in pairs])
        return dict(pairs)

    try:
        content = loads(raw.decode(), object_pairs_hook=noticed)
        listed = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise invalid_body({"": [NOT_JSON]}) from None
    # The outermost object is the last that was read to its end.
    names = members[-1] if isinstance(content, dict) else []
    problems: dict[str, list[str]] = {}
    if names.count(name) > 1:
        problems[""] = [TWICE]
    elif name not in names:
        problems[f"/{name}"] = [SENTENCES["required"]]
    elif not isinstance(content[name], list):
        problems[f"/{name}"] = [NO_LIST]
    if set(names) - {name}:
        problems["/*"] = [UNKNOWN]
    if problems:
        raise invalid_body(problems)
    return [bytes(message) for message in msgspec.json.decode(listed[name], type=list[msgspec.Raw])]
