"""A consumer from start to stop: it waits for what is away, serves health, and ends cleanly when it is told to."""

import gc
import os
import signal
from collections.abc import Callable, Mapping
from importlib.metadata import version
from threading import Event, Timer
from types import FrameType
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Engine

from consumers.events import EventGate
from consumers.facts import FactGate
from consumers.kafka.client import Client, client_of
from consumers.kafka.log import Log
from consumers.kafka.topics import topic_id
from consumers.loop import FIRST_WAIT_S, LONGEST_WAIT_S, run
from consumers.orders import OrderGate
from consumers.topic_gate import TopicGate
from gatekeeper.clock import now, seconds
from gatekeeper.config import Settings
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.freshness import Freshness
from gatekeeper.health import serve_health
from gatekeeper.hearing import limits_of
from gatekeeper.opening import open_ledger
from gatekeeper.recording import Terms
from gatekeeper.rules import RuleBook
from gatekeeper.telemetry import log, start_logging
from schemas.topics import REGISTRY_FACTS, SHIPMENT_EVENTS, SHIPMENT_ORDERS, Topic, topic_name

T = TypeVar("T")
CONTAINERS_BETWEEN_COLLECTIONS = 500_000


class Consumed(NamedTuple):
    """One topic that is consumed, and what is done with its messages."""

    topic: Topic
    gate: Callable[[Engine, str, Callable[[], str], RuleBook, Terms], TopicGate]


def _facts(engine: Engine, topic: str, topic_id: Callable[[], str], book: RuleBook, _: Terms) -> FactGate:
    return FactGate(engine, topic, topic_id, book)


CONSUMED: Final[Mapping[str, Consumed]] = {
    "orders": Consumed(SHIPMENT_ORDERS, OrderGate),
    "facts": Consumed(REGISTRY_FACTS, _facts),
    "events": Consumed(SHIPMENT_EVENTS, EventGate),
}
"""By the consumer's name, which its group in the settings has too."""


class Going:
    """Whether the work goes on, or waits for something that is away."""

    def __init__(self, settings: Settings) -> None:
        self.stop = Event()
        self.log: Log | None = None
        self._settings = settings
        self._waiting_since: float | None = None
        self._turned = seconds()

    def waiting(self, reason: TryAgain, wait: float) -> None:
        log("waiting", reason=reason, seconds=wait)
        self._turned = seconds()
        if self._waiting_since is None:
            self._waiting_since = seconds()

    def going_on(self) -> None:
        self._turned = seconds()
        if self._waiting_since is not None:
            log("going_on", seconds=round(seconds() - self._waiting_since, 3))
            self._waiting_since = None

    def ready(self) -> bool:
        """A member of the group, and nothing is away."""
        return self._waiting_since is None and self.log is not None and self.log.assigned

    def live(self) -> bool:
        """The loop turned, or waited for what is away, within half the time after which the broker takes this consumer for stuck."""
        return seconds() - self._turned < self._settings.poll_interval_s / 2

    def until_there(self, step: Callable[[], T]) -> T | None:
        """What ``step`` gives, tried again while something is away; None when told to stop before."""
        wait = FIRST_WAIT_S
        while not self.stop.is_set():
            try:
                return step()
            except TryAgain as reason:
                self.waiting(reason, wait)
                self.stop.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)
        return None


def consume(settings: Settings, consumer: str, instance: str) -> None:
    """Takes and publishes until SIGTERM or SIGINT. Raises ``Halt`` where going on could be wrong."""
    start_logging(settings.log_level)
    client, going = client_of(settings, instance, consumer), Going(settings)
    book = RuleBook.read(settings.programs, settings.programs_added)
    freshness = Freshness(lambda: limits_of(book.at(now()).programs))
    _obey_signals(going, settings, instance)
    health = (
        serve_health(settings.health_host, settings.health_port, going.ready, going.live, freshness.told)
        if settings.health_port is not None
        else None
    )
    log("started", command="consume", instance=instance, group=client.group, version=version("distribution-gatekeeper"))
    try:
        _consume(settings, client, CONSUMED[consumer], book, freshness, going)
    except Halt as halt:
        log("halted", command="consume", instance=instance, reason=halt)
        raise
    finally:
        if health is not None:
            health.close()
    log("stopped", command="consume", instance=instance)


def _consume(settings: Settings, client: Client, consumed: Consumed, book: RuleBook, freshness: Freshness, going: Going) -> None:
    engine = going.until_there(lambda: open_ledger(settings))
    if engine is None:
        return
    topic = topic_name(settings.topic_prefix, consumed.topic)
    if going.until_there(lambda: topic_id(client, topic)) is None:
        return
    gate = consumed.gate(engine, consumed.topic.name, lambda: topic_id(client, topic), book, Terms.of(settings))
    going.log = Log(client, consumed.topic.name, settings.topic_prefix, gate.starts)

    def turned() -> None:
        going.going_on()
        freshness.look(engine)

    # What a batch makes is gone when it ends, without cycles; looking for them a hundred times a batch costs a seventh of the time.
    gc.freeze()
    gc.set_threshold(CONTAINERS_BETWEEN_COLLECTIONS)
    try:
        run(going.log, gate.handle, going.stop, going.waiting, turned)
    finally:
        going.log.close()
        engine.dispose()


def _obey_signals(going: Going, settings: Settings, instance: str) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        if not going.stop.is_set():
            log("stopping", command="consume", instance=instance, signal=number)
            going.stop.set()
            # Dying anywhere is safe; waiting for ever for a broker that is away is not what was asked.
            deadline = Timer(settings.stop_deadline_s, os._exit, [0])
            deadline.daemon = True
            deadline.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
