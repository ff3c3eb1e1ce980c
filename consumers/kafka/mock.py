"""The client library's mock cluster: a broker inside this process, to see the gate at work without one.

It keeps topics in memory and takes every call that the gate makes; but it keeps no committed offsets of a transaction, shows what was
aborted, and fences nobody. Nothing that is seen here says anything about exactly-once.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from consumers.kafka.client import away, quiet_logger
from gatekeeper.clock import seconds
from gatekeeper.errors import TryAgain

CALL_S = 10.0
TURN_S = 0.02
CHUNK = 500
FETCH_WAIT_MS = 10
"""How long a fetch waits for messages: the mock cluster answers no sooner, whatever arrives meanwhile."""
ORIGIN = "mock.invalid:9092"
"""The library wants an address to put its own in the place of."""


class Said(NamedTuple):
    """A message of an output topic, and the message to which it is the answer, as topic/partition/offset.

    What the relay says is no answer to a single message: then ``source`` is empty.
    """

    topic: str
    source: str
    value: bytes


class MockCluster:
    """A broker with one node and these topics. Everybody who has ``bootstrap`` can use it until it is closed."""

    def __init__(self, topics: Iterable[str]) -> None:
        # Not transactional: with it the stories are sent, as a wholesaler would.
        self._producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": ORIGIN, "linger.ms": 0}, logger=quiet_logger())
        try:
            found = [self._producer.list_topics(topic, CALL_S) for topic in topics]
        except KafkaException as error:
            raise away(error, "start its mock cluster") from error
        self.partitions = {name: len(topic.partitions) for cluster in found for name, topic in cluster.topics.items()}
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in found[0].brokers.values())

    def send(self, topic: str, key: str, value: bytes) -> str:
        """Sends a message; when it is there, gives its place, as topic/partition/offset."""
        places: list[str] = []

        def delivered(error: KafkaError | None, message: KafkaMessage) -> None:
            if error is None:
                places.append(f"{topic}/{message.partition()}/{message.offset()}")

        self._producer.produce(topic, value, key.encode(), on_delivery=delivered)
        self._producer.flush(CALL_S)
        if not places:
            raise TryAgain("The mock cluster did not take a message.")
        return places[0]

    def close(self) -> None:
        """Ends the cluster, and everything in it."""
        self._producer.close()


class Outputs:
    """Reads topics from their beginning, outside of any group; only what was committed."""

    def __init__(self, cluster: MockCluster, topics: Iterable[str]) -> None:
        options = {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": "outputs",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
        self._consumer = Consumer(options | {"fetch.wait.max.ms": FETCH_WAIT_MS, "log_level": 0}, logger=quiet_logger())
        self._places = [TopicPartition(topic, partition, 0) for topic in topics for partition in range(cluster.partitions[topic])]
        self._consumer.assign(self._places)
        # Not the consumer: what it asks stands behind a fetch that waits.
        self._admin = AdminClient({"bootstrap.servers": cluster.bootstrap}, logger=quiet_logger())

    def read(self) -> list[Said]:
        """All that was said since the last call, up to what is there now."""
        said: list[Said] = []
        deadline = seconds() + CALL_S
        try:
            ends = self._ends()
            while any(max(place.offset, 0) < ends[place.topic, place.partition] for place in self._consumer.position(self._places)):
                said += map(_said, self._consumer.consume(CHUNK, TURN_S))
                if seconds() > deadline:
                    raise TryAgain("The mock cluster did not give all that was said.")
        except KafkaException as error:
            raise away(error, "give what was said") from error
        return said

    def close(self) -> None:
        self._consumer.close()

    def _ends(self) -> dict[tuple[str, int], int]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(dict.fromkeys(self._places, latest), request_timeout=CALL_S)
        return {(place.topic, place.partition): answer.result().offset for place, answer in asked.items()}


def _said(message: KafkaMessage) -> Said:
    if error := message.error():
        raise TryAgain(f"The mock cluster did not give messages: {error.name()}.")
    headers: Any = dict(message.headers() or ())
    return Said(message.topic() or "", headers.get("source", b"").decode(), message.value() or b"")
