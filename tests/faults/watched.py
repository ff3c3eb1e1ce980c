"""The product's own parts, watched: each tells its diary what it did, and passes the named points."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from confluent_kafka import Producer
from sqlalchemy import Engine

from consumers.kafka.log import Log, Message
from consumers.orders import OrderGate
from consumers.publications import Publication
from gatekeeper.arrivals import Answer
from tests.faults.points import AFTER_COMMIT, BEFORE_COMMIT, BEFORE_OFFSETS, FIRST_PRODUCE, OFFSETS, Diary, Points

FLUSH_S = 10.0


class WatchedConnection:
    """A connection whose commit is watched."""

    def __init__(self, connection: Any, watch: Callable[[str], None]) -> None:
        self._connection, self._watch = connection, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        self._watch(BEFORE_COMMIT)
        self._connection.commit()
        self._watch(AFTER_COMMIT)


class WatchedEngine:
    """An engine whose transactions are watched while a batch is judged."""

    def __init__(self, engine: Engine, points: Points) -> None:
        self._engine, self._points = engine, points
        self.judging = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def raw_connection(self) -> Any:
        return WatchedConnection(self._engine.raw_connection(), self._watch)

    def _watch(self, point: str) -> None:
        if self.judging:
            self._points.reached(point)


class WatchedProducer(Producer):
    """A producer that passes the points of a Kafka transaction. What was produced before a point is at the broker."""

    points: Points

    def __init__(self, settings: dict[str, Any], **more: Any) -> None:
        super().__init__(settings, **more)
        self._turn = str(settings["transactional.id"])
        self._produced = 0

    def begin_transaction(self) -> None:
        self._produced = 0
        super().begin_transaction()

    def produce(self, *arguments: Any, **more: Any) -> None:
        super().produce(*arguments, **more)
        self._produced += 1
        if self._produced == 1 and self._armed(FIRST_PRODUCE):
            self.points.reached(FIRST_PRODUCE, self._turn)

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        if self._produced and self._armed(BEFORE_OFFSETS):
            self.points.reached(BEFORE_OFFSETS, self._turn)
        super().send_offsets_to_transaction(*arguments)
        self.points.reached(OFFSETS, self._turn)

    def _armed(self, point: str) -> bool:
        """Flushes only where something is about to happen: the product itself never waits for delivery here."""
        armed = self.points.armed(point, self._turn)
        if armed:
            self.flush(FLUSH_S)
        return armed


class WatchedGate(OrderGate):
    """A gate that remembers which messages of the last batch were read back."""

    def __init__(self, engine: WatchedEngine, *arguments: Any) -> None:
        super().__init__(engine, *arguments)  # type: ignore[arg-type]
        self._watched = engine
        self.read_back: list[tuple[int, int]] = []

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        self._watched.judging = True
        try:
            answers = super().judge(messages)
        finally:
            self._watched.judging = False
        self.read_back = [answer.position for answer in answers if answer.read_back]
        return answers


class WatchedLog(Log):
    """A log that tells which messages it gave, and which were published."""

    def __init__(self, *arguments: Any, gate: WatchedGate, diary: Diary) -> None:
        super().__init__(*arguments)
        self._gate, self._diary = gate, diary
        self._member = ""

    def read(self) -> list[Message]:
        messages = super().read()
        member = f"{self._consumer.memberid()} {self._assignment()}" if self._consumer is not None else ""
        if member != self._member:
            self._member = member
            self._diary.tell("member", partitions=self._assignment())
        return messages

    def _assignment(self) -> list[int]:
        return [] if self._consumer is None else [place.partition for place in self._consumer.assignment()]

    def publish(self, publications: Iterable[Publication], messages: Sequence[Message]) -> None:
        super().publish(publications, messages)
        self._diary.tell("published", places=[(message.partition, message.offset) for message in messages], read_back=self._gate.read_back)
