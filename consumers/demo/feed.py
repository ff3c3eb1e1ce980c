"""The way of distribution records to the REMS and back: the product's own consumers and relay, a simulated REMS at the other end."""

from collections.abc import Sequence
from random import Random
from threading import Event
from typing import Any, Final, NamedTuple

import msgspec

from consumers.demo.answers import OUTPUTS, Answer
from consumers.demo.rems import STANDING, Rems
from consumers.demo.working import PUBLISHED, Working
from consumers.demo.world import World
from consumers.kafka.mock import Outputs
from consumers.kafka.passed import Passed
from consumers.kafka.place import TOPIC as OUTBOX_PLACE
from consumers.kafka.place import Place, Placed
from consumers.loop import turn_after_turn
from consumers.publications import Publication
from consumers.relay import Relay
from consumers.relaying import relay_client
from gatekeeper.clock import now, seconds
from gatekeeper.errors import TryAgain
from gatekeeper.examinations.recording import TERMS
from gatekeeper.following import steps as following
from gatekeeper.messages import written
from schemas.acknowledgement import Acknowledgement
from schemas.record import DistributionRecord
from schemas.topics import DISTRIBUTION_RECORDS, REMS_ACKNOWLEDGEMENTS, SHIPMENT_EVENTS

LOTS: Final = ("A1234",)
"""Those that the REMS knows."""
TURN_S: Final = 0.1
DEADLINE_S: Final = 60.0


class Carried(NamedTuple):
    """What went to the REMS and came back."""

    records: list[DistributionRecord]
    said: list[Acknowledgement]
    """Each that the REMS said, in its order, also what it said twice."""
    answer: Answer
    """What the relay said."""


def problem_of(record: DistributionRecord) -> str | None:
    """What the REMS asks of a record: a lot that it knows."""
    return None if record.kind not in STANDING or record.lot in LOTS else f"Lot {record.lot} is not known for {record.product.name}."


class Feed:
    """Carries records to the REMS and its words back, whenever it is told to."""

    def __init__(self, world: World, orders: Working, stop: Event) -> None:
        self._world, self._stop = world, stop
        # Always the same REMS, which is as late and as confused each time.
        self.rems = Rems(world.program.name, problem_of, chance=Random(5))  # noqa: S311
        self._events, self._acknowledgements = Working(world, "events"), Working(world, "acknowledgements")
        client = relay_client(world.settings, "demo")
        self._relay = Relay(
            world.engine, _Remembered(client, ""), lambda: world.topic_id(OUTBOX_PLACE), _Answered(client, orders), client.instance
        )
        self._arriving = Outputs(world.cluster, [DISTRIBUTION_RECORDS.name])
        self._relayed = Outputs(world.cluster, [topic.name for topic in OUTPUTS])

    def start(self) -> None:
        """The consumers join their groups; nothing is waited for."""
        self._events.start()
        self._acknowledgements.start()

    def stop(self) -> None:
        for working in (self._events, self._acknowledgements):
            working.stop()
        self._relay.close()
        self._arriving.close()
        self._relayed.close()

    def report(self, events: Sequence[dict[str, Any]]) -> Carried:
        """The warehouse says this; what follows is carried to the REMS and back."""
        places = {self._world.cluster.send(SHIPMENT_EVENTS.name, event["order_id"], msgspec.json.encode(event)) for event in events}
        self._until_taken(self._events, places)
        return self.carry()

    def carry(self) -> Carried:
        """Publishes what there is to publish, and lets the REMS read and speak until it has nothing more to say."""
        records: list[DistributionRecord] = []
        said: list[Acknowledgement] = []
        answer = Answer()
        while not self._stop.is_set():
            self._follow_and_publish()
            for one in self._relayed.read():
                if not one.source:
                    answer.take(one)
            records += [self.rems.take(one.value, written(now())) for one in self._arriving.read()]
            if self.rems.silent:
                break
            spoken = self.rems.say()
            said += [msgspec.json.decode(raw, type=Acknowledgement) for raw in spoken]
            names = [one.record_id for one in said[len(said) - len(spoken) :]]
            sent = zip(names, spoken, strict=True)
            self._until_taken(self._acknowledgements, {self._world.cluster.send(REMS_ACKNOWLEDGEMENTS.name, *one) for one in sent})
        return Carried(records, said, answer)

    def _follow_and_publish(self) -> None:
        """As the relay does it, until there is nothing more to do."""
        done, deadline = Event(), seconds() + DEADLINE_S

        def turn() -> None:
            if not following.step(self._world.engine, self._world.book, TERMS) and not self._relay.publish():
                done.set()

        def waiting(reason: TryAgain, _: float) -> None:
            if self._stop.is_set() or seconds() > deadline:
                raise reason

        turn_after_turn(turn, done, waiting)

    def _until_taken(self, working: Working, places: set[str]) -> None:
        deadline = seconds() + DEADLINE_S
        while places and not self._stop.is_set():
            step = working.next(TURN_S)
            if step is not None and step.name == PUBLISHED:
                places -= set(step.places)
            if seconds() > deadline:
                raise TryAgain("Messages were not taken in time: the machine may be too busy; start the demonstration again.")


class _Remembered(Placed):
    """The place of the outbox, kept here: each start is a fresh world, and of the mock cluster's topics none has one partition."""

    _place: Place | None = None

    def read(self) -> Place | None:
        return self._place

    def publish(self, publications: Sequence[Publication], place: Place) -> None:
        super().publish(publications, place)
        self._place = place


class _Answered(Passed):
    """Which orders were answered, as the gate itself knows it: the mock cluster keeps no committed offsets of a transaction."""

    def __init__(self, client: Any, orders: Working) -> None:
        super().__init__(client, "")
        self._orders = orders

    def passed(self, topic_id: str, partition: int, offset: int) -> bool:  # noqa: ARG002 - there is one topic of orders
        return self._orders.published.get(partition, 0) > offset
