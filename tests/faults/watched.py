"""The product's own parts, watched: each tells its diary what it did, and passes the named points."""

from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import Producer
from sqlalchemy import Engine

from consumers.acknowledgements import AcknowledgementGate
from consumers.events import EventGate
from consumers.facts import FactGate
from consumers.kafka.log import Log, Message
from consumers.kafka.place import TOPIC as PLACE
from consumers.orders import OrderGate
from consumers.publications import Publication
from consumers.relay import Relay
from consumers.topic_gate import TopicGate
from gatekeeper.arrivals import Answer
from tests.faults.points import AFTER_COMMIT, BEFORE_COMMIT, BEFORE_OFFSETS, BEFORE_PLACE, FIRST_PRODUCE, OFFSETS, Diary, Points

FLUSH_S = 10.0


class WatchedConnection:
    """A connection whose commit is watched, if it has written anything."""

    def __init__(self, connection: Any, points: Points) -> None:
        self._connection, self._points = connection, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        watched = any(map(self._points.armed, (BEFORE_COMMIT, AFTER_COMMIT))) and self._wrote()
        if watched:
            self._points.reached(BEFORE_COMMIT)
        self._connection.commit()
        if watched:
            self._points.reached(AFTER_COMMIT)

    def _wrote(self) -> bool:
        with self._connection.driver_connection.cursor() as cursor:
            return bool(cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()[0])


class WatchedEngine:
    """An engine whose transactions are watched while a batch is judged."""

    def __init__(self, engine: Engine, points: Points) -> None:
        self._engine, self._points = engine, points
        self.judging = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def raw_connection(self) -> Any:
        connection = self._engine.raw_connection()
        return WatchedConnection(connection, self._points) if self.judging else connection


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
        if self._produced and str(arguments[0]).endswith(PLACE) and self._armed(BEFORE_PLACE):
            self.points.reached(BEFORE_PLACE, self._turn)
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


class Watched(TopicGate):
    """A gate that remembers which messages of the last batch were read back."""

    def __init__(self, engine: WatchedEngine, *arguments: Any) -> None:
        super().__init__(engine, *arguments)  # type: ignore[arg-type]
        self._watched = engine
        self.read_back: list[tuple[int, int]] = []

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        self._watched.judging = True
        try:
            answers = super().judge(messages)  # type: ignore[safe-super]
        finally:
            self._watched.judging = False
        self.read_back = [answer.position for answer in answers if answer.read_back]
        return answers


class WatchedGate(Watched, OrderGate):
    """Of orders."""


class WatchedFacts(Watched, FactGate):
    """Of facts."""


class WatchedEvents(Watched, EventGate):
    """Of events."""


class WatchedAcknowledgements(Watched, AcknowledgementGate):
    """Of acknowledgements."""


class WatchedRelay(Relay):
    """A relay that tells when it begins, and what it has published."""

    diary: Diary

    def publish(self) -> int:
        begun = self.working
        published = super().publish()
        if not begun or published:
            self.diary.tell("relayed", entries=published)
        return published


class WatchedLog(Log):
    """A log that tells which messages it gave, and which were published."""

    def __init__(self, *arguments: Any, gate: Watched, diary: Diary) -> None:
        super().__init__(*arguments)
        self._gate, self._diary = gate, diary
        self._seen = ""

    def read(self) -> list[Message]:
        messages = super().read()
        member = f"{self._consumer.memberid()} {self._assignment()}" if self._consumer is not None else ""
        if member != self._seen:
            self._seen = member
            self._diary.tell("member", partitions=self._assignment())
        return messages

    def _assignment(self) -> list[int]:
        return [] if self._consumer is None else [place.partition for place in self._consumer.assignment()]

    def publish(self, publications: Iterable[Publication], messages: Sequence[Message]) -> None:
        super().publish(publications, messages)
        self._diary.tell("published", places=[(message.partition, message.offset) for message in messages], read_back=self._gate.read_back)
