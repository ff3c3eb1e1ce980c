"""The consumer of shipment orders: read a batch, judge it in one database transaction, publish what the ledger has."""

from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from consumers.kafka.log import Message, Offsets
from consumers.publications import Publication, publications_for
from consumers.starts import starts
from gatekeeper import metrics
from gatekeeper.arrivals import Answer, Arrival, Position, Source, read_arrival
from gatekeeper.clock import now, seconds
from gatekeeper.gate import guarded, judge
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import transaction
from gatekeeper.telemetry import log

LOOK_AGAIN_S = 10.0


class OrderGate:
    """What one consumer does with messages of ``shipment-orders``. ``topic_id`` asks the broker which topic has that name now."""

    def __init__(self, engine: Engine, topic: str, topic_id: Callable[[], str], book: RuleBook) -> None:
        self._engine, self._topic, self._topic_id, self._book = engine, topic, topic_id, book
        self._source = Source(0, topic, "")
        self._aside: dict[tuple[int, int], str] = {}
        self._looked = float("-inf")

    def starts(self, found: Sequence[Offsets]) -> dict[int, int]:
        """From where the partitions are read that were just assigned."""
        topic_id = self._topic_id()
        with transaction(self._engine) as cursor:
            self._source = Source(ledger.source_of(cursor, self._topic, topic_id), self._topic, topic_id)
            heads = ledger.heads(cursor, self._source.number)
            self._aside = ledger.set_aside(cursor, self._source.number)
        log("assigned", topic=self._topic, partitions=len(found))
        return starts(found, heads, self._topic)

    def handle(self, messages: Sequence[Message]) -> list[Publication]:
        """What is to be published for ``messages``, in their order. When it returns, the ledger has it."""
        answers = self.judge(messages)
        self._measure(answers)
        return [publication for answer in answers for publication in publications_for(answer, self._topic)]

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        """What the ledger has for each message, decided now or before."""
        rules = self._book.at(now())
        arrivals = [self._read(Position(message.partition, message.offset), message.value, rules) for message in messages]
        with metrics.DATABASE_SECONDS.time(), transaction(self._engine) as cursor:
            return judge(cursor, self._source, arrivals, rules, book=self._book)

    def _read(self, position: Position, raw: bytes, rules: Rules) -> Arrival:
        return guarded(self._source, position, read_arrival, position, raw, rules.programs, self._aside.get(position))

    def _measure(self, answers: Sequence[Answer]) -> None:
        metrics.BATCH_MESSAGES.observe(len(answers))
        kinds = Counter(answer.kind for answer in answers if not answer.read_back)
        metrics.REPEATS.inc(kinds["repeat"])
        metrics.REFUSALS.inc(kinds["refused"])
        for answer in answers:
            if answer.kind == "refused" and not answer.read_back:
                log("message_refused", topic=self._topic, partition=answer.position.partition, offset=answer.position.offset)
        outcomes = Counter(line.outcome for answer in answers for line in answer.lines)
        reasons = Counter(reason.code for answer in answers for line in answer.lines for reason in line.reasons)
        for outcome, count in outcomes.items():
            metrics.VERDICTS.labels(outcome).inc(count)
        for code, count in reasons.items():
            metrics.REASONS.labels(code).inc(count)
        if read_back := len(answers) - sum(kinds.values()):
            metrics.READ_BACK.inc(read_back)
            log("read_back", topic=self._topic, messages=read_back)
        if seconds() - self._looked > LOOK_AGAIN_S:
            self._looked = seconds()
            with transaction(self._engine) as cursor:
                for program, as_of in ledger.freshness(cursor).items():
                    metrics.registry_as_of(program, as_of)
