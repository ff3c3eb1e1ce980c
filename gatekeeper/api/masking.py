"""What is taken out of what is shown: who a patient is, and what is another wholesaler's."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gatekeeper.access import Limits

MASK: Final = "masked"
OF_ANOTHER: Final = "an order of another wholesaler"
NAMES: Final = frozenset({"patient_id", "authorization_id"})
"""Members whose values are of one patient."""
OWN_WORDS: Final = frozenset({"problem"})
"""What a REMS says in words of its own: it may name any patient."""
TEXTS: Final = frozenset(
    {"carrier", "tracking", "receipt", "text", "reason", "purpose", "name", "site_name", "street", "street2", "city"}
)  # fmt: skip
"""Members that somebody writes freely: the document's own patients may be named there."""
_ASKED_OF_PATIENTS: Final = frozenset({"patient", "authorization", "units"})
"""Questions of a case that end with the id of a patient or an authorization."""


class _Named(msgspec.Struct):
    patient_id: str | None = None
    authorization_id: str | None = None


_NAMED: Final = msgspec.json.Decoder(_Named)


def masked(document: Any) -> Any:
    """The document without patients: their members are replaced, a REMS's own words, and the same ids where they stand in free text."""
    ids = frozenset(_ids(document))
    # An id stands there by itself: within a longer word or number it is none.
    named = rf"(?<![^\W_])(?:{'|'.join(sorted(map(re.escape, ids), key=len, reverse=True))})(?![^\W_])"
    return _without(document, re.compile(named, re.IGNORECASE) if ids else None)


def masked_record(body: bytes) -> bytes:
    """A distribution record as it is stored, with its patient masked; all of it is read only where an id stands in another place."""
    named, whole = _NAMED.decode(body), body
    for name, value in (("patient_id", named.patient_id), ("authorization_id", named.authorization_id)):
        if value is not None:
            # Within a text the marks around a name would be escaped: it is the member that is found.
            body = body.replace(b'"%s":"%s"' % (name.encode(), value.encode()), b'"%s":"%s"' % (name.encode(), MASK.encode()))
            if value.encode().lower() in body.lower():
                return msgspec.json.encode(masked(msgspec.json.decode(whole)))
    return body


def without_others(document: Any, wholesalers: Limits) -> Any:
    """The document without accounts of other wholesalers, and without which of their orders a serial went out with."""
    if isinstance(document, list):
        return [without_others(each, wholesalers) for each in document]
    if not isinstance(document, dict):
        return document
    shown: dict[str, Any] = {}
    for name, value in document.items():
        if name == "account" and isinstance(value, list):
            shown[name] = [account for account in value if wholesalers.allow(account.partition(":")[0])]
        elif name == "released_in" and not wholesalers.allow(str(value).partition("/")[0]):
            shown[name] = OF_ANOTHER
        else:
            shown[name] = without_others(value, wholesalers)
    return shown


def _ids(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name in NAMES and isinstance(value, str):
                yield value
            else:
                yield from _ids(value)
    elif isinstance(document, list):
        for each in document:
            yield from _ids(each)


def _without(document: Any, ids: re.Pattern[str] | None) -> Any:
    if isinstance(document, dict):
        return {name: _member(name, value, ids) for name, value in document.items()}
    if isinstance(document, list):
        return [_without(each, ids) for each in document]
    return document


def _member(name: str, value: Any, ids: re.Pattern[str] | None) -> Any:
    if value is None:
        return None
    if name in NAMES or name in OWN_WORDS:
        return MASK
    if name in TEXTS and isinstance(value, str):
        return value if ids is None else ids.sub(MASK, value)
    if name == "question" and isinstance(value, list) and value[0] in _ASKED_OF_PATIENTS:
        return [*value[:-1], MASK]
    return _without(value, ids)
