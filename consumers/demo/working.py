"""A consumer at work in a thread: the product's own loop, log and gate, watched from outside."""

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import NamedTuple

from consumers.consuming import CONSUMED
from consumers.demo.world import World
from consumers.kafka.client import client_of
from consumers.kafka.log import Log, Message
from consumers.kafka.mock import FETCH_WAIT_MS
from consumers.loop import run
from consumers.publications import Publication
from gatekeeper.examinations.recording import TERMS

JUDGED = "judged"
PUBLISHED = "published"
ENDED_WITHIN_S = 15.0


class Step(NamedTuple):
    """How far messages have come, by their places (topic/partition/offset)."""

    name: str
    places: tuple[str, ...]


class Working:
    """Judges and publishes from ``start`` to ``stop``. What it does is told step by step; its own fault is raised by ``next``."""

    def __init__(self, world: World, consumer: str = "orders") -> None:
        client, consumed = client_of(world.settings, "demo", consumer), CONSUMED[consumer]
        self._topic = consumed.topic.name
        self._gate = consumed.gate(world.engine, self._topic, lambda: world.topic_id(self._topic), world.book, TERMS)
        options = client.options | {"fetch.wait.max.ms": FETCH_WAIT_MS}
        self._log = Log(client._replace(options=options), self._topic, "", self._gate.starts)
        self._steps: SimpleQueue[Step | Exception] = SimpleQueue()
        self.published: dict[int, int] = {}
        """By partition, up to which offset it has published."""
        self._stop = Event()
        self._thread = Thread(target=self._run, name=consumer, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def next(self, within_s: float) -> Step | None:
        """The next step; None when none came in time."""
        try:
            step = self._steps.get(timeout=within_s)
        except Empty:
            return None
        if isinstance(step, Exception):
            raise step
        return step

    def stop(self) -> None:
        """Ends the batch in hand, and the membership."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(ENDED_WITHIN_S)

    def read(self) -> list[Message]:
        return self._log.read()

    def publish(self, publications: Sequence[Publication], messages: Sequence[Message]) -> None:
        self._log.publish(publications, messages)
        self.published |= {one.partition: one.offset + 1 for one in messages}
        self._told(PUBLISHED, messages)

    def again(self) -> None:
        self._log.again()

    def _handle(self, messages: Sequence[Message]) -> list[Publication]:
        publications = self._gate.handle(messages)
        self._told(JUDGED, messages)
        return publications

    def _told(self, name: str, messages: Sequence[Message]) -> None:
        self._steps.put(Step(name, tuple(f"{self._topic}/{one.partition}/{one.offset}" for one in messages)))

    def _run(self) -> None:
        try:
            run(self, self._handle, self._stop, lambda reason, wait: None)  # noqa: ARG005 - it goes on by itself
        except Exception as fault:  # noqa: BLE001 - raised again where somebody waits for the next step
            self._steps.put(fault)
        finally:
            self._log.close()
