"""What is taken out of what is shown: who a patient is, and what is another wholesaler's."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gatekeeper.api.callers import Limits

MASK: Final = "masked"
OF_ANOTHER: Final = "an order of another wholesaler"
NAMES: Final = frozenset({"patient_id", "authorization_id"})
"""Members whose values are of one patient."""


class _Named(msgspec.Struct):
    patient_id: str | None = None
    authorization_id: str | None = None


_NAMED: Final = msgspec.json.Decoder(_Named)


def masked(document: Any) -> Any:
    """The document with the values of these members replaced wherever in it they stand."""
    return _without(document, frozenset(_values(document)))


def masked_record(body: bytes) -> bytes:
    """A distribution record as it is stored, with the same masked, without reading all of it: ids are written in JSON as they are."""
    named = _NAMED.decode(body)
    for value in (named.patient_id, named.authorization_id):
        if value is not None:
            body = body.replace(b'"%s"' % value.encode(), b'"%s"' % MASK.encode())
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


def _values(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name in NAMES and isinstance(value, str):
                yield value
            else:
                yield from _values(value)
    elif isinstance(document, list):
        for each in document:
            yield from _values(each)


def _without(document: Any, values: frozenset[str]) -> Any:
    if isinstance(document, dict):
        return {name: MASK if name in NAMES and value is not None else _without(value, values) for name, value in document.items()}
    if isinstance(document, list):
        return [_without(each, values) for each in document]
    return MASK if isinstance(document, str) and document in values else document
