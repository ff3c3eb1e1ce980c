"""Lists that page by key: the cursor is opaque, says where the next page begins, and fits no other question than its own."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from flask import request
from marshmallow import ValidationError
from msgspec import Meta

from gatekeeper.api.areas import Number, Query
from gatekeeper.api.problems import Problem
from schemas.members import Member
from schemas.text import ID

MOST_OF_A_PAGE: Final = 200
USUAL_PAGE: Final = 50
FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,400}")
Number8 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number4 = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Number2 = Annotated[int, Meta(ge=0, le=2**15 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(pattern=rf"^{ID}\Z")]
"""What keys are made of, as the database takes it: anybody can write a cursor, so a key is read as strictly as all else that is sent."""
_NO_FILTER: Final = frozenset({"cursor", "limit"})


class Cursor(Member):
    """Where a page begins, as the page before said it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not FORM.fullmatch(value):
            raise ValidationError("Must be the `next` of the page before.")
        return value


class Page(Query):
    """What every list takes."""

    cursor = Cursor(metadata={"description": "The `next` of the page before; without it the first page."})
    limit = Number(1, MOST_OF_A_PAGE, metadata={"description": f"The most items of a page; {USUAL_PAGE} where not given."})


def limit_of(query: Mapping[str, Any]) -> int:
    limit: int = query.get("limit", USUAL_PAGE)
    return limit


def begins(query: Mapping[str, Any], kind: Any) -> Any:
    """The key after which the page begins, of this type; None for the first page. Ends the request where the cursor is of other filters."""
    if "cursor" not in query:
        return None
    text: str = query["cursor"]
    try:
        digest, key = msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[bytes, msgspec.Raw])
        found = msgspec.msgpack.decode(bytes(key), type=kind)
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        raise _not_ours() from None
    if digest != _digest(query):
        raise _not_ours()
    return found


def ends(query: Mapping[str, Any], key: Any) -> str:
    """The cursor of the page that begins after this key."""
    packed = msgspec.msgpack.encode((_digest(query), key))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _digest(query: Mapping[str, Any]) -> bytes:
    filters = [request.path, sorted((name, str(value)) for name, value in query.items() if name not in _NO_FILTER)]
    return sha256(msgspec.msgpack.encode(filters)).digest()[:8]


def _not_ours() -> Problem:
    detail = "Must be the `next` of a page of the same list with the same filters."
    return Problem("invalid-parameters", errors=[{"parameter": "cursor", "detail": detail}])
