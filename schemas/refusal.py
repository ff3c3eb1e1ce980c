"""A message that could not be read, or that a person set aside: where it was, and what is wrong. What was sent stands nowhere in it."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.text import MOST, Id, Instant, Text

Offset = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Position(Struct, frozen=True, kw_only=True):
    """One message on the wire."""

    topic: Text
    partition: Annotated[int, Meta(ge=0, le=MOST)]
    offset: Offset


class RefusedMessage(Struct, frozen=True, kw_only=True):
    """``problems`` holds sentences by JSON Pointer; ``set_aside`` is the reason that a person gave."""

    refusal_id: Id
    position: Position
    refused_at: Instant
    problems: dict[str, list[str]]
    set_aside: Text | UnsetType = UNSET
