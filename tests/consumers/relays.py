"""A relay at work in a test, and outboxes for it: rows that the ledger itself adds."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from sqlalchemy import Engine

from consumers.kafka.client import Client
from consumers.kafka.passed import Passed
from consumers.kafka.place import TOPIC, Placed
from consumers.kafka.topics import topic_id
from consumers.relay import Relay
from consumers.relaying import follow_and_publish
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.examinations.recording import TERMS
from gatekeeper.following.steps import step
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.ledger import Outgoing
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.gate.ledger import Ledger
from tests.real.broker import SILENT, Broker

ALERTS = "compliance-alerts"


@pytest.fixture
def place(broker: Broker, ledger: Ledger) -> Iterator[Place]:
    """With one partition a topic, so that the order in it is the order in which it was published."""
    place = Place(broker, ledger.engine, partitions=1)
    yield place
    place.close()


def client_of(place: Place, instance: str, *, proxied: bool = False) -> Client:
    """As the settings would give it."""
    client = place.client(instance, transaction_timeout_s=5)._replace(transactional_id=f"{place.prefix}gatekeeper.relay")
    return client._replace(bootstrap=place.broker.proxied_bootstrap) if proxied else client


def relay_of(place: Place, client: Client, engine: Engine | None = None, **limits: int) -> Relay:
    own = place.prefix + TOPIC
    orders = Passed(place.client(client.instance), place.prefix + ORDERS)
    return Relay(engine or place.engine, Placed(client, place.prefix), lambda: topic_id(client, own), orders, client.instance, **limits)


class Relaying:
    """One relay in a thread, and what became of it."""

    def __init__(
        self,
        place: Place,
        instance: str = "relay-1",
        *,
        engine: Engine | None = None,
        follows: bool = False,
        proxied: bool = False,
        **limits: int,
    ) -> None:
        self.relay = relay_of(place, client_of(place, instance, proxied=proxied), engine, **limits)
        self.stop = Event()
        self.waits: list[TryAgain] = []
        self.halt: Halt | None = None
        book = RuleBook.read()
        self._step: Callable[[], bool] = (lambda: step(engine or place.engine, book, TERMS)) if follows else lambda: False
        place.running.append(self)
        self._thread = Thread(target=self._run)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> None:
        """Told to stop; returns when it has."""
        self.stop.set()
        self.join()

    def join(self) -> None:
        self._thread.join(PATIENCE_S)
        assert self.ended

    def _run(self) -> None:
        try:
            follow_and_publish(self.relay, self._step, self.stop, lambda reason, _: self.waits.append(reason))
        except Halt as halt:
            self.halt = halt
        finally:
            self.relay.close()


def fill(ledger: Ledger, count: int, after: tuple[int, int, int] | None = None) -> list[str]:
    """So many alerts in the outbox, by one block; their ids, in order."""
    names = [uuid.uuid4() for _ in range(count)]
    with transaction(ledger.engine) as cursor:
        storage.take_lock(cursor)
        tail = storage.read_tail(cursor)
        rows = [(name, "registry_refused", None, b'{"alert_id":"%s"}' % str(name).encode(), tail.block + 1) for name in names]
        storage.add_block(cursor, tail, {tables.ALERT: rows}, outbox=[Outgoing(alert_id=name, after=after) for name in names])
    return [str(name) for name in names]


def hear(ledger: Ledger) -> None:
    """The registry was heard of just now: no alert says that it is too old."""
    with transaction(ledger.engine) as cursor:
        cursor.execute("INSERT INTO moving_freshness (program, as_of) VALUES ('lemtrada', clock_timestamp())")


def commit(place: Place, offset: int) -> None:
    """The orders' group has published partition 0 up to here."""
    consumer = Consumer({"bootstrap.servers": place.broker.bootstrap, "group.id": place.group("orders")}, logger=SILENT)
    consumer.commit(offsets=[TopicPartition(place.prefix + ORDERS, 0, offset)], asynchronous=False)
    consumer.close()


def ids(messages: Sequence[KafkaMessage]) -> list[str]:
    """What the messages are, in the order in which they were read."""
    return [header(message, "id") for message in messages]


def header(message: KafkaMessage, name: str) -> str:
    value = dict(message.headers() or [])[name]
    assert isinstance(value, bytes)
    return value.decode()
