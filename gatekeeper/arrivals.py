"""What arrives, and what is answered."""

from hashlib import sha256
from typing import NamedTuple, Protocol, Self
from uuid import UUID

from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import LineVerdict
from gatekeeper.translate import content_of, order_of
from schemas.reading import Unreadable, read_order

SET_ASIDE = "A person took this message out of the way."


class Source(NamedTuple):
    """A topic that messages come from; one that was deleted and made again has another ``topic_id``, and so is another source."""

    number: int
    topic: str
    topic_id: str


class Position(NamedTuple):
    partition: int
    offset: int


class SetAside(NamedTuple):
    """In the place of an order: a message that a person took out of the way, and the reason that was given."""

    reason: str


class Arrived(Protocol):
    """A message of any topic as far as reading back needs it."""

    @property
    def position(self) -> Position: ...

    @property
    def digest(self) -> bytes: ...


class Arrival(NamedTuple):
    """One message at one position of a source, as it was read."""

    position: Position
    raw: bytes
    digest: bytes
    """SHA-256 of the message: the same position with another digest is another topic's message."""
    order: Order | Unreadable | SetAside
    content: bytes = b""
    """The order's content, canonical; its SHA-256 is the order's digest."""

    def set_aside(self, reason: str) -> Self:
        """The same, taken out of the way."""
        return self._replace(order=SetAside(reason))


class Stored(NamedTuple):
    """Something that is published under an id of its own, as the ledger has it."""

    id: str
    body: bytes


class Examined(NamedTuple):
    """One examination as the ledger has it: what of it is published, byte for byte."""

    verdict_id: UUID
    order_id: str
    released: bytes | None
    stopped: bytes | None
    records: tuple[Stored, ...] = ()
    alerts: tuple[Stored, ...] = ()


class Answer(NamedTuple):
    """What the ledger has for one arrival."""

    position: Position
    kind: str
    """``order``, ``repeat`` or ``refused``; of facts also ``fact``, ``aside`` (it was kept and changes nothing) and ``heartbeat``;
    of acknowledgements ``acknowledgement``, ``repeat``, ``aside`` and ``refused``."""
    head: str
    """The hash of the block that recorded it (hex)."""
    read_back: bool
    """True where it was judged before, and is given again."""
    examinations: tuple[Examined, ...] = ()
    refusal: Stored | None = None
    lines: tuple[LineVerdict, ...] = ()
    """What was decided now, line by line; nothing of what was read back."""


def read_arrival(position: Position, raw: bytes, programs: tuple[Program, ...], aside: str | None = None) -> Arrival:
    """Reads one message. Nothing that was sent makes it raise."""
    digest = sha256(raw).digest()
    if aside is not None:
        return Arrival(position, raw, digest, SetAside(aside))
    wire = read_order(raw)
    if isinstance(wire, Unreadable):
        return Arrival(position, raw, digest, wire)
    content = content_of(wire, programs)
    return Arrival(position, raw, digest, order_of(wire, programs, content), content)
