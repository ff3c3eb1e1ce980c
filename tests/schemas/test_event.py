"""The limits of a shipment event, each at its last right and first wrong value, and where a problem is told."""

from typing import Any

import pytest
from msgspec import UNSET

from schemas.event import ShipmentEvent
from schemas.reading import Unreadable, read_event
from tests.schemas.messages import EVENT, EVENTS, encoded, with_value, without

SHIPPED, CANCELLED, RETURNED = EVENTS


def problems(document: Any) -> dict[str, list[str]]:
    read = read_event(encoded(document))
    return read.problems if isinstance(read, Unreadable) else {}


def test_a_cancellation_without_lines_is_of_the_whole_order() -> None:
    """What left or came back is said line by line; what stays may be all of it."""
    assert problems(CANCELLED) == {}
    assert problems(without(SHIPPED, "/lines")) == {"/lines": ["Must be given."]}
    assert problems(RETURNED | {"lines": ""}) == {"/lines": ["Must be given."]}
    assert problems(CANCELLED | {"lines": []}) == {"/lines": ["Must have at least 1."]}


def test_of_a_line_its_number_is_enough() -> None:
    read = read_event(encoded(SHIPPED | {"lines": [{"line": 1, "lot": "", "serials": []}]}))
    assert isinstance(read, ShipmentEvent)
    assert read.lines is not UNSET
    assert (read.lines[0].quantity, read.lines[0].lot, read.lines[0].serials, read.lines[0].verified) == (UNSET,) * 4


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/event_id", "a" * 64), ("/revision", 999), ("/lines", [{"line": number} for number in range(1, 201)]),
        ("/lines/0/quantity", 10_000),
        ("/lines/0/verified", False), ("/lines/0/patient", {}), ("/carrier", "é" * 200), ("/event", "returned"), ("/event", "cancelled"),
    ],
)  # fmt: skip
def test_right(pointer: str, value: Any) -> None:
    assert problems(with_value(EVENT, pointer, value)) == {}


@pytest.mark.parametrize(
    ("pointer", "value", "place"),
    [
        ("/event_id", "", "/event_id"), ("/event_id", "a" * 65, "/event_id"), ("/event_id", "E 1", "/event_id"),
        ("/wholesaler_id", "WD:1", "/wholesaler_id"), ("/revision", 0, "/revision"), ("/revision", 1000, "/revision"),
        ("/event", "lost", "/event"), ("/event", None, "/event"), ("/at", "2026-11-23T16:00:00", "/at"),
        ("/lines", [{"line": number} for number in range(1, 202)], "/lines"), ("/lines/0/line", 201, "/lines/0/line"),
        ("/lines/1/line", 1, "/lines/1/line"), ("/lines/0/quantity", 0, "/lines/0/quantity"),
        ("/lines/0/quantity", 5.0, "/lines/0/quantity"),
        ("/lines/0/serials", ["S1", "S1"], "/lines/0/serials/1"), ("/lines/0/verified", "true", "/lines/0/verified"),
        ("/lines/0/verified", 1, "/lines/0/verified"), ("/lines/0/product", {}, "/lines/0/product"),
        ("/lines/0/expires_on", "2026-02-29", "/lines/0/expires_on"), ("/lines/0/colour", "red", "/lines/0/colour"),
        ("/lines/0/patient/patient_id", "P 1", "/lines/0/patient/patient_id"), ("/ship_to", {}, "/ship_to"), ("/colour", 1, "/colour"),
        ("/ship_to/account", "WD-001:1", "/ship_to/account"), ("/carrier", "a\nb", "/carrier"), ("/tracking", "a" * 201, "/tracking"),
    ],
)  # fmt: skip
def test_wrong(pointer: str, value: Any, place: str) -> None:
    """The problem is told at its place."""
    assert place in problems(with_value(EVENT, pointer, value))


@pytest.mark.parametrize("member", ["event_id", "wholesaler_id", "order_id", "event", "at"])
def test_what_every_event_has(member: str) -> None:
    assert problems(without(CANCELLED, f"/{member}")) == {f"/{member}": ["Must be given."]}
