"""How every batch begins under the ledger lock: what was judged before is read back, and what a person took out of the way is refused."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from psycopg import Cursor

from gatekeeper.arrivals import Answer, Arrived, Position, Source
from gatekeeper.storage import ledger
from gatekeeper.storage.readback import read_back


class Placed(Arrived, Protocol):
    """A message of any topic that can be taken out of the way."""

    def set_aside(self, reason: str) -> Self: ...


A = TypeVar("A", bound=Placed)


class Begun(NamedTuple, Generic[A]):
    end: ledger.End
    fresh: list[A]
    """What nobody judged, in its order."""
    answers: dict[Position, Answer]
    """What the ledger has of the others."""


def begin(cursor: Cursor[Any], source: Source, arrivals: Sequence[A], order_ids: Sequence[str] = ()) -> Begun[A]:
    """Takes the ledger lock. Raises ``Halt`` and ``TryAgain`` as ``read_end`` and ``read_back`` do."""
    ledger.take_lock(cursor)
    end = ledger.read_end(cursor, source.number, order_ids)
    judged = [arrival for arrival in arrivals if arrival.position.offset < end.heads.get(arrival.position.partition, 0)]
    answers = {answer.position: answer for answer in read_back(cursor, source, judged)} if judged else {}
    fresh = [arrival for arrival in arrivals if arrival.position not in answers]
    # Somebody may have done so since the message was read.
    fresh = [arrival.set_aside(end.aside[arrival.position]) if arrival.position in end.aside else arrival for arrival in fresh]
    return Begun(end, fresh, answers)
