"""Facts told to a ledger, one by one or in batches, and snapshots beside them."""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from gatekeeper.arrivals import Answer, Position, Source
from gatekeeper.registry.hearing import State, limits_of, states
from gatekeeper.registry.importing import Loaded
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.storage import ledger as storage
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.lookups import ask
from tests.gate.ledger import Ledger, batches
from tests.storage.snapshots import PROGRAMS, Wire, load, snapshot

FACTS = "registry-facts"


def heartbeat(sequence: int, as_of: str, program: str = "lemtrada") -> Wire:
    return {"fact": "heartbeat", "program": program, "sequence": sequence, "as_of": as_of}


class Telling:
    """One topic of facts."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.engine, self._folder = ledger, ledger.engine, folder
        self._offsets = {partition: count() for partition in range(16)}
        with transaction(self.engine) as cursor:
            self.source = Source(storage.source_of(cursor, FACTS, "the topic of facts"), FACTS, "the topic of facts")

    def tell(self, *messages: Wire | bytes, partition: int = 0, batch: int | None = None) -> list[str]:
        """What became of each message."""
        return [answer.kind for answer in self.answers(*messages, partition=partition, batch=batch)]

    def answers(self, *messages: Wire | bytes, partition: int = 0, batch: int | None = None) -> list[Answer]:
        placed = [
            (Position(partition, next(self._offsets[partition])), each if isinstance(each, bytes) else json.dumps(each).encode())
            for each in messages
        ]
        return self.tell_at(placed, batch=batch)

    def tell_at(
        self, placed: Sequence[tuple[Position, bytes]], *, batch: int | None = None, aside: dict[Position, str] | None = None
    ) -> list[Answer]:
        """The same for messages at these positions."""
        answers: list[Answer] = []
        for part in batches(placed, batch):
            arrivals = [read_fact_arrival(position, message, (aside or {}).get(position)) for position, message in part]
            with transaction(self.engine) as cursor:
                answers += learn(cursor, self.source, arrivals, limits_of(PROGRAMS))
        return answers

    def load(self, *facts: Wire, sequence: int, as_of: str, **header: Any) -> Loaded:
        """Imports a snapshot."""
        return load(self.engine, snapshot(self._folder / "told.ndjson", facts, sequence=sequence, as_of=as_of, **header))

    def asked(self, *question: str) -> Any:
        with transaction(self.engine) as cursor:
            return ask(cursor, [question])[question].answer

    def state(self, program: str = "lemtrada") -> State:
        """How the program's registry stands by the ledger's clock."""
        with transaction(self.engine) as cursor:
            found = states(cursor, limits_of(PROGRAMS), storage.read_tail(cursor).now)
        return next(state for state in found if state.program == program)

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        return self.ledger.rows(table)
