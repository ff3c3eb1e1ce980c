"""A consumer from start to stop."""

import gc
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Engine

from consumers.acknowledgements import AcknowledgementGate
from consumers.events import EventGate
from consumers.facts import FactGate
from consumers.going import Going, stay
from consumers.kafka.client import Client, client_of
from consumers.kafka.log import Log
from consumers.kafka.topics import Watch, topic_id
from consumers.loop import run
from consumers.orders import OrderGate
from consumers.topic_gate import TopicGate
from consumers.topics import ready
from gatekeeper.clock import now
from gatekeeper.config import Settings
from gatekeeper.examinations.recording import Terms
from gatekeeper.opening import open_ledger
from gatekeeper.registry.freshness import Freshness
from gatekeeper.registry.hearing import limits_of
from gatekeeper.rules import RuleBook
from gatekeeper.telemetry import start_logging
from schemas.topics import REGISTRY_FACTS, REMS_ACKNOWLEDGEMENTS, SHIPMENT_EVENTS, SHIPMENT_ORDERS, Topic, topic_name

CONTAINERS_BETWEEN_COLLECTIONS = 500_000


class Consumed(NamedTuple):
    """One topic that is consumed, and what is done with its messages."""

    topic: Topic
    gate: Callable[[Engine, str, Callable[[], str], RuleBook, Terms], TopicGate]
    plans: str = "auto"
    """How its sessions come to their plans. An order waits for them, and each statement that a batch of orders sends is
    answered by the same indexes whatever is asked: so one plan a statement, made once."""


def _facts(engine: Engine, topic: str, topic_id: Callable[[], str], book: RuleBook, _: Terms) -> FactGate:
    return FactGate(engine, topic, topic_id, book)


def _acknowledgements(engine: Engine, topic: str, topic_id: Callable[[], str], _: RuleBook, __: Terms) -> AcknowledgementGate:
    return AcknowledgementGate(engine, topic, topic_id)


CONSUMED: Final[Mapping[str, Consumed]] = {
    "orders": Consumed(SHIPMENT_ORDERS, OrderGate, plans="force_generic_plan"),
    "facts": Consumed(REGISTRY_FACTS, _facts),
    "events": Consumed(SHIPMENT_EVENTS, EventGate),
    "acknowledgements": Consumed(REMS_ACKNOWLEDGEMENTS, _acknowledgements),
}
"""By the consumer's name, which its group in the settings has too."""


def consume(settings: Settings, consumer: str, instance: str) -> None:
    """Takes and publishes until SIGTERM or SIGINT. Raises ``Halt`` where going on could be wrong."""
    start_logging(settings.log_level)
    client = client_of(settings, instance, consumer)
    book = RuleBook.read(settings.programs, settings.programs_added)
    freshness = Freshness(lambda: limits_of(book.at(now()).programs))

    def work(going: Going) -> None:
        _consume(settings, client, CONSUMED[consumer], book, freshness, going)

    stay(settings, "consume", instance, work, freshness.told, group=client.group)


def _consume(settings: Settings, client: Client, consumed: Consumed, book: RuleBook, freshness: Freshness, going: Going) -> None:
    engine = going.until_there(lambda: open_ledger(settings, plans=consumed.plans))
    if engine is None:
        return
    topic = topic_name(settings.topic_prefix, consumed.topic)
    if going.until_there(lambda: ready(client, settings.topic_prefix, [topic])) is None:
        return
    gate = consumed.gate(engine, consumed.topic.name, lambda: topic_id(client, topic), book, Terms.of(settings))
    log = Log(client, consumed.topic.name, settings.topic_prefix, gate.starts)
    going.at_work = lambda: log.assigned
    watch = Watch(client, topic)

    def turned() -> None:
        going.going_on()
        if gate.topic_id:
            watch.look(gate.topic_id)
        freshness.look(engine)

    # What a batch makes is gone when it ends, without cycles; looking for them a hundred times a batch costs a seventh of the time.
    gc.freeze()
    gc.set_threshold(CONTAINERS_BETWEEN_COLLECTIONS)
    try:
        run(log, gate.handle, going.stop, going.waiting, turned)
    finally:
        log.close()
        engine.dispose()
