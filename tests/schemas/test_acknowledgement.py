"""The limits of an acknowledgement, each at its last right and first wrong value, and where a problem is told."""

from typing import Any

import pytest

from schemas.reading import Unreadable, read_acknowledgement
from tests.schemas.messages import ACKNOWLEDGEMENTS, encoded, with_value, without

ACCEPTED, REJECTED = ACKNOWLEDGEMENTS


def problems(document: Any) -> dict[str, list[str]]:
    read = read_acknowledgement(encoded(document))
    return read.problems if isinstance(read, Unreadable) else {}


@pytest.mark.parametrize(
    ("document", "pointer", "value"),
    [
        (ACCEPTED, "/record_id", "a" * 64), (ACCEPTED, "/receipt", "é" * 200), (ACCEPTED, "/problem", ""), (ACCEPTED, "/program", "x"),
        (REJECTED, "/problem", "é" * 2000), (REJECTED, "/receipt", ""), (REJECTED, "/at", "2026-11-21T04:12:09.123456-05:00"),
    ],
)  # fmt: skip
def test_right(document: dict[str, Any], pointer: str, value: Any) -> None:
    assert problems(with_value(document, pointer, value)) == {}


@pytest.mark.parametrize(
    ("document", "pointer", "value"),
    [
        (ACCEPTED, "/record_id", "a" * 65), (ACCEPTED, "/record_id", "P 1"), (ACCEPTED, "/status", "received"), (ACCEPTED, "/status", None),
        (ACCEPTED, "/receipt", ""), (ACCEPTED, "/receipt", "a" * 201), (ACCEPTED, "/receipt", "a\nb"), (ACCEPTED, "/problem", "Odd."),
        (ACCEPTED, "/at", "2026-11-21"), (ACCEPTED, "/program", "a b"), (ACCEPTED, "/colour", 1), (REJECTED, "/problem", ""),
        (REJECTED, "/problem", "a" * 2001), (REJECTED, "/problem", 1),
    ],
)  # fmt: skip
def test_wrong(document: dict[str, Any], pointer: str, value: Any) -> None:
    """The problem is told at its place."""
    assert list(problems(with_value(document, pointer, value))) == [pointer]


@pytest.mark.parametrize("member", ["record_id", "status", "at", "receipt"])
def test_what_every_acceptance_has(member: str) -> None:
    assert problems(without(ACCEPTED, f"/{member}")) == {f"/{member}": ["Must be given."]}


def test_what_every_rejection_has() -> None:
    assert problems(without(REJECTED, "/problem")) == {"/problem": ["Must be given."]}
    assert problems(without(without(REJECTED, "/receipt"), "/program")) == {}
