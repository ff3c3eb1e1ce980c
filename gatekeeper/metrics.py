"""What is measured: a closed list, in base units. No label holds anything but a topic, partition, program, route or code of ours."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from gatekeeper import clock

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

LAG: Final = Gauge("gatekeeper_consumer_lag_messages", "Messages not read yet.", ("topic", "partition"), registry=REGISTRY)
BATCH_MESSAGES: Final = Histogram("gatekeeper_batch_messages", "Messages in a batch.", buckets=_SIZES, registry=REGISTRY)
BATCH_SECONDS: Final = Histogram(
    "gatekeeper_batch_seconds", "From a batch that was read to its answers published.", buckets=_TIMES, registry=REGISTRY
)
DATABASE_SECONDS: Final = Histogram(
    "gatekeeper_database_transaction_seconds", "One database transaction, from its begin to its commit.", buckets=_TIMES, registry=REGISTRY
)
KAFKA_SECONDS: Final = Histogram(
    "gatekeeper_kafka_transaction_seconds", "One Kafka transaction, from its begin to its commit.", buckets=_TIMES, registry=REGISTRY
)
VERDICTS: Final = Counter(
    "gatekeeper_verdicts", "Lines decided, by outcome; what was read back does not count.", ("outcome",), registry=REGISTRY
)
REASONS: Final = Counter("gatekeeper_reasons", "Reasons given, by code.", ("code",), registry=REGISTRY)
READ_BACK: Final = Counter(
    "gatekeeper_read_back_messages", "Messages judged before, whose stored answers were published.", registry=REGISTRY
)
REPEATS: Final = Counter(
    "gatekeeper_repeated_messages", "Messages whose order had arrived before with the same content.", registry=REGISTRY
)
REFUSALS: Final = Counter("gatekeeper_refused_messages", "Messages that could not be read.", registry=REGISTRY)
PRODUCERS: Final = Counter("gatekeeper_producers_made", "Producers made, also anew after a transaction in doubt.", registry=REGISTRY)
REWINDS: Final = Counter("gatekeeper_rewinds", "Times the consumer went back to what was committed.", registry=REGISTRY)
REGISTRY_AGE: Final = Gauge(
    "gatekeeper_registry_age_seconds", "Since the instant as of which a program's registry speaks.", ("program",), registry=REGISTRY
)
REGISTRY_STALE: Final = Gauge(
    "gatekeeper_registry_stale", "1 where a program's registry is older than its limit, else 0.", ("program",), registry=REGISTRY
)
REGISTRY_MISSING: Final = Gauge(
    "gatekeeper_registry_missing_facts", "Facts of a program that were sent and have not come.", ("program",), registry=REGISTRY
)
FACTS: Final = Counter("gatekeeper_facts", "Registry facts that arrived, by what became of them.", ("code",), registry=REGISTRY)
EVENTS: Final = Counter("gatekeeper_events", "Shipment events that arrived, by what became of them.", ("code",), registry=REGISTRY)
ACKNOWLEDGEMENTS: Final = Counter(
    "gatekeeper_acknowledgements",
    "Acknowledgements of distribution records that arrived, by what became of them.",
    ("code",),
    registry=REGISTRY,
)
OUTBOX: Final = Gauge("gatekeeper_outbox_entries", "Entries of the outbox that are not published yet.", registry=REGISTRY)
OUTBOX_WAITING: Final = Gauge(
    "gatekeeper_outbox_waiting_entries", "Those of them that wait for the answer to a message to be published.", registry=REGISTRY
)
OUTBOX_OLDEST: Final = Gauge("gatekeeper_outbox_oldest_seconds", "Since the oldest of them was recorded.", registry=REGISTRY)
RELAYED: Final = Counter("gatekeeper_relayed_entries", "Entries of the outbox that were published.", registry=REGISTRY)
FOLLOW_UPS: Final = Gauge("gatekeeper_follow_ups", "Changes whose consequences are still to be found.", registry=REGISTRY)
DUE: Final = Gauge("gatekeeper_due_examinations", "Examinations whose lines are to be judged again.", registry=REGISTRY)
LOOK_BACKS: Final = Gauge("gatekeeper_look_backs", "Look-backs under way.", registry=REGISTRY)
LISTS_FOLLOWED: Final = Gauge(
    "gatekeeper_lists_followed",
    "1 while the lists of orders and sites are kept up to the ledger, 0 after a fault of that.",
    registry=REGISTRY,
)
HTTP_REQUESTS: Final = Counter(
    "gatekeeper_http_requests",
    "Calls that were answered, by the route's template, method and class of status; what is no operation is of the route `unknown`.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
HTTP_SECONDS: Final = Histogram(
    "gatekeeper_http_request_seconds",
    "One call, from its head to the end of its answer.",
    ("route", "method"),
    buckets=_TIMES,
    registry=REGISTRY,
)
HTTP_IN_FLIGHT: Final = Gauge("gatekeeper_http_requests_in_flight", "Calls that are being answered.", registry=REGISTRY)
LAST_READ: Final = Gauge("gatekeeper_last_read_timestamp_seconds", "When the broker last answered a read, in Unix time.", registry=REGISTRY)


def registry_as_of(program: str, as_of: datetime, limit: timedelta | None = None) -> None:
    """The instant as of which a program's registry speaks; its age is then that of the moment when it is asked for.

    With a ``limit`` it is also known whether it is too old.
    """

    def age() -> float:
        return (clock.now() - as_of).total_seconds()

    REGISTRY_AGE.labels(program).set_function(age)
    if limit is not None:
        REGISTRY_STALE.labels(program).set_function(lambda: float(age() > limit.total_seconds()))


def registry_never_heard(program: str) -> None:
    """Nothing was ever heard of a program's registry: it is too old, and has no age."""
    REGISTRY_STALE.labels(program).set(1)


def outbox_since(at: datetime | None) -> None:
    """When the oldest entry of the outbox that is not published was recorded; None: all are published."""
    OUTBOX_OLDEST.set_function(lambda: 0.0 if at is None else max(0.0, (clock.now() - at).total_seconds()))


def has_read() -> None:
    """The broker answered a read just now, with or without messages."""
    LAST_READ.set(clock.now().timestamp())
