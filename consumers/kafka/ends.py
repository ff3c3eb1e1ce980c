"""How far a topic has been written, asked by somebody who reads nothing of it."""

from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumers.kafka.client import Client, away, options_taken, quiet_logger
from gatekeeper.errors import TryAgain

CALL_S: Final = 5.0


class Ends:
    """The ends of all partitions of a topic, at the moment of the question."""

    def __init__(self, client: Client, topic: str) -> None:
        self._client, self._topic = client, topic
        self._consumer: Consumer | None = None

    def ask(self) -> dict[int, int]:
        """By partition, the offset that the next message will have, at least.

        Raises ``TryAgain`` where the broker does not say it of every partition.
        """
        try:
            consumer = self._open()
            found = consumer.list_topics(self._topic, CALL_S).topics.get(self._topic)
            if found is None or found.error is not None or not found.partitions:
                raise TryAgain(f"Kafka does not say which partitions {self._topic} has.")
            return {number: self._end(consumer, number) for number in found.partitions}
        except KafkaException as error:
            self.close()
            raise away(error, "say how far a topic has been written") from error

    def close(self) -> None:
        """Lets the connection go, until the next question."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _end(self, consumer: Consumer, partition: int) -> int:
        _, high = consumer.get_watermark_offsets(TopicPartition(self._topic, partition), CALL_S)
        return int(high)

    def _open(self) -> Consumer:
        if self._consumer is None:
            with options_taken(self._client):
                # Also what stands in open transactions counts: it is written, and what follows it may be an order that has come.
                options = self._client.outside() | {"isolation.level": "read_uncommitted", "retry.backoff.ms": 10}
                self._consumer = Consumer(options, logger=quiet_logger())
        return self._consumer
