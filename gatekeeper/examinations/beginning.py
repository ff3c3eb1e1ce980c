"""How every batch begins under the ledger lock: what was judged before is read back, and what a person took out of the way is refused."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from psycopg import Cursor

from gatekeeper.arrivals import Answer, Arrived, Position, Source
from gatekeeper.errors import Halt
from gatekeeper.storage import ledger
from gatekeeper.storage.readback import read_back


class Placed(Arrived, Protocol):
    """A message of any topic that can be taken out of the way."""

    def set_aside(self, reason: str) -> Self: ...


A = TypeVar("A", bound=Placed)
T = TypeVar("T")


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


def guarded(source: Source, position: Position, step: Callable[..., T], *arguments: Any) -> T:
    """Runs one step for the message at a position. A fault of our own in it halts the gate there; the message stays untouched."""
    try:
        return step(*arguments)
    except Exception as fault:  # noqa: BLE001 - whatever our own code does wrong must stop the gate, never open it
        place = f"{source.topic}/{position.partition}/{position.offset}"
        # The fault's own words may hold what was sent, so only its kind is said.
        raise Halt(
            f"A fault of the gatekeeper ({type(fault).__name__}) at {place}: nothing was decided. "
            f"Install a mended version, or take the message out of the way: `gatekeeper set-aside {place.replace('/', ' ')} --reason …`."
        ) from None
