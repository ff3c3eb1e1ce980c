"""A message that could not be read, or that a person took out of the way: what is said of it."""

from datetime import datetime
from hashlib import sha256

from msgspec import UNSET

from gatekeeper.arrivals import SET_ASIDE, Position, SetAside, Source, Stored
from gatekeeper.messages import written
from schemas.canonical import canonical
from schemas.reading import Unreadable
from schemas.refusal import Position as RefusedPosition
from schemas.refusal import RefusedMessage


def refusal_of(source: Source, position: Position, why: Unreadable | SetAside, at: datetime) -> Stored:
    """The refusal of the message at ``position``, which repeats nothing of what was sent."""
    partition, offset = position
    name = sha256(f"{source.topic}/{source.topic_id}/{partition}/{offset}".encode()).hexdigest()
    body = canonical(
        RefusedMessage(
            refusal_id=name,
            position=RefusedPosition(topic=source.topic, partition=partition, offset=offset),
            refused_at=written(at),
            problems={"": [SET_ASIDE]} if isinstance(why, SetAside) else why.problems,
            set_aside=why.reason if isinstance(why, SetAside) else UNSET,
        )
    )
    return Stored(name, body)
