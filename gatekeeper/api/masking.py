"""Who a patient is, taken out of what is shown."""

from collections.abc import Iterator
from typing import Any, Final

MASK: Final = "masked"
NAMES: Final = frozenset({"patient_id", "authorization_id"})
"""Members whose values are of one patient."""


def masked(document: Any) -> Any:
    """The document with the values of these members replaced, wherever else in it they stand."""
    return _without(document, frozenset(_values(document)))


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
