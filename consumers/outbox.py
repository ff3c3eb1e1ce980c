"""Which entries of the outbox are published next. Pure."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from consumers.kafka.place import Place
from gatekeeper.storage.outbox import After, Entry

MOST_WAITING: Final = 1000
MOST_BYTES: Final = 8 * 1024 * 1024


class Chosen(NamedTuple):
    """What is published now, and the place when it is."""

    entries: tuple[Entry, ...]
    place: Place
    full: bool
    """So many entries wait that no later one is looked at."""


def choose(
    place: Place,
    entries: Iterable[Entry],
    passed: Callable[[After], bool],
    *,
    most_waiting: int = MOST_WAITING,
    most_bytes: int = MOST_BYTES,
) -> Chosen:
    """Chooses among ``entries``: those that wait at ``place``, and then the next ones.

    An entry waits until the answer that it comes after was published, and until no earlier entry of the same order waits; it holds up
    nothing else. There are never more than ``most_waiting`` that do, and of what is published not more than ``most_bytes``, but one entry.
    """
    chosen: list[Entry] = []
    waiting: list[int] = []
    orders: set[tuple[str, str] | None] = set()
    size, last, chain, full = 0, place.next - 1, place.chain, False
    for entry in entries:
        new = entry.number > last
        much = bool(chosen) and size + entry.size > most_bytes
        waits = entry.order in orders or (entry.after is not None and not passed(entry.after))
        full = new and waits and len(waiting) >= most_waiting
        if full or (new and much):
            break
        if waits or much:
            waiting.append(entry.number)
            if entry.order is not None:
                orders.add(entry.order)
        else:
            chosen.append(entry)
            size += entry.size
        if new:
            last, chain = entry.number, entry.hash
    return Chosen(tuple(chosen), Place(last + 1, tuple(waiting), chain, place.instance, place.session), full)
