"""An event before its order, on a real broker: the order then comes, or everything was read and it is known not to come."""

from collections.abc import Iterator

import pytest

from consumers.kafka.ends import Ends
from consumers.kafka.topics import topic_id
from consumers.waiting import mark
from gatekeeper.examinations.recording import TERMS
from gatekeeper.following.steps import step
from gatekeeper.storage import tables
from tests.consumers.place import EVENTS, ORDERS, PATIENCE_S, Place
from tests.consumers.relays import hear
from tests.gate.following import Always
from tests.gate.ledger import Ledger, authorization, order
from tests.gate.shelves import alerts, live
from tests.gate.test_bypass import SHIP_TO, WHOLE, waiting
from tests.gate.test_events import MANY
from tests.gate.warehouse import event
from tests.real.broker import Broker
from tests.real.waiting import wait_until

OTHERS = [f"SO-{number}" for number in range(10, 19)]


@pytest.fixture
def place(broker: Broker, ledger: Ledger) -> Iterator[Place]:
    hear(ledger)
    ledger.load(authorization("AU-MANY", 1000))
    place = Place(broker, ledger.engine)
    yield place
    place.close()


class Steps:
    """What the relay does of it, a turn at a time: asks the broker for the ends, and settles what is not waited for any more."""

    def __init__(self, place: Place, ledger: Ledger) -> None:
        self._place, self._ledger = place, ledger
        self._client, self._topic = place.client("relay"), place.prefix + ORDERS
        self.ends = Ends(self._client, self._topic)

    def until_quiet(self) -> None:
        while mark(self._ledger.engine, lambda: topic_id(self._client, self._topic), self.ends.ask) or step(
            self._ledger.engine, Always(self._ledger.rules), TERMS
        ):
            pass


@pytest.fixture
def steps(place: Place, ledger: Ledger) -> Iterator[Steps]:
    steps = Steps(place, ledger)
    yield steps
    steps.ends.close()


def told(place: Place, ledger: Ledger, raw: bytes) -> None:
    """The ledger has the event."""
    place.send([raw], topic=EVENTS)
    wait_until(lambda: len(ledger.rows(tables.SHIPMENT_EVENT)) == 1, PATIENCE_S, "the event is taken")


def read(place: Place, count: int) -> None:
    """The orders' consumer has read so many."""
    place.start(consumer="orders")
    wait_until(lambda: sum(place.committed().values()) == count, PATIENCE_S, "the orders are read")


def test_the_order_comes_and_nothing_left_past_the_gate(place: Place, ledger: Ledger, steps: Steps) -> None:
    """It was published before the broker was asked, so it is waited for, however long nobody reads it."""
    place.start("events-1", consumer="events")
    told(place, ledger, event("shipped", lines=[{"line": 1, "quantity": 3}]))
    place.send([*(order(name, MANY) for name in OTHERS), order("SO-1", MANY)])
    steps.until_quiet()
    assert (waiting(ledger), alerts(ledger)) == ([("SO-1", 1)], [])
    assert {row[6] is not None for row in ledger.rows(tables.WAITING_EVENT)} == {True}
    read(place, len(OTHERS) + 1)
    steps.until_quiet()
    assert (waiting(ledger), alerts(ledger)) == ([], [])
    assert (live(ledger) or {})["quantity"] == 3


def test_it_never_comes_and_that_is_known_when_all_was_read(place: Place, ledger: Ledger, steps: Steps) -> None:
    """Not before: as long as one partition was not read to where it was written, it could still be there."""
    place.send(order(name, MANY) for name in OTHERS)
    place.start("events-1", consumer="events")
    told(place, ledger, event("shipped", lines=[WHOLE], ship_to=SHIP_TO))
    steps.until_quiet()
    assert (waiting(ledger), live(ledger)) == ([("SO-1", 1)], None)
    read(place, len(OTHERS))
    steps.until_quiet()
    assert waiting(ledger) == []
    assert (live(ledger) or {})["outside_gate"] is True
    assert [kind for kind, _ in alerts(ledger)] == ["shipment_bypassed"]


def test_in_an_empty_topic_nothing_is_waited_for(place: Place, ledger: Ledger, steps: Steps) -> None:
    place.start("events-1", consumer="events")
    told(place, ledger, event("shipped", lines=[WHOLE], ship_to=SHIP_TO))
    steps.until_quiet()
    assert waiting(ledger) == []
    assert (live(ledger) or {})["outside_gate"] is True
