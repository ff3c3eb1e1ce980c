"""Bytes in, a message or every problem out. Nothing here raises, and no sentence repeats what was sent.

Three ways, the next only where the one before does not accept: the decoder alone; the decoder after empty members are taken out;
and, for what is refused, a slow and complete look that tells every problem.
"""

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from schemas.acknowledgement import Acknowledgement, acknowledgement_holds
from schemas.canonical import canonical
from schemas.event import ShipmentEvent, event_holds
from schemas.fact import Fact, SnapshotHeader, fact_holds, header_holds
from schemas.order import ShipmentOrder, order_holds
from schemas.shape import ACKNOWLEDGEMENT_SHAPE, EVENT_SHAPE, FACT_SHAPES, HEADER_SHAPE, ORDER_SHAPE, Shape, without_empty
from schemas.text import MOST_BYTES, holds_control

M = TypeVar("M", ShipmentOrder, ShipmentEvent, Fact, SnapshotHeader, Acknowledgement)


class Unreadable(NamedTuple):
    """Why a message cannot be read: sentences by JSON Pointer; ``""`` is the message itself."""

    problems: dict[str, list[str]]


class Form(NamedTuple, Generic[M]):
    """How one kind of message is read."""

    name: str
    decoder: msgspec.json.Decoder[M]
    kind: Any
    shape: Shape | dict[str, Shape]
    holds: Callable[[M], bool]


ORDER: Final = Form("order", msgspec.json.Decoder(ShipmentOrder), ShipmentOrder, ORDER_SHAPE, order_holds)
EVENT: Final = Form("event", msgspec.json.Decoder(ShipmentEvent), ShipmentEvent, EVENT_SHAPE, event_holds)
FACT: Final = Form[Fact]("fact", msgspec.json.Decoder(Fact), Fact, FACT_SHAPES, fact_holds)
HEADER: Final = Form("header", msgspec.json.Decoder(SnapshotHeader), SnapshotHeader, HEADER_SHAPE, header_holds)
ACKNOWLEDGEMENT: Final = Form(
    "acknowledgement", msgspec.json.Decoder(Acknowledgement), Acknowledgement, ACKNOWLEDGEMENT_SHAPE, acknowledgement_holds
)


def read_order(raw: bytes) -> ShipmentOrder | Unreadable:
    """A shipment order; empty optional members are gone from it."""
    return _read(raw, ORDER)


def read_event(raw: bytes) -> ShipmentEvent | Unreadable:
    """A shipment event; empty optional members are gone from it."""
    return _read(raw, EVENT)


def read_fact(raw: bytes) -> Fact | Unreadable:
    """One registry fact."""
    return _read(raw, FACT)


def read_header(raw: bytes) -> SnapshotHeader | Unreadable:
    """The header line of a snapshot file."""
    return _read(raw, HEADER)


def read_acknowledgement(raw: bytes) -> Acknowledgement | Unreadable:
    """What a REMS says of one distribution record."""
    return _read(raw, ACKNOWLEDGEMENT)


def accepted(raw: bytes, form: Form[M]) -> M | None:
    """The message, if the decoder takes it; None for what is refused."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        message = form.decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _accepted_with_empty(raw, form)
    encoded = canonical(message)
    if _says_no_member_twice(raw, encoded) and not _holds_control(raw, encoded) and form.holds(message):
        return message
    return _accepted_with_empty(raw, form)


def _read(raw: bytes, form: Form[M]) -> M | Unreadable:
    message = accepted(raw, form)
    if message is not None:
        return message
    # Imported when the first message is refused: the library takes longer to load than a thousand orders to read.
    problems: dict[str, list[str]] = import_module("schemas.problems").problems(raw, form.name)
    return Unreadable(problems)


def _accepted_with_empty(raw: bytes, form: Form[M]) -> M | None:
    try:
        document = msgspec.json.decode(raw)
        encoded = msgspec.json.encode(document)
        if not _says_no_member_twice(raw, encoded) or _holds_control(raw, encoded):
            return None
        message: M = msgspec.convert(without_empty(document, form.shape), form.kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return message if form.holds(message) else None


def _says_no_member_twice(raw: bytes, encoded: bytes) -> bool:
    """A member that stands twice is in the raw text twice and in what was decoded once; escapes hide how many quotes are of names."""
    if b"\\" not in raw:
        return raw.count(b'"') == encoded.count(b'"')
    try:
        json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member stands twice")


def _holds_control(raw: bytes, encoded: bytes) -> bool:
    if raw.isascii() and b"\\" not in raw and b"\x7f" not in raw:
        return False
    return holds_control(encoded)
