"""A gate at work in a test: topics and a group of its own on the real broker, its loop in a thread, and a reader of what it says."""

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event, Thread
from types import MappingProxyType
from typing import Any, Protocol

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from sqlalchemy import Engine

from consumers.consuming import CONSUMED
from consumers.kafka import topics
from consumers.kafka.client import Client
from consumers.kafka.log import Log, Message
from consumers.kafka.place import TOPIC as OUTBOX_PLACE
from consumers.loop import run
from consumers.publications import Publication
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.examinations.recording import TERMS
from gatekeeper.rules import RuleBook
from tests.real.broker import SILENT, Broker
from tests.real.waiting import wait_until

ORDERS = "shipment-orders"
FACTS = "registry-facts"
EVENTS = "shipment-events"
ACKNOWLEDGEMENTS = "rems-acknowledgements"
OUTPUTS = ("shipments-released", "shipments-stopped", "distribution-records", "refused-messages", "compliance-alerts")
PATIENCE_S = 180.0


class Running:
    """One consumer, and what became of it."""

    def __init__(self, client: Client, engine: Engine, prefix: str, meanwhile: Callable[[], None], consumer: str) -> None:
        consumed = CONSUMED[consumer]
        topic = consumed.topic.name
        self.gate = consumed.gate(engine, topic, lambda: topics.topic_id(client, prefix + topic), RuleBook.read(), TERMS)
        self.log = Log(client, topic, prefix, self.gate.starts)
        self.stop = Event()
        self.waits: list[TryAgain] = []
        self.halt: Halt | None = None
        self.batches: list[list[int]] = []
        """How many bytes each message of each batch has."""
        self._meanwhile = meanwhile
        self._thread = Thread(target=self._run)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def handle(self, messages: Sequence[Message]) -> list[Publication]:
        self.batches.append([len(message.value) for message in messages])
        self._meanwhile()
        return self.gate.handle(messages)

    def end(self) -> None:
        """Told to stop; returns when it has."""
        self.stop.set()
        self.join()

    def join(self) -> None:
        self._thread.join(PATIENCE_S)
        assert self.ended

    def _run(self) -> None:
        try:
            run(self.log, self.handle, self.stop, lambda reason, _: self.waits.append(reason))
        except Halt as halt:
            self.halt = halt
        finally:
            self.log.close()


class Stays(Protocol):
    """What runs in a thread until it is told to stop."""

    stop: Event

    def join(self) -> None: ...


class Place:
    """Topics with a prefix, and the consumers on them."""

    def __init__(self, broker: Broker, engine: Engine, partitions: int = 3) -> None:
        self.broker, self.engine, self.partitions = broker, engine, partitions
        self.prefix = f"gate-{uuid.uuid4().hex[:12]}."
        self.running: list[Stays] = []
        topics.create(
            self.client("admin"), [self.prefix + topic for topic in (ORDERS, FACTS, EVENTS, ACKNOWLEDGEMENTS, *OUTPUTS)], partitions, 1
        )
        topics.create(self.client("admin"), [self.prefix + OUTBOX_PLACE], 1, 1, topics.COMPACTED)
        self._reader = Consumer(
            {"bootstrap.servers": broker.bootstrap, "group.id": f"{self.prefix}reader", "isolation.level": "read_committed",
             "enable.auto.commit": False, "reconnect.backoff.max.ms": 500},
            logger=SILENT,
        )  # fmt: skip
        self._reader.assign([TopicPartition(self.prefix + topic, number, 0) for topic in OUTPUTS for number in range(partitions)])
        self.said: list[tuple[str, KafkaMessage]] = []

    def client(self, instance: str, consumer: str = "orders", options: Mapping[str, Any] = MappingProxyType({}), **limits: Any) -> Client:
        return Client(self.broker.bootstrap, {"reconnect.backoff.max.ms": 500, **options}, self.group(consumer), instance, **limits)

    def group(self, consumer: str) -> str:
        """The group's name, as the settings of ``environment`` give it."""
        return f"{self.prefix}gatekeeper.{consumer}"

    def environment(self) -> dict[str, str]:
        """What the gatekeeper's commands are told."""
        own = {"DATABASE_URL": self.engine.url.render_as_string(hide_password=False), "TOPIC_PREFIX": self.prefix}
        own["KAFKA_BOOTSTRAP_SERVERS"] = self.broker.bootstrap
        return os.environ | {f"GATEKEEPER_{name}": value for name, value in own.items()}

    def start(
        self, instance: str = "one", meanwhile: Callable[[], None] = lambda: None, consumer: str = "orders", **limits: Any
    ) -> Running:
        client = self.client(instance, consumer, **limits)
        running = Running(client, self.engine, self.prefix, meanwhile, consumer)
        self.running.append(running)
        return running

    def send(
        self, messages: Iterable[bytes], partition: int | None = None, key: bytes = b"key", headers: Any = (), topic: str = ORDERS
    ) -> None:
        """Returns when they are in the topic."""
        producer = Producer(
            {"bootstrap.servers": self.broker.bootstrap, "message.max.bytes": 10_000_000, "enable.idempotence": True}, logger=SILENT
        )
        for number, message in enumerate(messages):
            where = number % self.partitions if partition is None else partition
            producer.produce(self.prefix + topic, message, key, where, headers=list(headers))
        assert producer.flush(PATIENCE_S) == 0
        producer.close()

    def read(self, seconds: float = 0.2) -> None:
        for message in self._reader.consume(500, seconds):
            if not message.error():
                self.said.append(((message.topic() or "").removeprefix(self.prefix), message))

    def wait_for(self, topic: str, count: int) -> list[KafkaMessage]:
        """Returns when this topic has said so much, and no more."""

        def there() -> bool:
            self.read()
            return len(self.of(topic)) >= count

        wait_until(there, PATIENCE_S, f"{count} messages in {topic}")
        assert len(self.of(topic)) == count
        return self.of(topic)

    def wait_for_all(self, count: int) -> None:
        """Returns when so much was said in all topics together."""

        def there() -> bool:
            self.read()
            return len(self.said) >= count

        wait_until(there, PATIENCE_S, f"{count} messages in all topics")

    def of(self, topic: str) -> list[KafkaMessage]:
        return [message for name, message in self.said if name == topic]

    def committed(self, consumer: str = "orders") -> dict[int, int]:
        asking = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": self.group(consumer)}, logger=SILENT)
        topic = self.prefix + CONSUMED[consumer].topic.name
        places = asking.committed([TopicPartition(topic, number) for number in range(self.partitions)], 10)
        asking.close()
        return {place.partition: max(0, place.offset) for place in places}

    def close(self) -> None:
        for running in self.running:
            running.stop.set()
        for running in self.running:
            running.join()
        self._reader.close()
