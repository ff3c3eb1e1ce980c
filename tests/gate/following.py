"""What follows from a change, in a ledger for tests: steps until nothing is due, and what was said of it."""

import json
from typing import Any

import msgspec
from psycopg import Cursor

from gatekeeper.examinations.recording import Terms
from gatekeeper.following.steps import step
from gatekeeper.registry.importing import SUBJECT
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import chain, moving, tables
from gatekeeper.storage import ledger as kept
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.registry import rows_of_load
from schemas.canonical import canonical
from schemas.fact import SiteFact
from schemas.reading import Unreadable, read_fact
from tests.gate.ledger import WORLD, Ledger, Wire

HF1: Wire = next(fact for fact in WORLD if fact.get("site_id") == "HF1" and fact["fact"] == "site")
SUSPENDED = HF1 | {"sequence": 900, "status": "suspended", "effective_on": "2026-11-20"}
LIFTED = HF1 | {"sequence": 901, "effective_on": "2026-11-20"}


class Always(RuleBook):
    """The same rules at every instant."""

    def __init__(self, rules: Rules) -> None:
        super().__init__((), (), (rules,))


def follow(ledger: Ledger, *, orders: int = 50, facts: int = 1000, book: RuleBook | None = None) -> int:
    """Steps until nothing is due; how many examinations that made."""
    before = len(ledger.rows(tables.EXAMINATION))
    rules = book or Always(ledger.rules)
    for _ in range(10_000):
        if not step(ledger.engine, rules, Terms(), orders=orders, facts=facts):
            return len(ledger.rows(tables.EXAMINATION)) - before
    raise AssertionError("it never ends")


def examinations(ledger: Ledger, order_id: str = "SO-1") -> list[tuple[str, int, Any, Any]]:
    """Cause, number, and the two messages, of each examination of an order."""
    return [
        (row[5], row[4], *(None if body is None else json.loads(body) for body in row[10:12]))
        for row in ledger.rows(tables.EXAMINATION)
        if row[2] == order_id
    ]


def codes(stopped: Any) -> list[list[str]]:
    return [[reason["code"] for reason in line["reasons"]] for line in stopped["lines"]]


def causes(ledger: Ledger, order_id: str = "SO-1") -> list[str]:
    return [cause for cause, *_ in examinations(ledger, order_id)]


def states(ledger: Ledger) -> tuple[list[Any], list[Any]]:
    """The open and the watched lines: order, revision, line."""
    return tuple([(row[2], row[4], row[1]) for row in ledger.rows(table)] for table in (tables.OPEN_LINE, tables.WATCHED_LINE))  # type: ignore[return-value]


def tell(cursor: Cursor[Any], action: Wire, number: int) -> None:
    """One fact becomes known, as one that came by topic does; ``number`` is its sequence, and that of its batch."""
    told = read_fact(json.dumps(action | {"sequence": number}).encode())
    assert not isinstance(told, Unreadable), told
    kind = type(told)
    named = str(kind.__struct_config__.tag), told.program, SUBJECT[kind](told)
    row = (number, number, *named, number, told.effective_on, canonical(told))
    insert(cursor, Added(tables.FACT, [row]))
    if isinstance(told, SiteFact):
        held = {(value, name, told.site_id, number) for name, values in msgspec.to_builtins(told.identifiers).items() for value in values}
        insert(cursor, Added(tables.SITE_IDENTIFIER, sorted(held)))
    digest = chain.facts_digest(rows_of_load(cursor.connection, number))
    kept.take_lock(cursor)
    tail = kept.read_tail(cursor)
    version = tail.registry_version + 1
    batch = (number, version, "topic", 1, digest, tail.now, tail.block + 1)
    kept.add_block(cursor, tail, {tables.REGISTRY_BATCH: [batch]}, registry_version=version)
    moving.follow(cursor, "fact", tail.examination, load=number)
