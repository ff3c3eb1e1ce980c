"""Lists that page by key: the cursor is sealed, says where the next page begins, and fits no other question than its own."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from flask import current_app, request
from marshmallow import ValidationError
from msgspec import Meta

from gatekeeper.api.areas import Number, Query, parts
from gatekeeper.api.problems import Problem
from gatekeeper.storage.cursor_key import cursor_key
from gatekeeper.storage.engine import transaction
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
"""What keys are made of, as the database takes it: a cursor may be of an earlier version of this program, and is read strictly."""
SEAL: Final = "cursors"
PADDED_TO: Final = 64
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
        opened = _seal().decrypt(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), [_asked(query)])
        return msgspec.msgpack.decode(opened[1 : 1 + opened[0]], type=kind)
    except (InvalidTag, msgspec.MsgspecError, ValueError):
        raise _not_ours() from None


def ends(query: Mapping[str, Any], key: Any) -> str:
    """The cursor of the page that begins after this key. How long it is tells nothing of how large the key's numbers are."""
    packed = msgspec.msgpack.encode(key)
    padded = (bytes([len(packed)]) + packed).ljust(-(-(len(packed) + 1) // PADDED_TO) * PADDED_TO, b"\0")
    return base64.urlsafe_b64encode(_seal().encrypt(padded, [_asked(query)])).rstrip(b"=").decode()


def _asked(query: Mapping[str, Any]) -> bytes:
    """The list and its filters: a cursor opens with no other."""
    return msgspec.msgpack.encode([request.path, sorted((name, str(value)) for name, value in query.items() if name not in _NO_FILTER)])


def _seal() -> AESSIV:
    """Keys hold numbers of the whole ledger, which tell how much is done for others."""
    if SEAL not in current_app.extensions:
        with transaction(parts().engine) as cursor:
            current_app.extensions[SEAL] = AESSIV(cursor_key(cursor))
    found: AESSIV = current_app.extensions[SEAL]
    return found


def _not_ours() -> Problem:
    detail = "Must be the `next` of a page of the same list with the same filters."
    return Problem("invalid-parameters", errors=[{"parameter": "cursor", "detail": detail}])
