"""How the client library is configured: one place, for every consumer and producer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from gatekeeper.config import Settings
from gatekeeper.errors import TryAgain, Unusable

LARGEST_MESSAGE = 10 * 1024 * 1024
"""What a topic that is written must take. An order of 200 lines, each stopped for every reason that there is, comes to less: a reason
shows not more than 20 sites or serials, and codes as they were given, some 9 KB a line; and two addresses of 402 signs each, which
are 13 KB an address where every sign is written out as the worst there is (18 others, of 33 bytes): 200 times 35 KB, 7 MB."""


class Client(NamedTuple):
    """Which broker, as whom, and with which limits (seconds)."""

    bootstrap: str
    options: dict[str, Any]
    group: str
    instance: str
    session_timeout_s: float = 6
    poll_interval_s: float = 60
    transaction_timeout_s: float = 10
    batch_messages: int = 2000
    batch_bytes: int = 4 * 1024 * 1024
    transactional_id: str | None = None
    """One for every instance, so that a second one fences the first; else each instance has its own."""

    def shared(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": f"gatekeeper-{self.instance}",
            "socket.nagle.disable": True,
            "enable.metrics.push": False,
            # The log line of a disconnect is how a late EndTxn is noticed.
            "log.connection.close": True,
            "log_level": 6,
            **self.options,
        }

    def consumer(self) -> dict[str, Any]:
        return self.shared() | {
            "group.id": self.group,
            # Static membership: a replacement takes over within a second, without a rebalance.
            "group.instance.id": self.instance,
            "partition.assignment.strategy": "cooperative-sticky",
            # Never read_uncommitted: it would also lift the wait for offsets of an open transaction.
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "session.timeout.ms": int(self.session_timeout_s * 1000),
            "heartbeat.interval.ms": int(self.session_timeout_s * 300),
            "max.poll.interval.ms": int(self.poll_interval_s * 1000),
            "fetch.message.max.bytes": 2 * 1024 * 1024,
            "queued.min.messages": 4 * self.batch_messages,
            # Else a partition whose queue was full is not asked again for a second, also when the queue is long empty.
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 16 * 1024,
        }

    def outside(self) -> dict[str, Any]:
        """For a consumer that is no member of the group."""
        return self.shared() | {"group.id": self.group, "isolation.level": "read_committed", "enable.auto.commit": False}

    def producer(self, turn: int) -> dict[str, Any]:
        return self.shared() | {
            # Stable: the replacement of a killed process ends what that one left open.
            "transactional.id": self.transactional_id or f"{self.group}.{self.instance}.{turn}",
            "transaction.timeout.ms": int(self.transaction_timeout_s * 1000),
            "partitioner": "murmur2_random",
            "message.max.bytes": LARGEST_MESSAGE,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1024 * 1024,
            "batch.num.messages": 100_000,
            "linger.ms": 5,
            "retry.backoff.ms": 5,
        }


def client_of(settings: Settings, instance: str, consumer: str = "orders") -> Client:
    """The client that the settings describe, as the member with this name of a consumer's group.

    Raises ``Unusable`` where they name no broker.
    """
    if settings.kafka_bootstrap_servers is None:
        raise Unusable("GATEKEEPER_KAFKA_BOOTSTRAP_SERVERS is not set: name the brokers, as host:port.")
    return Client(
        settings.kafka_bootstrap_servers,
        dict(settings.kafka_options),
        settings.groups[consumer],
        instance,
        settings.session_timeout_s,
        settings.poll_interval_s,
        settings.transaction_timeout_s,
        settings.batch_messages,
        settings.batch_bytes,
    )


@contextmanager
def options_taken(client: Client) -> Iterator[None]:
    """Where a client of the library is made: raises ``Unusable`` if it does not take the options. Only their names are shown."""
    try:
        yield
    except (KafkaException, TypeError, ValueError, AttributeError, SystemError) as error:
        # One of these for one kind of slip or another: only the first names a cause that may be another than the options.
        if isinstance(error, KafkaException) and error.args[0].name() != "_INVALID_ARG":
            raise away(error, "make a client") from None
        named = max((name for name in client.options if name in str(error)), key=len, default=None)
        which = "options that the" if named is None else f"the option {named}, which the"
        raise Unusable(f"GATEKEEPER_KAFKA_OPTIONS has {which} Kafka client does not take as given there.") from None


class NameTaken(TryAgain):
    """Another member of the group came with this one's name, or so the client library says."""

    def __init__(self) -> None:
        super().__init__("Another member of the group has this instance name.")


def away(error: KafkaException, what: str) -> TryAgain:
    """The failure of a call, as something to be tried again. The broker's words name no content of a message."""
    cause = error.args[0]
    if not isinstance(cause, KafkaError):
        return TryAgain(f"Kafka did not {what}: {type(cause).__name__}.")
    if cause.name() == "_INCONSISTENT":
        return TryAgain(
            f"Kafka did not {what}, for it did not take all that was said: `gatekeeper doctor` tells what is wrong with a topic."
        )
    return NameTaken() if says_name_taken(cause) else TryAgain(f"Kafka did not {what}: {cause.name()}.")


def says_name_taken(error: KafkaError) -> bool:
    """Whether another member came with the same name. A consumer is told so only in the words of a fatal error."""
    fenced = KafkaError(KafkaError.FENCED_INSTANCE_ID)
    fatal = error.code() == KafkaError._FATAL  # noqa: SLF001 - the client library's name for it
    return error.code() == fenced.code() or (fatal and fenced.str() in error.str())


def quiet_logger() -> logging.Logger:
    """For a client of the library: its lines are not ours to print, what matters of them comes as an error of a call."""
    logger = logging.Logger("kafka")  # noqa: LOG001 - of its own, so that nothing configures or inherits it
    logger.addHandler(logging.NullHandler())
    return logger
