"""How far the outbox was published: the newest record of a compacted topic of one partition.

It is written in the transaction that publishes, so it tells what was said, also where nobody heard how that transaction ended.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from consumers.kafka.client import Client, away, options_taken, quiet_logger
from consumers.kafka.publisher import Publisher
from consumers.kafka.topics import admin
from consumers.publications import Publication
from gatekeeper.clock import seconds
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.metrics import KAFKA_SECONDS

TOPIC: Final = "gatekeeper-outbox-place"
KEY: Final = b"outbox"
CALL_S: Final = 10.0
TURN_S: Final = 0.2
CHUNK: Final = 500
STRIDE: Final = 1000
"""So many offsets before the end are read first; then ten times as many, and so on."""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All numbers of the outbox below ``next`` are published, but those that wait."""

    next: int
    waiting: tuple[int, ...] = ()
    chain: str = ""
    """The hash of the block with the number before ``next``: by it a ledger is known again."""
    instance: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """Which relay wrote it, and in which life."""
    session: str = ""


_place = msgspec.json.Decoder(Place)


class Placed:
    """Says publications and the place after them in one Kafka transaction, under the one transactional id that all relays have.

    Who opens it fences whoever had it open before.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._publisher = Publisher(client, 0, prefix)
        self._session = ""

    def open(self) -> int:
        """The number of its life. In a new one it is certain how the last transaction ended, and ``read`` says what came of it.

        Raises ``Halt`` where another relay has taken over.
        """
        if self._session and not self._publisher.clean:
            # Before a new producer: it would fence whoever has taken over.
            self._mine(read_place(self._client, self._prefix, whole=False))
        self._publisher.open()
        return self._publisher.made

    def read(self) -> Place | None:
        """The place; None where the topic has none. Raises ``Halt`` as ``open`` does."""
        return self._mine(read_place(self._client, self._prefix))

    def publish(self, publications: Sequence[Publication], place: Place) -> None:
        """All of it or nothing. Raises ``TryAgain`` where it is not certain: then its next life has begun when it is opened again."""
        with KAFKA_SECONDS.time():
            self._publisher.publish([*publications, Publication(TOPIC, KEY, msgspec.json.encode(place), [])])
        self._session = place.session

    def close(self) -> None:
        """Lets the broker go."""
        self._publisher.close()

    def _mine(self, place: Place | None) -> Place | None:
        if self._session and place is not None and place.session != self._session:
            raise Halt(f"Another relay, {place.instance or 'without a name'}, has taken over from this one: one is enough, so run one.")
        return place


def read_place(client: Client, prefix: str, *, whole: bool = True) -> Place | None:
    """The newest place that was committed; None where the topic has none.

    With ``whole``, ``TryAgain`` is raised while a transaction is open on the topic: its end could bring a newer one.
    """
    where = TopicPartition(prefix + TOPIC, 0)
    with options_taken(client):
        consumer = Consumer(client.outside() | {"enable.partition.eof": True}, logger=quiet_logger())
    try:
        # Without the isolation of a reader: also what is not committed yet counts.
        end = _end(admin(client), where)
        low, stable = consumer.get_watermark_offsets(where, CALL_S)
        if stable < end and whole:
            raise TryAgain("A transaction is open on the topic of the outbox's place.")
        return _newest(consumer, where, low, stable)
    except KafkaException as error:
        raise away(error, "say how far the outbox was published") from error
    finally:
        consumer.close()


def _end(broker: AdminClient, where: TopicPartition) -> int:
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    return int(broker.list_offsets({where: latest}, request_timeout=CALL_S)[where].result().offset)


def _newest(consumer: Consumer, where: TopicPartition, low: int, end: int) -> Place | None:
    stride, stop = STRIDE, end
    while stop > low:
        start = max(low, end - stride)
        found = _between(consumer, TopicPartition(where.topic, where.partition, start), end)
        if found is not None:
            return _read(found)
        stride, stop = 10 * stride, start
    return None


def _between(consumer: Consumer, start: TopicPartition, end: int) -> bytes | None:
    """The last record from ``start`` on; what is aborted or was compacted away does not come."""
    consumer.assign([start])
    found, deadline = None, seconds() + CALL_S
    while seconds() < deadline:
        for message in consumer.consume(CHUNK, TURN_S):
            if _is_end(message, end):
                return found
            if message.error() is None and message.key() == KEY:
                value = message.value()
                found = value if isinstance(value, bytes) else None
    raise TryAgain("Kafka did not give how far the outbox was published.")


def _is_end(message: KafkaMessage, end: int) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client library's name for it
        raise TryAgain(f"Kafka did not give how far the outbox was published: {error.name()}.")
    return (message.offset() or 0) >= end


def _read(value: bytes) -> Place:
    try:
        place = _place.decode(value)
    except msgspec.MsgspecError:
        place = Place(0)
    if place.next < 1:
        raise Halt(f"The last record of {TOPIC} is no place of the outbox. See the runbook, «the place of the outbox was lost».")
    return place
