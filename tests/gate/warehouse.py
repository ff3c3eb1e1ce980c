"""A warehouse for tests: shipment events, taken in batches of any size, and what the relay is to publish of what follows."""

import json
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, NamedTuple

from gatekeeper.arrivals import Answer, Position, Source
from gatekeeper.examinations.recording import TERMS, Terms
from gatekeeper.following.steps import step
from gatekeeper.gate import judge
from gatekeeper.goods.events import read_event_arrival, take_events
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.following import Always
from tests.gate.ledger import Ledger, Wire, batches

TOPIC = "shipment-events"
REPORTING = Terms(reports_shipments=frozenset({"WD-001"}))
_names = count(1)


class Sent(NamedTuple):
    """One entry of the outbox: what it publishes, by topic, and the position that it waits for."""

    said: list[tuple[str, Any]]
    after: tuple[int, int, int] | None


def event(kind: str, order_id: str = "SO-1", revision: int | None = 1, lines: Iterable[int | Wire] = (), **more: Any) -> bytes:
    """An event with an id of its own, unless one is given."""
    said: Wire = {"event_id": f"EV-{next(_names)}", "wholesaler_id": "WD-001", "order_id": order_id, "event": kind}
    said |= {"at": "2026-11-23T16:00:00-05:00"} | ({} if revision is None else {"revision": revision})
    return json.dumps(
        said | ({"lines": [{"line": line} if isinstance(line, int) else line for line in lines]} if lines else {}) | more
    ).encode()


class Warehouse:
    """Events about the orders of a ledger."""

    def __init__(self, ledger: Ledger, terms: Terms = TERMS, name: str = "the events") -> None:
        self.ledger, self.terms, self._offsets = ledger, terms, count()
        with transaction(ledger.engine) as cursor:
            self.source = Source(storage.source_of(cursor, TOPIC, name), TOPIC, name)

    def tell(self, *events: bytes, batch: int | None = None) -> list[Answer]:
        return self.tell_at([(Position(0, next(self._offsets)), raw) for raw in events], batch=batch)

    def tell_at(self, placed: Sequence[tuple[Position, bytes]], batch: int | None = None) -> list[Answer]:
        answers: list[Answer] = []
        for part in batches(placed, batch):
            with transaction(self.ledger.engine) as cursor:
                arrivals = [read_event_arrival(position, raw) for position, raw in part]
                answers += take_events(cursor, self.source, arrivals, Always(self.ledger.rules), self.terms)
        return answers

    def judge(self, *messages: bytes) -> list[Answer]:
        """Orders, judged by a gate that knows who reports shipments."""
        answers: list[Answer] = []
        for message in messages:
            with transaction(self.ledger.engine) as cursor:
                arrivals = self.ledger.arrivals(message)
                answers += judge(cursor, self.ledger.source, arrivals, self.ledger.rules, self.terms)
        return answers

    def follow(self) -> None:
        """Everything that is due is judged again."""
        while step(self.ledger.engine, Always(self.ledger.rules), self.terms):
            pass

    def outbox(self) -> list[Sent]:
        """What the relay publishes, in its order."""
        return [self._sent(*row[1:6]) for row in self.ledger.rows(tables.OUTBOX)]

    def _sent(self, examination: int | None, alert_id: Any, *place: int | None) -> Sent:
        said = [
            (topic, json.loads(row[at]))
            for topic, table, at, mine in (
                ("shipments-released", tables.EXAMINATION, 10, lambda row: row[0] == examination),
                ("shipments-stopped", tables.EXAMINATION, 11, lambda row: row[0] == examination),
                ("distribution-records", tables.DISTRIBUTION_RECORD, 7, lambda row: row[5] == examination),
                ("compliance-alerts", tables.ALERT, 3, lambda row: row[0] == alert_id or (row[2] is not None and row[2] == examination)),
            )
            for row in self.ledger.rows(table)
            if mine(row) and row[at] is not None
        ]
        return Sent(said, None if place[0] is None else place)  # type: ignore[arg-type]
