"""One transactional producer, made anew whenever it is not certain how its last transaction ended."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any
from warnings import catch_warnings

from confluent_kafka import KafkaException, Producer, TopicPartition

from consumers.kafka.client import LARGEST_MESSAGE, Client, away, options_taken, quiet_logger
from consumers.kafka.topics import too_narrow
from consumers.publications import Publication
from gatekeeper.clock import seconds
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.metrics import PRODUCERS

ROOM = 512
"""For the headers of a message, and what Kafka adds."""
TOO_LARGE = frozenset({"MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"})
"""What the broker says of messages that a topic does not take: as such, or in one segment."""


class Disconnects(logging.Handler):
    """Notices that a connection of the producer broke.

    The client then sends the end of the transaction again on a new connection, and reports success; but the first one may still be
    on its way, and would end the *next* transaction of the same producer. No callback tells of it, only a log line does; and where
    the whole broker went away, only that of another connection than the one to the transaction coordinator. A producer that was idle
    meanwhile may also wait without end in its next transaction.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "FAIL" in text or "REQTMOUT" in text:
            self.seen = True


class Publisher:
    """Says publications, and offsets where there are any, in one Kafka transaction.

    After anything but a clean commit the producer is thrown away: the next one, with the same transactional id, fences it and
    waits until its transaction is ended, so that the group's committed offsets, or what else was said in it, then tell what was said.
    """

    def __init__(self, client: Client, turn: int, prefix: str) -> None:
        self._client, self._turn, self._prefix = client, turn, prefix
        self._disconnects = Disconnects()
        self._producer: Producer | None = None
        self.made = 0
        """How many producers were made: with each new one it is certain how the transactions of those before ended."""

    def open(self) -> Producer:
        """A producer that is ready to begin; made anew where the last one is in doubt."""
        if self._producer is not None:
            self._producer.poll(0)
            if self._disconnects.seen:
                self.close()
        if self._producer is None:
            self._disconnects.seen = False
            with options_taken(self._client):
                producer = Producer(self._client.producer(self._turn), logger=self._logger())
            try:
                producer.init_transactions(self._client.transaction_timeout_s)
            except KafkaException as error:
                _close(producer)
                raise away(error, "open a transactional producer") from error
            self._producer = producer
            self.made += 1
            PRODUCERS.inc()
        return self._producer

    def publish(
        self, publications: Sequence[Publication], offsets: Sequence[TopicPartition] = (), metadata: Callable[[], Any] = lambda: None
    ) -> None:
        """All of it or nothing. Raises ``TryAgain`` where it is not certain: then read on from what was committed.

        Raises ``Halt`` where a topic takes less in one message than is to be said.
        """
        producer = self.open()
        try:
            producer.begin_transaction()
            for publication in publications:
                self._produce(producer, publication)
            # Live, and with no poll of the consumer since the batch was taken: what fences a member that lost its partitions.
            self._end(producer, offsets, metadata())
        except OverdueError:
            # Who waits in vain keeps it. The next producer of this id fences it, should it ever come back.
            self._producer = None
            raise TryAgain("Kafka did not commit a transaction, and the client library did not say so.") from None
        except KafkaException as error:
            self._give_up(producer)
            if error.args[0].name() in TOO_LARGE:
                self._ask_what_topics_take(publications)
            raise away(error, "commit a transaction") from error
        except TryAgain:
            self._give_up(producer)
            raise
        producer.poll(0)
        if self._disconnects.seen:
            self.close()

    @property
    def clean(self) -> bool:
        """Whether the last transaction ended as it was told to, as far as is known."""
        return self._producer is not None and not self._disconnects.seen

    def close(self) -> None:
        """Throws the producer away; what it left open is ended by the next one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            _close(producer)

    def _end(self, producer: Producer, offsets: Sequence[TopicPartition], metadata: Any) -> None:
        timeout = self._client.transaction_timeout_s

        def end() -> None:
            if offsets:
                producer.send_offsets_to_transaction(list(offsets), metadata, timeout)
            producer.commit_transaction()

        _in_time(end, 1.5 * timeout)

    def _give_up(self, producer: Producer) -> None:
        # Where it is fenced or the broker is away, the next producer of this id ends the transaction.
        with suppress(KafkaException):
            producer.abort_transaction(self._client.transaction_timeout_s)
        self.close()

    def _produce(self, producer: Producer, publication: Publication) -> None:
        deadline = seconds() + self._client.transaction_timeout_s
        while True:
            try:
                producer.produce(self._prefix + publication.topic, publication.value, publication.key, headers=publication.headers)  # type: ignore[arg-type]
            except BufferError:
                if seconds() > deadline:
                    raise TryAgain("Kafka does not take what is said as fast as it is decided.") from None
                producer.poll(0.05)
            except KafkaException as error:
                if error.args[0].name() == "MSG_SIZE_TOO_LARGE":
                    raise Halt(
                        f"A message for {self._prefix}{publication.topic} is larger than {LARGEST_MESSAGE} bytes, which no answer should "
                        "be: this is a fault of the gatekeeper."
                    ) from error
                raise
            else:
                return

    def _ask_what_topics_take(self, publications: Sequence[Publication]) -> None:
        """Raises ``Halt``, naming them, where topics take less than is said to them. Raised meanwhile, there is none."""
        # Messages for one partition go out together, and are taken or refused together.
        said = Counter[str]()
        for each in publications:
            said[self._prefix + each.topic] += len(each.value) + len(each.key) + ROOM
        if narrow := too_narrow(self._client, said):
            raise Halt(
                f"Kafka refused a message as too large: {narrow}. Set that to {LARGEST_MESSAGE} or more and start again: "
                "what was decided is kept, and is published then."
            )

    def _logger(self) -> logging.Logger:
        logger = quiet_logger()
        logger.addHandler(self._disconnects)
        return logger


class OverdueError(Exception):
    """A call of the client library that did not come back, whatever its own timeout says, or not in any way that it names."""


def _in_time(step: Callable[[], None], limit: float) -> None:
    """Runs a call that hangs where the broker goes away at the wrong moment. Raises ``OverdueError`` when the limit (seconds) is past."""
    ended: list[KafkaException | None] = []

    def run() -> None:
        try:
            step()
        except KafkaException as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit)
    if not ended:
        raise OverdueError
    if ended[0] is not None:
        raise ended[0]


def _close(producer: Producer) -> None:
    # After a fatal error the client library raises it once more here; with the broker away it warns that it could not abort.
    with suppress(KafkaException), catch_warnings(action="ignore", category=RuntimeWarning):
        producer.purge()
        producer.close()
