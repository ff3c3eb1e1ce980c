"""The relay: publishes the outbox in the order of its numbers, each entry once.

Its place is a record of a topic, written in the transaction that publishes. See ``docs/exactly-once.md``.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec
from psycopg import Cursor
from sqlalchemy import Engine

from consumers.kafka.passed import Passed
from consumers.kafka.place import TOPIC, Place, Placed
from consumers.outbox import MOST_BYTES, MOST_WAITING, Chosen, choose
from consumers.publications import Again, Publication, relayed
from gatekeeper import metrics
from gatekeeper.arrivals import Examined, Stored
from gatekeeper.errors import Halt
from gatekeeper.storage import ledger, outbox
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.outbox import After, Entry
from gatekeeper.storage.readback import examined
from gatekeeper.telemetry import log
from schemas.topics import SHIPMENT_ORDERS

ENTRIES_AT_ONCE: Final = 500
LOST: Final = "See the runbook, «the place of the outbox was lost»."
OLDER: Final = "this database is an older copy, or another. See the runbook, «the ledger is older than what was published»."


class Relay:
    """One relay. ``topic_id`` asks the broker which topic has the place now; ``orders`` knows what the orders' group has published."""

    def __init__(
        self,
        engine: Engine,
        placed: Placed,
        topic_id: Callable[[], str],
        orders: Passed,
        instance: str,
        *,
        at_once: int = ENTRIES_AT_ONCE,
        most_waiting: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._engine, self._placed, self._topic_id, self._orders, self._instance = engine, placed, topic_id, orders, instance
        self._at_once, self._most_waiting, self._most_bytes = at_once, most_waiting, most_bytes
        self._session = str(uuid4())
        self._place: Place | None = None
        self._life = 0
        self._held: dict[int, Entry] = {}
        self._full = False

    def publish(self) -> int:
        """Publishes a bounded part of what may go out; says how many entries that was.

        Raises ``TryAgain`` where something is away, and ``Halt`` where going on could say something twice or never.
        """
        place = self._open()
        with transaction(self._engine) as cursor:
            length, entries = outbox.length(cursor), self._look(cursor, place)
        chosen = choose(place, entries, self._passed, most_waiting=self._most_waiting, most_bytes=self._most_bytes)
        publications = self._publications(chosen.entries)
        if chosen.entries:
            self._placed.publish(publications, chosen.place)
            metrics.RELAYED.inc(len(chosen.entries))
        self._place = chosen.place
        self._tell(chosen, entries, length)
        return len(chosen.entries)

    @property
    def working(self) -> bool:
        """Whether it knew its place when it was last asked to publish. May be asked from any thread."""
        return self._place is not None

    def close(self) -> None:
        """Lets the broker go."""
        self._placed.close()
        self._orders.close()

    def _open(self) -> Place:
        life = self._placed.open()
        if life != self._life or self._place is None:
            self._held.clear()
            self._place = self._begin(self._placed.read())
            self._life = life
        return self._place

    def _begin(self, found: Place | None) -> Place:
        """Where to go on: what the topic says, if it fits this ledger."""
        with transaction(self._engine) as cursor:
            if found is None and outbox.sources(cursor, TOPIC):
                raise Halt(f"The topic {TOPIC} is empty, but this ledger was relayed before: its place is lost. {LOST}")
            place = found or Place(1)
            self._look(cursor, place)
        mine = msgspec.structs.replace(place, instance=self._instance, session=self._session)
        if mine != place:
            # The first record of a topic is there before the ledger knows the topic: a known topic without one has lost it.
            self._placed.publish([], mine)
        with transaction(self._engine) as cursor:
            ledger.source_of(cursor, TOPIC, self._topic_id())
        log("relay_begins", number=mine.next, waiting=len(mine.waiting))
        return mine

    def _look(self, cursor: Cursor[Any], place: Place) -> list[Entry]:
        """What waits, and what comes next. Raises ``Halt`` where this ledger is not the one that was published from."""
        unknown = [number for number in place.waiting if number not in self._held]
        held = self._held | {entry.number: entry for entry in outbox.entries(cursor, unknown)}
        first = max(1, place.next - 1)
        found = outbox.entries_from(cursor, first, self._at_once + 1)
        published = found[0].hash if place.next > 1 and found else ""
        if published != place.chain or any(number not in held for number in place.waiting):
            raise Halt(f"The relay has published the outbox up to {place.next - 1}, but the ledger has another one: {OLDER}")
        if [entry.number for entry in found] != list(range(first, first + len(found))):
            raise Halt(f"The outbox has no number {first} or one after it is missing: run `gatekeeper verify`.")
        self._held = {number: held[number] for number in place.waiting}
        return [*self._held.values(), *(found[1:] if place.next > 1 else found)]

    def _passed(self, after: After) -> bool:
        if after.topic != SHIPMENT_ORDERS.name:
            raise Halt(f"An entry of the outbox waits for {after.topic}, which answers nothing: this is a fault of the gatekeeper.")
        return self._orders.passed(after.topic_id, after.partition, after.offset)

    def _publications(self, entries: Sequence[Entry]) -> list[Publication]:
        """The bytes that the ledger has, and nothing else."""
        if not entries:
            return []
        with transaction(self._engine) as cursor:
            said: dict[Any, Examined | Stored | Again] = dict(
                examined(cursor, [entry.examination for entry in entries if entry.examination])
            )
            named = [entry.alert_id for entry in entries if entry.alert_id]
            said |= outbox.alerts(cursor, named)
            again = outbox.submitted_again(cursor, [name for name in named if name not in said])
            said |= {name: Again(record) for name, record in again.items()}
            said |= outbox.answered_again(cursor, [name for name in named if name not in said])
        return [each for entry in entries for each in relayed(said[entry.examination or entry.alert_id], entry.hash)]

    def _tell(self, chosen: Chosen, entries: Sequence[Entry], length: int) -> None:
        place = chosen.place
        metrics.OUTBOX.set(max(0, length - place.next + 1) + len(place.waiting))
        metrics.OUTBOX_WAITING.set(len(place.waiting))
        published = {entry.number for entry in chosen.entries}
        metrics.outbox_since(next((entry.at for entry in entries if entry.number not in published), None))
        if chosen.full and not self._full:
            log("outbox_full", waiting=len(place.waiting), number=place.next)
        self._full = chosen.full
