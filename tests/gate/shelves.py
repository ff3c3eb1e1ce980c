"""The records of a ledger, as a reader of the topic keeps them: by line, which are live, what came back."""

import json
from collections import defaultdict
from typing import Any, NamedTuple

from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire

Line = tuple[str, int, int]
"""Order, revision, line."""


class Shelf(NamedTuple):
    """What stands of one line: its live records, and what came back."""

    live: tuple[Wire, ...]
    returned: tuple[Wire, ...]


def records(ledger: Ledger) -> list[Wire]:
    """All distribution records, in the order of their sequences."""
    return sorted((json.loads(row[7]) for row in ledger.rows(tables.DISTRIBUTION_RECORD)), key=lambda record: int(record["sequence"]))


def line_of(record: Wire) -> Line:
    return record["order_id"], record["revision"], record["line"]


def shelves(ledger: Ledger) -> dict[Line, Shelf]:
    """By line. Raises where a record says of itself what cannot be: it names nothing, or something that is not there."""
    known: dict[str, Wire] = {}
    dead: dict[str, str] = {}
    found: dict[Line, list[Wire]] = defaultdict(list)
    for record in records(ledger):
        about = record["replaces"]
        assert (about is None) == (record["kind"] == "original"), "void, correction and return name what they are about"
        assert about is None or about in known, "what a record is about came before it"
        assert about is None or line_of(known[about]) == line_of(record), "and is of the same line"
        if record["kind"] in ("void", "correction"):
            assert about not in dead or (dead[about], record["kind"]) == ("void", "correction"), "only what is void is restored"
            dead[about] = record["kind"]
        known[record["record_id"]] = record
        found[line_of(record)].append(record)
    return {
        line: Shelf(
            tuple(each for each in several if each["kind"] in ("original", "correction") and each["record_id"] not in dead),
            tuple(each for each in several if each["kind"] == "return" and each["record_id"] not in dead),
        )
        for line, several in found.items()
    }


def goods(record: Wire) -> tuple[Any, ...]:
    """What a record says of goods and parties, whatever record it is."""
    own = ("record_id", "kind", "replaces", "sequence", "recorded_at", "verdict_id")
    return tuple(sorted((name, json.dumps(value, sort_keys=True)) for name, value in record.items() if name not in own))


def live(ledger: Ledger, order_id: str = "SO-1", revision: int = 1, line: int = 1) -> Wire | None:
    """The one live record of a line."""
    found = shelves(ledger).get((order_id, revision, line), Shelf((), ())).live
    assert len(found) <= 1, "a line has at most one live record"
    return found[0] if found else None


def alerts(ledger: Ledger) -> list[tuple[str, Wire]]:
    """Each alert's kind and evidence, in the order in which they were raised."""
    rows = sorted(ledger.rows(tables.ALERT), key=lambda row: (int(row[4]), str(row[0])))
    return [(row[1], json.loads(row[3])["evidence"]) for row in rows]
