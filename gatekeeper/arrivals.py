"""What arrives, and what is answered."""

from typing import NamedTuple
from uuid import UUID

from gatekeeper.domain.order import Order
from schemas.reading import Unreadable


class Position(NamedTuple):
    source: int
    partition: int
    offset: int


class Arrival(NamedTuple):
    """One message at one position of a topic, as it was read."""

    position: Position
    topic: str
    raw: bytes
    digest: bytes
    """SHA-256 of the message's key and value: the same position with another digest is another topic's message."""
    order: Order | Unreadable
    content: bytes = b""
    """The order's content, canonical; its SHA-256 is the order's digest."""


class StoredRecord(NamedTuple):
    record_id: UUID
    body: bytes


class StoredAlert(NamedTuple):
    alert_id: UUID
    body: bytes


class Examined(NamedTuple):
    """One examination as the ledger has it: what of it is published, byte for byte."""

    verdict_id: UUID
    order_id: str
    released: bytes | None
    stopped: bytes | None
    records: tuple[StoredRecord, ...]
    alerts: tuple[StoredAlert, ...]


class Answer(NamedTuple):
    """What the ledger has for one arrival. ``head`` is the hash of the block that recorded it (hex)."""

    position: Position
    kind: str
    """``order``, ``repeat`` or ``refused``."""
    head: str
    read_back: bool
    """True where it was judged before, and is given again."""
    examinations: tuple[Examined, ...] = ()
    refusal: bytes | None = None
