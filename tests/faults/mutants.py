"""The product with one of its precautions taken away. The judge must see what each of them does."""

import uuid
from collections.abc import Sequence
from logging import LogRecord
from typing import Any

from confluent_kafka import Consumer
from psycopg import Cursor

from consumers.kafka import publisher
from consumers.kafka.client import Client
from consumers.kafka.log import Message
from consumers.kafka.passed import Passed
from consumers.kafka.place import Place
from consumers.kafka.publisher import Disconnects
from gatekeeper.arrivals import Answer, Examined
from gatekeeper.domain.acknowledgements import CONTRADICTS, COUNTS, REPEAT
from gatekeeper.examinations.asking import Known
from gatekeeper.feeds import acknowledging
from gatekeeper.goods.waits import Late
from gatekeeper.storage import ledger, waiting
from gatekeeper.storage.engine import transaction
from tests.faults.again import ROWS, Row, answered_with, judged_anew
from tests.faults.points import BEFORE_LOCK, Points
from tests.faults.watched import WatchedGate, WatchedLog, WatchedRelay

WITHOUT_FENCING = "without fencing"
DECIDES_ANEW = "decides anew"
KEEPS_ITS_BATCH = "keeps its batch"
KEEPS_ITS_PRODUCER = "keeps its producer"
KEEPS_ITS_PLACE = "keeps its place"
DOES_NOT_WAIT = "does not wait for the release"
SAME_VERSION = "leaves the registry its version"
LOOKS_ONCE = "looks at the registry once"
NEVER_DONE = "leaves what is due"
FORGETS_WHAT_WAITED = "forgets what waited for its order"
EVERY_WORD_COUNTS = "lets every acknowledgement count"
PRODUCT = "the product"


def change(kind: str, points: Points) -> None:
    """Takes the precaution away where it is a function of the product; whoever waits for the ledger lock passes a point."""
    take_lock, add_block, version_and_heads = ledger.take_lock, ledger.add_block, ledger.version_and_heads

    def take_lock_late(cursor: Cursor[Any]) -> None:
        points.reached(BEFORE_LOCK)
        take_lock(cursor)

    ledger.take_lock = take_lock_late
    if kind == KEEPS_ITS_PRODUCER:
        publisher.Disconnects = BlindDisconnects  # type: ignore[misc]
    elif kind == SAME_VERSION:
        ledger.add_block = lambda *arguments, **more: add_block(*arguments, **more | {"registry_version": None})
    elif kind == LOOKS_ONCE:
        ledger.version_and_heads = lambda *arguments: (AnyVersion(), version_and_heads(*arguments)[1])
        Known.holds = lambda *_: True  # type: ignore[method-assign]
    elif kind == NEVER_DONE:
        waiting.done = lambda *_: None
    elif kind == FORGETS_WHAT_WAITED:
        Late.settle_late = lambda *_: ()  # type: ignore[method-assign]
    elif kind == EVERY_WORD_COUNTS:
        what_it_does = acknowledging.what_it_does
        acknowledging.what_it_does = lambda *said: COUNTS if (what := what_it_does(*said)) in (REPEAT, CONTRADICTS) else what


class AnyVersion(int):
    """A version that no other differs from."""

    def __ne__(self, _: object) -> bool:
        return False

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = int.__hash__


class Hasty(Passed):
    """Takes every message for answered."""

    def passed(self, *_: Any) -> bool:
        return True


class TrustingRelay(WatchedRelay):
    """Keeps its place in memory, whatever became of a transaction."""

    def _open(self) -> Place:
        if self._place is None:
            return super()._open()
        self._placed.open()
        return self._place


class UnfencedClient(Client):
    """Each worker has transactional ids of its own."""

    def producer(self, turn: int) -> dict[str, Any]:
        return super().producer(turn) | {"transactional.id": f"{uuid.uuid4().hex}.{turn}"}


class UnfencedLog(WatchedLog):
    """Offsets go with the metadata of a consumer that never joined."""

    def _membership(self) -> object:
        if not hasattr(self, "_stranger"):
            self._stranger = Consumer({"bootstrap.servers": self._client.bootstrap, "group.id": self._client.group})
        return self._stranger.consumer_group_metadata()


class ForgetfulGate(WatchedGate):
    """What was judged before is judged anew, and that is published."""

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        answers = super().judge(messages)
        with transaction(self._engine) as cursor:
            return [_anew(cursor, answer) if answer.read_back else answer for answer in answers]


def _anew(cursor: Cursor[Any], answer: Answer) -> Answer:
    examinations = tuple(_examined_anew(cursor, examined) for examined in answer.examinations)
    return answer._replace(examinations=examinations)


def _examined_anew(cursor: Cursor[Any], examined: Examined) -> Examined:
    rows = [Row(*row) for row in cursor.execute(ROWS)]
    row = next(row for row in rows if row.order_id == examined.order_id and row.verdict_id == examined.verdict_id)
    if row.cause != "message":
        return examined
    released, stopped = answered_with(judged_anew(cursor, row), row)
    return examined._replace(released=released, stopped=stopped)


class KeepingLog(WatchedLog):
    """Goes on polling while a batch is in hand, and publishes that batch whatever became of its partitions."""

    def poll_with_a_batch_in_hand(self) -> None:
        consumer = self._consumer
        if consumer is not None:
            consumer.pause(consumer.assignment())
            consumer.poll(0)

    def read(self) -> list[Message]:
        if self._consumer is not None:
            self._consumer.resume(self._consumer.assignment())
        return super().read()


class BlindDisconnects(Disconnects):
    """Notices no disconnect."""

    def emit(self, record: LogRecord) -> None:
        pass
