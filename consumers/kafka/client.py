"""How the client library is configured: one place, for every consumer and producer."""

import json
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from gatekeeper.errors import TryAgain, Unusable

OURS = frozenset(
    {
        "acks", "auto.offset.reset", "bootstrap.servers", "client.id", "enable.auto.commit", "enable.auto.offset.store", "enable.idempotence",
        "group.id", "group.instance.id", "group.protocol", "isolation.level", "log.connection.close", "log.queue",
        "partition.assignment.strategy", "partitioner", "transactional.id",
    }
)  # fmt: skip
"""On these exactly-once rests: an options file cannot set them."""

LARGEST_MESSAGE = 10 * 1024 * 1024


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
    batch_bytes: int = 8 * 1024 * 1024

    def common(self) -> dict[str, Any]:
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
        return self.common() | {
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
            "queued.min.messages": 2 * self.batch_messages,
            "queued.max.messages.kbytes": 64 * 1024,
        }

    def producer(self, turn: int) -> dict[str, Any]:
        return self.common() | {
            # Stable: the replacement of a killed process ends what that one left open.
            "transactional.id": f"{self.group}.{self.instance}.{turn}",
            "transaction.timeout.ms": int(self.transaction_timeout_s * 1000),
            "partitioner": "murmur2_random",
            "message.max.bytes": LARGEST_MESSAGE,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1024 * 1024,
            "batch.num.messages": 100_000,
            "linger.ms": 5,
            "retry.backoff.ms": 5,
        }


def read_options(path: Path) -> dict[str, Any]:
    """Client options from a JSON or TOML file: TLS, SASL, tuning. One that exactly-once rests on is refused."""
    try:
        text = path.read_text(encoding="utf-8")
        options = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unusable(f"The client options in {path} cannot be read ({type(error).__name__}): give a JSON or TOML file.") from error
    if not isinstance(options, dict) or not all(isinstance(value, str | int | float | bool) for value in options.values()):
        raise Unusable(f"The client options in {path} must be names with a text, a number, true or false.")
    if taken := sorted(OURS & options.keys()):
        raise Unusable(f"The client options in {path} may not set {', '.join(taken)}: exactly-once rests on it.")
    return options


def away(error: KafkaException, what: str) -> TryAgain:
    """The failure of a call, as something to be tried again. The broker's words name no content of a message."""
    cause = error.args[0]
    return TryAgain(f"Kafka did not {what}: {cause.name() if isinstance(cause, KafkaError) else type(cause).__name__}.")
