"""The consumer of shipment orders: read a batch, judge it in one database transaction, publish what the ledger has."""

from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from consumers.kafka.log import Message
from consumers.topic_gate import TopicGate
from gatekeeper import metrics
from gatekeeper.arrivals import Answer, read_arrival
from gatekeeper.clock import now
from gatekeeper.examinations.recording import TERMS, Terms
from gatekeeper.gate import judge
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction


class OrderGate(TopicGate):
    """What one consumer does with messages of ``shipment-orders``."""

    def __init__(self, engine: Engine, topic: str, topic_id: Callable[[], str], book: RuleBook, terms: Terms = TERMS) -> None:
        super().__init__(engine, topic, topic_id)
        self._book, self._terms = book, terms

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        rules = self._book.at(now())
        arrivals = self.read_each(messages, lambda position, raw, aside: read_arrival(position, raw, rules.programs, aside))
        with metrics.DATABASE_SECONDS.time(), transaction(self._engine) as cursor:
            return judge(cursor, self._source, arrivals, rules, self._terms, self._book)

    def measure(self, answers: Sequence[Answer]) -> None:
        super().measure(answers)
        outcomes = Counter(line.outcome for answer in answers for line in answer.lines)
        reasons = Counter(reason.code for answer in answers for line in answer.lines for reason in line.reasons)
        for outcome, count in outcomes.items():
            metrics.VERDICTS.labels(outcome).inc(count)
        for code, count in reasons.items():
            metrics.REASONS.labels(code).inc(count)
