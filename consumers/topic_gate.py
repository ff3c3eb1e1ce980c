"""What every consumer does alike: from where it reads, what it publishes, what it measures."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Engine

from consumers.kafka.log import Message, Offsets
from consumers.publications import Publication, publications_for
from consumers.starts import starts
from gatekeeper import metrics
from gatekeeper.arrivals import Answer, Position, Source
from gatekeeper.examinations.beginning import guarded
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import transaction
from gatekeeper.telemetry import log

A = TypeVar("A")


class TopicGate(ABC):
    """What one consumer does with messages of a topic. ``topic_id`` asks the broker which topic has that name now."""

    def __init__(self, engine: Engine, topic: str, topic_id: Callable[[], str]) -> None:
        self._engine, self._topic, self._topic_id = engine, topic, topic_id
        self._source = Source(0, topic, "")
        self._aside: dict[tuple[int, int], str] = {}

    @property
    def topic_id(self) -> str:
        """Of the topic whose messages it judges; empty before any were assigned."""
        return self._source.topic_id

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
        self.measure(answers)
        return [publication for answer in answers for publication in publications_for(answer, self._topic)]

    @abstractmethod
    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        """What the ledger has for each message, decided now or before."""

    def measure(self, answers: Sequence[Answer]) -> None:
        """Counts what was answered."""
        metrics.BATCH_MESSAGES.observe(len(answers))
        kinds = Counter(answer.kind for answer in answers if not answer.read_back)
        metrics.REPEATS.inc(kinds["repeat"])
        metrics.REFUSALS.inc(kinds["refused"])
        for answer in answers:
            if answer.kind == "refused" and not answer.read_back:
                log("message_refused", topic=self._topic, partition=answer.position.partition, offset=answer.position.offset)
        if read_back := len(answers) - sum(kinds.values()):
            metrics.READ_BACK.inc(read_back)
            log("read_back", topic=self._topic, messages=read_back)

    def read_each(self, messages: Sequence[Message], read: Callable[[Position, bytes, str | None], A]) -> list[A]:
        """Each message as ``read`` reads it: given its position, its bytes, and the reason where a person took it out of the way."""
        placed = [(Position(message.partition, message.offset), message.value) for message in messages]
        return [guarded(self._source, position, read, position, raw, self._aside.get(position)) for position, raw in placed]
