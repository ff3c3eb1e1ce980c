"""A topic as a log: read in order, in bounded batches, from where the group has committed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from consumers.kafka.client import Client, NameTaken, away, options_taken, quiet_logger, says_name_taken
from consumers.kafka.publisher import Publisher
from consumers.publications import Publication
from gatekeeper.clock import seconds
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.metrics import KAFKA_SECONDS, LAG, REWINDS, has_read

WAIT_S = 0.5
CALL_S = 10.0
CHUNK = 500
MEASURE_S = 1.0
MOST_FAILURES = 3
MOST_FENCES, FENCES_WITHIN_S = 3, 60.0
NAME_TAKEN = "Another process runs with this instance name: each consumer of a group needs a name of its own."


class Message(NamedTuple):
    partition: int
    offset: int
    value: bytes


class Offsets(NamedTuple):
    """What the broker says of one partition. ``committed`` is None where the group has none."""

    partition: int
    committed: int | None
    low: int
    high: int


Starts = Callable[[Sequence[Offsets]], dict[int, int]]
"""From where each partition is read; raises ``Halt`` where the broker and the ledger contradict each other."""


class Log:
    """One member of the group. Everything happens on the thread that calls; nothing is in flight between two calls."""

    def __init__(self, client: Client, topic: str, prefix: str, starts: Starts) -> None:
        self._client, self._topic, self._starts = client, prefix + topic, starts
        # Two, in turn: the broker is still ending the last transaction of one while the other begins.
        self._publishers = [Publisher(client, turn, prefix) for turn in range(2)]
        self._consumer: Consumer | None = None
        self._begun: dict[int, int] = {}
        self._revoked: set[int] = set()
        self._in_doubt = False
        self._failures = 0
        self._most = client.batch_messages
        self._kept: list[KafkaMessage] = []
        self._in_hand = 0
        self._fences: list[float] = []
        self._member = False
        self._measured = float("-inf")

    def read(self) -> list[Message]:
        """What is there, after waiting for it a moment; empty when nothing came. Bounded by count and bytes; but one message is
        given, however large. After a batch that was not published it is half of that, and then grows again.
        """
        consumer = self._open()
        if self._in_doubt:
            self._rewind(consumer)
        self._revoked.clear()
        try:
            messages = self._drain(consumer)
        except KafkaException as error:
            self._forget()
            raise away(error, "give messages") from error
        except NameTaken as fence:
            raise self._fenced(fence) from fence
        except (Halt, TryAgain):
            self._forget()
            raise
        has_read()
        if not messages:
            self._ask_membership(consumer)
        if seconds() - self._measured > MEASURE_S:
            self._measured = seconds()
            self._measure(consumer)
        if self._revoked:
            # What was read before a partition went away is not told apart from what it gave when it came back: all is read again.
            self._in_doubt = True
            return []
        self._in_hand = len(messages)
        return [_message(message) for message in messages]

    def publish(self, publications: Sequence[Publication], messages: Sequence[Message]) -> None:
        """Says all ``publications`` and that ``messages`` are done, or neither."""
        ends: dict[int, int] = {}
        for message in messages:
            ends[message.partition] = max(message.offset + 1, ends.get(message.partition, 0))
        offsets = [TopicPartition(self._topic, partition, end) for partition, end in ends.items()]
        self._in_doubt = True
        with KAFKA_SECONDS.time():
            try:
                self._publishers[0].publish(publications, offsets, self._membership)
            except NameTaken as fence:
                raise self._fenced(fence) from fence
        self._in_doubt, self._failures, self._in_hand = False, 0, 0
        self._most = min(self._client.batch_messages, self._most + self._most // 4 + 1)
        self._publishers.reverse()

    def again(self) -> None:
        """The batch was not published: the next read begins where the group has committed."""
        self._in_doubt = True
        if self._in_hand:
            # It may have been too much work for a transaction: how much work a message is, its bytes do not tell.
            self._most, self._in_hand = max(1, min(self._most, self._in_hand) // 2), 0
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._forget()

    @property
    def assigned(self) -> bool:
        """Whether this consumer was a member of its group, with or without partitions, when it was last idle or published.

        May be asked from any thread.
        """
        return self._member

    def close(self) -> None:
        """Ends the membership's connection; as a static member it is not gone until its session ends."""
        for publisher in self._publishers:
            publisher.close()
        self._forget()

    def _open(self) -> Consumer:
        if self._consumer is None:
            for publisher in self._publishers:
                publisher.open()
            with options_taken(self._client):
                self._consumer = Consumer(self._client.consumer(), logger=quiet_logger())
            self._consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone)
            self._in_doubt = False
        return self._consumer

    def _drain(self, consumer: Consumer) -> list[KafkaMessage]:
        # It is asked for one also where some are kept: only when it is asked the client library says what was revoked.
        kept, self._kept = self._kept, []
        messages = kept + _checked(consumer.consume(1, 0 if kept else WAIT_S))
        size = sum(map(len, messages))
        while messages and len(messages) < self._most and size < self._client.batch_bytes:
            wanted = min(CHUNK, self._most - len(messages))
            more = _checked(consumer.consume(wanted, 0))
            messages += more
            size += sum(map(len, more))
            if len(more) < wanted:
                break
        if size > self._client.batch_bytes or len(messages) > self._most:
            messages, self._kept = self._cut(messages)
        return messages

    def _cut(self, messages: list[KafkaMessage]) -> tuple[list[KafkaMessage], list[KafkaMessage]]:
        """What is within the bounds, but at least one message, and the rest."""
        end, size = 1, len(messages[0])
        while end < min(len(messages), self._most) and (size := size + len(messages[end])) <= self._client.batch_bytes:
            end += 1
        return messages[:end], messages[end:]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            self._begin(consumer, partitions)
        except KafkaException as error:
            # From a callback the client library would pass on its error without the exception.
            raise away(error, "say from where to read") from error

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        found = []
        for place in consumer.committed(partitions, CALL_S):
            _raise(place)
            low, high = consumer.get_watermark_offsets(place, CALL_S)
            found.append(Offsets(place.partition, place.offset if place.offset >= 0 else None, low, high))
        starts = self._starts(found)
        self._begun |= starts
        consumer.incremental_assign([TopicPartition(self._topic, partition, start) for partition, start in starts.items()])
        # Said before anything is judged: from now on a group without an offset beside the ledger's head has forgotten it.
        if first := [TopicPartition(self._topic, each.partition, starts[each.partition]) for each in found if each.committed is None]:
            consumer.commit(offsets=first, asynchronous=False)

    def _gone(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._revoked.add(place.partition)
            self._begun.pop(place.partition, None)
            LAG.remove(self._topic, str(place.partition))

    def _measure(self, consumer: Consumer) -> None:
        for place in consumer.position(consumer.assignment()):
            _, high = consumer.get_watermark_offsets(place, cached=True)
            offset = place.offset if place.offset >= 0 else self._begun.get(place.partition, high)
            LAG.labels(self._topic, str(place.partition)).set(max(0, high - offset))

    def _ask_membership(self, consumer: Consumer) -> bool:
        # On this thread alone: from another, while this one is in a rebalance, the client library would stop the whole process.
        self._member = bool(consumer.memberid())
        return self._member

    def _membership(self) -> object:
        if self._consumer is None or not self._ask_membership(self._consumer):
            # A classic group takes offsets with the metadata of nobody, also while others are members.
            raise TryAgain("This consumer is no member of its group at the moment.")
        return self._consumer.consumer_group_metadata()

    def _rewind(self, consumer: Consumer) -> None:
        """Makes certain how the last transaction ended, then reads on from what is committed."""
        self._kept.clear()
        for publisher in self._publishers:
            publisher.open()
        try:
            for place in consumer.committed(consumer.assignment(), CALL_S):
                _raise(place)
                consumer.seek(TopicPartition(self._topic, place.partition, place.offset))
        except KafkaException as error:
            self._forget()
            raise away(error, "go back to what was committed") from error
        self._in_doubt = False
        REWINDS.inc()

    def _fenced(self, fence: NameTaken) -> NameTaken | Halt:
        """The client library says so also to a member that was long out of touch with the broker: it is believed when it comes again."""
        self._forget()
        now = seconds()
        self._fences = [at for at in self._fences if now - at < FENCES_WITHIN_S] + [now]
        return fence if len(self._fences) < MOST_FENCES else Halt(NAME_TAKEN)

    def _forget(self) -> None:
        """Lets the consumer go: the next read joins again, and begins where the group has committed."""
        if self._consumer is not None:
            self._consumer.close()
        self._consumer, self._failures, self._member = None, 0, False
        self._begun.clear()
        self._kept.clear()


def _checked(messages: list[KafkaMessage]) -> list[KafkaMessage]:
    for message in messages:
        if error := message.error():
            if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the client library's name for it
                raise Halt(
                    "The broker does not have the offset at which this consumer must go on: messages expired, or the topic was made anew. "
                    "Start it again: it then says which. See the runbook, «orders expired unread» and «the topic was made anew»."
                )
            if says_name_taken(error):
                raise NameTaken
            raise TryAgain(f"Kafka did not give messages: {error.name()}.")
    return messages


def _raise(place: TopicPartition) -> None:
    if place.error is not None:
        raise KafkaException(place.error)


def _message(message: KafkaMessage) -> Message:
    return Message(message.partition() or 0, message.offset() or 0, _bytes(message.value()))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
