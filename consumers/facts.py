"""The consumer of registry facts: read a batch, learn it in one database transaction, publish the refusals that the ledger has."""

from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from consumers.kafka.log import Message
from consumers.topic_gate import TopicGate
from gatekeeper import metrics
from gatekeeper.arrivals import Answer
from gatekeeper.clock import now
from gatekeeper.registry.hearing import limits_of
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction


class FactGate(TopicGate):
    """What one consumer does with messages of ``registry-facts``. Alerts go out by the relay."""

    def __init__(self, engine: Engine, topic: str, topic_id: Callable[[], str], book: RuleBook) -> None:
        super().__init__(engine, topic, topic_id)
        self._book = book

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        arrivals = self.read_each(messages, read_fact_arrival)
        limits = limits_of(self._book.at(now()).programs)
        with metrics.DATABASE_SECONDS.time(), transaction(self._engine) as cursor:
            return learn(cursor, self._source, arrivals, limits)

    def measure(self, answers: Sequence[Answer]) -> None:
        super().measure(answers)
        for kind, count in Counter(answer.kind for answer in answers if not answer.read_back).items():
            metrics.FACTS.labels(kind).inc(count)
