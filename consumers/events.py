"""The consumer of shipment events: read a batch, take it in one database transaction, publish the refusals that the ledger has."""

from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from consumers.kafka.log import Message
from consumers.topic_gate import TopicGate
from gatekeeper import metrics
from gatekeeper.arrivals import Answer
from gatekeeper.examinations.recording import TERMS, Terms
from gatekeeper.goods.events import read_event_arrival, take_events
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction


class EventGate(TopicGate):
    """What one consumer does with messages of ``shipment-events``. What follows for orders goes out by the relay."""

    def __init__(self, engine: Engine, topic: str, topic_id: Callable[[], str], book: RuleBook, terms: Terms = TERMS) -> None:
        super().__init__(engine, topic, topic_id)
        self._book, self._terms = book, terms

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        arrivals = self.read_each(messages, read_event_arrival)
        with metrics.DATABASE_SECONDS.time(), transaction(self._engine) as cursor:
            return take_events(cursor, self._source, arrivals, self._book, self._terms)

    def measure(self, answers: Sequence[Answer]) -> None:
        super().measure(answers)
        for kind, count in Counter(answer.kind for answer in answers if not answer.read_back).items():
            metrics.EVENTS.labels(kind).inc(count)
