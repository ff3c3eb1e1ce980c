"""Which messages of a topic a group has left behind for good."""

from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.kafka.client import Client, away, options_taken, quiet_logger
from consumers.kafka.topics import topic_id
from gatekeeper.clock import seconds

CALL_S: Final = 0.2
LATER_S: Final = 0.5
FRESH_S: Final = 0.02
"""So long an answer is not asked for again."""
TOPIC_FRESH_S: Final = 10.0
UNSETTLED: Final = (KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT)  # noqa: SLF001 - the client library's name for it
"""A transaction is open on the offset, or the broker takes its time: the next question comes later."""


class Passed:
    """The committed offsets of a group, asked by somebody who is no member of it.

    Only stable ones count: where a transaction is open on an offset, the broker does not tell it.
    """

    def __init__(self, client: Client, topic: str) -> None:
        self._client, self._topic = client, topic
        self._consumer: Consumer | None = None
        self._id, self._id_until = "", float("-inf")
        self._gone: set[str] = set()
        self._committed: dict[int, int] = {}
        self._until: dict[int, float] = {}

    def passed(self, topic_id: str, partition: int, offset: int) -> bool:
        """Whether the group has committed an offset above this one of the topic with this id.

        Of a topic that is there no more nobody can publish anything: what it had counts as passed.
        """
        if topic_id in self._gone:
            return True
        if topic_id != self._id or seconds() > self._id_until:
            self._ask_topic()
        if topic_id != self._id:
            self._gone.add(topic_id)
            return True
        if self._committed.get(partition, 0) <= offset and seconds() > self._until.get(partition, float("-inf")):
            self._ask(partition)
        return self._committed.get(partition, 0) > offset

    def close(self) -> None:
        """Lets the connection go, until the next question."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _ask_topic(self) -> None:
        found = topic_id(self._client, self._topic)
        if found != self._id:
            self._committed.clear()
        self._id, self._id_until = found, seconds() + TOPIC_FRESH_S

    def _ask(self, partition: int) -> None:
        try:
            committed = self._committed_at(partition)
        except KafkaException as error:
            if error.args[0].code() not in UNSETTLED:
                self.close()
                raise away(error, "say what a group has committed") from error
            self._until[partition] = seconds() + LATER_S
            return
        self._committed[partition] = max(self._committed.get(partition, 0), committed)
        self._until[partition] = seconds() + FRESH_S

    def _committed_at(self, partition: int) -> int:
        [place] = self._open().committed([TopicPartition(self._topic, partition)], CALL_S)
        if place.error is not None:
            raise KafkaException(place.error)
        return place.offset

    def _open(self) -> Consumer:
        if self._consumer is None:
            with options_taken(self._client):
                self._consumer = Consumer(self._client.outside() | {"retry.backoff.ms": 10}, logger=quiet_logger())
        return self._consumer
