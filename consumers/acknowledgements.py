"""The consumer of acknowledgements: read a batch, take it in one database transaction, publish the refusals that the ledger has."""

from collections import Counter
from collections.abc import Sequence

from consumers.kafka.log import Message
from consumers.topic_gate import TopicGate
from gatekeeper import metrics
from gatekeeper.arrivals import Answer
from gatekeeper.feeds.acknowledging import read_acknowledgement_arrival, take_acknowledgements
from gatekeeper.storage.engine import transaction


class AcknowledgementGate(TopicGate):
    """What one consumer does with messages of ``rems-acknowledgements``. Alerts go out by the relay."""

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        arrivals = self.read_each(messages, read_acknowledgement_arrival)
        with metrics.DATABASE_SECONDS.time(), transaction(self._engine) as cursor:
            return take_acknowledgements(cursor, self._source, arrivals)

    def measure(self, answers: Sequence[Answer]) -> None:
        super().measure(answers)
        for kind, count in Counter(answer.kind for answer in answers if not answer.read_back).items():
            metrics.ACKNOWLEDGEMENTS.labels(kind).inc(count)
