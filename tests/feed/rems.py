"""A REMS for tests: what it says of distribution records, taken in batches of any size."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from gatekeeper.arrivals import Answer, Position, Source
from gatekeeper.feeds.acknowledging import read_acknowledgement_arrival, take_acknowledgements
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import Ledger, Wire, batches, order

TOPIC = "rems-acknowledgements"
MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
_receipts = count(1)


def acknowledgement(record_id: str, status: str = "accepted", **more: Any) -> bytes:
    """One with a receipt of its own, unless one is given."""
    said: Wire = {"record_id": record_id, "status": status, "at": "2026-11-21T04:12:09Z"}
    said |= {"receipt": f"R-{next(_receipts)}"} if status == "accepted" else {"problem": "The lot is not known."}
    return json.dumps(said | more).encode()


class Rems:
    """Acknowledgements of the records of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self._offsets, self._orders = ledger, count(), count(1)
        with transaction(ledger.engine) as cursor:
            self.source = Source(storage.source_of(cursor, TOPIC, "the acknowledgements"), TOPIC, "the acknowledgements")

    def records(self, number: int = 1, changes: Wire | None = None) -> list[str]:
        """So many new records of lines that are released, by their ids."""
        before = {row[0] for row in self.ledger.rows(tables.DISTRIBUTION_RECORD)}
        self.ledger.judge(*(order(f"SO-{next(self._orders)}", MANY | (changes or {})) for _ in range(number)))
        rows = sorted(self.ledger.rows(tables.DISTRIBUTION_RECORD), key=lambda row: int(row[2]))
        return [str(row[0]) for row in rows if row[0] not in before]

    def say(self, *messages: bytes, batch: int | None = None) -> list[str]:
        """What became of each."""
        return [answer.kind for answer in self.say_at([(Position(0, next(self._offsets)), raw) for raw in messages], batch)]

    def say_at(self, placed: Sequence[tuple[Position, bytes]], batch: int | None = None) -> list[Answer]:
        answers: list[Answer] = []
        for part in batches(placed, batch):
            arrivals = [read_acknowledgement_arrival(position, raw) for position, raw in part]
            with transaction(self.ledger.engine) as cursor:
                answers += take_acknowledgements(cursor, self.source, arrivals)
        return answers

    def said(self) -> list[tuple[int, int, str]]:
        """Sequence, number and status of what counts."""
        return [(row[1], row[2], row[4]) for row in self.ledger.rows(tables.ACKNOWLEDGEMENT)]

    def alerts(self) -> list[tuple[str, Any]]:
        """Kind and body of each alert, in the order in which the relay publishes them."""
        bodies = {row[0]: (row[1], json.loads(row[3])) for row in self.ledger.rows(tables.ALERT)}
        return [bodies[row[2]] for row in self.ledger.rows(tables.OUTBOX) if row[2] is not None and row[2] in bodies]
