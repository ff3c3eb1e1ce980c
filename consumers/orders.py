"""The consumer of shipment orders: read a batch, judge it in one database transaction, publish what the ledger has."""

from collections.abc import Sequence

from sqlalchemy import Engine

from consumers.kafka.log import Message, Offsets
from consumers.publications import Publication, publications_for
from consumers.starts import starts
from gatekeeper.arrivals import Answer, Position, Source, read_arrival
from gatekeeper.gate import Rules, judge
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import transaction


class OrderGate:
    """What one consumer does with messages of ``shipment-orders``."""

    def __init__(self, engine: Engine, topic: str, topic_id: str, rules: Rules) -> None:
        self._engine, self._rules = engine, rules
        with transaction(engine) as cursor:
            self._source = Source(ledger.source_of(cursor, topic, topic_id), topic, topic_id)
        self._aside: dict[tuple[int, int], str] = {}

    def starts(self, found: Sequence[Offsets]) -> dict[int, int]:
        """From where the partitions are read that were just assigned."""
        with transaction(self._engine) as cursor:
            heads = ledger.heads(cursor, self._source.number)
            self._aside = ledger.set_aside(cursor, self._source.topic)
        return starts(found, heads, self._source.topic)

    def handle(self, messages: Sequence[Message]) -> list[Publication]:
        """What is to be published for ``messages``, in their order. When it returns, the ledger has it."""
        return [publication for answer in self.judge(messages) for publication in publications_for(answer, self._source.topic)]

    def judge(self, messages: Sequence[Message]) -> list[Answer]:
        """What the ledger has for each message, decided now or before."""
        programs = self._rules.programs
        arrivals = [
            read_arrival(Position(m.partition, m.offset), m.value, programs, self._aside.get((m.partition, m.offset))) for m in messages
        ]
        with transaction(self._engine) as cursor:
            return judge(cursor, self._source, arrivals, self._rules)
